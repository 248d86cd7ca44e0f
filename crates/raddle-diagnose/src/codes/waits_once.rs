//! What there is to say where somebody who was woken at a condition variable goes on, and what it was to wait for is not so.
//!
//! Who is woken has to lock again, and whoever locks before it may take what the notification was about; or that was taken
//! before the wait began, and the notification came late. Either way a notification is but a hint to look (a Mesa monitor;
//! Lampson and Redell, *Experience with Processes and Monitors in Mesa*, CACM 1980). It is a mistake only of who then goes on
//! without a second look; whether it does is taken from the text.
//!
//! Not seen: a wait in a function of its own, whose callers may look again; one without a question before it.

use super::{Diagnosis, spurious};
use crate::action::{Action, What};
use crate::case::Case;
use crate::codes::cause::{Decides, Point};
use crate::loops;
use crate::words;
use raddle_engine::waits::Mode;
use raddle_protocol::Role;

/// A wait that was taken for what it waits for.
pub struct Found<'a> {
    /// The pair that decides.
    pub decides: Decides,
    /// The lock is taken again.
    again: &'a Action,
    /// Somebody else took it before.
    thief: Option<&'a Action>,
}

/// The wait that the pairs are about, if there is one.
pub fn find<'a>(case: &'a Case<'_>, pairs: &[Decides]) -> Option<Found<'a>> {
    let actions = &case.reading.actions;
    let again = || actions.iter().filter(|action| is_part(action) && goes_on(case, action));
    let found = |is: &dyn Fn(&Action, &Decides) -> bool| {
        let all = again().flat_map(|again| pairs.iter().filter(|pair| is(again, pair)).map(move |pair| (again, *pair)));
        all.min_by_key(|(_, (first, second))| second.at - first.at)
    };
    let action = |point: Point| point.action.map(|index| &actions[index]);
    let thief = |again: &Action, (first, second): &Decides| {
        let is_again = action(*second).is_some_and(|action| action.at == again.at);
        is_again && action(*first).is_some_and(|first| takes(first, again) && begun(case, again) < Some(first.at))
    };
    let about = |again: &Action, (first, second): &Decides| {
        [*first, *second].into_iter().filter_map(action).any(|action| is_about(action, again))
            && panics_next(case, again)
    };
    let stolen = found(&thief).map(|(again, pair)| (again, pair, action(pair.0)));
    let (again, decides, thief) = stolen.or_else(|| found(&about).map(|(again, pair)| (again, pair, None)))?;
    Some(Found { decides, again, thief })
}

/// Whether an action takes a lock again after a wait.
fn is_part(action: &Action) -> bool {
    action.within == Some(Role::CondvarWait) && action.what == What::Acquired(Mode::Exclusive)
}

/// Whether a thread that has been woken does not wait again, though it has not come to the wait in a loop.
fn goes_on(case: &Case<'_>, again: &Action) -> bool {
    let mut later = case.reading.actions.iter().filter(|action| action.thread == again.thread && action.at > again.at);
    let once = || {
        let place = case.place_of(Some(again.stack));
        place.is_some_and(|place| loops::is_asked_once(place.line, |line| (case.context.source)(&place.path, line)))
    };
    !later.any(|action| action.what == What::WaitBegun) && once()
}

/// When the wait began after which a lock is taken again.
fn begun(case: &Case<'_>, again: &Action) -> Option<usize> {
    let own = |action: &&Action| action.thread == again.thread && action.at < again.at;
    let begins = |action: &&Action| own(action) && action.what == What::WaitBegun;
    case.reading.actions.iter().rfind(begins).map(|action| action.at)
}

/// Whether another thread takes the lock that is taken again.
fn takes(action: &Action, again: &Action) -> bool {
    action.what == again.what && action.object == again.object && action.thread != again.thread
}

/// Whether an action belongs to the wait, or wakes who waits.
fn is_about(action: &Action, again: &Action) -> bool {
    let of_wait = (action.thread, action.call) == (again.thread, again.call);
    of_wait || matches!(&action.what, What::Notified { woken, .. } if woken.contains(&again.thread))
}

/// Whether a panic is the next that the thread does.
fn panics_next(case: &Case<'_>, again: &Action) -> bool {
    let mut later = case.reading.actions.iter().filter(|action| action.thread == again.thread && action.at > again.at);
    later.next().is_some_and(|next| case.sites.get(next.stack).panics)
}

/// Says so, and what to do about it.
pub fn explain(case: &Case<'_>, found: &Found<'_>, diagnosis: &mut Diagnosis) {
    let again = found.again;
    let woken = case.who(again.at);
    let place = case.place_of(Some(again.stack));
    let (waited, goes_on) = (case.at(place.as_ref()), format!("{} goes on as if", words::capital(&woken)));
    diagnosis.keys.insert(again.at);
    let what = match found.thief {
        Some(thief) => {
            let lock = again.object.map_or("the lock", |object| case.names.short(object));
            let (who, before) = (case.who(thief.at), case.place_of(Some(thief.stack)));
            let at = case.at(before.as_ref());
            case.mark(&mut diagnosis.spans, before, format!("{who} comes first here"), false);
            format!(
                "This is a stolen wakeup: {woken} waited{waited} and was notified, but who is woken has to lock {lock} again first, and {who} had it before{at}."
            )
        }
        None => format!(
            "This is a wait that is taken for what it waits for: {woken} waited{waited} and was notified, but that only says that it is time to look."
        ),
    };
    diagnosis.reason.push(format!(
        "{what} {goes_on} what it waits for had come about: the wait stands under a question that is asked once, not in a loop."
    ));
    case.mark(&mut diagnosis.spans, place, format!("{woken} is woken here, and does not look again"), false);
    diagnosis.fix.push(spurious::LOOK_AGAIN.to_owned());
}
