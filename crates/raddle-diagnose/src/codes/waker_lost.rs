//! RD0306: a future has returned `Pending` without having arranged to be woken.
//!
//! Nothing can run any more, a thread waits in its executor, and what it polled last was a future of the user's own that
//! neither handed its waker on nor awaited anything that would.
//!
//! A waker is handed on by cloning it (an operation on its count, in `Waker::clone`) or used by waking it. Left alone: a
//! poll in which a library took part, since that may keep the waker; and futures that have ever cloned one, since they may
//! rightly keep it. Not seen: a future without any operation, and one that is polled with others in one poll.

use super::Diagnosis;
use crate::case::Case;
use crate::place::Place;
use crate::polls;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::trace::{State, ThreadId};

/// Functions that clone or call a waker, or keep one, by parts of their names.
const WAKERS: [&str; 4] = ["core::task::wake::", "::task::waker::", "::util::wake::", "AtomicWaker"];

/// The first thread that waits for a future that will not be woken.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let trace = case.trace();
    (0..trace.threads.len() as ThreadId).find_map(|thread| {
        let about = &trace.threads[thread as usize];
        let waits = matches!(about.state, State::Waiting(_));
        let last = case.sites.get(about.last.filter(|_| waits)?);
        if !polls::is_executor(last) || polls::of(last).is_some() {
            return None;
        }
        lost(case, thread)
    })
}

fn lost(case: &Case<'_>, thread: ThreadId) -> Option<Diagnosis> {
    let steps = &case.trace().steps;
    let own = |at: &usize| steps[*at].thread == thread;
    let polled = |at: &usize| case.site_at(*at).is_some_and(|site| polls::of(site).is_some());
    let last = (0..steps.len()).rev().filter(own).find(polled)?;
    // All of the last poll: back to where the thread was outside.
    let poll: Vec<usize> = (0..=last).rev().filter(own).take_while(polled).collect();
    let leaf = leaf(case.site_at(last)?)?;
    let alone = poll.iter().all(|at| case.site_at(*at).is_some_and(by_user_alone));
    let function = &leaf.function;
    let hands_on = |at: usize| {
        case.site_at(at).is_some_and(|site| {
            let wakes = |frame: &SourceFrame| WAKERS.iter().any(|name| frame.function.contains(name));
            site.frames.iter().any(|frame| frame.function == *function) && site.frames.iter().any(wakes)
        })
    };
    if !alone || (0..steps.len()).any(hands_on) {
        return None;
    }
    let name = crate::function::short(function);
    let place = Place::of(leaf, case.context);
    let who = case.threads.prose(thread);
    let mut diagnosis = Diagnosis { code: "RD0306", ..Diagnosis::default() };
    diagnosis.about.insert(thread);
    diagnosis.keys.insert(last);
    diagnosis.message = format!("waker lost: `{name}` returns `Pending`, and nobody can wake its task");
    case.mark(
        &mut diagnosis.spans,
        place.clone(),
        format!("`{name}` looks here, is not ready, and keeps no waker"),
        true,
    );
    diagnosis.reason.push(format!(
        "{} polled `{name}`{}, which returned `Pending`. That is a promise to call the task's waker once there is something to do. But in this execution the waker was never cloned in `{name}`, nor called, nor handed to anything that is awaited there, so nobody can keep the promise: {who} waits for ever.",
        crate::words::capital(&who),
        case.at(place.as_ref()),
    ));
    diagnosis.reason.extend(super::bystanders(case, &diagnosis.about));
    diagnosis.fix = vec![
        "Before it returns `Pending`, let the future put `cx.waker().clone()` where whoever makes it ready finds it and calls `wake()`; put it there before the last look at whether it is ready.".to_owned(),
        "Or await something that does this already: a channel, a `Notify`, a timer.".to_owned(),
    ];
    Some(diagnosis)
}

/// The innermost function of the user's that is a `poll`, or a closure given to `poll_fn`.
fn leaf(site: &Site) -> Option<&SourceFrame> {
    let at = site.user?;
    let frame = &site.frames[at];
    let within_poll_fn = site.frames[at..].iter().take(3).any(|outer| outer.function.contains("PollFn"));
    (frame.line > 0 && (crate::function::method(&frame.function) == "poll" || within_poll_fn)).then_some(frame)
}

/// Whether nothing but the standard library comes between the user's code and the operation.
fn by_user_alone(site: &Site) -> bool {
    site.user.is_some() && site.library().iter().all(|frame| frame.origin == Origin::Standard)
}
