//! What there is to say of any failure that takes a thread that is slow, or input that comes in another order.
//!
//! A failing execution is shown with what it does not need left out; where a delay is left, the failure takes one.

use super::Diagnosis;
use raddle_protocol::{Choice, ChoiceKind};

/// Adds what the choices show.
pub fn explain(choices: &[Choice], diagnosis: &mut Diagnosis) {
    let deviates = |kind| choices.iter().any(|choice| choice.kind == kind && choice.taken != 0);
    if deviates(ChoiceKind::Lateness) {
        diagnosis.reason.push(
            "In this schedule time passed while a thread that could have run was kept waiting, as happens on a loaded machine."
                .to_owned(),
        );
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
