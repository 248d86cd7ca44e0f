//! RD0205: threads that run, and change what they share, but turn each other back for ever.
//!
//! Judged on an execution that has been shown to go round although every thread has its turn (`raddle-runtime`'s
//! `rounds.rs`). It is a livelock if at least two of the threads that run try something in vain because of another one, and
//! change something that others use as well: each would get on if the others stood still. Where one only looks on, it is
//! starvation ([`super::starvation`]); what is neither stays RD0503.

use super::Diagnosis;
use crate::action::{Action, What};
use crate::case::Case;
use crate::round::{Round, Vain};
use crate::words;
use raddle_protocol::trace::ThreadId;

/// One of the threads that turn each other back.
struct Turned<'a> {
    thread: ThreadId,
    vain: Vain<'a>,
    /// What it does then, and so undoes what it had done.
    then: Option<&'a Action>,
}

/// Describes it, if it is one.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let round = Round::of(case)?;
    let turned: Vec<Turned<'_>> = round.runners.iter().filter_map(|thread| turned(&round, *thread)).collect();
    if turned.len() < 2 {
        return None;
    }
    let mut diagnosis = Diagnosis { code: "RD0205", ..Diagnosis::default() };
    let threads: Vec<ThreadId> = turned.iter().map(|turned| turned.thread).collect();
    diagnosis.message =
        format!("livelock: {} keep running and turn each other back, for ever", case.threads.list(&threads));
    for Turned { thread, vain, then } in &turned {
        let who = case.threads.prose(*thread);
        let name = vain.attempt.object.map_or("it", |object| case.names.short(object));
        let other = case.threads.prose(vain.because.thread);
        let did = did(vain.because);
        diagnosis.about.extend([*thread, vain.because.thread]);
        diagnosis.keys.extend([vain.attempt.at, vain.because.at]);
        diagnosis.keys.extend(then.map(|then| then.at));
        let place = case.place_of(Some(vain.attempt.stack));
        let after = then.map(|then| case.place_of(Some(then.stack)));
        let (tries, turns) = (attempt(vain.attempt, name), then.map(|then| does(case, then)));
        diagnosis.reason.push(format!(
            "{} {tries}{}, but {other} {did} {name}{}.{}",
            words::capital(&who),
            case.at(place.as_ref()),
            case.at(case.place_of(Some(vain.because.stack)).as_ref()),
            match (&turns, &after) {
                (Some(turns), Some(after)) => format!(" So it {turns}{} and begins again.", case.at(after.as_ref())),
                _ => " So it begins again.".to_owned(),
            }
        ));
        case.mark(&mut diagnosis.spans, place, format!("{who} {tries} here; {other} {did} it"), true);
        if let (Some(turns), Some(after)) = (turns, after) {
            case.mark(&mut diagnosis.spans, after, format!("{who} {turns} here, and begins again"), false);
        }
    }
    diagnosis.reason.push(endless(&round));
    diagnosis.fix = vec![
        "Take away the symmetry: let all threads take what they need in one order, and wait for it (`lock`, not `try_lock`) in the place of giving way; or put all of it under one lock.".to_owned(),
        "Where giving way is needed, wait for a random time before the next try, and longer each time, so that the threads fall out of step.".to_owned(),
    ];
    Some(diagnosis)
}

/// Whether a thread is turned back, and how.
fn turned<'a>(round: &Round<'a>, thread: ThreadId) -> Option<Turned<'a>> {
    let vain = round.vain(thread)?;
    let changes = round.changes(thread);
    let then = changes.iter().find(|change| change.at > vain.attempt.at).or(changes.first())?;
    Some(Turned { thread, vain, then: Some(*then) })
}

/// That it never ends.
pub fn endless(round: &Round<'_>) -> String {
    let threads = if round.runners.len() == 2 { "both of them" } else { "all of them" };
    format!(
        "Then all is as it was before, in memory and in {threads}: the interleaving ends with one such round, and nothing keeps it from going on like that for ever. It is a fair one: every thread that can run has its turn in each round."
    )
}

/// What a thread tries in vain.
pub fn attempt(action: &Action, name: &str) -> String {
    match action.what {
        What::Refused(_) => format!("tries to lock {name} in vain"),
        What::Requested(_) => format!("waits for {name}"),
        What::Compared { .. } => format!("tries to change {name} in vain"),
        _ => format!("looks at {name}"),
    }
}

/// What another thread has done to it.
pub fn did(action: &Action) -> &'static str {
    match action.what {
        What::Acquired(_) => "has locked",
        What::Released | What::Downgraded => "has unlocked",
        _ => "has changed",
    }
}

/// What a thread does to something.
fn does(case: &Case<'_>, action: &Action) -> String {
    let name = action.object.map_or("it", |object| case.names.short(object));
    match action.what {
        What::Acquired(_) => format!("locks {name}"),
        What::Released | What::Downgraded => format!("unlocks {name}"),
        _ => format!("changes {name}"),
    }
}
