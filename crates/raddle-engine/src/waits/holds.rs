//! Who holds which lock: the events replayed.
//!
//! A lock is a list of claims rather than one owner, because a read lock has several holders and a recursive lock is
//! held several times by one thread.

use super::event::{Event, Kind, Mode, Object, Thread};
use std::collections::BTreeMap;

/// A claim on a lock that has not been given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Who holds it.
    pub thread: Thread,
    /// Which lock.
    pub object: Object,
    /// In which mode.
    pub mode: Mode,
    /// Where it was taken; `None` when that lies before the record.
    pub at: Option<usize>,
}

/// All claims at the end of the events.
#[derive(Clone, Debug, Default)]
pub struct Holds {
    claims: BTreeMap<Object, Vec<Hold>>,
}

impl Holds {
    /// Replays `events`.
    pub fn after(events: &[Event]) -> Self {
        let mut holds = Self::default();
        for event in events {
            holds.apply(event);
        }
        holds
    }

    /// Takes one more event into account.
    pub fn apply(&mut self, event: &Event) {
        let claims = self.claims.entry(event.object).or_default();
        match event.kind {
            Kind::Acquired(mode) => {
                claims.push(Hold { thread: event.thread, object: event.object, mode, at: event.at });
            }
            Kind::Released => {
                let own = claims.iter().rposition(|hold| hold.thread == event.thread);
                if let Some(claim) = own.or(claims.len().checked_sub(1)) {
                    claims.remove(claim);
                }
            }
            Kind::Downgraded => {
                if let Some(hold) = claims.iter_mut().rev().find(|hold| hold.thread == event.thread) {
                    hold.mode = Mode::Shared;
                }
            }
            Kind::Requested(_) | Kind::WaitBegun | Kind::WaitEnded | Kind::Notified { .. } => {}
        }
    }

    /// The claims on `object`, oldest first.
    pub fn of(&self, object: Object) -> &[Hold] {
        self.claims.get(&object).map_or(&[], Vec::as_slice)
    }

    /// What `thread` holds, by object.
    pub fn by(&self, thread: Thread) -> impl Iterator<Item = Hold> + '_ {
        self.claims.values().flatten().copied().filter(move |hold| hold.thread == thread)
    }
}
