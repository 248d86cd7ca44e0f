//! RD0302 where nothing has come of it: a task was suspended while it held a lock whose waiting blocks the thread.
//!
//! A lock that was taken in a poll, and the thread goes on outside any poll before the lock is given back: the poll has
//! ended with the lock held. Where that leads to a deadlock, [`super::guard_across_await`] tells.
//!
//! Left alone: locks that a library takes for itself. Not seen: a suspension within `join!` and the like, where the thread
//! stays in one poll.

use super::Diagnosis;
use crate::action::What;
use crate::case::Case;
use crate::polls;
use raddle_instrument::symbols::Origin;

/// The first such lock.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let actions = &case.reading.actions;
    let steps = &case.trace().steps;
    actions.iter().enumerate().find_map(|(index, taken)| {
        let (What::Acquired(_), Some(object)) = (&taken.what, taken.object) else { return None };
        let site = case.site_at(taken.at)?;
        let own = |origin| origin == Origin::Standard;
        let by_user = site.library().iter().all(|frame| {
            own(frame.origin) || ["parking_lot", "lock_api"].contains(&crate::function::krate(&frame.function).as_str())
        });
        let task = polls::of(site).filter(|_| by_user && taken.within.is_none())?.task;
        let released = |action: &&crate::action::Action| {
            action.object == Some(object) && matches!(action.what, What::Released) && action.at > taken.at
        };
        let end = actions[index..].iter().find(released).map_or(steps.len(), |action| action.at);
        let outside = |at: &usize| {
            let site = case.site_at(*at);
            steps[*at].thread == taken.thread
                && site.is_some_and(|site| polls::is_executor(site) && polls::of(site).is_none())
        };
        let left = (taken.at + 1..end).find(outside)?;
        let lock = &case.names.get(object);
        let mut diagnosis = Diagnosis { code: "RD0302", warning: true, by_task: true, ..Diagnosis::default() };
        let known = case.tasks.of(taken.at);
        let who = known.map_or_else(|| "a task".to_owned(), |task| case.tasks.get(task).prose.clone());
        diagnosis.about.insert(taken.thread);
        diagnosis.keys.extend([taken.at, left]);
        diagnosis.message = format!("lock guard held across await: {who} is suspended while it holds {}", lock.short);
        let place = case.place_at(Some(taken.at));
        case.mark(
            &mut diagnosis.spans,
            place.clone(),
            format!("{} is taken here, and still held when the task is suspended", lock.short),
            true,
        );
        let last = (taken.at..left).rev().find(|at| steps[*at].thread == taken.thread);
        let awaited = last.and_then(|at| case.place_at(Some(at)));
        case.mark(&mut diagnosis.spans, awaited, "here it waits, with the lock held".to_owned(), false);
        let unknown = || {
            let place = crate::place::Place::of(task, case.context);
            format!("a task{}", place.map_or_else(String::new, |place| format!(" ({})", place.short())))
        };
        let who = crate::words::capital(&known.map_or_else(unknown, |task| case.tasks.long(task)));
        diagnosis.reason.push(format!(
            "{who} takes {}{} and is suspended at an `.await` before it has given it back. Nothing has come of it this time. But if another task asks for the lock meanwhile on the same thread, that thread stops; and if it is the thread on which the first task should go on, for ever.",
            lock.long,
            case.at(place.as_ref()),
        ));
        diagnosis.fix = vec![
            format!("Do not hold {} at an `.await`: await first and lock afterwards, or let the guard end in a block of its own before the `.await`.", lock.short),
            "Where the lock must be held across an `.await`, use the async mutex of your runtime: waiting for it suspends the task and not the thread.".to_owned(),
        ];
        Some(diagnosis)
    })
}
