//! Why an atomic operation that looks as if it passed something on does not: its memory order.
//!
//! Searched is the last pair, after the earlier access and before the later one, in which the later thread read from an
//! atomic variable what the earlier thread had stored there, and one of the two lacks the order that would make it count.
//! What is read is told by its value, so a chance agreement can mislead: the sentence says "would". What the standard library
//! does to variables of its own, such as reference counts, has the orders that it needs, and is passed over.

use super::Side;
use crate::case::Case;
use crate::place::Place;
use crate::site::Site;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::{Op, Order};

/// A store and a load that would order the two accesses if their memory orders were strong enough.
pub struct Flaw {
    /// Step of the store.
    pub store: usize,
    /// Step of the load.
    pub load: usize,
    store_order: Order,
    load_order: Order,
    /// The load is what a compare-exchange that fails does, and its order the second of the two.
    fails: bool,
}

/// Address, order and value of an operation that stores.
fn stored(op: &Op) -> Option<(u64, Order, u64)> {
    match op {
        Op::Store { address, order, value, .. } => Some((*address, *order, *value)),
        Op::Rmw { address, order, new, .. } => Some((*address, *order, *new)),
        Op::CompareExchange { address, order, new, done: true, .. } => Some((*address, *order, *new)),
        _ => None,
    }
}

/// Address, order and value of an operation that reads.
fn read(op: &Op) -> Option<(u64, Order, u64)> {
    match op {
        Op::Load { address, order, value, .. } => Some((*address, *order, *value)),
        Op::Rmw { address, order, old, .. } | Op::CompareExchange { address, order, old, .. } => {
            Some((*address, *order, *old))
        }
        _ => None,
    }
}

fn releases(order: Order) -> bool {
    matches!(order, Order::Release | Order::AcqRel | Order::SeqCst)
}

fn acquires(order: Order) -> bool {
    matches!(order, Order::Acquire | Order::AcqRel | Order::SeqCst)
}

/// The last such pair.
pub fn flaw(case: &Case<'_>, earlier: &Side, later: &Side) -> Option<Flaw> {
    let steps = &case.trace().steps;
    let begin = earlier.at? + 1;
    let end = later.at.unwrap_or(steps.len());
    if begin >= end {
        return None;
    }
    let may_be_wrong = |at: &usize| {
        let user = case.sites.get(steps[*at].stack).uses_atomic();
        user.is_none_or(|frame| frame.origin != Origin::Standard)
    };
    let loads = (begin..end).rev().filter(|at| steps[*at].thread == later.thread && may_be_wrong(at));
    loads.into_iter().find_map(|load| {
        let (address, load_order, value) = read(&steps[load].op)?;
        let from = |at: &usize| {
            steps[*at].thread == earlier.thread
                && may_be_wrong(at)
                && stored(&steps[*at].op).is_some_and(|(there, _, stored)| there == address && stored == value)
        };
        let store = (begin..load).rev().find(from)?;
        let (_, store_order, _) = stored(&steps[store].op)?;
        let flawed = !releases(store_order) || !acquires(load_order);
        let fails = matches!(steps[load].op, Op::CompareExchange { done: false, .. });
        flawed.then_some(Flaw { store, load, store_order, load_order, fails })
    })
}

impl Flaw {
    fn thread(&self, case: &Case<'_>, at: usize) -> String {
        case.threads.prose(case.trace().steps[at].thread)
    }

    fn at(&self, case: &Case<'_>, at: usize) -> String {
        case.at(case.place_at(Some(at)).as_ref())
    }

    /// Why it does not order the two.
    pub fn sentence(&self, case: &Case<'_>) -> String {
        let missing = match (releases(self.store_order), acquires(self.load_order)) {
            (false, false) => "neither `Release` on the one side nor `Acquire` on the other".to_owned(),
            (false, true) => format!("`{:?}` instead of `Release` at the store", self.store_order),
            (true, _) => format!("`{:?}` instead of `Acquire` at the load{}", self.load_order, self.failing()),
        };
        format!(
            "What {} stores{} is read by {}{}; that would order the two accesses, but for its memory order: {missing}.",
            self.thread(case, self.store),
            self.at(case, self.store),
            self.thread(case, self.load),
            self.at(case, self.load),
        )
    }

    /// Label for the store.
    pub fn store_label(&self, case: &Case<'_>) -> String {
        format!("{} stores with `{:?}` here", self.thread(case, self.store), self.store_order)
    }

    /// Label for the load.
    pub fn load_label(&self, case: &Case<'_>) -> String {
        format!("{} reads that with `{:?}` here{}", self.thread(case, self.load), self.load_order, self.failing())
    }

    /// Which of two orders a load has.
    fn failing(&self) -> &'static str {
        if self.fails { ", the order for a compare-exchange that fails" } else { "" }
    }

    /// What to change, and by whom.
    pub fn fix(&self, case: &Case<'_>) -> String {
        let mut parts = Vec::new();
        if !releases(self.store_order) {
            parts.push((format!("`Ordering::Release` for the store{}", self.within(case, self.store)), self.store));
        }
        if !acquires(self.load_order) {
            let load = if self.fails { "failure of the compare-exchange" } else { "load" };
            parts.push((format!("`Ordering::Acquire` for the {load}{}", self.within(case, self.load)), self.load));
        }
        let krate = parts.iter().find_map(|(_, at)| case.site_at(*at)?.performing_crate());
        let parts: Vec<String> = parts.into_iter().map(|(part, _)| part).collect();
        let (parts, both) = (parts.join(" and "), "(or `AcqRel` for an operation that does both)");
        match krate {
            Some(krate) => format!(
                "This is inside the crate `{krate}`, which should use {parts} {both}: see whether a newer version does, and report it there if not."
            ),
            None => format!("Use {parts} {both}."),
        }
    }

    /// Where a step is taken, in the file of the crate whose code takes it.
    fn within(&self, case: &Case<'_>, at: usize) -> String {
        let frame = case.site_at(at).and_then(Site::performed_by);
        match frame.and_then(|frame| Place::of(frame, case.context)) {
            Some(place) => case.at(Some(&place)),
            None => self.at(case, at),
        }
    }
}
