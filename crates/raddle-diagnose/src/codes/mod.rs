//! One file for each kind of finding: what happened, where, why, and what to change.

mod aborted;
mod blocked_loop;
mod cancellation;
mod cause;
mod check_then_use;
mod conflict;
mod crash;
mod deadlock;
mod failure;
mod guard_across_await;
mod guard_suspended;
mod lateness;
mod leak;
mod left_memory;
mod letter;
mod livelock;
mod lock_held;
mod lock_order;
mod lock_too_narrow;
mod lost_failure;
mod lost_update;
mod lost_wakeup;
mod no_progress;
mod not_reproducible;
mod one_thread;
mod outlives;
mod overtaken;
mod pattern;
mod result_depends;
mod self_deadlock;
mod spinning;
mod spurious;
mod starvation;
mod suspended;
mod torn;
mod unbounded_queue;
mod used_up;
mod waits_once;
mod waker_lost;

use crate::case::Case;
use crate::round::Round;
use crate::states;
use crate::words;
use raddle_engine::waits::{self, Verdict};
use raddle_protocol::Cause;
use raddle_protocol::finding::{Span, StackView};
use raddle_protocol::trace::{Bound, Op, Outcome, State, ThreadId, Wait};
use std::collections::BTreeSet;

/// A diagnosis before the steps are told.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// Catalogue code.
    pub code: &'static str,
    /// One sentence: what happened.
    pub message: String,
    /// Source places, most important first.
    pub spans: Vec<Span>,
    /// Whole call stacks.
    pub stacks: Vec<StackView>,
    /// Why.
    pub reason: Vec<String>,
    /// What to change.
    pub fix: Vec<String>,
    /// Further facts.
    pub notes: Vec<String>,
    /// Recorded steps on which it turns.
    pub keys: BTreeSet<usize>,
    /// Threads it is about.
    pub about: BTreeSet<ThreadId>,
    /// It is about tasks: what they do is told of them and not of their threads.
    pub by_task: bool,
    /// It is a warning: nothing has failed by it.
    pub warning: bool,
    /// Two recorded steps whose order decides, and what it decides.
    pub decides: Option<(usize, usize, String)>,
    /// The code of the pattern that these two are part of.
    pub pattern: Option<&'static str>,
}

/// Diagnoses a case by how its execution ended.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    completed(case, cancelled(case).unwrap_or_else(|| by_outcome(case)))
}

/// Adds what is to be said of any execution.
pub fn completed(case: &Case<'_>, mut diagnosis: Diagnosis) -> Diagnosis {
    letter::explain(case, &mut diagnosis);
    spurious::explain(case, &mut diagnosis);
    lateness::explain(case, &mut diagnosis);
    if case.trace().steps_cut > 0 {
        diagnosis.notes.push(format!(
            "{} operations in the middle of this execution were not kept: counts leave them out, and a lock taken in them has no holder here.",
            crate::words::thousands(case.trace().steps_cut)
        ));
    }
    diagnosis
}

fn by_outcome(case: &Case<'_>) -> Diagnosis {
    let raw = case.raw;
    if let Some(other) = &raw.differs {
        return not_reproducible::differs(case, other);
    }
    match &raw.outcome {
        Outcome::Stuck => stuck(case),
        Outcome::Exited(status) => failure::exited(case, *status),
        Outcome::Crashed { thread, signal, address, cause } => crash::crashed(case, *thread, *signal, *address, *cause),
        Outcome::NoProgress(bound) => endless(case).unwrap_or_else(|| no_progress::no_progress(case, *bound)),
        Outcome::Diverged { at, detail } => not_reproducible::diverged(case, *at, detail),
        Outcome::Passed => suspects(case).into_iter().next().unwrap_or_else(failure::passed),
        Outcome::NeedsFork(why) => failure::needs_fork(why),
        Outcome::Conflict(found) => conflict::conflict(case, found),
    }
}

/// What a cancellation has left behind, in an execution that was to show it.
pub fn cancelled(case: &Case<'_>) -> Option<Diagnosis> {
    if !crate::is_cancelled(case.raw) || case.raw.differs.is_some() {
        return None;
    }
    if case.raw.outcome == Outcome::Passed {
        return leak::find(case);
    }
    cancellation::explain(case, by_outcome(case))
}

/// What may be wrong with an execution that passed: the most important of what is told only once, and what stands for itself.
pub fn suspects(case: &Case<'_>) -> Vec<Diagnosis> {
    match &case.raw.cause {
        Some(Cause { printed: Some(printed), .. }) => return vec![result_depends::explain(case, printed)],
        Some(Cause { behind: Some(_), .. }) => return lock_too_narrow::find(case).into_iter().collect(),
        Some(Cause { spins: Some(spins), .. }) => return spinning::find(case, *spins).into_iter().collect(),
        _ => {}
    }
    [suspect(case), lock_order::find(case)].into_iter().flatten().collect()
}

fn suspect(case: &Case<'_>) -> Option<Diagnosis> {
    left_memory::find(case)
        .or_else(|| lost_failure::find(case))
        .or_else(|| blocked_loop::find(case))
        .or_else(|| guard_suspended::find(case))
        .or_else(|| check_then_use::find(case))
        .or_else(|| outlives::find(case))
        .or_else(|| unbounded_queue::find(case))
        .or_else(|| lock_held::find(case))
}

/// What is known to be wrong with an execution that does not end.
pub fn endless(case: &Case<'_>) -> Option<Diagnosis> {
    spinning_deadlock(case).or_else(|| starvation::find(case)).or_else(|| livelock::find(case))
}

/// An execution that goes round for ever, in which one thread does so and all others have ended or wait for good: whatever it
/// looks for, nobody is left to bring it about.
pub fn alone(case: &Case<'_>) -> Option<Diagnosis> {
    let Outcome::NoProgress(bound @ Bound::Round(_)) = case.raw.outcome else { return None };
    let [runner] = Round::of(case)?.runners[..] else { return None };
    let trace = case.trace();
    let waits_with_a_limit = |thread: ThreadId| {
        let last = trace.steps.iter().rev().find(|step| step.thread == thread);
        last.is_some_and(|step| {
            matches!(step.op, Op::FutexWait { timed: true, .. } | Op::CondvarWait { timed: true, .. })
        })
    };
    let may_go_on = |thread: ThreadId| match trace.threads[thread as usize].state {
        State::Ended => false,
        State::Runnable | State::Waiting(Wait::Sleep | Wait::Descriptor(_) | Wait::FileLock(..)) => true,
        State::Waiting(_) => waits_with_a_limit(thread),
    };
    let mut others = (0..trace.threads.len() as ThreadId).filter(|thread| *thread != runner);
    (!others.any(may_go_on)).then(|| no_progress::no_progress(case, bound))
}

/// The deadlock among threads that spin for their locks, or some of which do: an execution that never ends, but no thread
/// of which gets anywhere.
fn spinning_deadlock(case: &Case<'_>) -> Option<Diagnosis> {
    let finals = &case.reading.finals;
    if finals.contains(&waits::Final::Runnable) {
        return None;
    }
    let verdict = waits::judge(&case.reading.events(), finals);
    let code = verdict.code();
    let mut diagnosis = match verdict {
        Verdict::SelfDeadlock(found) => self_deadlock::self_deadlock(case, &found),
        Verdict::Deadlock(found) => deadlock::deadlock(case, &found),
        Verdict::LostWakeup(_) | Verdict::Unexplained => return None,
    };
    diagnosis.code = code;
    let spins = |thread: &u32| {
        let known = case.trace().threads.get(*thread as usize);
        known.is_some_and(|thread| thread.state == State::Runnable)
    };
    let spinning: Vec<u32> = (0..finals.len() as u32).filter(spins).collect();
    let verb = if spinning.len() == 1 { "spins" } else { "spin" };
    diagnosis.notes.push(format!(
        "{} {verb}: a spin lock tests again and again instead of sleeping, here for ever.",
        words::capital(&case.threads.list(&spinning))
    ));
    Some(diagnosis)
}

fn stuck(case: &Case<'_>) -> Diagnosis {
    let verdict = waits::judge_with(&case.reading.events(), &case.reading.finals, &servants(case));
    if let Verdict::SelfDeadlock(found) = &verdict
        && let Some(diagnosis) = guard_across_await::guard_across_await(case, found)
    {
        return diagnosis;
    }
    if let Verdict::LostWakeup(_) | Verdict::Unexplained = &verdict
        && let Some(diagnosis) = waker_lost::find(case)
    {
        return diagnosis;
    }
    let code = verdict.code();
    let mut diagnosis = match verdict {
        Verdict::SelfDeadlock(found) => self_deadlock::self_deadlock(case, &found),
        Verdict::Deadlock(found) => deadlock::deadlock(case, &found),
        Verdict::LostWakeup(found) => lost_wakeup::lost_wakeup(case, &found),
        Verdict::Unexplained => lost_wakeup::unexplained(case),
    };
    diagnosis.code = code;
    if diagnosis.decides.is_none() {
        cause::explain(case, &mut diagnosis);
    }
    diagnosis
}

/// That either this code or the crate's is to blame for a wait, which is the crate's.
fn this_code_or_the_crates(wait: &str) -> String {
    format!(
        "{wait}. Either this code does not do what that waits for on every path (send, give back, drop, end); or it has done it, and the crate has lost the wake-up: see whether a newer version has mended it, else report it there. What follows is for the code of the crate."
    )
}

/// That a crate is to blame for what happens inside it, if it is used as it asks to be.
fn mistake_of_the_crate(what: &str) -> String {
    format!(
        "{what}. If this code uses it as its documentation asks, the mistake is the crate's, or that of a crate which calls it: see whether a newer version has mended it, else report it there. What follows is for the code of the crate."
    )
}

/// The threads that stand in none of the user's functions: a crate has started them.
fn servants(case: &Case<'_>) -> BTreeSet<ThreadId> {
    let is_servant = |thread: &ThreadId| {
        let last = case.trace().threads[*thread as usize].last;
        last.is_some_and(|last| case.sites.get(last).user.is_none())
    };
    (0..case.trace().threads.len() as ThreadId).filter(is_servant).collect()
}

/// A sentence for the threads that wait and are not in `diagnosis.about`: they are only bystanders.
fn bystanders(case: &Case<'_>, about: &BTreeSet<ThreadId>) -> Option<String> {
    Some(format!("{}, but without being part of the cause.", others_waiting(case, about)?))
}

/// The threads that wait and are not in `about`, each with its wait.
fn others_waiting(case: &Case<'_>, about: &BTreeSet<ThreadId>) -> Option<String> {
    let waiting: Vec<String> = case
        .reading
        .finals
        .iter()
        .zip(0..)
        .filter_map(|(end, thread)| match end {
            waits::Final::Waiting(what, _) if !about.contains(&thread) => {
                Some(format!("{} {}", case.threads.prose(thread), states::wait(case, thread, what)))
            }
            _ => None,
        })
        .collect();
    // A pool's idle workers would drown the rest.
    const MOST: usize = 4;
    let shown = match waiting.len() {
        0 => return None,
        n if n > MOST => format!("{} and {} more threads wait too", waiting[..MOST].join(", "), n - MOST),
        _ => crate::words::list(&waiting),
    };
    Some(crate::words::capital(&shown))
}
