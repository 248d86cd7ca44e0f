//! RD0302: a lock whose waiting blocks the thread is held by a suspended task, and another task of the thread asks for it.
//!
//! Seen is the deadlock of one thread with itself: the lock was taken in one poll, and asked for in a later one. That the
//! two polls differ shows by an operation of the executor, outside any poll, between them; where `join!` polls several futures in one, by the same call being made again
//! after something was awaited there.
//!
//! Not seen: the deadlock with the task of another thread, which shows as RD0201 or RD0204; and a guard that was held
//! across an `.await` without harm.

use super::{Diagnosis, bystanders};
use crate::case::Case;
use crate::place::Place;
use crate::polls;
use crate::site::Site;
use raddle_engine::waits::SelfDeadlock;
use raddle_instrument::symbols::SourceFrame;

/// Describes it, if that is what it is.
pub fn guard_across_await(case: &Case<'_>, found: &SelfDeadlock) -> Option<Diagnosis> {
    let taken = found.held.at?;
    let thread = case.trace().threads.get(found.thread as usize)?;
    let wanted = case.sites.get(thread.last?);
    let first = polls::of(case.site_at(taken)?)?;
    let second = polls::of(wanted)?;
    if !left_poll(case, found, taken) && !awaited_between(case, found, taken, wanted) {
        return None;
    }
    let name = case.names.get(found.held.object);
    let lock = &name.short;
    let place =
        |frame| Place::of(frame, case.context).map_or_else(String::new, |place| format!(" ({})", place.short()));
    let (holder, asker) = (place(first.task), place(second.task));
    let mut diagnosis = Diagnosis { code: "RD0302", ..Diagnosis::default() };
    diagnosis.about.insert(found.thread);
    diagnosis.keys.extend([Some(taken), found.since].into_iter().flatten());
    diagnosis.message = format!("lock guard held across await: the task that holds {lock} cannot run to give it back");
    let wait = case.wait_place(found.thread, found.since);
    case.mark(
        &mut diagnosis.spans,
        wait.clone(),
        format!("another task asks for {lock} here, and stops the thread"),
        true,
    );
    let hold = case.place_at(Some(taken));
    case.mark(&mut diagnosis.spans, hold.clone(), format!("{lock} is taken here, and held while its task waits"), true);
    let who = case.threads.prose(found.thread);
    diagnosis.reason.push(format!(
        "A task{holder} took {}{} and was suspended at an `.await` before it had given it back. Then {who}, which runs both tasks, went on with another task{asker}, and that asks for the same lock{}.",
        name.long,
        case.at(hold.as_ref()),
        case.at(wait.as_ref()),
    ));
    diagnosis.reason.push(
        "Waiting for such a lock stops the whole thread. The first task is to give the lock back, and it can go on only on this thread: neither ever happens."
            .to_owned(),
    );
    diagnosis.reason.extend(bystanders(case, &diagnosis.about));
    diagnosis.fix = vec![
        format!("Do not hold {lock} at an `.await`: await first and lock afterwards, or let the guard end in a block of its own before the `.await`."),
        "Where the lock must be held across an `.await`, use the async mutex of your runtime: waiting for it suspends the task and not the thread.".to_owned(),
    ];
    Some(diagnosis)
}

/// Whether the executor had its turn between the two: then they belong to different polls.
fn left_poll(case: &Case<'_>, found: &SelfDeadlock, taken: usize) -> bool {
    case.trace().steps[taken..].iter().any(|step| {
        let site = case.sites.get(step.stack);
        step.thread == found.thread && !site.frames.is_empty() && polls::of(site).is_none()
    })
}

/// Whether both are the same call in the same place of the stack, and something was awaited there in between: one poll of
/// several futures in turn, as `join!` has it.
fn awaited_between(case: &Case<'_>, found: &SelfDeadlock, taken: usize, wanted: &Site) -> bool {
    let call = case.site_at(taken).map(|site| &site.call);
    call == Some(&wanted.call)
        && case.trace().steps[taken..].iter().any(|step| {
            let site = case.sites.get(step.stack);
            let polls = |frame: &SourceFrame| crate::function::method(&frame.function) == "poll";
            step.thread == found.thread
                && site.user.is_some()
                && site.call.is_of_same_activation(&wanted.call)
                && site.entry().is_some_and(polls)
        })
}
