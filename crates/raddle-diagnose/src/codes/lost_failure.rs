//! RD0305: a thread or task has panicked, nobody has asked how it ended, and the execution passed.
//!
//! Of a thread: the panic is caught by the function with which every thread begins, and nobody joins it. Of a task of
//! tokio: the panic is caught where the runtime polls it, and its handle is never polled after that.
//!
//! Left alone: where somebody has noticed. A thread that starts another while the panic unwinds it has a destructor that puts
//! another in its place, as workers of a pool have; one that sends a message then has a destructor that tells of the panic;
//! and where the test's own thread panics afterwards, or one that is joined, the test has not gone on without the part that
//! had died. A channel that is merely closed tells nobody why.
//!
//! Not seen: an error that is returned rather than raised, the tasks of other runtimes, and a failure that happens only in
//! schedules that were not recorded.

use super::Diagnosis;
use crate::case::Case;
use crate::polls;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::trace::{State, ThreadId};
use raddle_protocol::{Op, Role};

/// The first failure that nobody has noticed.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let trace = case.trace();
    let mut seen: Vec<ThreadId> = Vec::new();
    for (at, step) in trace.steps.iter().enumerate() {
        let site = case.sites.get(step.stack);
        if !site.panics {
            continue;
        }
        let lost = match caught_by(site) {
            Some(Caught::Thread) if step.thread != 0 && !seen.contains(&step.thread) => {
                seen.push(step.thread);
                (thread_is_lost(case, step.thread) && !is_seen_to(case, step.thread, at)).then(|| {
                    let spawned = trace.threads[step.thread as usize].spawned.map(|(_, stack)| stack);
                    ("thread", case.threads.prose(step.thread), case.place_of(spawned))
                })
            }
            Some(Caught::Task) if task_is_lost(case, at) => {
                let task = case.tasks.of(at).map(|task| case.tasks.get(task));
                let who = task.map_or_else(|| "a task".to_owned(), |task| task.prose.clone());
                Some(("task", who, task.and_then(|task| task.spawned.clone())))
            }
            _ => None,
        };
        let Some((kind, who, spawned)) = lost else { continue };
        let mut diagnosis = Diagnosis { code: "RD0305", by_task: true, ..Diagnosis::default() };
        diagnosis.message = format!("{who} panicked, and nobody has asked how it ended");
        diagnosis.about.insert(step.thread);
        let panics = |action: &&crate::action::Action| {
            action.thread == step.thread && action.at >= at && case.sites.get(action.stack).panics
        };
        diagnosis.keys.insert(case.reading.actions.iter().find(panics).map_or(at, |action| action.at));
        let place = case.place_at(Some(at));
        let is_dropped = polls::drops_task(site);
        let when = if is_dropped { ", while its future was dropped" } else { "" };
        case.mark(&mut diagnosis.spans, place.clone(), format!("it panicked here{when}"), true);
        case.mark(&mut diagnosis.spans, spawned, "it was started here; its handle was never asked".to_owned(), false);
        diagnosis.reason.push(format!(
            "{} panicked{}{when}. A panic ends the {kind} alone; it is passed on to whoever asks the handle that `spawn` has returned, and nobody did. The test went on and passed without the part that had died.",
            crate::words::capital(&who),
            case.at(place.as_ref()),
        ));
        let ask = if kind == "thread" { "`join` it" } else { "`.await` it" };
        diagnosis.fix = vec![
            format!("Keep the handle, {ask}, and pass the failure on: `handle{}.unwrap()`.", if kind == "thread" { ".join()" } else { ".await" }),
            "For several at once: `std::thread::scope` passes panics on by itself, and a `JoinSet` gives each result as it comes.".to_owned(),
        ];
        if is_dropped {
            diagnosis.fix.insert(0, "What is suspended when its runtime ends is dropped, and so is what has not begun: see to it that the future's destructor needs neither the runtime nor a poll before, or wait for the task first.".to_owned());
        }
        return Some(diagnosis);
    }
    None
}

/// Who catches a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caught {
    /// The function with which a thread of std begins.
    Thread,
    /// tokio, around the poll of a task.
    Task,
}

/// Who catches the panic that is raised with this stack; `None` when it is somebody else.
fn caught_by(site: &Site) -> Option<Caught> {
    let at = site.frames.iter().position(|frame| frame.function.contains("panicking::catch_unwind"))?;
    let machinery = |name: &str| name.starts_with("std::panic") || name == "__rust_try";
    let catcher = |frame: &&SourceFrame| !machinery(&frame.function);
    let catcher = site.frames[at..].iter().find(catcher)?;
    match catcher.origin {
        Origin::Standard if catcher.function.contains("std::thread::") => Some(Caught::Thread),
        Origin::Dependency if catcher.function.contains("tokio::runtime::task::harness") => Some(Caught::Task),
        _ => None,
    }
}

/// Whether a thread that has ended was never joined, and is not one of a scope, which passes panics on by itself.
fn thread_is_lost(case: &Case<'_>, thread: ThreadId) -> bool {
    let trace = case.trace();
    let about = &trace.threads[thread as usize];
    let scoped = about.spawned.is_some_and(|(_, stack)| {
        case.sites.get(stack).frames.iter().any(|frame| frame.function.contains("std::thread::scoped"))
    });
    about.state == State::Ended && !is_asked(case, thread) && !scoped
}

/// Whether somebody learns of a panic of this thread: it is the test's own, or joined.
fn is_asked(case: &Case<'_>, thread: ThreadId) -> bool {
    let joins = |op: &Op| matches!(op, Op::Joined { child } if *child == thread);
    thread == 0 || case.trace().steps.iter().any(|step| joins(&step.op))
}

/// Whether somebody has taken note of the panic of a thread at step `at`.
fn is_seen_to(case: &Case<'_>, thread: ThreadId, at: usize) -> bool {
    case.trace().steps[at + 1..].iter().any(|step| {
        let site = case.sites.get(step.stack);
        if step.thread == thread {
            return matches!(step.op, Op::Spawn { .. }) || site.roles.contains(&Role::ChannelSend);
        }
        site.panics && is_asked(case, step.thread)
    })
}

/// Whether the task that panics at step `at` is over and nobody has looked at how it ended.
fn task_is_lost(case: &Case<'_>, at: usize) -> bool {
    let trace = case.trace();
    let calls = |index: usize, what: &str| {
        case.site_at(index).is_some_and(|site| site.frames.iter().any(|frame| frame.function.contains(what)))
    };
    let mut after = at..trace.steps.len();
    let over = after
        .find(|index| trace.steps[*index].thread == trace.steps[at].thread && calls(*index, "transition_to_complete"));
    let Some((over, state)) = over.and_then(|over| Some((over, polls::state_word(&trace.steps[over].op)?))) else {
        return false;
    };
    let on_it = |index: &usize| polls::state_word(&trace.steps[*index].op) == Some(state);
    let asks = |index| calls(index, "JoinHandle") && !calls(index, "drop_join_handle");
    !(over..trace.steps.len()).filter(on_it).any(asks)
}
