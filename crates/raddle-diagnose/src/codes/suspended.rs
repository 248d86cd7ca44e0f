//! Tasks that stand still where nothing can run any more. An executor's threads then sleep because there is nothing to be
//! polled: what is missing is the wake-up of a task, not theirs.
//!
//! Not seen: whether a task is to wait for ever, as a server's loop does; so only a thread that the executor has started
//! itself leaves the first place to them. A record from which steps were left out tells nothing of how tasks have ended.

use super::Diagnosis;
use crate::case::Case;
use crate::function;
use crate::place::Place;
use crate::polls;
use crate::tasks::TaskId;
use raddle_protocol::trace::ThreadId;

/// Tasks described at the most.
const MOST: usize = 3;

/// A task that has been polled and has not ended.
struct Suspended {
    task: TaskId,
    /// The last that it did.
    at: usize,
    /// Whether it has been woken since.
    woken: bool,
}

/// Tells of them in a diagnosis of this thread, which waits for ever.
pub fn explain(case: &Case<'_>, waits: ThreadId, diagnosis: &mut Diagnosis) {
    let all = suspended(case);
    let Some(first) = all.iter().find(|one| !one.woken) else { return };
    let last = case.trace().threads.get(waits as usize).and_then(|thread| thread.last);
    // One of the executor's own threads.
    let is_idle = last.is_some_and(|last| {
        let site = case.sites.get(last);
        site.user.is_none() && polls::is_executor(site)
    });
    if is_idle {
        let who = case.tasks.get(first.task).prose.clone();
        diagnosis.message = format!("lost wakeup: {who} is suspended, and nobody is left to wake it");
        diagnosis.spans.clear();
        diagnosis.reason.clear();
        diagnosis.fix = vec![
            "A future that returns `Pending` must have left its waker with whoever makes it ready, and that one must wake it after every change. If a future is dropped that has been woken already, it must pass the wake-up on to the next one that waits.".to_owned(),
        ];
    }
    for one in all.iter().take(MOST) {
        tell(case, one, diagnosis);
    }
    if all.len() > MOST {
        diagnosis.reason.push(format!("{} more tasks have not ended either.", all.len() - MOST));
    }
    if is_idle {
        diagnosis.reason.push(
            "All threads have ended or wait, those of the executor for something to poll: nobody is left who would wake a task."
                .to_owned(),
        );
    }
}

fn tell(case: &Case<'_>, one: &Suspended, diagnosis: &mut Diagnosis) {
    let is_first = diagnosis.spans.is_empty();
    let place: Option<Place> = case.place_at(Some(one.at));
    let prose = &case.tasks.get(one.task).prose;
    let site = case.site_at(one.at);
    let awaits = site.and_then(|site| site.entry()).map(|entry| format!(" in `{}`", function::short(&entry.function)));
    diagnosis.keys.insert(one.at);
    diagnosis.reason.push(format!(
        "{} has not ended: it is suspended{}{}{}",
        crate::words::capital(&case.tasks.long(one.task)),
        awaits.unwrap_or_default(),
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
