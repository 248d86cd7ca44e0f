//! What there is to say of any failure that takes a thread that is slow, or input that comes in another order.
//!
//! A failing execution is shown with what it does not need left out; where a delay is left, the failure takes one.

use super::Diagnosis;
use crate::case::Case;
use crate::words;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{State, ThreadId};

/// Whether an answer of this kind is not the usual one.
fn deviates(case: &Case<'_>, kind: ChoiceKind) -> bool {
    case.raw.choices.iter().any(|choice| choice.kind == kind && choice.taken != 0)
}

/// Whether time has passed while a thread could have run.
pub fn is_there(case: &Case<'_>) -> bool {
    deviates(case, ChoiceKind::Lateness)
}

/// Threads that could have run ever since they were started, and have not taken a step: a reader finds none of them in the
/// interleaving.
fn not_begun(case: &Case<'_>) -> Option<String> {
    let trace = case.trace();
    let is_idle = |thread: &ThreadId| {
        let is_ready = trace.threads[*thread as usize].state == State::Runnable;
        is_ready && trace.steps_cut == 0 && trace.steps.iter().all(|step| step.thread != *thread)
    };
    let idle: Vec<ThreadId> = (0..trace.threads.len() as ThreadId).filter(is_idle).collect();
    let place = match idle[..] {
        [] => return None,
        [one] => case.threads.get(one).and_then(|name| name.spawned.as_ref()),
        _ => None,
    };
    let started = place.map_or_else(String::new, |place| format!(", started at {},", place.short()));
    let verb = if idle.len() == 1 { "has" } else { "have" };
    Some(format!("{}{started} {verb} not taken a single step.", words::capital(&case.threads.list(&idle))))
}

/// Adds what the choices show.
pub fn explain(case: &Case<'_>, diagnosis: &mut Diagnosis) {
    let deviates = |kind| deviates(case, kind);
    if is_there(case) {
        diagnosis.reason.push(
            "In this schedule time passed while a thread that could have run was kept waiting, as happens on a loaded machine."
                .to_owned(),
        );
        diagnosis.reason.extend(not_begun(case));
        diagnosis.fix.push(
            "Where something waits for a fixed time and takes it that another thread is done by then, let it wait for the other thread itself: for a message, a `join`, a condition. A timeout needs an answer to its having passed."
                .to_owned(),
        );
        diagnosis.notes.push(
            "All delays of a schedule together are no longer than `--delay` says (50ms unless it is given). If the test may rely on threads that are quicker than that, give less; with `--delay 0s` no time passes while anything can run."
                .to_owned(),
        );
    }
    if deviates(ChoiceKind::Reuse) {
        diagnosis.notes.push(
            "In this schedule an allocation gets memory that was freed before, at an address that a thread has read: the same address, another value (the ABA problem). Whoever goes by an address having stayed the same needs a counter beside it, or must keep what lies there from being freed (a reference count, a hazard pointer, an epoch)."
                .to_owned(),
        );
    }
    if deviates(ChoiceKind::Shortfall) {
        diagnosis.notes.push(
            "In this schedule a read or write moved fewer bytes than it could have, or was interrupted (`--io-faults`)."
                .to_owned(),
        );
    }
}
