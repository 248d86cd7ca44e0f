//! `--cancel`: what waits is cancelled at each place in turn where it waits, an execution each.
//!
//! Three things cancel a future. A time limit runs out: everything stands still at a wait with a deadline, until that or
//! until long after, since an event loop waits for the next of its timers only. Something else comes first, the other
//! branch of a `select!` or an abort: one of the threads that could go on at that wait stands still while others get
//! anywhere without it. The engine's `schedule/stall.rs` says why all these executions are possible. And the test itself
//! may have said that a future can be dropped wherever it waits, with `raddle::cancellable`.
//!
//! Each of these is one question to the strategy. The execution without cancellation tells which there are; then each is
//! given each of its other answers, one at a time. What goes wrong is sent with its record; whether a cancellation is the
//! cause is judged there.
//!
//! Up to its stall, each of these executions is the one without: what has been opened before it has been opened in both.
//! So a descriptor that is closed at the end of one and not of the other has been left open by the cancellation. It is
//! looked at when no other thread can go on, not even when time passes, and when no more of them are left than without.
//!
//! Not seen: an operation that an event loop goes on with before it waits for anything, since nothing can cut that off;
//! what one event loop decides by itself, among tasks none of which waits for another thread, for time or for the system;
//! and timers of a clock that a runtime keeps by itself (tokio's `start_paused`).
//!
//! Locks and permits are left to the test's assertions, and to deadlocks. A guard that is dropped with its future gives back
//! what it holds; what stays taken was taken without one (a permit that is forgotten, so that something else adds it again).
//! Whether that is yet to happen, or meant so (a limit that is lowered, a bounded channel that nobody reads any more),
//! cannot be told from the words of a lock or the count of a semaphore: the same words mean damage in one program and not
//! in the next. A descriptor is different: nobody can close it any more when all threads are done.

use crate::entry::let_others_finish;
use crate::explore::Explorer;
use crate::record;
use crate::sched;
use crate::state::{executing, recording, rt};
use raddle_engine::strategy::StallAt;
use raddle_engine::{Question, Stalled};
use raddle_protocol::trace::{Outcome, State, Wait};
use raddle_protocol::{Choice, ChoiceKind, Op};
use std::collections::BTreeSet;

/// Executions tried at the most.
const MOST_TRIED: u64 = 1000;

/// Schedule points for which a thread stands still at the most: others may look for it again and again.
const HELD: u64 = 20_000;

/// Distinct failures that are sent at the most.
const MOST_SENT: usize = 16;

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
    let outcome = explorer.aside(|explorer| perform(explorer, 0, 0).0);
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
    let outcome = explorer.led_by(Box::new(StallAt::new(at, stall)), |explorer| explorer.perform_reversibly(0));
    (outcome, rt().tape.record().to_vec())
}

fn each_point(explorer: &mut Explorer, until_ns: u64) -> u64 {
    let mut known = BTreeSet::new();
    let mut known_leaks = BTreeSet::new();
    let mut tried = 0;
    let (_, choices) = perform(explorer, 0, 0);
    for (at, answer) in questions(&choices) {
        let is_over = crate::sys::real_time_ns() > until_ns || tried >= MOST_TRIED;
        if is_over || known.len() + known_leaks.len() >= MOST_SENT {
            break;
        }
        let (outcome, choices) = perform(explorer, at, answer);
        if !choices.iter().any(Choice::cancels) {
            // The world has not done the same again.
            continue;
        }
        tried += 1;
        let leaked = core::mem::take(&mut rt().execution.cancelled.leaked);
        if outcome != Outcome::Passed {
            explorer.report(outcome, 0, choices, &mut known);
        } else if !leaked.is_empty() && known_leaks.insert(leaked) {
            explorer.report_passed(0, choices, 0, 0);
        }
    }
    tried
}

/// All that can be tried where these were the choices without: numbers of questions, and answers. All questions have had
/// their first answer before any has its second.
fn questions(choices: &[Choice]) -> Vec<(u64, usize)> {
    let options = || choices.iter().filter(|choice| choice.kind == ChoiceKind::Stall).map(|choice| choice.options);
    let most = options().max().unwrap_or(0);
    let with = |answer| (0..).zip(options()).filter(move |(_, options)| *options > answer);
    (1..most).flat_map(|answer| with(answer).map(move |(at, _)| (at, answer as usize))).collect()
}

/// Everything has stood still, or one thread does from now on.
#[cold]
pub fn stalled(what: Stalled) {
    noted(match what {
        Stalled::All(ns) => Op::Stalled { ns },
        Stalled::One(thread) => {
            let runtime = rt();
            runtime.held = runtime.points + HELD;
            runtime.limit = runtime.limit.min(runtime.held);
            Op::HeldBack { thread }
        }
    });
}

/// A cancellation begins with this step.
fn noted(op: Op) {
    let execution = &mut rt().execution;
    execution.cancelled.openings = Some(execution.effects.openings());
    if recording() {
        record::step(op);
    }
}

/// Whether a future that may be dropped where it waits is dropped now: 1 or 0. Called by `raddle::cancellable`, by this
/// name.
#[unsafe(no_mangle)]
pub extern "C" fn raddle_drops_here() -> i32 {
    if !executing() || rt().epilogue || !rt().execution.schedule.allows_stalls() {
        return 0;
    }
    let drops = rt().tape.ask(&Question::plain(ChoiceKind::Stall, 2)) == 1;
    if recording() {
        crate::explore::check_replay();
    }
    if drops {
        noted(Op::Cancelled);
    }
    drops.into()
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
