//! Executions beside the search: a few right after its first, which do not count, and of which one that fails is told of only
//! if the search finds nothing.

use crate::explore::Explorer;
use crate::found::Found;
use crate::stalled::is_stalled;
use crate::state::rt;
use raddle_engine::Strategy;
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Choice, Mode};

/// Milliseconds without a schedule point after which such an execution is given up for now: what takes long is of less
/// interest here.
const STALL_MS: u64 = 2_000;

impl Explorer {
    /// How many there are to be, where these are the most: by rewind, and where each is a process of its own. Of the executions
    /// of a search, one in `share` may be such.
    pub fn tries_beside(&self, (by_rewind, by_fork): (u64, u64), share: u64) -> u64 {
        let runtime = rt();
        if self.summary.most_threads <= 1 || runtime.plan.world.real_time {
            return 0;
        }
        let most = if runtime.mode == Mode::Fork { by_fork } else { by_rewind };
        most.min(runtime.plan.budget.schedules / share)
    }

    /// The search has come to its end without finding anything. Reports what has failed beside it, if anything has: a loop
    /// that loses its patience after a number of laps, for one, which no other schedule brings to that.
    pub fn report_failure_beside(&mut self, found: &mut Found) -> bool {
        let Some((outcome, choices)) = found.beside.take().filter(|_| found.known.is_empty()) else { return false };
        let was_cut_short = is_stalled(&outcome);
        let outcome = if was_cut_short { self.wait_for_it(&choices) } else { outcome };
        if was_cut_short && !is_stalled(&outcome) {
            // It has only taken long.
            return false;
        }
        self.report(outcome, 1, choices, &mut found.known);
        true
    }

    /// Performs an execution of so many points at the most: its end and its choices.
    pub fn perform_within(&mut self, strategy: Box<dyn Strategy>, points: u64) -> (Outcome, Vec<Choice>) {
        let perform = |explorer: &mut Self| explorer.aside(|explorer| explorer.perform_reversibly(1));
        let outcome = self.within(points, |explorer| {
            explorer.stalling_after(STALL_MS, |explorer| explorer.led_by(strategy, perform))
        });
        (outcome, rt().tape.record().to_vec())
    }
}
