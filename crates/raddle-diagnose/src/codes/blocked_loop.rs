//! RD0301: a task stops the whole thread while other tasks of that thread are ready.
//!
//! What stops it is the business of `stops.rs`. Here it is shown that somebody was kept waiting, by the state word that an
//! executor has of each task: the last operation that has made a task ready lies before the stop, or at least a
//! millisecond of virtual time before its end, and the thread goes on with that task as soon as it can. Or a timer of
//! tokio's that ran out meanwhile makes the task ready right after the stop.
//!
//! Where several threads run tasks, the thread itself must have made that task ready: then it lay in its own queue.
//!
//! Not seen: the future that a thread blocks on, as one that is kept waiting; timers of other runtimes; tasks of
//! executors that [`crate::polls`] does not know.

mod stops;

use super::Diagnosis;
use crate::case::Case;
use crate::polls;
use crate::tasks::TaskId;
use crate::words::capital;
use raddle_protocol::Op;
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeSet;
use stops::Stop;

/// Shorter stops keep nobody waiting to speak of, if they are not of a kind that nothing limits.
const LEAST_NS: u64 = 1_000_000;

/// An executor that is not stopped goes on with its next task before so much virtual time has passed.
const AT_ONCE_NS: u64 = LEAST_NS / 10;

/// A task that is kept waiting.
struct Kept {
    task: TaskId,
    /// The step with which the thread goes on with it.
    next: usize,
    since: Since,
}

/// Since when a task has been ready.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    Before,
    Meanwhile,
    /// Its timer ran out.
    Due,
}

/// The first stop that keeps another task waiting.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let loops: BTreeSet<ThreadId> = case.tasks.begins().map(|at| case.trace().steps[at].thread).collect();
    let steps = &case.trace().steps;
    (0..steps.len()).filter(|at| loops.contains(&steps[*at].thread)).find_map(|at| {
        let stop = stops::stop(case, at)?;
        let kept = kept_waiting(case, &stop, loops.len() > 1)?;
        Some(explain(case, &stop, &kept))
    })
}

/// The task that the thread goes on with, if that was ready before.
fn kept_waiting(case: &Case<'_>, stop: &Stop, shared: bool) -> Option<Kept> {
    let (at, woke) = stop.steps;
    let steps = &case.trace().steps;
    let thread = steps[at].thread;
    let calls = |index: usize, what: &str| {
        case.site_at(index).is_some_and(|site| site.frames.iter().any(|frame| frame.function.contains(what)))
    };
    let waits = |index: usize| {
        matches!(steps[index].op, Op::FutexWait { .. } | Op::CondvarWait { .. } | Op::Sleep { .. })
            || calls(index, "Driver::park")
            || calls(index, "epoll_wait")
    };
    let soon = steps[woke].time_ns + AT_ONCE_NS;
    let own = (woke + 1..steps.len()).filter(|index| steps[*index].thread == thread);
    let at_once = own.take_while(|index| steps[*index].time_ns <= soon);
    let next = at_once.clone().find(|index| case.tasks.begun(*index).is_some())?;
    let task = case.tasks.begun(next).filter(|task| Some(*task) != case.tasks.of(stop.call))?;
    let readied = (0..next).rev().find(|index| {
        let word = case.site_at(*index).and_then(|site| polls::readies(site, &steps[*index].op));
        word.and_then(|word| case.tasks.known(word, *index)) == Some(task)
    });
    let made = case.tasks.get(task).made;
    let since = match readied {
        Some(index) if index > woke => {
            let long = steps[woke].time_ns - steps[at].time_ns >= LEAST_NS;
            (long && steps[index].thread == thread && calls(index, "tokio::runtime::time")).then_some(Since::Due)?
        }
        Some(index) if index > at => {
            let long = steps[woke].time_ns - steps[index].time_ns >= LEAST_NS;
            long.then_some(Since::Meanwhile)?
        }
        None if made > case.trace().position(at) => return None,
        _ => Since::Before,
    };
    let waited_first = at_once.take_while(|index| *index < next).any(waits);
    // A task that was never woken has been made ready by whoever spawned it.
    let own_queue =
        readied.map_or_else(|| case.tasks.get(task).spawner == Some(thread), |index| steps[index].thread == thread);
    ((since == Since::Due || !waited_first) && (own_queue || !shared)).then_some(Kept { task, next, since })
}

fn explain(case: &Case<'_>, stop: &Stop, kept: &Kept) -> Diagnosis {
    let (at, woke) = (stop.call, stop.steps.1);
    let thread = case.trace().steps[at].thread;
    let loops = case.threads.prose(thread);
    let mut diagnosis = Diagnosis { code: "RD0301", warning: true, by_task: true, ..Diagnosis::default() };
    diagnosis.about.insert(thread);
    diagnosis.keys.extend([at, woke, kept.next]);
    let (task, other) = (case.tasks.of(at), case.tasks.get(kept.task));
    let short =
        task.map_or_else(|| format!("the future that {loops} blocks on"), |task| case.tasks.get(task).prose.clone());
    diagnosis.message = match kept.since {
        Since::Due => format!("event loop blocked: {short} {} while a timer of {} is due", stop.does, other.prose),
        Since::Before | Since::Meanwhile => {
            format!("event loop blocked: {short} {} while {} is ready", stop.does, other.prose)
        }
    };
    let place = case.place_at(Some(at));
    case.mark(&mut diagnosis.spans, place.clone(), stop.label.clone(), true);
    let started = format!("{} was started here", other.prose);
    case.mark(&mut diagnosis.spans, other.spawned.clone(), started, false);
    let who = task.map_or_else(|| format!("The future that {loops} blocks on"), |task| capital(&case.tasks.long(task)));
    let long = case.tasks.long(kept.task);
    let waited = match kept.since {
        Since::Before => format!("{} was ready when that began, and had to wait until it was over.", capital(&long)),
        Since::Meanwhile => format!("{} became ready meanwhile, and had to wait until it was over.", capital(&long)),
        Since::Due => {
            format!("A timer that {long} waits for ran out meanwhile, and was not looked at until it was over.")
        }
    };
    diagnosis.reason.push(format!(
        "{who} {}{}. That stops {loops}, which runs other tasks too. {waited}",
        stop.calls,
        case.at(place.as_ref()),
    ));
    diagnosis.fix = vec![
        stop.instead.to_owned(),
        "Where the call must block, make it on a thread that may: `tokio::task::spawn_blocking`, or `unblock` of smol."
            .to_owned(),
    ];
    diagnosis
}
