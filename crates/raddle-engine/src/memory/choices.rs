//! What an access may do: the stores that it may see or come after.
//!
//! Only consistent possibilities are offered, so that every answer can be acted upon. The first is always the newest
//! store, which is consistent whatever has happened: it only makes the new event come after others.

use super::history::place;
use super::seq_cst::Probe;
use super::state::{Ask, Attempt, Memory, Model};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{Order, ThreadId};

/// How an access stands to the store that is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It reads the store.
    Reads,
    /// It comes directly after the store.
    Follows,
}

impl Role {
    fn place(self, index: usize) -> u32 {
        match self {
            Role::Reads => place::read(index),
            Role::Follows => place::after(index),
        }
    }
}

impl Memory {
    /// Whether the newest store is all that the thread may see, or come after.
    #[inline]
    pub(super) fn has_no_choice(&self, thread: ThreadId, slot: u32) -> bool {
        let history = &self.locations.histories[slot as usize];
        let newest = history.newest();
        newest == 0
            || self.model == Model::Sc
            || self.threads[thread as usize].clock.covers(history.stores[newest].writer)
    }

    /// Asks which store to read, or to follow, by `kind`.
    #[inline]
    pub(super) fn choose(&mut self, at: (ThreadId, u32), role: (Role, Order), kind: ChoiceKind, ask: Ask<'_>) -> usize {
        let is_last = role.0 == Role::Follows && self.locations.histories[at.1 as usize].is_chain();
        match ask {
            Some(ask) if !is_last && !self.has_no_choice(at.0, at.1) => self.choose_among(at, role, kind, ask),
            _ => self.locations.histories[at.1 as usize].newest(),
        }
    }

    fn choose_among(
        &mut self,
        (thread, slot): (ThreadId, u32),
        (role, order): (Role, Order),
        kind: ChoiceKind,
        ask: &mut dyn FnMut(ChoiceKind, usize) -> usize,
    ) -> usize {
        let newest = self.locations.histories[slot as usize].newest();
        let floor = self.floor(thread, slot);
        self.options.clear();
        for index in (floor..=newest).rev() {
            if !(role == Role::Follows && self.is_followed(slot, index)) {
                self.options.push(index);
            }
        }
        // What the order of sequentially consistent operations allows takes long to find out.
        if let [_, .., last] = self.options[..] {
            let oldest = self.oldest(thread, slot, (role, order == Order::SeqCst), last);
            self.options.retain(|index| *index >= oldest);
        }
        let answer = if self.options.len() > 1 { ask(kind, self.options.len()) } else { 0 };
        self.options[answer]
    }

    /// Asks which store a compare-exchange reads, and whether it fails although the values are equal. Tells the store,
    /// and whether it succeeds.
    pub(super) fn choose_exchange(
        &mut self,
        thread: ThreadId,
        slot: u32,
        attempt: Attempt,
        ask: Ask<'_>,
    ) -> (usize, bool) {
        let newest = self.locations.histories[slot as usize].newest();
        let equal = self.locations.histories[slot as usize].stores[newest].value == attempt.expected;
        let Some(ask) = ask else { return (newest, equal) };
        if self.has_no_choice(thread, slot) {
            return (newest, equal && !(attempt.weak && ask(ChoiceKind::WeakFailure, 2) == 1));
        }
        let floor = self.floor(thread, slot);
        let succeeds = (Role::Follows, attempt.success == Order::SeqCst);
        let fails = (Role::Reads, attempt.failure == Order::SeqCst);
        let may = |memory: &Self, way: fn((bool, bool)) -> bool| {
            (floor..newest).any(|index| way(memory.ways(slot, index, attempt)))
        };
        let oldest = (
            if may(self, |ways| ways.0) { self.oldest(thread, slot, succeeds, floor) } else { newest },
            if may(self, |ways| ways.1) { self.oldest(thread, slot, fails, floor) } else { newest },
        );
        self.options.clear();
        for index in (floor..=newest).rev() {
            let ways = self.ways(slot, index, attempt);
            let ways = (ways.0 && index >= oldest.0, ways.1 && index >= oldest.1);
            if ways.0 || ways.1 {
                self.options.push(index << 2 | usize::from(ways.0) << 1 | usize::from(ways.1));
            }
        }
        let answer = if self.options.len() > 1 { ask(ChoiceKind::ReadsFrom, self.options.len()) } else { 0 };
        let chosen = self.options[answer];
        let succeeds = match chosen & 3 {
            3 => ask(ChoiceKind::WeakFailure, 2) == 0,
            ways => ways == 2,
        };
        (chosen >> 2, succeeds)
    }

    /// Whether a compare-exchange that reads this store may succeed, and whether it may fail.
    fn ways(&self, slot: u32, index: usize, attempt: Attempt) -> (bool, bool) {
        let equal = self.locations.histories[slot as usize].stores[index].value == attempt.expected;
        (equal && !self.is_followed(slot, index), !equal || attempt.weak)
    }

    /// Whether a read-modify-write has read this store, so that nothing may come between the two.
    fn is_followed(&self, slot: u32, index: usize) -> bool {
        self.locations.histories[slot as usize].stores.get(index + 1).is_some_and(|next| next.rmw)
    }

    fn floor(&mut self, thread: ThreadId, slot: u32) -> usize {
        self.curtailed |= self.locations.histories[slot as usize].is_out_of_patience(thread, self.bounds.patience);
        let history = &self.locations.histories[slot as usize];
        let floor = history.floor(&self.threads[thread as usize].clock, self.bounds.patience);
        if self.visible == 0 {
            return floor;
        }
        let visible = |index: &usize| history.stores[*index].tick <= self.visible;
        (floor + 1..=history.newest()).rev().find(visible).unwrap_or(floor)
    }

    /// The oldest store, not below `floor`, that the order of sequentially consistent operations allows an access to
    /// read or to follow. What it forbids for one store it forbids for older ones, too: they ask for more to come after
    /// the access. So the border is found by bisection.
    fn oldest(&mut self, thread: ThreadId, slot: u32, (role, seq_cst): (Role, bool), floor: usize) -> usize {
        let newest = self.locations.histories[slot as usize].newest();
        if floor == newest || !self.order.concerns(seq_cst) || self.allows(thread, slot, role.place(floor), seq_cst) {
            return floor;
        }
        let (mut forbidden, mut allowed) = (floor, newest);
        while allowed - forbidden > 1 {
            let middle = forbidden + (allowed - forbidden) / 2;
            if self.allows(thread, slot, role.place(middle), seq_cst) {
                allowed = middle;
            } else {
                forbidden = middle;
            }
        }
        allowed
    }

    fn allows(&mut self, thread: ThreadId, slot: u32, place: u32, seq_cst: bool) -> bool {
        let probe = Probe { clock: &self.threads[thread as usize].clock, slot, place, seq_cst };
        self.order.allows(probe, &self.locations.histories, &self.locations.shared)
    }

    /// Makes the order agree with an access that has been chosen. Tells where in the order it goes, unless at the end.
    #[inline]
    pub(super) fn settle_order(
        &mut self,
        (thread, slot): (ThreadId, u32),
        role: Role,
        index: usize,
        seq_cst: bool,
    ) -> Option<usize> {
        let newest = self.locations.histories[slot as usize].newest();
        if index == newest || !self.order.concerns(seq_cst) {
            return None;
        }
        let probe = Probe { clock: &self.threads[thread as usize].clock, slot, place: role.place(index), seq_cst };
        self.order.make_way(probe, &self.locations.histories, &self.locations.shared)
    }
}
