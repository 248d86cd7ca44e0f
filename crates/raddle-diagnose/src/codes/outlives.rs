//! RD0401: a thread that was started by the test still works when the test has ended.
//!
//! Judged on the execution without preemption: there a thread that could run when the test function returned was never
//! waited for. In others it may have done all but its last step. What it does in the turns that it gets afterwards must be
//! more than to end.
//!
//! Left alone: a thread that waits for work (a message, a lock, a descriptor), as those of pools do; threads that a library
//! has started; and those of a scope. Not seen: tasks, which end with their runtime.

use super::Diagnosis;
use crate::case::Case;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Op;
use raddle_protocol::trace::ThreadId;

/// The first such thread.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    if case.raw.execution != 0 {
        return None;
    }
    let steps = &case.trace().steps;
    let returned = steps.iter().position(|step| matches!(step.op, Op::Returned))?;
    let threads = 1..case.trace().threads.len() as ThreadId;
    let (thread, next) = threads.filter_map(|thread| Some((thread, outlives(case, thread, returned)?))).next()?;
    let spawned = steps.iter().position(|step| matches!(step.op, Op::Spawn { child } if child == thread));
    let begun = steps[..returned].iter().any(|step| step.thread == thread);
    let mut diagnosis = Diagnosis { code: "RD0401", warning: true, ..Diagnosis::default() };
    let who = case.threads.prose(thread);
    diagnosis.about.insert(thread);
    diagnosis.keys.extend(spawned.into_iter().chain([next]));
    let (place, after) = (case.place_at(spawned), case.place_at(Some(next)));
    diagnosis.message = format!("outlives its scope: {who} is still at work when the test has ended");
    case.mark(&mut diagnosis.spans, place.clone(), format!("{who} is started here, and nobody waits for it"), true);
    case.mark(&mut diagnosis.spans, after.clone(), "it does this when the test has ended".to_owned(), false);
    diagnosis.reason.push(format!(
        "{}, started{}, {} when the test function returned, and nobody had waited for it. What it does then{} happens during other tests, or is cut off when the process ends.",
        crate::words::capital(&who),
        case.at(place.as_ref()),
        if begun { "was not done" } else { "had not even begun" },
        after.map_or_else(String::new, |place| format!(", such as what is at {},", place.short())),
    ));
    diagnosis.fix = vec![
        "Keep its handle and `join` it before the test ends, or start it in `std::thread::scope`, which waits by itself.".to_owned(),
        "A thread that is to last as long as something else belongs to that: keep the handle in it, and end and join the thread in its `Drop`.".to_owned(),
    ];
    Some(diagnosis)
}

/// The first thing that a thread does after the test function has returned, if it was at work then.
fn outlives(case: &Case<'_>, thread: ThreadId, returned: usize) -> Option<usize> {
    let trace = case.trace();
    let (_, stack) = trace.threads[thread as usize].spawned?;
    let site = case.sites.get(stack);
    let by_user = site.user.is_some() && site.library().iter().all(|frame| frame.origin == Origin::Standard);
    let scoped = site.frames.iter().any(|frame| frame.function.contains("std::thread::scoped"));
    let awaited = |op: &Op| matches!(op, Op::Joined { child } | Op::JoinRequest { child } if *child == thread);
    let own = |at: &usize| trace.steps[*at].thread == thread;
    let last = (0..returned).rev().find(own).map(|at| &trace.steps[at].op);
    let waits = matches!(
        last,
        Some(
            Op::FutexWait { .. }
                | Op::CondvarWait { .. }
                | Op::LockRequest { .. }
                | Op::JoinRequest { .. }
                | Op::Io { .. }
                | Op::End
        )
    );
    if !by_user || scoped || waits || trace.steps.iter().any(|step| awaited(&step.op)) {
        return None;
    }
    let does = |at: &usize| own(at) && case.site_at(*at).is_some_and(|site| site.user_frame().is_some_and(is_work));
    (returned..trace.steps.len()).find(does)
}

/// Whether a frame is code that somebody wrote, rather than the end of a value that goes with the thread.
fn is_work(frame: &SourceFrame) -> bool {
    frame.line > 0 && !frame.function.contains("drop_in_place")
}
