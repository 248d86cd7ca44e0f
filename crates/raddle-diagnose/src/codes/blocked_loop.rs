//! RD0301: a task stops the whole thread while other tasks of that thread are ready.
//!
//! Known are, inside a poll of tokio's runtime: `thread::sleep`; waiting for the end of a thread; and the standard library's
//! channels, conditions, barriers and locks, where the user calls them. Waiting for a lock counts from a millisecond of
//! virtual time on, since a lock that is held for a moment is the right thing also in async code. That another task was kept
//! waiting shows by the state word that the runtime has of each: it was there before, nobody woke it after, and the
//! thread goes on with it before it waits for anything.
//!
//! Not seen: blocking input and output, long computation, other runtimes.

use super::Diagnosis;
use crate::case::Case;
use crate::polls;
use raddle_instrument::symbols::Origin;
use raddle_protocol::{Op, Role};

/// Shorter sleeps keep nobody waiting to speak of.
const LEAST_NS: u64 = 1_000_000;

/// What stops a thread.
struct Stop {
    /// The step with which it begins to wait, and the one with which it goes on.
    steps: (usize, usize),
    /// What it does: after "a task" in the headline.
    does: String,
    /// The call, for "A task calls".
    calls: String,
    /// The same, where it is marked.
    label: String,
    /// What to use instead.
    instead: &'static str,
}

/// The first one that keeps another task waiting.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    (0..case.trace().steps.len()).find_map(|at| blocked(case, stop(case, at)?))
}

/// What begins at this step.
fn stop(case: &Case<'_>, at: usize) -> Option<Stop> {
    let steps = &case.trace().steps;
    let site = case.site_at(at)?;
    polls::of(site)?;
    let thread = steps[at].thread;
    let who = case.threads.prose(thread);
    let end = |ends: &dyn Fn(&Op) -> bool| {
        (at + 1..steps.len()).find(|index| steps[*index].thread == thread && ends(&steps[*index].op))
    };
    let waits = |end: usize, what: &str, calls: &str, instead: &'static str| Stop {
        steps: (at, end),
        does: format!("makes {who} wait for {what}"),
        calls: calls.to_owned(),
        label: format!("the whole thread waits here for {what}"),
        instead,
    };
    match steps[at].op {
        Op::Sleep { ns } if ns >= LEAST_NS => {
            let waited = crate::words::duration(ns);
            Some(Stop {
                steps: (at, end(&|op| matches!(op, Op::Woke))?),
                does: format!("puts {who} to sleep for {waited}"),
                calls: "calls `thread::sleep`".to_owned(),
                label: format!("the whole thread sleeps here for {waited}"),
                instead: "Sleep with the runtime's own timer (`tokio::time::sleep(...).await`), which suspends the task and not the thread.",
            })
        }
        Op::JoinRequest { child } => {
            let end = end(&|op| matches!(op, Op::Joined { child: ended } if *ended == child))?;
            let others = steps[at..end].iter().any(|step| step.thread != thread);
            let instead = "Let the thread say that it is done through a channel whose receiver can be awaited (`tokio::sync::oneshot`), and join it afterwards.";
            others.then(|| waits(end, "the end of another thread", "joins another thread", instead))
        }
        Op::FutexWait { .. } if site.library().iter().all(|frame| frame.origin == Origin::Standard) => {
            let end = end(&|op| matches!(op, Op::FutexReturn { .. }))?;
            let long = steps[end].time_ns - steps[at].time_ns >= LEAST_NS;
            match site.outer()? {
                Role::ChannelReceive | Role::ChannelSend => Some(waits(
                    end,
                    "a channel of the standard library",
                    "waits for a channel",
                    "Use a channel that can be awaited (`tokio::sync::mpsc`).",
                )),
                Role::CondvarWait => Some(waits(
                    end,
                    "a condition",
                    "waits for a condition variable",
                    "Use what can be awaited instead of a condition variable (`tokio::sync::Notify`, `watch`).",
                )),
                Role::BarrierWait => Some(waits(
                    end,
                    "a barrier",
                    "waits at a barrier",
                    "Use a barrier that can be awaited (`tokio::sync::Barrier`).",
                )),
                Role::MutexLock | Role::RwLockRead | Role::RwLockWrite if long => {
                    let waited = crate::words::about(steps[end].time_ns - steps[at].time_ns);
                    let what = format!("a lock for {waited}");
                    Some(waits(
                        end,
                        &what,
                        "asks for a lock that another thread holds for long",
                        "Hold the lock only for moments: do the long work outside it. Where it must be held for long, use the runtime's own async mutex.",
                    ))
                }
                _ => None,
            }
        }
        _ => None,
    }
}

fn blocked(case: &Case<'_>, stop: Stop) -> Option<Diagnosis> {
    let (at, woke) = stop.steps;
    let steps = &case.trace().steps;
    let thread = steps[at].thread;
    let calls = |index: usize, what: &str| {
        case.site_at(index).is_some_and(|site| site.frames.iter().any(|frame| frame.function.contains(what)))
    };
    let task = polls::of(case.site_at(at)?)?.task;
    let starts = |index: &usize| calls(*index, "transition_to_running");
    let own = |index: &usize| steps[*index].thread == thread;
    let state = |index: usize| polls::state_word(&steps[index].op);
    // The task that sleeps, if it is not the one that the thread blocks on.
    let sleeper = (0..at).rev().filter(own).find(starts).and_then(state);
    let waits = |index: &usize| {
        matches!(steps[*index].op, Op::FutexWait { .. } | Op::CondvarWait { .. } | Op::Sleep { .. })
            || calls(*index, "Driver::park")
            || calls(*index, "epoll_wait")
    };
    let next = (woke..steps.len()).filter(own).find(|index| starts(index) || waits(index)).filter(starts)?;
    let other = state(next).filter(|other| Some(*other) != sleeper)?;
    let first = (0..at).find(|index| state(*index) == Some(other))?;
    let woken_after = (woke..next).any(|index| state(index) == Some(other));
    if woken_after {
        return None;
    }
    let mut diagnosis = Diagnosis { code: "RD0301", ..Diagnosis::default() };
    diagnosis.warning = true;
    diagnosis.about.insert(thread);
    diagnosis.keys.extend([at, next]);
    let who = case.threads.prose(thread);
    let place = case.place_at(Some(at));
    diagnosis.message = format!("event loop blocked: a task {} while another task is ready", stop.does);
    case.mark(&mut diagnosis.spans, place.clone(), stop.label, true);
    let spawned = calls(first, "spawn") && case.site_at(first).is_some_and(|site| site.user.is_some());
    case.mark(
        &mut diagnosis.spans,
        case.place_at(spawned.then_some(first)),
        "the task that is ready meanwhile was started here".to_owned(),
        false,
    );
    let task =
        crate::place::Place::of(task, case.context).map_or_else(String::new, |place| format!(" ({})", place.short()));
    diagnosis.reason.push(format!(
        "A task{task} {}{}. That stops {who}, which runs other tasks too. One of them was ready when that began, and had to wait until it was over.",
        stop.calls,
        case.at(place.as_ref()),
    ));
    diagnosis.fix = vec![
        stop.instead.to_owned(),
        "Where the call must block, make it on a thread that may: `tokio::task::spawn_blocking`.".to_owned(),
    ];
    Some(diagnosis)
}
