//! RD0101 and RD0105.

use super::Diagnosis;
use crate::case::Case;
use raddle_protocol::trace::{Conflict, ConflictKind};

/// Describes a conflict of accesses.
pub fn conflict(case: &Case<'_>, found: &Conflict) -> Diagnosis {
    let code = if found.kind == ConflictKind::Race { "RD0101" } else { "RD0105" };
    let mut diagnosis = Diagnosis { code, message: format!("{found:?}"), ..Diagnosis::default() };
    case.mark(&mut diagnosis.spans, case.last_place(found.thread), "here", true);
    let stack = case.trace().threads.get(found.thread as usize).and_then(|thread| thread.last);
    for frame in stack.map(|stack| case.sites.get(stack).frames.as_slice()).unwrap_or_default() {
        diagnosis.notes.push(format!("{} {:?}:{}", frame.function, frame.file, frame.line));
    }
    for step in case.trace().steps.iter().rev().filter(|step| Some(step.thread) == found.earlier.map(|e| e.0)).filter(|step| matches!(step.op, raddle_protocol::Op::Access{..})).take(1) {
        diagnosis.notes.push(format!("earlier {:?}", step.op));
        for frame in &case.sites.get(step.stack).frames {
            diagnosis.notes.push(format!("{} {:?}:{}", frame.function, frame.file, frame.line));
        }
    }
    diagnosis
}
