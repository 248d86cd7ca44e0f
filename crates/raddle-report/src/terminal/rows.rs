//! Which steps of a long interleaving are shown.
//!
//! The steps on which the finding turns are always shown, with their neighbours, the first steps and the last; what is
//! left of the room goes to the steps before the end, where the cause usually lies.

use raddle_protocol::Finding;
use std::ops::Range;

/// How much of an interleaving to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// What fits on a screen.
    Elided,
    /// All of it.
    Full,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The step of this index.
    Step(usize),
    /// The steps that are left out here; never fewer than [`LEAST_GAP`].
    Gap(Range<usize>),
}

/// Steps that are shown when none of them must be.
const ROOM: usize = 30;
/// Steps shown before and after each key step.
const NEIGHBOURS: usize = 1;
/// Steps shown at the beginning.
const FIRST: usize = 2;
/// Fewer steps than this are not worth the row that says they are left out.
const LEAST_GAP: usize = 3;

/// The rows, in order; together they cover all steps.
pub(super) fn choose(finding: &Finding, length: Length) -> Vec<Row> {
    let count = finding.steps.len();
    let mut shown = vec![length == Length::Full || count <= ROOM; count];
    for index in decisive(finding) {
        shown[index.saturating_sub(NEIGHBOURS)..(index + NEIGHBOURS + 1).min(count)].fill(true);
    }
    shown[..FIRST.min(count)].fill(true);
    let mut room = ROOM.saturating_sub(shown.iter().filter(|s| **s).count());
    for place in shown.iter_mut().rev() {
        if !*place && room > 0 {
            *place = true;
            room -= 1;
        }
    }

    let mut rows = Vec::new();
    let mut index = 0;
    while index < count {
        let end = shown[index..].iter().position(|s| *s).map_or(count, |length| index + length);
        if end - index >= LEAST_GAP {
            rows.push(Row::Gap(index..end));
        } else {
            rows.extend((index..end).map(Row::Step));
        }
        if end < count {
            rows.push(Row::Step(end));
        }
        index = end + 1;
    }
    rows
}

/// Indexes of the steps that decide: those marked so, and the root cause.
pub(super) fn decisive(finding: &Finding) -> Vec<usize> {
    (0..finding.steps.len()).filter(|index| is_decisive(finding, *index)).collect()
}

/// Whether the finding turns on this step.
pub(super) fn is_decisive(finding: &Finding, index: usize) -> bool {
    finding.steps[index].key
        || finding.root_cause.as_ref().is_some_and(|cause| cause.first == index || cause.second == index)
}
