//! What there is to say of a failure that takes a wait at a condition variable which ends without a notification.

use super::Diagnosis;
use crate::action::{Action, What};
use crate::case::Case;
use crate::words;
use raddle_protocol::trace::WaitEnd;

/// What to do about a wait that is taken for the condition itself.
pub(super) const LOOK_AGAIN: &str = "Look at the condition again after each wait, and wait again while it does not hold: `while !*ready { ready = condvar.wait(ready)?; }`, or in one call `condvar.wait_while(ready, |ready| !*ready)`. With a time limit, `wait_timeout_while`.";

/// The waits that have ended so.
fn waits<'a>(case: &'a Case<'_>) -> impl Iterator<Item = &'a Action> {
    case.reading.actions.iter().filter(|action| matches!(action.what, What::WaitEnded(WaitEnd::Spurious)))
}

/// Whether there are any.
pub fn is_there(case: &Case<'_>) -> bool {
    waits(case).next().is_some()
}

/// Says where, and what to do about it.
pub fn explain(case: &Case<'_>, diagnosis: &mut Diagnosis) {
    for action in waits(case) {
        let who = case.who(action.at);
        let place = case.place_of(Some(action.stack));
        diagnosis.reason.push(format!(
            "{} waits at a condition variable{}, and that wait returned although nobody had notified it: a spurious wakeup, which `Condvar::wait` and `pthread_cond_wait` say may happen. {} went on as if what it waited for had come about.",
            words::capital(&who),
            case.at(place.as_ref()),
            words::capital(&who),
        ));
        case.mark(&mut diagnosis.spans, place, format!("{who} wakes up here without a notification"), false);
        diagnosis.keys.insert(action.at);
        diagnosis.about.insert(action.thread);
    }
    if is_there(case) {
        diagnosis.fix.insert(0, LOOK_AGAIN.to_owned());
    }
}
