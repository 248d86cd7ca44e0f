//! Pairs of steps whose order may decide.

use crate::access::{Access, AccessKind};
use crate::log::{Event, Logged};
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeMap;

/// One step: the thread that takes it, and how many steps that has taken before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Who.
    pub thread: ThreadId,
    /// Its steps before this one.
    pub before: usize,
    /// What the step is.
    pub access: Access,
}

/// Two dependent steps of two threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one that came first.
    pub first: Place,
    /// The other one. It may never have been taken: a thread has waited for it to the end.
    pub second: Place,
    /// The entry of the log of the first, and of the second if there is one.
    pub entries: (usize, Option<usize>),
}

/// Pairs on one object by the same two threads, at the most: of a loop the last rounds.
const ALIKE: usize = 24;

/// Pairs on one object that come one after the other; then it is the turn of other objects. All input and output is one.
const TURN: usize = 30;

/// How many times as many pairs are listed as are wanted, to choose from.
const FOR_CHOICE: usize = 16;

/// The pairs of an execution that are worth trying, `most` of them at the most: of each object some, the latest first, then
/// of each some more. `pending` is what each thread was about to do in the end.
#[must_use]
pub fn pairs(steps: &[Logged], pending: &[Access], most: usize) -> Vec<Pair> {
    let mut places = Vec::new();
    let mut taken: BTreeMap<ThreadId, usize> = BTreeMap::new();
    // The steps on each object.
    let mut on: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (entry, step) in steps.iter().enumerate().filter(|(_, step)| step.event == Event::Performed) {
        let before = taken.entry(step.thread).or_default();
        if can_come_first(step.access.kind) {
            on.entry(step.access.object).or_default().push(places.len());
        }
        places.push((entry, Place { thread: step.thread, before: *before, access: step.access }));
        *before += 1;
    }
    // Each with how many turns its object has had before.
    let mut found: Vec<(usize, Pair)> = Vec::new();
    let mut known_of: BTreeMap<u64, usize> = BTreeMap::new();
    let mut alike: BTreeMap<(u64, ThreadId, ThreadId), usize> = BTreeMap::new();
    let mut add = |second: Place, entry: Option<usize>, upto: usize| {
        for &at in on.get(&second.access.object).into_iter().flatten().rev().skip_while(|at| **at >= upto) {
            if found.len() >= most.saturating_mul(FOR_CHOICE) {
                return;
            }
            let (first_entry, first) = places[at];
            if first.thread == second.thread || !first.access.depends_on(&second.access) {
                continue;
            }
            let known = alike.entry((first.access.object, first.thread, second.thread)).or_default();
            if *known >= ALIKE {
                return;
            }
            *known += 1;
            let of_object = known_of.entry(first.access.object).or_default();
            found.push((*of_object / TURN, Pair { first, second, entries: (first_entry, entry) }));
            *of_object += 1;
        }
    };
    for (thread, access) in pending.iter().enumerate() {
        if matches!(access.kind, AccessKind::Lock | AccessKind::Acquire) {
            let thread = thread as ThreadId;
            let before = taken.get(&thread).copied().unwrap_or_default();
            add(Place { thread, before, access: *access }, None, places.len());
        }
    }
    for (at, (entry, second)) in places.iter().enumerate().rev() {
        if can_come_first(second.access.kind) {
            add(*second, Some(*entry), at);
        }
    }
    found.sort_by_key(|(turn, _)| *turn);
    found.into_iter().take(most).map(|(_, pair)| pair).collect()
}

/// Whether a step could have come before others on the same object. Nothing is given back before it has been taken, and
/// no thread is joined before its end.
fn can_come_first(kind: AccessKind) -> bool {
    !matches!(kind, AccessKind::Unlock | AccessKind::Release | AccessKind::Join | AccessKind::End)
}

/// Whether both steps of a pair happened in this execution, the second one first.
#[must_use]
pub fn reversed(steps: &[Logged], pair: &Pair) -> bool {
    let find = |place: &Place| {
        let of_thread = |(_, step): &(usize, &Logged)| step.thread == place.thread && step.event == Event::Performed;
        let (entry, step) = steps.iter().enumerate().filter(of_thread).nth(place.before)?;
        (step.access.object == place.access.object).then_some(entry)
    };
    matches!((find(&pair.first), find(&pair.second)), (Some(first), Some(second)) if second < first)
}
