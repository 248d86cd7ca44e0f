//! The machine's time within an execution: a search that is out of time gives up the execution it is in, and one that takes
//! long says that it goes on.
//!
//! An execution that is given up counts for nothing, so what the others do does not depend on how fast the machine is.

use crate::explore::send;
use crate::state::rt;
use crate::sys;
use raddle_protocol::Message;

/// Schedule points between two looks at the clock.
const EVERY: u64 = 1 << 16;
/// Nanoseconds between two reports.
const REPORT_EVERY_NS: u64 = 1_000_000_000;

/// How long the present execution may go on.
#[derive(Default)]
pub struct Patience {
    /// The machine's time at which it is given up, and how long that is after the search has begun, ns.
    until: Option<(u64, u64)>,
    /// Value of `points` at which the clock is looked at.
    due: u64,
    reported_ns: u64,
    /// Executions done before this one.
    schedules: u64,
}

impl Patience {
    /// Executions from now on are given up `ns` after `begun_ns`, when the search began; it has done `schedules` so far.
    pub fn end_at(&mut self, begun_ns: u64, ns: u64, schedules: u64) {
        self.until = Some((begun_ns + ns, ns));
        self.schedules = schedules;
    }

    /// Executions from now on may take as long as they take.
    pub fn never_end(&mut self) {
        self.until = None;
    }

    /// An execution begins.
    pub fn begin(&mut self) {
        self.due = if self.until.is_some() { EVERY } else { u64::MAX };
        self.reported_ns = 0;
    }

    /// Points at which [`is_over`] is to be asked.
    pub fn due(&self) -> u64 {
        self.due
    }
}

/// Whether the execution is to be given up: after how many milliseconds of the search.
#[cold]
pub fn is_over() -> Option<u64> {
    let runtime = rt();
    let (until, length) = runtime.patience.until?;
    let now = sys::real_time_ns();
    runtime.patience.due = runtime.points + EVERY;
    if now >= until {
        return Some(length / 1_000_000);
    }
    if now - runtime.patience.reported_ns >= REPORT_EVERY_NS {
        let first = core::mem::replace(&mut runtime.patience.reported_ns, now) == 0;
        if !first {
            let points = runtime.earlier_points + runtime.points;
            send(&Message::Progress { schedules: runtime.patience.schedules, points, estimate: None });
        }
    }
    None
}
