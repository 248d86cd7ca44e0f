//! `--cancel`: each wait with a deadline in turn is left to run into it, an execution each.
//!
//! The engine's `schedule/stall.rs` says what a stall is and why it is a possible execution. Here its points are
//! enumerated: the first execution tells how many there are, and then each has two, since an event loop waits for the next
//! of its timers only. What goes wrong is sent with its record; whether a cancellation is the cause is judged there.
//!
//! Up to its stall, each of these executions is the one without: what has been opened before it has been opened in both.
//! So a descriptor that is closed at the end of one and not of the other has been left open by the cancellation. It is
//! looked at when no other thread can go on, not even when time passes, and when no more of them are left than without.
//!
//! Not seen: an operation that an event loop goes on with before it waits for anything, since nothing can cut that off; and
//! timers of a clock that a runtime keeps by itself (tokio's `start_paused`).

use crate::entry::let_others_finish;
use crate::explore::Explorer;
use crate::record;
use crate::sched;
use crate::state::{recording, rt};
use raddle_engine::strategy::StallAt;
use raddle_protocol::trace::{Outcome, State, Wait};
use raddle_protocol::{Choice, ChoiceKind, Op};
use std::collections::BTreeSet;

/// Points tried at the most.
const MOST_POINTS: u64 = 500;

/// Distinct failures that are sent at the most.
const MOST_SENT: usize = 16;

/// Answers to [`ChoiceKind::Stall`] that are tried.
const STALLS: [usize; 2] = [1, 2];

/// Deadlines of other threads that are waited for at the most when the test has ended.
const MOST_DEADLINES: u32 = 64;

/// What one execution tells of a cancellation.
#[derive(Clone, Default, Debug)]
pub struct Trail {
    /// Descriptors that had been opened when everything stood still.
    openings: Option<u32>,
    /// What was there when the test had ended.
    left: Option<Left>,
    /// Descriptors that are open because of the cancellation, by the number of the opening.
    leaked: BTreeSet<u32>,
}

/// What is there when a test has ended.
#[derive(Clone, Default, Debug)]
pub struct Left {
    /// Openings whose descriptors have not been closed.
    open: BTreeSet<u32>,
    /// Threads that have not ended.
    threads: usize,
}

/// What is known of the execution without cancellation.
#[derive(Default, Debug)]
pub enum Uncancelled {
    /// Nothing, and it does not matter.
    #[default]
    Unknown,
    /// It is being performed.
    Performed,
    /// What it leaves.
    Known(Left),
}

/// Whether a stall is among these choices.
pub fn stalls(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| choice.kind == ChoiceKind::Stall)
}

/// Performs what `work` does with stalls, after the execution without any.
pub fn with_stalls<T>(explorer: &mut Explorer, work: impl FnOnce(&mut Explorer) -> T) -> T {
    allow(true);
    rt().uncancelled = Uncancelled::Performed;
    let outcome = explorer.aside(|explorer| perform(explorer, MOST_POINTS, 0).0);
    let left = rt().execution.cancelled.left.take().filter(|_| outcome == Outcome::Passed);
    rt().uncancelled = left.map_or(Uncancelled::Unknown, Uncancelled::Known);
    let result = work(explorer);
    rt().uncancelled = Uncancelled::Unknown;
    allow(false);
    result
}

/// Lets executions have stalls, or no longer.
fn allow(allowed: bool) {
    let runtime = rt();
    runtime.execution.schedule.allow_stalls(allowed);
    if let Some(saved) = runtime.saved.as_mut() {
        saved.schedule.allow_stalls(allowed);
    }
}

/// Tries all of them, until `until_ns`.
pub fn explore(explorer: &mut Explorer, until_ns: u64) {
    let tried = with_stalls(explorer, |explorer| explorer.aside(|explorer| each_point(explorer, until_ns)));
    explorer.summary.cancelled = tried;
}

/// An execution in which one question about a stall gets this answer, and its choices.
fn perform(explorer: &mut Explorer, at: u64, stall: usize) -> (Outcome, Vec<Choice>) {
    let strategy = rt().tape.exchange(Box::new(StallAt::new(at, stall)));
    let outcome = explorer.perform_reversibly(0);
    let choices = rt().tape.record().to_vec();
    rt().tape.exchange(strategy);
    (outcome, choices)
}

fn each_point(explorer: &mut Explorer, until_ns: u64) -> u64 {
    let mut known = BTreeSet::new();
    let mut known_leaks = BTreeSet::new();
    let mut tried = 0;
    for stall in STALLS {
        for at in 0..MOST_POINTS {
            if crate::sys::real_time_ns() > until_ns || known.len() + known_leaks.len() >= MOST_SENT {
                return tried;
            }
            let (outcome, choices) = perform(explorer, at, stall);
            let stalled = choices.iter().any(|choice| choice.kind == ChoiceKind::Stall && choice.taken != 0);
            if !stalled {
                break;
            }
            tried += 1;
            let leaked = core::mem::take(&mut rt().execution.cancelled.leaked);
            if outcome != Outcome::Passed {
                explorer.report(outcome, 0, choices, &mut known);
            } else if !leaked.is_empty() && known_leaks.insert(leaked) {
                explorer.report_passed(0, choices, 0);
            }
        }
    }
    tried
}

/// Everything has stood still for so long.
#[cold]
pub fn stalled(ns: u64) {
    let execution = &mut rt().execution;
    execution.cancelled.openings = Some(execution.effects.openings());
    if recording() {
        record::step(Op::Stalled { ns });
    }
}

/// The test function has returned: from now on nothing of it can be cancelled.
pub fn test_over() {
    rt().execution.schedule.allow_stalls(false);
}

/// Other threads have had their turns since the test function has returned. While cancellation is tried, they get the time
/// as well that they wait for, and then it is noted what is left.
pub fn look_at_what_is_left() {
    if matches!(rt().uncancelled, Uncancelled::Unknown) || !is_settled() {
        return;
    }
    let runtime = rt();
    let execution = &mut runtime.execution;
    let open = execution.effects.open();
    let others = execution.harness + 1..execution.threads.len() as u32;
    let lives = |id: &u32| *id != execution.root && *execution.schedule.state(*id) != State::Ended;
    let left = Left { open: open.iter().map(|(_, opening)| *opening).collect(), threads: others.filter(lives).count() };
    let mut leaked = Vec::new();
    if let (Uncancelled::Known(without), Some(before)) = (&runtime.uncancelled, execution.cancelled.openings)
        && left.threads <= without.threads
    {
        leaked = open.to_vec();
        leaked.retain(|(_, opening)| *opening < before && !without.open.contains(opening));
    }
    execution.cancelled.leaked = leaked.iter().map(|(_, opening)| *opening).collect();
    execution.cancelled.left = Some(left);
    if recording() {
        for (descriptor, _) in leaked {
            record::step(Op::LeftOpen { descriptor });
        }
    }
}

/// Lets time pass until no other thread can go on; whether that has come to an end.
fn is_settled() -> bool {
    for _ in 0..MOST_DEADLINES {
        if rt().execution.schedule.runnable() > 1 {
            return false;
        }
        let Some(deadline) = rt().execution.schedule.earliest_deadline() else { return true };
        sched::wait(Wait::Sleep, Some(deadline), !0);
        let_others_finish();
    }
    false
}
