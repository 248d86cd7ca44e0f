//! What has happened in an execution so far: who has performed which operation, in order.
//!
//! Kept in every execution, so an entry is small and writing one costs a few instructions. Of a very long execution
//! only the last entries are kept.

use crate::access::Access;
use crate::classes::Canonical;
use raddle_protocol::trace::ThreadId;

/// Entries kept at the most.
pub const MOST_STEPS: usize = 1 << 16;

/// What an entry of the log says of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// It has performed `access`.
    Performed,
    /// It has created the thread whose number is the object of `access`.
    Spawned,
    /// Its wait was ended by the thread whose number is the object of `access`.
    Woken,
    /// Its wait has ended by its deadline.
    TimedOut,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Whom it is about.
    pub thread: ThreadId,
    /// What happened.
    pub event: Event,
    /// With what.
    pub access: Access,
}

/// The log of one execution.
#[derive(Default)]
pub struct Log {
    steps: Vec<Logged>,
    /// Entries written before those in `steps`.
    earlier: u64,
    /// What they come to.
    class: Canonical,
    /// Entries in `steps` that `class` knows of already.
    absorbed: usize,
}

impl Log {
    /// Adds an entry.
    #[inline]
    pub fn push(&mut self, thread: ThreadId, event: Event, access: Access) {
        if self.steps.len() >= MOST_STEPS {
            self.flush();
        }
        self.steps.push(Logged { thread, event, access });
    }

    #[cold]
    fn flush(&mut self) {
        self.class();
        self.earlier += self.steps.len() as u64;
        self.steps.clear();
        self.absorbed = 0;
    }

    /// The equivalence class of what has happened so far; see [`Canonical`]. To be asked when an execution is over:
    /// what has been looked at is not taken back any more.
    pub fn class(&mut self) -> u64 {
        if self.earlier == 0 && self.absorbed == 0 {
            self.class.begin();
        }
        self.class.absorb(&self.steps[self.absorbed..]);
        self.absorbed = self.steps.len();
        self.class.hash()
    }

    /// Takes back the last entry, if it tells of an operation of `thread`; returns that operation.
    pub fn take_back(&mut self, thread: ThreadId) -> Option<Access> {
        let last = self.steps.last().filter(|last| last.thread == thread && last.event == Event::Performed)?;
        let access = last.access;
        self.steps.pop();
        Some(access)
    }

    /// The last entry, which tells of what has just happened.
    #[inline]
    pub fn last_mut(&mut self) -> Option<&mut Logged> {
        self.steps.last_mut()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.earlier = 0;
        self.absorbed = 0;
    }

    /// The entries, or the last of them if there were very many.
    #[must_use]
    pub fn steps(&self) -> &[Logged] {
        &self.steps
    }

    /// How many entries there were in all.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.earlier + self.steps.len() as u64
    }

    /// Whether nothing has happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Clone for Log {
    fn clone(&self) -> Self {
        let mut log = Log::default();
        log.clone_from(self);
        log
    }

    /// Of a log that has been cut, the class of the copy is that of what is left.
    fn clone_from(&mut self, other: &Self) {
        self.steps.clone_from(&other.steps);
        self.earlier = 0;
        self.absorbed = 0;
    }
}

impl core::fmt::Debug for Log {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Log").field("steps", &self.steps).finish_non_exhaustive()
    }
}
