//! RD0301: a task puts the whole thread to sleep while other tasks of that thread are ready.
//!
//! Known is `thread::sleep` inside a poll of tokio's runtime. That another task was kept waiting shows by the state word
//! that the runtime has of each: it was there before the sleep, nobody woke it after, and the thread goes on with it
//! before it waits for anything.
//!
//! Not seen: other calls that block, long computation, other runtimes.

use super::Diagnosis;
use crate::case::Case;
use crate::polls;
use raddle_protocol::Op;

/// Shorter sleeps keep nobody waiting to speak of.
const LEAST_NS: u64 = 1_000_000;

/// The first such sleep.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let steps = &case.trace().steps;
    steps.iter().enumerate().find_map(|(at, step)| match step.op {
        Op::Sleep { ns } if ns >= LEAST_NS => blocked(case, at, ns),
        _ => None,
    })
}

fn blocked(case: &Case<'_>, at: usize, ns: u64) -> Option<Diagnosis> {
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
    let woke = (at + 1..steps.len()).filter(own).find(|index| matches!(steps[*index].op, Op::Woke))?;
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
    let waited = crate::words::duration(ns);
    let mut diagnosis = Diagnosis { code: "RD0301", ..Diagnosis::default() };
    diagnosis.warning = true;
    diagnosis.about.insert(thread);
    diagnosis.keys.extend([at, next]);
    let who = case.threads.prose(thread);
    let place = case.place_at(Some(at));
    diagnosis.message =
        format!("event loop blocked: a task puts {who} to sleep for {waited} while another task is ready");
    case.mark(&mut diagnosis.spans, place.clone(), format!("the whole thread sleeps here for {waited}"), true);
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
        "A task{task} calls `thread::sleep`{}. That stops {who}, which runs other tasks too. One of them was ready when the sleep began, and had to wait until it was over.",
        case.at(place.as_ref()),
    ));
    diagnosis.fix = vec![
        "Sleep with the runtime's own timer (`tokio::time::sleep(...).await`), which suspends the task and not the thread.".to_owned(),
        "Where the call must block, make it on a thread that may: `tokio::task::spawn_blocking`.".to_owned(),
    ];
    Some(diagnosis)
}
