//! Raddle's own share of the machine.
//!
//! Every look costs about a microsecond or two of processor time. What may be spent is a share of all the processors
//! that the program may use; it accrues with time, and what a round has cost is taken from it. When there is none left,
//! threads are looked at less often, in turn. The counters that are read are cumulative, so fewer looks lose precision
//! about *where* a thread sleeps, not about how long.

use rustix::time::{ClockId, clock_gettime};

/// Share of the program's processors that looking may take.
const SHARE: f64 = 0.006;
/// What may be saved up, in seconds of processor time.
const SAVED: f64 = 0.002;

/// What may still be spent.
#[derive(Debug)]
pub struct Budget {
    left: f64,
    share: f64,
    began: f64,
}

impl Budget {
    /// For a program with so many processors.
    pub fn new(capacity: f64) -> Self {
        // What a program with a part of one processor is slowed down by does not depend on the part.
        Self { left: SAVED, share: SHARE * capacity.max(1.0), began: thread_cpu() }
    }

    /// Begins a round, so long after the last.
    pub fn begin(&mut self, elapsed: f64) {
        self.began = thread_cpu();
        self.left = (self.left + self.share * elapsed).min(SAVED);
    }

    /// Whether anything is left in this round.
    pub fn lasts(&self) -> bool {
        thread_cpu() - self.began < self.left
    }

    /// Ends the round.
    pub fn end(&mut self) {
        self.left -= thread_cpu() - self.began;
        // A costly round is paid for over time, but not for ever.
        self.left = self.left.max(-10.0 * SAVED);
    }
}

/// Processor time of this thread, seconds.
pub(super) fn thread_cpu() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
