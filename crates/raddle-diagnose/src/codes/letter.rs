//! What fails by the letter of the memory model only, and not where each read-modify-write is a fence, as on x86-64: a
//! warning, whatever its code.

use super::{Diagnosis, cause};
use crate::case::Case;
use raddle_protocol::trace::Outcome;

/// Says so, where it is so.
pub fn explain(case: &Case<'_>, diagnosis: &mut Diagnosis) {
    if !case.raw.by_the_letter {
        return;
    }
    // Of other ends the reason has been looked for anyway.
    if matches!(case.raw.outcome, Outcome::Conflict(_)) {
        cause::explain(case, diagnosis);
    }
    diagnosis.warning = true;
    diagnosis.reason.push(
        "This is a warning because an x86-64 processor does not do it. The old value is seen although an atomic read-modify-write (`swap`, `fetch_add`, `compare_exchange`) stands between, and on x86-64 that instruction lets nothing pass, whatever `Ordering` it is given. Rust does not promise that: aarch64 and others, or a compiler, may let it happen."
            .to_owned(),
    );
    diagnosis.fix.insert(
        0,
        "If the read-modify-write is meant as a fence, write one, on both sides: `std::sync::atomic::fence(Ordering::SeqCst)` between it and the load. On x86-64 that changes little; elsewhere it is what makes the code right."
            .to_owned(),
    );
}
