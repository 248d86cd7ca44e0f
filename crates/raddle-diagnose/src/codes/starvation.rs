//! RD0206: a thread that never gets its turn, while others pass the same lock again and again.
//!
//! Judged as a livelock is ([`super::livelock`]), on an execution that goes round for ever although every thread that can run
//! does so. A thread starves in it if all that it does is to look, to try and to wait, in vain because of what others do to
//! the same thing; or if it waits, for a lock or on a condition, and others take that lock (the condition's mutex) in every
//! round. One that waits for a message, or for a thread to end, does not starve: it has nobody to be passed by.

use super::Diagnosis;
use super::livelock::{attempt, did, endless};
use crate::action::{Action, What};
use crate::case::Case;
use crate::object::ObjectKind;
use crate::place::Place;
use crate::round::Round;
use crate::words;
use raddle_engine::waits::{Final, Object, WaitFor};
use raddle_protocol::trace::ThreadId;

/// A thread that is passed.
struct Starved<'a> {
    thread: ThreadId,
    /// Where it stands, what it does there, and the step at which it began to, if that is known.
    place: Option<Place>,
    does: String,
    at: Option<usize>,
    object: Object,
    /// Somebody who passes it.
    passes: &'a Action,
}

/// Describes it, if it is that.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let round = Round::of(case)?;
    let threads = 0..case.trace().threads.len() as ThreadId;
    let starved =
        threads.filter_map(|thread| looks_on(case, &round, thread).or_else(|| waits(case, &round, thread))).next()?;
    let Starved { thread, place, does, at, object, passes } = starved;
    let who = case.threads.prose(thread);
    let name = case.names.short(object);
    let others: Vec<ThreadId> =
        round.runners.iter().copied().filter(|other| *other != thread && !round.changes(*other).is_empty()).collect();
    if others.is_empty() {
        return None;
    }
    let mut diagnosis = Diagnosis { code: "RD0206", ..Diagnosis::default() };
    diagnosis.about.extend(others.iter().copied().chain([thread]));
    diagnosis.keys.extend(at.into_iter().chain([passes.at]));
    diagnosis.message =
        format!("starvation: {who} never gets past {name}, for {} again and again", use_it(case, &others));
    let by = case.place_of(Some(passes.stack));
    diagnosis.reason.push(format!(
        "{} {does}{}, in vain: whenever it looks, {} {} {name}{}.",
        words::capital(&who),
        case.at(place.as_ref()),
        case.threads.prose(passes.thread),
        did(passes),
        case.at(by.as_ref()),
    ));
    diagnosis.reason.push(endless(&round));
    case.mark(&mut diagnosis.spans, place, format!("{who} {does} here, in vain"), true);
    for other in others {
        let changes = round.changes(other);
        let of_it = changes.iter().rev().filter(|action| action.object == Some(object));
        let place = of_it.clone().next().or(changes.last()).and_then(|action| case.place_of(Some(action.stack)));
        case.mark(
            &mut diagnosis.spans,
            place,
            format!("{} passes here, again and again", case.threads.prose(other)),
            false,
        );
    }
    diagnosis.fix = vec![
        "Hand out turns in order: once somebody waits, let nobody who has come later pass. A read-write lock keeps new readers out while a writer waits (`std::sync::RwLock` and `parking_lot` do); a ticket lock or a channel serves in order of arrival.".to_owned(),
        "Or have the busy threads hold it less often: do more under one lock, or wait for the other one between two passes.".to_owned(),
    ];
    Some(diagnosis)
}

fn use_it(case: &Case<'_>, others: &[ThreadId]) -> String {
    format!("{} {} it", case.threads.list(others), if others.len() == 1 { "passes" } else { "pass" })
}

/// A thread that runs, and changes nothing that others use.
fn looks_on<'a>(case: &Case<'_>, round: &Round<'a>, thread: ThreadId) -> Option<Starved<'a>> {
    if !round.runners.contains(&thread) || !round.changes(thread).is_empty() {
        return None;
    }
    let vain = round.vain(thread)?;
    let object = vain.attempt.object?;
    let place = case.place_of(Some(vain.attempt.stack));
    let does = attempt(vain.attempt, case.names.short(object)).replace(" in vain", "");
    Some(Starved { thread, place, does, at: Some(vain.attempt.at), object, passes: vain.because })
}

/// A thread that waits while others take what it waits for.
fn waits<'a>(case: &Case<'_>, round: &Round<'a>, thread: ThreadId) -> Option<Starved<'a>> {
    let (what, since) = match case.reading.finals.get(thread as usize)? {
        Final::Waiting(what, since) => (what.clone(), *since),
        _ => return None,
    };
    let lock = match what {
        WaitFor::Lock(lock, _) => lock,
        WaitFor::Notification(object) if case.reading.objects.get(object).kind == ObjectKind::Condvar => {
            let begins = |action: &&Action| action.thread == thread && matches!(action.what, What::WaitBegun);
            case.mutex_of_wait(case.reading.actions.iter().rev().find(begins)?)?
        }
        _ => return None,
    };
    let passes = round.passes(lock, thread)?;
    let place = case.wait_place(thread, since);
    Some(Starved {
        thread,
        place,
        does: crate::states::plain_wait(case, thread, &what),
        at: since,
        object: lock,
        passes,
    })
}
