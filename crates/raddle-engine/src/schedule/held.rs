//! One thread stands still, and all others go on.
//!
//! That a thread which could run does not is nothing special: its processor may be somebody else's, for as long as it
//! takes. So whatever others do meanwhile they can do on any machine. Where a task waits for what that thread is about to
//! do, it waits on, and what would otherwise come too late comes first: the other branch of a `select!`, an abort, a time
//! limit.
//!
//! It lasts until no other thread gets anywhere without this one, not even as time passes; or until so much time has
//! passed that nobody waits any longer.

use super::Schedule;
use raddle_protocol::trace::ThreadId;

/// The thread that stands still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    thread: ThreadId,
    until_ns: u64,
}

impl Schedule {
    /// Whether a thread that can run could stand still now, and that would change anything.
    pub(super) fn may_hold(&self) -> bool {
        self.held.is_none() && (self.ready.len() > 1 || !self.ready.is_empty() && self.earliest_deadline().is_some())
    }

    /// The thread at this place among those that can run stands still from now on, for so long at the most. Tells which.
    pub(super) fn hold(&mut self, place: usize, ns: u64) -> ThreadId {
        let thread = self.ready.remove(place);
        self.held = Some(Held { thread, until_ns: self.clock.now_ns.saturating_add(ns) });
        thread
    }

    /// Whoever stands still goes on if that is due, or if nobody else can.
    #[cold]
    pub(super) fn tend_held(&mut self) {
        let Some(held) = self.held else { return };
        let stuck = self.ready.is_empty() && (self.has_spinners() || self.next_deadline > held.until_ns);
        if stuck || self.clock.now_ns >= held.until_ns {
            self.release_held();
        }
    }

    /// Whoever stands still can go on. Tells whether anybody did.
    pub fn release_held(&mut self) -> bool {
        let Some(held) = self.held.take() else { return false };
        self.join_ready(held.thread);
        true
    }
}
