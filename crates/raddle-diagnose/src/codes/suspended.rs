//! Tasks that stand still where nothing can run any more. An executor's threads then sleep because there is nothing to be
//! polled: what is missing is the wake-up of a task, not theirs.
//!
//! Not seen: whether a task is to wait for ever, as a server's loop does; so only a thread that the executor has started
//! itself leaves the first place to them. A record from which steps were left out tells nothing of how tasks have ended.

use super::{Diagnosis, others_waiting, this_code_or_the_crates};
use crate::case::Case;
use crate::function;
use crate::place::Place;
use crate::polls;
use crate::site::{CallKey, Site};
use crate::tasks::TaskId;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Role;
use raddle_protocol::trace::{State, ThreadId};

/// Tasks described at the most.
const MOST: usize = 3;

/// What puts a thread to sleep, other than a lock: whoever polls has come back from it.
const WAITS: [Role; 6] =
    [Role::ChannelReceive, Role::CondvarWait, Role::BarrierWait, Role::OnceWait, Role::Join, Role::Park];

/// A task that has been polled and has not ended.
struct Suspended {
    task: TaskId,
    /// The last that it did.
    at: usize,
    /// Whether it has been woken since.
    woken: bool,
}

/// Tells of them in a diagnosis of this thread, which waits for ever, and of the future that a thread blocks on.
pub fn explain(case: &Case<'_>, waits: ThreadId, diagnosis: &mut Diagnosis) {
    let all = suspended(case);
    let first = all.iter().find(|one| !one.woken);
    // One of the executor's own threads.
    let is_idle = last_site(case, waits).is_some_and(|site| site.user.is_none() && polls::is_executor(site));
    let threads = 0..case.trace().threads.len() as ThreadId;
    let mut blocked = threads.filter(|thread| is_idle || *thread == waits);
    let blocked = blocked.find_map(|thread| Some((thread, blocks_on(case, thread)?)));
    match (first, blocked) {
        (Some(first), _) if is_idle => {
            let who = case.tasks.get(first.task).prose.clone();
            begin(format!("lost wakeup: {who} is suspended, and nobody is left to wake it"), diagnosis);
        }
        (_, Some((thread, at))) => {
            let who = case.threads.prose(thread);
            begin(format!("lost wakeup: {who} blocks on a future, and nobody is left to wake it"), diagnosis);
            tell_of_future(case, thread, at, diagnosis);
        }
        (None, None) => return,
        (Some(_), None) => {}
    }
    for one in all.iter().take(MOST) {
        tell(case, one, diagnosis);
    }
    if all.len() > MOST {
        diagnosis.reason.push(format!("{} more tasks have not ended either.", all.len() - MOST));
    }
    let nobody = if is_idle {
        "All threads have ended or wait, those of the executor for something to poll: nobody is left who would wake a task."
    } else if blocked.is_some() {
        diagnosis.reason.extend(others_waiting(case, &diagnosis.about).map(|others| format!("{others}.")));
        "All other threads have ended or wait themselves: nobody is left who would wake it."
    } else {
        return;
    };
    diagnosis.reason.push(nobody.to_owned());
}

/// Begins a diagnosis anew: it is about a future, and not about the wait of a thread.
fn begin(message: String, diagnosis: &mut Diagnosis) {
    diagnosis.message = message;
    diagnosis.spans.clear();
    diagnosis.reason.clear();
    diagnosis.fix = vec![
        "See to it that what the future waits for is done on every path: a message sent or each sender dropped, a permit given back, a notification that is kept or comes after the future has begun to wait.".to_owned(),
        "A future that returns `Pending` must have left its waker with whoever makes it ready, and that one must wake it after every change. If a future is dropped that has been woken already, it must pass the wake-up on to the next one that waits.".to_owned(),
    ];
}

/// Where a thread stands.
fn last_site<'a>(case: &'a Case<'_>, thread: ThreadId) -> Option<&'a Site> {
    let last = case.trace().threads.get(thread as usize)?.last?;
    Some(case.sites.get(last))
}

/// The last step of the future that a thread blocks on, if it waits in an executor's function that the user has called.
fn blocks_on(case: &Case<'_>, thread: ThreadId) -> Option<usize> {
    let trace = case.trace();
    let waits = matches!(trace.threads.get(thread as usize)?.state, State::Waiting(_));
    let last = last_site(case, thread)?;
    if !waits || trace.steps_cut > 0 || !polls::is_of_executor(last) || polls::blocked_future(last).is_some() {
        return None;
    }
    let is_of_future = |at: &usize| {
        let polled = trace.steps[*at].thread == thread && case.tasks.of(*at).is_none();
        let in_future = |site: &Site| polls::of(site).is_some() || polls::blocked_future(site).is_some();
        polled && case.site_at(*at).is_some_and(in_future)
    };
    // Where a call has waited in another way and gone on, no future is suspended.
    let mut waited: Vec<&CallKey> = Vec::new();
    for at in (0..trace.steps.len()).filter(is_of_future) {
        let Some(site) = case.site_at(at) else { continue };
        if site.outer().is_some_and(|role| WAITS.contains(&role)) && !waited.contains(&&site.call) {
            waited.push(&site.call);
        }
    }
    let has_waited = |at: &usize| case.site_at(*at).is_some_and(|site| waited.contains(&&site.call));
    let steps = || (0..trace.steps.len()).rev().filter(is_of_future);
    steps().find(|at| !has_waited(at)).or_else(|| steps().next())
}

fn tell_of_future(case: &Case<'_>, thread: ThreadId, at: usize, diagnosis: &mut Diagnosis) {
    let place = case.place_at(Some(at));
    diagnosis.keys.insert(at);
    diagnosis.about.insert(thread);
    let future = case.site_at(at).and_then(polls::blocked_future);
    let of_crate = future.filter(|future| future.origin == Origin::Dependency);
    let within =
        of_crate.map_or_else(|| within(case, at), |future| format!(" in `{}`", function::short(&future.function)));
    diagnosis.reason.push(format!(
        "{} blocks on a future that has not ended: it is suspended{within}{}.",
        case.threads.capital(thread),
        case.at(place.as_ref()),
    ));
    case.mark(&mut diagnosis.spans, place, "the future is suspended here, for ever", true);
    let whose = match (of_crate, awaited(case, at)) {
        (Some(future), _) => format!("The future is of the crate `{}`", function::krate(&future.function)),
        (None, Some(future)) => format!(
            "It waits for a future of the crate `{}` (`{}`)",
            function::krate(&future.function),
            function::short(&future.function)
        ),
        (None, None) => return,
    };
    diagnosis.fix.insert(0, this_code_or_the_crates(&whose));
}

/// The crate's future that a future of the user's awaits at a step.
fn awaited<'a>(case: &'a Case<'_>, at: usize) -> Option<&'a SourceFrame> {
    let site = case.site_at(at)?;
    site.user?;
    site.dependency().filter(|frame| polls::is_future(frame))
}

/// The crate's function in which a future stands.
fn within(case: &Case<'_>, at: usize) -> String {
    let entry = case.site_at(at).and_then(|site| site.entry());
    entry.map(|entry| format!(" in `{}`", function::short(&entry.function))).unwrap_or_default()
}

fn tell(case: &Case<'_>, one: &Suspended, diagnosis: &mut Diagnosis) {
    let is_first = diagnosis.spans.is_empty();
    let place: Option<Place> = case.place_at(Some(one.at));
    let prose = &case.tasks.get(one.task).prose;
    diagnosis.keys.insert(one.at);
    diagnosis.reason.push(format!(
        "{} has not ended: it is suspended{}{}{}",
        crate::words::capital(&case.tasks.long(one.task)),
        within(case, one.at),
        case.at(place.as_ref()),
        if one.woken {
            ". It has been woken, but no thread polls it any more."
        } else {
            ", and has not been woken since."
        }
    ));
    let label = if one.woken { "is suspended here, and not polled any more" } else { "is suspended here, for ever" };
    case.mark(&mut diagnosis.spans, place, format!("{prose} {label}"), is_first);
}

/// All of them, those that came to a stand first, first.
fn suspended(case: &Case<'_>) -> Vec<Suspended> {
    let trace = case.trace();
    if trace.steps_cut > 0 {
        return Vec::new();
    }
    let unfinished = case.tasks.all().filter(|(_, task)| !task.ended);
    let mut all: Vec<Suspended> = unfinished
        .filter_map(|(task, _)| {
            let at = (0..trace.steps.len()).rev().find(|at| case.tasks.of(*at) == Some(task))?;
            let wakes = |later: usize| {
                let site = case.site_at(later)?;
                case.tasks.known(polls::readies(site, &trace.steps[later].op)?, later)
            };
            let woken = (at..trace.steps.len()).any(|later| wakes(later) == Some(task));
            Some(Suspended { task, at, woken })
        })
        .collect();
    all.sort_by_key(|one| one.at);
    all
}
