//! What threads knew at moments that may matter again: clocks kept by number until the execution ends.
//!
//! Only what a thread knows of others is kept; its own time is that of the access in question. So one version serves
//! all accesses between two at which the thread learns something.

use super::clock::{Clock, Epoch};

/// Entries of clocks that are kept at most; beyond that the order of sequentially consistent operations is settled as
/// it is, and versions begin anew.
const MOST_ENTRIES: usize = 1 << 18;

/// Names what a thread knew at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32);

impl Version {
    /// Nothing that matters still.
    pub(super) const NONE: Version = Version(0);
}

/// All versions of an execution that may matter still.
#[derive(Debug, Default)]
pub(super) struct Versions {
    clocks: Vec<Clock>,
    used: usize,
    /// Names up to this one mean nothing any more.
    gone: u32,
    entries: usize,
}

impl Versions {
    pub(super) fn begin(&mut self) {
        self.used = 0;
        self.gone = 0;
        self.entries = 0;
    }

    /// Forgets all versions without reusing their names.
    pub(super) fn forget(&mut self) {
        self.gone += self.used as u32;
        self.used = 0;
        self.entries = 0;
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries > MOST_ENTRIES
    }

    /// Keeps what this clock's holder knows now.
    pub(super) fn keep(&mut self, clock: &Clock) -> Version {
        if self.used == self.clocks.len() {
            self.clocks.push(Clock::default());
        }
        self.clocks[self.used].copy(clock);
        self.entries += clock.len();
        self.used += 1;
        Version(self.gone + self.used as u32)
    }

    /// The clock that was kept under this name, if it still is.
    #[inline]
    pub(super) fn get(&self, version: Version) -> Option<&Clock> {
        (version.0 > self.gone).then(|| &self.clocks[(version.0 - self.gone - 1) as usize])
    }

    /// Whether this name still stands for something.
    #[inline]
    pub(super) fn holds(&self, version: Version) -> bool {
        version.0 > self.gone
    }

    /// Whether an access at `earlier` happens before the fence at `at`, whose thread knew `version` then.
    #[inline]
    pub(super) fn covers(&self, at: Epoch, version: Version, earlier: Epoch) -> bool {
        if at.thread() == earlier.thread() {
            return earlier.time() <= at.time();
        }
        self.get(version).is_some_and(|clock| clock.covers(earlier))
    }

    /// Whether a fence happens before what a thread did at `at`, when it knew `version`. A fence ends its thread's
    /// time: what has the same time in the same thread came before it.
    #[inline]
    pub(super) fn follows(&self, at: Epoch, version: Version, fence: Epoch) -> bool {
        if at.thread() == fence.thread() {
            return fence.time() < at.time();
        }
        self.get(version).is_some_and(|clock| clock.covers(fence))
    }
}
