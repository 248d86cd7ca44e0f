//! RD0401: a thread that was started by the test still works when the test has ended.
//!
//! Judged on the execution without preemption: there a thread that could run when the test function returned was never
//! waited for. In others it may have done all but its last step.
//!
//! Left alone: a thread that waits for work (a message, a lock, a descriptor), as those of pools do; threads that a library
//! has started; and those of a scope. Not seen: tasks, which end with their runtime.

use super::Diagnosis;
use crate::case::Case;
use raddle_instrument::symbols::Origin;
use raddle_protocol::Op;
use raddle_protocol::trace::{State, ThreadId, Wait};

/// The first such thread.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    if case.raw.execution != 0 {
        return None;
    }
    let trace = case.trace();
    let (thread, spawned) = (1..trace.threads.len() as ThreadId).find_map(|id| outlives(case, id))?;
    let mut diagnosis = Diagnosis { code: "RD0401", warning: true, ..Diagnosis::default() };
    let who = case.threads.prose(thread);
    diagnosis.about.insert(thread);
    diagnosis.keys.extend(spawned);
    let place = case.place_at(spawned);
    let last = case.last_user_place(thread);
    let begun = trace.steps.iter().any(|step| step.thread == thread);
    diagnosis.message = format!("outlives its scope: {who} is still at work when the test has ended");
    case.mark(&mut diagnosis.spans, place.clone(), format!("{who} is started here, and nobody waits for it"), true);
    if begun {
        case.mark(&mut diagnosis.spans, last, "it was here when the test ended".to_owned(), false);
    }
    diagnosis.reason.push(format!(
        "{}, started{}, {} when the test function returned, and no one had waited for it. What it was to do then happens during other tests, or is cut off when the process ends.",
        crate::words::capital(&who),
        case.at(place.as_ref()),
        if begun { "was not done" } else { "had not even begun" },
    ));
    diagnosis.fix = vec![
        "Keep its handle and `join` it before the test ends, or start it in `std::thread::scope`, which waits by itself.".to_owned(),
        "A thread that is to last as long as something else belongs to that: keep the handle in it, and end and join the thread in its `Drop`.".to_owned(),
    ];
    Some(diagnosis)
}

/// The thread, and the step that started it.
fn outlives(case: &Case<'_>, thread: ThreadId) -> Option<(ThreadId, Option<usize>)> {
    let trace = case.trace();
    let about = &trace.threads[thread as usize];
    let at_work = matches!(about.state, State::Runnable | State::Waiting(Wait::Sleep));
    let (_, stack) = about.spawned.filter(|_| at_work)?;
    let site = case.sites.get(stack);
    let by_user = site.user.is_some() && site.library().iter().all(|frame| frame.origin == Origin::Standard);
    let scoped = site.frames.iter().any(|frame| frame.function.contains("std::thread::scoped"));
    let awaited = trace
        .steps
        .iter()
        .any(|step| matches!(step.op, Op::Joined { child } | Op::JoinRequest { child } if child == thread));
    let spawned = trace.steps.iter().position(|step| matches!(step.op, Op::Spawn { child } if child == thread));
    (by_user && !scoped && !awaited).then_some((thread, spawned))
}
