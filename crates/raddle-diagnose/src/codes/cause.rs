//! The reason of a failure: two steps whose order decides, or a load that sees an old value.
//!
//! Both have been tried out by the runtime ([`raddle_protocol::Cause`]): the execution was performed again with the two
//! steps the other way round, and passed. Of several such pairs that one is shown which fits a known pattern, else the
//! one whose steps lie closest together.
//!
//! Cannot see: what a thread does with a value between reading and storing. A pattern says which steps of a thread belong
//! together, not how one follows from the other.

use super::Diagnosis;
use crate::action::{Action, What};
use crate::case::Case;
use crate::codes::pattern::{self, Pattern};
use crate::words;
use raddle_engine::waits::Mode;

/// A pair that decides, by indices of actions.
pub type Decides = (usize, usize);

/// Adds the reason to a diagnosis that has none yet. Tells whether there is one.
pub fn explain(case: &Case<'_>, diagnosis: &mut Diagnosis) -> bool {
    let Some(cause) = &case.raw.cause else { return false };
    if let Some(load) = cause.stale.iter().find_map(|step| action_of(case, *step)) {
        stale(case, load, diagnosis);
        return true;
    }
    let pairs: Vec<Decides> = cause
        .pairs
        .iter()
        .filter_map(|(first, second)| Some((action_of(case, *first)?, action_of(case, *second)?)))
        .filter(|(first, second)| first < second && action(case, *first).thread != action(case, *second).thread)
        .collect();
    let found = pattern::find(case, &pairs);
    let closest = || pairs.iter().copied().min_by_key(|(first, second)| (second - first, usize::MAX - second));
    let Some((first, second)) = found.as_ref().map(|found| found.decides).or_else(closest) else { return false };
    order(case, first, second, diagnosis);
    match found {
        Some(found) => belongs_together(case, &found, diagnosis),
        None => diagnosis.fix.push(
            "See to it that these two steps happen in the other order, or that their order does not matter: let one thread wait for the other (a `join`, a message, a condition), or make each thread's steps around them one, under one lock."
                .to_owned(),
        ),
    }
    true
}

/// What to say where no reason was found.
pub fn unknown(case: &Case<'_>) -> String {
    let known = "Which pair of steps decides between passing and failing is not known";
    match &case.raw.cause {
        Some(cause) if cause.tried > 1 => format!(
            "{known}: {} performed with steps of this schedule in another order, and none that turns just two of them around is known to pass.",
            match cause.tried {
                1 => "1 execution was".to_owned(),
                tried => format!("{} executions were", words::thousands(tried)),
            }
        ),
        _ => format!("{known}; it could not be tried out."),
    }
}

/// The action that a recorded step belongs to: its own, or the one that the same call came to.
fn action_of(case: &Case<'_>, step: u64) -> Option<usize> {
    let step = usize::try_from(step).ok()?;
    let recorded = case.trace().steps.get(step)?;
    let call = &case.sites.get(recorded.stack).call;
    let actions = case.reading.actions.iter().enumerate();
    let mut later = actions.filter(|(_, action)| action.thread == recorded.thread && action.at >= step);
    let (index, found) = later.next()?;
    let site = case.sites.get(found.stack);
    (site.user.is_some() && (found.at == step || site.call == *call)).then_some(index)
}

fn action<'a>(case: &'a Case<'_>, index: usize) -> &'a Action {
    &case.reading.actions[index]
}

/// What a thread does, with its place.
fn deed(case: &Case<'_>, index: usize) -> String {
    let action = action(case, index);
    let name = || action.object.map_or_else(|| "it".to_owned(), |object| case.names.short(object).to_owned());
    let verb = match &action.what {
        What::Read { .. } | What::Compared { done: false, .. } => format!("reads {}", name()),
        What::Wrote { .. } => format!("stores to {}", name()),
        What::Updated { .. } | What::Compared { done: true, .. } => format!("changes {}", name()),
        What::Acquired(Mode::Shared) => format!("locks {} to read", name()),
        What::Acquired(_) => format!("locks {}", name()),
        What::Requested(_) => format!("asks for {}", name()),
        What::Refused(_) => format!("tries for {} in vain", name()),
        What::WaitBegun => format!("begins to wait on {}", name()),
        What::Notified { .. } => format!("notifies {}", name()),
        What::Received { .. } => format!("receives from {}", name()),
        What::Closed { .. } => format!("closes its end of {}", name()),
        _ => "passes".to_owned(),
    };
    format!("{verb}{}", case.at(case.place_of(Some(action.stack)).as_ref()))
}

/// Two steps whose order decides.
fn order(case: &Case<'_>, first: usize, second: usize, diagnosis: &mut Diagnosis) {
    let [one, two] = [first, second].map(|index| action(case, index));
    let (earlier, later) = (case.threads.prose(one.thread), case.threads.prose(two.thread));
    diagnosis.about.extend([one.thread, two.thread]);
    diagnosis.keys.extend([one.at, two.at]);
    diagnosis.reason.push(format!(
        "The order of two steps decides: {earlier} {}, and only then {later} {}. With these two the other way round, and all else left as it was as far as the program allows, the test passes; this has been tried.",
        deed(case, first),
        deed(case, second)
    ));
    diagnosis.decides =
        Some((one.at, two.at, "with these two the other way round the test passes; this has been tried".to_owned()));
}

/// Steps of one thread between which another one steps in.
fn belongs_together(case: &Case<'_>, found: &Pattern, diagnosis: &mut Diagnosis) {
    let [look, change, act] = [found.look, found.change, found.act].map(|index| action(case, index));
    let (thread, other) = (case.threads.prose(look.thread), case.threads.prose(change.thread));
    let name = look.object.map_or_else(|| "it".to_owned(), |object| case.names.short(object).to_owned());
    let places = [look, change, act].map(|action| case.place_of(Some(action.stack)));
    let [looks, changes, acts] = [found.look, found.change, found.act].map(|index| deed(case, index));
    diagnosis.keys.extend([look.at, change.at, act.at]);
    diagnosis.pattern = Some(found.code);
    diagnosis.reason.push(match found.code {
        pattern::LOST_UPDATE => format!(
            "This is a lost update (RD0102): {thread} {looks}, {other} {changes}, and {thread} {acts} without having looked again, over the change by {other}."
        ),
        _ => format!(
            "This is a check-then-act{} ({}): {thread} {looks}, {other} {changes}, and {thread} {acts}, going by what it saw before. Whether {other} comes before all of that or after all of it, the test passes; only in between it fails.",
            if found.code == pattern::ACROSS_AWAIT { " across an await" } else { "" },
            found.code
        ),
    });
    let labels = [
        format!("{thread} {} {name} here", if found.code == pattern::LOST_UPDATE { "reads" } else { "looks at" }),
        format!("{other} changes it here, in between"),
        match found.code {
            pattern::LOST_UPDATE => format!("{thread} stores to {name} here, over that change"),
            _ => format!("{thread} acts here on what it saw"),
        },
    ];
    for (place, label) in places.into_iter().zip(labels) {
        case.mark(&mut diagnosis.spans, place, label, false);
    }
    diagnosis.fix.push(match found.code {
        pattern::LOST_UPDATE => format!(
            "Make the read and the store of {name} one step: an operation such as `fetch_add`, a `compare_exchange` loop (`fetch_update`), or a lock that is held over both."
        ),
        pattern::ACROSS_AWAIT => format!(
            "Look at {name} again after the `await` before acting on it, or make the look and the act one step that no `await` divides (an asynchronous lock held over both)."
        ),
        _ => format!(
            "Make the look at {name} and the act one step: hold one lock over both, or use one operation that does both (`compare_exchange`, `fetch_update`, `get_or_init`, the map's `entry`)."
        ),
    });
}

/// A load that sees an old value.
fn stale(case: &Case<'_>, load: usize, diagnosis: &mut Diagnosis) {
    let action = action(case, load);
    let thread = case.threads.capital(action.thread);
    let place = case.place_of(Some(action.stack));
    let name = action.object.map_or_else(|| "it".to_owned(), |object| case.names.short(object).to_owned());
    diagnosis.about.insert(action.thread);
    diagnosis.keys.insert(action.at);
    diagnosis.reason.push(format!(
        "What decides is an old value: {thread} {}, and sees a value that another store has replaced by then. Rust's memory model allows that, since nothing orders that store before this load. Had it seen the last value, the test would have passed; this has been tried.",
        deed(case, load)
    ));
    case.mark(&mut diagnosis.spans, place, format!("{thread} sees an old value of {name} here"), false);
    diagnosis.fix.push(format!(
        "Order the store of {name} before this load: publish with `Release` and look with `Acquire` at the variable that says that the value is there; use `SeqCst` on all sides where threads look at each other's variables; or hold one lock around both."
    ));
}
