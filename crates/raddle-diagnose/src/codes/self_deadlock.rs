//! RD0203: a thread waits for a lock that it holds itself.

use super::{Diagnosis, bystanders};
use crate::case::Case;
use crate::object::ObjectKind;
use raddle_engine::waits::{Mode, SelfDeadlock};

/// Describes it.
pub fn self_deadlock(case: &Case<'_>, found: &SelfDeadlock) -> Diagnosis {
    let thread = case.threads.prose(found.thread);
    let name = case.names.get(found.held.object);
    let lock = &name.short;
    let kind = case.reading.objects.get(found.held.object).kind;
    let mut diagnosis = Diagnosis::default();
    diagnosis.about.insert(found.thread);
    let (message, wants) = match (kind, found.held.mode, found.wanted) {
        (ObjectKind::RwLock, Mode::Exclusive, Mode::Shared) => {
            (format!("self-deadlock: {thread} reads {lock} while it holds its write lock"), "a read lock")
        }
        (ObjectKind::RwLock, Mode::Shared, Mode::Exclusive) => (
            format!("self-deadlock: {thread} wants to write {lock} while it holds a read lock on it"),
            "the write lock",
        ),
        (ObjectKind::RwLock, Mode::Shared, Mode::Shared) => (
            format!("self-deadlock: {thread} reads {lock} a second time, behind a writer that waits"),
            "a read lock again",
        ),
        (ObjectKind::Once, ..) => {
            (format!("self-deadlock: the initialisation of {lock} in {thread} asks for {lock} itself"), "its value")
        }
        _ => (format!("self-deadlock: {thread} locks {lock}, which it holds already"), "the lock again"),
    };
    diagnosis.message = message;
    let took = match (kind, found.held.mode) {
        (ObjectKind::RwLock, Mode::Shared) => format!("{thread} took a read lock on {lock} here and still holds it"),
        (ObjectKind::RwLock, Mode::Exclusive) => {
            format!("{thread} took the write lock on {lock} here and still holds it")
        }
        (ObjectKind::Once, _) => format!("{thread} began to initialise {lock} here"),
        _ => format!("{thread} took {lock} here and still holds it"),
    };
    let since = found.since;
    case.mark(
        &mut diagnosis.spans,
        case.wait_place(found.thread, since),
        format!("{thread} asks for {wants} here, and waits for ever"),
        true,
    );
    case.mark(&mut diagnosis.spans, case.place_at(found.held.at), took, true);
    diagnosis.keys.extend(found.held.at);
    diagnosis.keys.extend(since);
    let wait = case.at(case.wait_place(found.thread, since).as_ref());
    let hold = case.at(case.place_at(found.held.at).as_ref());
    let capital = case.threads.capital(found.thread);
    let first = match kind {
        ObjectKind::Once => format!("{capital} began to initialise {}{hold}; that leads back to it{wait}.", name.long),
        _ => format!("{capital} took {}{hold} and has not given it back when it asks for it again{wait}.", name.long),
    };
    diagnosis.reason.push(first);
    diagnosis.reason.push(match (kind, found.held.mode, found.wanted) {
        (ObjectKind::RwLock, Mode::Shared, Mode::Shared) => {
            if let Some((writer, writer_since)) = found.writer {
                diagnosis.about.insert(writer);
                diagnosis.keys.extend(writer_since);
                let writes = case.threads.prose(writer);
                case.mark(
                    &mut diagnosis.spans,
                    case.wait_place(writer, writer_since),
                    format!("{writes} waits here to write, in between"),
                    false,
                );
                format!(
                    "Between the two, {writes} came to write. A writer in the queue holds back new readers, so that it is not kept waiting for ever; the second read queues behind the writer, and the writer waits for the first read to end."
                )
            } else {
                "A writer that waits holds back new readers, so the second read waits although the first one is only a read too."
                    .to_owned()
            }
        }
        (ObjectKind::RwLock, ..) => {
            "A read-write lock does not count who holds it: reading and writing exclude each other within one thread too."
                .to_owned()
        }
        (ObjectKind::Once, ..) => {
            "A one-time initialisation runs once; whoever asks meanwhile waits for the end of that run, the run itself included."
                .to_owned()
        }
        (ObjectKind::FileLock, ..) => {
            "A lock on a file belongs to the file as it was opened, not to the thread: whoever has opened it a second time waits, also for itself."
                .to_owned()
        }
        _ => "This mutex does not count how often its owner has taken it: a second `lock` by the same thread waits for the first guard to be dropped, and the thread that should drop it is the one that waits."
            .to_owned(),
    });
    diagnosis.reason.extend(bystanders(case, &diagnosis.about));
    diagnosis.fix = fix(kind, found, lock);
    diagnosis
}

fn fix(kind: ObjectKind, found: &SelfDeadlock, lock: &str) -> Vec<String> {
    if kind == ObjectKind::Once {
        return vec![format!(
            "Break the circle: the code that initialises {lock} must not need its value, not even through other functions."
        )];
    }
    let mut fix = vec![
        format!(
            "Take {lock} once and hand the guard, or a reference to the data behind it, to the code that needs it."
        ),
        format!("Or drop the first guard before {lock} is asked for again (`drop(guard)`, or an inner block)."),
    ];
    if kind == ObjectKind::RwLock && found.held.mode == Mode::Shared && found.wanted == Mode::Exclusive {
        fix.push(
            "Where the test under the read lock decides about the write, take the write lock from the start."
                .to_owned(),
        );
    }
    fix
}
