//! What each thread was doing at the end, in words.

use crate::case::Case;
use crate::object::ObjectKind;
use crate::steps::verbs;
use raddle_engine::waits::{Final, WaitFor};
use raddle_protocol::finding::ThreadView;
use raddle_protocol::trace::{State, ThreadId, Wait};

/// A wait in words: ``waits for `a` (held by thread 2)``.
pub fn wait(case: &Case<'_>, thread: ThreadId, what: &WaitFor) -> String {
    match what {
        WaitFor::Lock(object, mode) => {
            let request = plain_wait(case, thread, &WaitFor::Lock(*object, *mode));
            let once = case.reading.objects.get(*object).kind == ObjectKind::Once;
            let mut holders: Vec<_> = case.holds.of(*object).iter().map(|hold| hold.thread).collect();
            holders.sort_unstable();
            holders.dedup();
            format!("{request}{}", verbs::held_by(thread, &holders, once, &case.threads))
        }
        WaitFor::Notification(object) => {
            let kind = case.reading.objects.get(*object).kind;
            verbs::waiting(Some(kind), case.names.short(*object)).unwrap_or_else(|| "waits".to_owned())
        }
        WaitFor::Ends(children) if children.is_empty() => "waits for its scoped threads to end".to_owned(),
        WaitFor::Ends(children) => format!("waits for {} to end", case.threads.list(children)),
    }
}

/// A wait in words, without who is to blame: ``waits for `a` ``.
pub fn plain_wait(case: &Case<'_>, thread: ThreadId, what: &WaitFor) -> String {
    match what {
        WaitFor::Lock(object, mode) => {
            let kind = case.reading.objects.get(*object).kind;
            verbs::request(Some(kind), *mode, case.names.short(*object))
        }
        other => wait(case, thread, other),
    }
}

/// The state of a thread in words.
pub fn state(case: &Case<'_>, thread: ThreadId) -> String {
    let waits_in_time = matches!(
        case.trace().threads.get(thread as usize).map(|thread| &thread.state),
        Some(State::Waiting(Wait::Sleep))
    );
    match case.reading.finals.get(thread as usize) {
        Some(Final::Ended) => "has ended".to_owned(),
        Some(Final::Waiting(what, _)) => wait(case, thread, what),
        Some(Final::Runnable) | None if waits_in_time => "sleeps".to_owned(),
        Some(Final::Runnable) | None => match case.last_user_place(thread) {
            Some(place) => format!("is at {}", place.short()),
            None => "can run".to_owned(),
        },
    }
}

/// The threads of the report: those that `takes_part` names, in order of creation, and then the tasks.
pub fn views(case: &Case<'_>, takes_part: impl Fn(ThreadId) -> bool) -> Vec<ThreadView> {
    let threads = (0..case.trace().threads.len() as ThreadId).filter(|thread| takes_part(*thread)).map(|id| {
        let name = case.threads.get(id);
        ThreadView {
            id,
            name: name.map_or_else(|| format!("thread {id}"), |name| name.heading.clone()),
            state: state(case, id),
            spawned_at: name.and_then(|name| name.spawned.as_ref()).map(crate::place::Place::short),
        }
    });
    let tasks = case.tasks.all().map(|(task, about)| ThreadView {
        id: case.column_of(task),
        name: about.heading.clone(),
        state: if about.ended { "has ended".to_owned() } else { String::new() },
        spawned_at: about.spawned.as_ref().map(crate::place::Place::short),
    });
    threads.chain(tasks.filter(|task| takes_part(task.id))).collect()
}
