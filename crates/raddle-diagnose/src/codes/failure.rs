//! RD0501: a test that fails under this schedule and passes under others.

use super::{Diagnosis, cause, lateness, lost_update, mistake_of_the_crate, spurious};
use crate::case::Case;
use crate::panic::{self, Panic};
use crate::panicked;
use crate::words;
use raddle_protocol::{Choice, ChoiceKind, Op};

/// The program ended with a status other than 0.
pub fn exited(case: &Case<'_>, status: i32) -> Diagnosis {
    let output = String::from_utf8_lossy(&case.trace().output);
    let panics = panic::panics(&output);
    let mut diagnosis = Diagnosis { code: "RD0501", by_task: true, ..Diagnosis::default() };
    match decisive(case, &panics) {
        Some(panic) => {
            panicked(case, panic, &mut diagnosis);
            others(case, panic, &panics, &mut diagnosis);
        }
        None => {
            diagnosis.message = format!("fails under some schedules: ends with status {status}");
            diagnosis.reason.push(format!("The program ended with status {status} and no panic message."));
        }
    }
    let (passed, failed) = (case.context.passed, case.context.failed);
    if passed > 0 {
        let sees = |choice: &Choice| choice.kind == ChoiceKind::ReadsFrom && choice.taken != 0;
        let besides = spurious::besides(case)
            .or_else(|| case.raw.choices.iter().any(sees).then_some("which stores their loads saw"))
            .map_or(String::new(), |besides| format!(", and {besides},"));
        diagnosis.reason.push(format!(
            "The same test passes under other schedules ({} of {} executions so far): nothing but the order of the threads' steps{besides} was different.",
            passed,
            passed + failed.max(1)
        ));
    }
    diagnosis.reason.extend(stood_still(case));
    if cause::explain(case, &mut diagnosis) || spurious::is_there(case) {
        return diagnosis;
    }
    match lost_update::find(case) {
        Some(lost) => likely(case, &lost, &mut diagnosis),
        None => {
            diagnosis.fix.extend(decisive(case, &panics).and_then(|panic| inside_a_crate(case, panic)));
            // What to do about a wait that is too short is said with the delay.
            if !lateness::is_there(case) {
                diagnosis.fix.push(
                    "Look in the interleaving for two steps of one thread between which another thread steps in, and make them one: hold one lock over both, or use a single atomic operation."
                        .to_owned(),
                );
            }
            diagnosis.notes.push(cause::unknown(case));
        }
    }
    diagnosis
}

/// The longest time for which nothing could run, where nobody has slept for so long on purpose.
fn stood_still(case: &Case<'_>) -> Option<String> {
    /// What deserves to be told, in nanoseconds.
    const LONG: u64 = 10_000_000_000;
    let trace = case.trace();
    let passes = |at: &usize| trace.steps[*at + 1].time_ns.saturating_sub(trace.steps[*at].time_ns);
    let is_whole = |at: &usize| trace.steps_cut == 0 || *at as u64 + 1 != trace.steps_before_cut;
    let at = (0..trace.steps.len().saturating_sub(1)).filter(is_whole).max_by_key(passes)?;
    let slept = trace.steps.iter().map(|step| if let Op::Sleep { ns } = step.op { ns } else { 0 }).max()?;
    let passed = passes(&at);
    (passed >= LONG && passed > slept).then(|| {
        format!(
            "After what {} did{}, nothing could run for about {} of virtual time, until a deadline had passed. If somebody should have gone on before, nobody has woken them.",
            case.who(at),
            case.at(case.place_at(Some(at)).as_ref()),
            words::about(passed)
        )
    })
}

/// What a panic says that only passes on another thread's: a `join` whose result is unwrapped, the end of a scope, a lock
/// that is poisoned.
const PASSED_ON: &[&str] = &["Any { .. }", "a scoped thread panicked", "PoisonError", "JoinError::Panic"];

/// The panic that the failure is about: that of the test's own thread, which is what fails a test, unless it only passes on
/// what has happened in another one.
fn decisive<'a>(case: &Case<'_>, panics: &'a [Panic]) -> Option<&'a Panic> {
    let own = panics.iter().find(|panic| panicked::thread(case, panic) == Some(0));
    own.filter(|panic| !PASSED_ON.iter().any(|words| panic.message.contains(words))).or(panics.first())
}

fn panicked(case: &Case<'_>, panic: &Panic, diagnosis: &mut Diagnosis) {
    let place = panicked::place(case, panic);
    diagnosis.message = format!("fails under some schedules: {}", panic.headline());
    let thread = panicked::thread(case, panic);
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

/// What to do about a panic that a crate has raised in its own code, and not only told its caller of.
fn inside_a_crate(case: &Case<'_>, panic: &Panic) -> Option<String> {
    let krate = panicked::krate(case, panic)?;
    Some(mistake_of_the_crate(&format!("The panic is raised inside the crate `{krate}`")))
}

/// Adds what other panics the output tells of. The first one may be why the test fails, also where that is another thread's.
fn others(case: &Case<'_>, described: &Panic, panics: &[Panic], diagnosis: &mut Diagnosis) {
    let number = panics.len();
    let which = match &panics[0] {
        first if first == described => "the first one is",
        first => {
            let (thread, place) = (panicked::thread(case, first), panicked::place(case, first));
            let who = thread.map_or_else(|| "a thread".to_owned(), |thread| case.threads.prose(thread));
            diagnosis.about.extend(thread);
            diagnosis.reason.push(format!(
                "{} had panicked before that, at {}: {}.",
                words::capital(&who),
                place.short(),
                first.headline().trim_end_matches('.')
            ));
            case.mark(&mut diagnosis.spans, Some(place), format!("{who} had panicked here before"), false);
            "the first one and the one that fails the test are"
        }
    };
    if number > 2 || panics[0] == *described && number > 1 {
        diagnosis.notes.push(format!("{number} panics were written in this execution; {which} described."));
    }
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
