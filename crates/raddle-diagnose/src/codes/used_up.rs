//! Part of RD0204: a parked thread whose wake-up another wait of the same thread has used up. A thread has one token
//! (`std::thread::park`). Whatever parks it within the function that parks it in the end, such as a channel's `recv` in a
//! future that is being polled, takes the token, whoever it was meant for.
//!
//! Not seen: what an `unpark` was meant for. So it is told of the last one only, where nothing but a channel's or a lock's own
//! call is known to wake that other wait, and none of a record from which steps were left out.

use super::Diagnosis;
use crate::case::Case;
use crate::function;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Role;
use raddle_protocol::trace::{Op, State, ThreadId, Wait};

/// A wake-up that has gone to another wait, by the steps.
struct UsedUp {
    /// The `unpark`.
    unpark: usize,
    /// The other wait takes the token.
    taken: usize,
}

/// Tells of it in a diagnosis of this thread, which has been parked since that step.
pub fn explain(case: &Case<'_>, thread: ThreadId, since: Option<usize>, diagnosis: &mut Diagnosis) {
    let Some((since, used)) = since.and_then(|since| Some((since, find(case, thread, since)?))) else { return };
    let (waker, waiter) = (case.trace().steps[used.unpark].thread, case.threads.prose(thread));
    let [unparks, takes] = [used.unpark, used.taken].map(|at| case.place_at(Some(at)));
    let other = case.site_at(used.taken).and_then(|site| site.entry());
    let other = other.map(|entry| format!(" (`{}`)", function::short(&entry.function))).unwrap_or_default();
    diagnosis.about.insert(waker);
    diagnosis.keys.extend([used.unpark, used.taken]);
    diagnosis.reason.push(format!(
        "{} has unparked {waiter}{}. That wake-up was used up by another wait of the same thread{}{other}: a thread has one token for all its waits, and whatever parks it takes that.",
        case.threads.capital(waker),
        case.at(unparks.as_ref()),
        case.at(takes.as_ref()),
    ));
    case.mark(
        &mut diagnosis.spans,
        takes,
        format!("{waiter} waits for something else here, and is woken by that"),
        false,
    );
    case.mark(&mut diagnosis.spans, unparks, format!("{} unparks {waiter} here", case.threads.prose(waker)), false);
    let parks = case.site_at(since).and_then(parks);
    let krate = parks.filter(|frame| frame.origin == Origin::Dependency).map(|frame| function::krate(&frame.function));
    let whose = krate.map_or_else(String::new, |krate| {
        format!(" It is the crate `{krate}` that parks here: see whether a newer version keeps such a sign.")
    });
    diagnosis.fix.insert(
        0,
        format!("Whoever is parked until others have done something must not go by the token alone: set a flag before `unpark`, and look at it before `park`.{whose} Else do not wait in another way in between: no channel's `recv`, for instance, in a future that is polled on this thread."),
    );
}

/// The function that parks a thread: the innermost one that is not the standard library's.
fn parks(site: &Site) -> Option<&SourceFrame> {
    site.frames.iter().find(|frame| frame.origin != Origin::Standard)
}

fn find(case: &Case<'_>, thread: ThreadId, since: usize) -> Option<UsedUp> {
    let trace = case.trace();
    let State::Waiting(Wait::Futex(token)) = trace.threads.get(thread as usize)?.state else { return None };
    let last = case.site_at(since)?;
    if trace.steps_cut > 0 || last.outer() != Some(Role::Park) {
        return None;
    }
    let last_parks = &parks(last)?.function;
    // The steps that work on the token, before the wait that does not end.
    let on_token = |at: &usize| match trace.steps[*at].op {
        Op::Rmw { address, .. } | Op::Store { address, .. } => address == token,
        Op::CompareExchange { address, done, .. } => address == token && done,
        _ => false,
    };
    let gives = |at: &usize| {
        let site = case.sites.get(trace.steps[*at].stack);
        // A channel that unparks whoever waits at it has its own wait in mind.
        trace.steps[*at].thread != thread && site.inner() == Some(Role::Unpark) && site.outer() == Some(Role::Unpark)
    };
    let unpark = (0..since).rev().filter(on_token).find(gives)?;
    let own = |at: &usize| trace.steps[*at].thread == thread;
    let taken = (unpark + 1..since).filter(on_token).find(own)?;
    let site = case.site_at(taken)?;
    let within = site.frames.iter().any(|frame| frame.function == *last_parks);
    let is_another = parks(site).is_some_and(|frame| frame.function != *last_parks);
    // Had it been parked by the same function meanwhile, that would have looked at what it waits for.
    let sleeps = |at: &usize| {
        let site = case.sites.get(trace.steps[*at].stack);
        matches!(trace.steps[*at].op, Op::FutexWait { address, .. } if address == token)
            && parks(site).is_some_and(|frame| frame.function == *last_parks)
    };
    let comes_back = (taken..since).filter(own).any(|at| sleeps(&at));
    (within && is_another && !comes_back).then_some(UsedUp { unpark, taken })
}
