//! Time that passes while threads are at work.
//!
//! Virtual time stands still while any thread can run: what a test computes takes next to no time, so nobody's timeout ends
//! by it. But a thread that polls without ever waiting, beside one that sleeps, would never let it pass. So in a long
//! execution time goes on by [`POINT_NS`] for each schedule point from [`LONG`] on while somebody waits for a deadline. That
//! is more than an operation takes, as in a debug build on a loaded machine, and little enough that a timeout of a second
//! is not reached within the usual limit of a million points.

use crate::state::rt;

/// Points before time begins to pass.
const LONG: u64 = 20_000;

/// Points between two moves.
const EVERY: u64 = 1_000;

/// Nanoseconds for each point.
const POINT_NS: u64 = 1_000;

/// When time passes next in the present execution.
pub struct Lapse {
    due: u64,
}

impl Default for Lapse {
    fn default() -> Self {
        Lapse { due: LONG }
    }
}

impl Lapse {
    /// Points at which [`pass`] is to be called.
    pub fn due(&self) -> u64 {
        self.due
    }
}

/// Time passes, up to the first deadline.
pub fn pass() {
    let runtime = rt();
    runtime.lapse.due = runtime.points + EVERY;
    if !runtime.explores() || runtime.plan.world.real_time {
        return;
    }
    let schedule = &mut runtime.execution.schedule;
    if let Some(deadline) = schedule.earliest_deadline() {
        let now = schedule.now_ns() + EVERY * POINT_NS;
        schedule.move_to(now.min(deadline));
        if now >= deadline {
            runtime.memory.time_passes();
        }
    }
}
