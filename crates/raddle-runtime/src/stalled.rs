//! Executions in which a thread runs on without a schedule point. The watchdog ends them after seconds (`--stall`); to wait for
//! it as long wherever such an execution is performed again, or only tried, would take most of a search's time.

use crate::explore::Explorer;
use crate::record::Recorder;
use crate::state::rt;
use raddle_engine::strategy::Replay;
use raddle_protocol::Choice;
use raddle_protocol::trace::{Bound, Outcome};

/// Milliseconds for an execution that is performed again and has come to where it stalls.
const KNOWN_MS: u64 = 1_000;

/// Whether an execution has ended so.
pub fn is_stalled(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::NoProgress(Bound::Stall(_)))
}

impl Explorer {
    /// Does something with a limit of so many milliseconds to what a thread may do without a schedule point, if the plan's is
    /// not lower.
    pub fn stalling_after<T>(&mut self, ms: u64, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = rt().plan.budget.stall_ms;
        rt().plan.budget.stall_ms = before.min(ms);
        let result = work(self);
        rt().plan.budget.stall_ms = before;
        result
    }

    /// Performs the execution again, for the record, that has just stalled. At the same point it does so again.
    pub fn record_stalled(
        &mut self,
        outcome: &Outcome,
        execution: u64,
        choices: &[Choice],
    ) -> (Outcome, Box<Recorder>) {
        let points = rt().points;
        let (again, recorder) =
            self.stalling_after(KNOWN_MS, |explorer| explorer.record(execution, choices.to_vec(), None));
        if is_stalled(&again) && rt().points == points {
            return (outcome.clone(), recorder);
        }
        self.record(execution, choices.to_vec(), None)
    }

    /// What has stalled beside the search, where it was not waited for long: its end.
    pub fn wait_for_it(&mut self, choices: &[Choice]) -> Outcome {
        let replay = Box::new(Replay::new(choices.to_vec()));
        self.led_by(replay, |explorer| explorer.aside(|explorer| explorer.perform_reversibly(1)))
    }
}
