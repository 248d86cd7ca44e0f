//! Warnings that say again what an earlier one of the run has said: the same code at the same places, met by another
//! test. One is shown in full, the others on a few lines. Failures are never shortened, for each test is to be mended.

use raddle_protocol::Severity;
use raddle_protocol::finding::{Code, Finding};
use std::collections::BTreeMap;

/// A warning, as far as it is the same in another test: its code, and the places that it is about.
type Warning = (Code, Vec<(String, u32)>);

/// The warnings of a run.
#[derive(Debug, Default)]
pub struct Repeats {
    first: BTreeMap<Warning, usize>,
}

impl Repeats {
    /// The number of the earlier finding that says the same as `finding`, which has `number`; `None` when there is none,
    /// and for what is no warning or has no place in the source.
    pub fn earlier(&mut self, finding: &Finding, number: usize) -> Option<usize> {
        let primary = finding.spans.iter().filter(|span| span.primary);
        let mut places: Vec<(String, u32)> = primary.map(|span| (span.path.clone(), span.line)).collect();
        places.sort_unstable();
        if finding.severity != Severity::Warning || places.is_empty() {
            return None;
        }
        let first = *self.first.entry((finding.code.clone(), places)).or_insert(number);
        (first != number).then_some(first)
    }
}
