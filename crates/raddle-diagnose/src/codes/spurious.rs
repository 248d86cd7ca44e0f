//! What there is to say of a failure that takes something which happens for no reason: a wait at a condition variable that ends
//! without a notification, or a weak compare-exchange that fails although the values are equal.

use super::Diagnosis;
use crate::action::{Action, What};
use crate::case::Case;
use crate::words;
use raddle_protocol::trace::WaitEnd;

/// What to do about a wait that is taken for the condition itself.
pub(super) const LOOK_AGAIN: &str = "Look at the condition again after each wait, and wait again while it does not hold: `while !*ready { ready = condvar.wait(ready)?; }`, or in one call `condvar.wait_while(ready, |ready| !*ready)`. With a time limit, `wait_timeout_while`.";

/// What to do about a weak compare-exchange whose failure is taken to mean that the values differ.
const TRY_AGAIN: &str = "Use `compare_exchange` where it is tried once. `compare_exchange_weak` is for loops that try again until it succeeds, or until the value that it returns is another one than was expected.";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Wakeup,
    Failure,
}

fn kind(action: &Action) -> Option<Kind> {
    match action.what {
        What::WaitEnded(WaitEnd::Spurious) => Some(Kind::Wakeup),
        What::Compared { expected, old, done: false, .. } if expected == old => Some(Kind::Failure),
        _ => None,
    }
}

fn all<'a>(case: &'a Case<'_>) -> impl Iterator<Item = (&'a Action, Kind)> {
    case.reading.actions.iter().filter_map(|action| Some((action, kind(action)?)))
}

/// Whether anything has happened so.
pub fn is_there(case: &Case<'_>) -> bool {
    all(case).next().is_some()
}

/// What was different from executions that pass, beside the order of steps.
pub fn besides(case: &Case<'_>) -> Option<&'static str> {
    all(case).next().map(|(_, kind)| match kind {
        Kind::Wakeup => "when a wait ended",
        Kind::Failure => "which compare-exchanges failed",
    })
}

/// Says where, and what to do about it.
pub fn explain(case: &Case<'_>, diagnosis: &mut Diagnosis) {
    for (action, kind) in all(case) {
        let who = case.who(action.at);
        let place = match kind {
            Kind::Wakeup => case.place_of(Some(action.stack)),
            // A short function around it is where the mistake is.
            Kind::Failure => case.innermost_place_of(Some(action.stack)),
        };
        let (subject, at) = (words::capital(&who), case.at(place.as_ref()));
        let (sentence, mark, fix) = match kind {
            Kind::Wakeup => (
                format!(
                    "{subject} waits at a condition variable{at}, and that wait returned although nobody had notified it: a spurious wakeup, which `Condvar::wait` and `pthread_cond_wait` say may happen. {subject} went on as if what it waited for had come about."
                ),
                format!("{who} wakes up here without a notification"),
                LOOK_AGAIN,
            ),
            Kind::Failure => (
                format!(
                    "The weak compare-exchange of {who}{at} failed although the value was the expected one: a spurious failure, which `compare_exchange_weak` says may happen, and does on ARM and RISC-V processors. {subject} went on as if the value had been another one."
                ),
                format!("the weak compare-exchange of {who} fails here, for no reason"),
                TRY_AGAIN,
            ),
        };
        diagnosis.reason.push(sentence);
        case.mark(&mut diagnosis.spans, place, mark, false);
        diagnosis.keys.insert(action.at);
        diagnosis.about.insert(action.thread);
        if !diagnosis.fix.iter().any(|known| known == fix) {
            diagnosis.fix.insert(0, fix.to_owned());
        }
    }
}
