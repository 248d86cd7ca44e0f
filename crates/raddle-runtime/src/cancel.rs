//! `--cancel`: each wait with a deadline in turn is left to run into it, an execution each.
//!
//! The engine's `schedule/stall.rs` says what a stall is and why it is a possible execution. Here its points are
//! enumerated: the first execution tells how many there are, and then each has two, since an event loop waits for the next
//! of its timers only. What goes wrong is sent with its record; whether a cancellation is the cause is judged there.
//!
//! Not seen: an operation that an event loop goes on with before it waits for anything, since nothing can cut that off; and
//! timers of a clock that a runtime keeps by itself (tokio's `start_paused`).

use crate::explore::Explorer;
use crate::state::rt;
use raddle_engine::strategy::StallAt;
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Choice, ChoiceKind};
use std::collections::BTreeSet;

/// Points tried at the most.
const MOST_POINTS: u64 = 500;

/// Distinct failures that are sent at the most.
const MOST_SENT: usize = 16;

/// Answers to [`ChoiceKind::Stall`] that are tried.
const STALLS: [usize; 2] = [1, 2];

/// Whether a stall is among these choices.
pub fn stalls(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| choice.kind == ChoiceKind::Stall)
}

/// Lets executions have stalls, or no longer.
pub fn allow(allowed: bool) {
    let runtime = rt();
    runtime.execution.schedule.allow_stalls(allowed);
    if let Some(saved) = runtime.saved.as_mut() {
        saved.schedule.allow_stalls(allowed);
    }
}

/// Tries all of them, until `until_ns`.
pub fn explore(explorer: &mut Explorer, until_ns: u64) {
    allow(true);
    let tried = explorer.aside(|explorer| each_point(explorer, until_ns));
    allow(false);
    explorer.summary.cancelled = tried;
}

fn each_point(explorer: &mut Explorer, until_ns: u64) -> u64 {
    let mut known = BTreeSet::new();
    let mut tried = 0;
    for stall in STALLS {
        for at in 0..MOST_POINTS {
            if crate::sys::real_time_ns() > until_ns || known.len() >= MOST_SENT {
                return tried;
            }
            let strategy = rt().tape.exchange(Box::new(StallAt::new(at, stall)));
            let outcome = explorer.perform_reversibly(0);
            let choices = rt().tape.record().to_vec();
            rt().tape.exchange(strategy);
            let stalled = choices.iter().any(|choice| choice.kind == ChoiceKind::Stall && choice.taken != 0);
            if !stalled {
                break;
            }
            tried += 1;
            if outcome != Outcome::Passed {
                explorer.report(outcome, 0, choices, &mut known);
            }
        }
    }
    tried
}
