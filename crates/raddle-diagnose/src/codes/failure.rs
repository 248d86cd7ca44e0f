//! RD0501: a test that fails under this schedule and passes under others.

use super::{Diagnosis, cause, lost_update, spurious};
use crate::action::Action;
use crate::case::Case;
use crate::panic::{self, Panic};
use crate::words;
use raddle_instrument::symbols::SourceFrame;
use raddle_protocol::trace::ThreadId;
use raddle_protocol::{Choice, ChoiceKind};

/// The program ended with a status other than 0.
pub fn exited(case: &Case<'_>, status: i32) -> Diagnosis {
    let output = String::from_utf8_lossy(&case.trace().output);
    let panics = panic::panics(&output);
    let mut diagnosis = Diagnosis { code: "RD0501", by_task: true, ..Diagnosis::default() };
    match decisive(case, &panics) {
        Some(panic) => {
            panicked(case, panic, &mut diagnosis);
            if panics.len() > 1 {
                let which = if *panic == panics[0] { "first one" } else { "one that fails the test" };
                let number = panics.len();
                diagnosis
                    .notes
                    .push(format!("{number} panics were written in this execution; the {which} is described."));
            }
        }
        None => {
            diagnosis.message = format!("fails under some schedules: ends with status {status}");
            diagnosis.reason.push(format!("The program ended with status {status} and no panic message."));
        }
    }
    let (passed, failed) = (case.context.passed, case.context.failed);
    if passed > 0 {
        let sees = |choice: &Choice| choice.kind == ChoiceKind::ReadsFrom && choice.taken != 0;
        let besides = if spurious::is_there(case) {
            ", and when a wait ended,"
        } else if case.raw.choices.iter().any(sees) {
            ", and which stores their loads saw,"
        } else {
            ""
        };
        diagnosis.reason.push(format!(
            "The same test passes under other schedules ({} of {} executions so far): nothing but the order of the threads' steps{besides} was different.",
            passed,
            passed + failed.max(1)
        ));
    }
    if cause::explain(case, &mut diagnosis) || spurious::is_there(case) {
        return diagnosis;
    }
    match lost_update::find(case) {
        Some(lost) => likely(case, &lost, &mut diagnosis),
        None => {
            diagnosis.fix.push(
                "Look in the interleaving for two steps of one thread between which another thread steps in, and make them one: hold one lock over both, or use a single atomic operation."
                    .to_owned(),
            );
            diagnosis.notes.push(cause::unknown(case));
        }
    }
    diagnosis
}

/// What a panic says that only passes on another thread's: a `join` whose result is unwrapped, the end of a scope, a lock
/// that is poisoned.
const PASSED_ON: &[&str] = &["Any { .. }", "a scoped thread panicked", "PoisonError", "JoinError::Panic"];

/// The panic that the failure is about: that of the test's own thread, which is what fails a test, unless it only passes on
/// what has happened in another one.
fn decisive<'a>(case: &Case<'_>, panics: &'a [Panic]) -> Option<&'a Panic> {
    let own = panics.iter().find(|panic| thread_of(case, panic) == Some(0));
    own.filter(|panic| !PASSED_ON.iter().any(|words| panic.message.contains(words))).or(panics.first())
}

fn panicked(case: &Case<'_>, panic: &Panic, diagnosis: &mut Diagnosis) {
    let place = panic.place(case.context);
    diagnosis.message = format!("fails under some schedules: {}", panic.headline());
    let thread = thread_of(case, panic);
    let panics = case
        .reading
        .actions
        .iter()
        .find(|action| thread.is_none_or(|thread| thread == action.thread) && case.sites.get(action.stack).panics);
    let who = match (panics, thread) {
        (Some(action), Some(_)) => case.who(action.at),
        (None, Some(thread)) => case.threads.prose(thread),
        (_, None) => "a thread".to_owned(),
    };
    diagnosis.about.extend(thread);
    diagnosis.keys.extend(panics.map(|action| action.at));
    diagnosis.reason.push(format!(
        "{} panicked at {}: {}.",
        words::capital(&who),
        place.short(),
        panic.headline().trim_end_matches('.')
    ));
    case.mark(&mut diagnosis.spans, Some(place), format!("{who} panicked here"), true);
}

/// The thread that panicked: the one whose panic the trace shows at that place, else the one that has the name.
fn thread_of(case: &Case<'_>, panic: &Panic) -> Option<ThreadId> {
    let here = |action: &&Action| {
        let site = case.sites.get(action.stack);
        let at = |frame: &SourceFrame| {
            (frame.line, frame.column) == (panic.line, panic.column)
                && frame.file.as_ref().is_some_and(|file| file.ends_with(&panic.file))
        };
        site.panics && site.frames.iter().any(at)
    };
    if let Some(action) = case.reading.actions.iter().find(here) {
        return Some(action.thread);
    }
    if panic.thread == "main" || case.context.test.split(' ').next_back() == Some(&panic.thread) {
        return Some(0);
    }
    // The system keeps 15 bytes of a name; the message has all of it.
    let same = |name: &str| name == panic.thread || (name.len() == 15 && panic.thread.starts_with(name));
    let threads = || case.trace().threads.iter().zip(0..).skip(1);
    let only = |mut found: Vec<ThreadId>| if found.len() == 1 { found.pop() } else { None };
    let named = threads().filter(|(thread, _)| thread.name.as_deref().is_some_and(same)).map(|(_, id)| id).collect();
    let unnamed = threads().filter(|(thread, _)| thread.name.is_none()).map(|(_, id)| id).collect();
    if panic.thread == "<unnamed>" { only(unnamed) } else { only(named) }
}

/// Adds a lost update as the likely cause.
fn likely(case: &Case<'_>, lost: &lost_update::LostUpdate, diagnosis: &mut Diagnosis) {
    let [read, other, store] = [lost.read, lost.other, lost.store].map(|index| &case.reading.actions[index]);
    let name = case.names.short(lost.object);
    let (reader, changer) = (case.who(read.at), case.who(other.at));
    diagnosis.about.extend([read.thread, other.thread]);
    let places = [read, other, store].map(|action| case.place_of(Some(action.stack)));
    diagnosis.reason.push(format!(
        "Likely cause, a lost update: {reader} reads {name}{}, {changer} changes it{}, and then {reader} stores to it{}. If what it stores was worked out from what it had read, the change by {changer} is gone.",
        case.at(places[0].as_ref()),
        case.at(places[1].as_ref()),
        case.at(places[2].as_ref()),
    ));
    let labels = [
        format!("{reader} reads {name} here"),
        format!("{changer} changes {name} here, in between"),
        format!("{reader} stores to {name} here, over that change"),
    ];
    for (place, label) in places.into_iter().zip(labels) {
        case.mark(&mut diagnosis.spans, place, label, false);
    }
    diagnosis.keys.extend([read.at, other.at, store.at]);
    diagnosis.decides = Some((
        read.at,
        other.at,
        format!(
            "likely: {changer} changes {name} between the read and the store of {reader}, so that its change is lost"
        ),
    ));
    diagnosis.fix.push(format!(
        "Make the read and the store of {name} one step: an operation such as `fetch_add`, a `compare_exchange` loop (`fetch_update`), or a lock that is held over both."
    ));
    diagnosis.notes.push(
        "The cause is called likely because the trace shows which values were read and stored, not how one was computed from the other."
            .to_owned(),
    );
}

/// The execution passed. Reached only by a replay of a record that no longer fails.
pub fn passed() -> Diagnosis {
    Diagnosis {
        code: "RD0501",
        message: "the execution passed".to_owned(),
        reason: vec!["Under this schedule the program ended as it should.".to_owned()],
        ..Diagnosis::default()
    }
}

/// The execution stopped before something that its isolation cannot undo.
pub fn needs_fork(why: &str) -> Diagnosis {
    Diagnosis {
        code: "RD0501",
        message: format!("the execution stopped before {why}"),
        reason: vec![format!("It was about to do what cannot be undone by putting memory back: {why}.")],
        fix: vec!["Run it with a fresh process for each execution.".to_owned()],
        ..Diagnosis::default()
    }
}
