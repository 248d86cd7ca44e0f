//! Which steps of a long interleaving are shown.
//!
//! The steps on which the finding turns are always shown, with their neighbours, the first steps and the last, and where
//! threads are interrupted, if that is at few places; what is left of the room goes to the steps that are nearest to any of
//! these.

use raddle_protocol::Finding;
use std::ops::Range;

/// How much of an interleaving to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// What fits on a screen.
    Elided,
    /// All of it.
    Full,
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The step of this index.
    Step(usize),
    /// The steps that are left out here; never fewer than [`LEAST_GAP`].
    Gap(Range<usize>),
    /// The steps before the step of this index that the finding itself has left out.
    Cut(usize),
}

/// Steps that are shown when none of them must be.
const ROOM: usize = 24;
/// Steps shown before and after each key step.
const NEIGHBOURS: usize = 1;
/// Steps shown at the beginning.
const FIRST: usize = 2;
/// Steps shown at the end.
const LAST: usize = 3;
/// Interruptions in an interleaving at the most for these to be shown.
const FEW: usize = 6;
/// Fewer steps than this are not worth the row that says they are left out.
const LEAST_GAP: usize = 3;

/// The rows, in order; together they cover all steps.
pub(crate) fn choose(finding: &Finding, length: Length) -> Vec<Row> {
    let count = finding.steps.len();
    let mut decisive = decisive(finding);
    let mut shown = vec![length == Length::Full || count <= ROOM; count];
    for index in &decisive {
        shown[index.saturating_sub(NEIGHBOURS)..(index + NEIGHBOURS + 1).min(count)].fill(true);
    }
    shown[..FIRST.min(count)].fill(true);
    let interrupted: Vec<usize> = (0..count).filter(|index| finding.steps[*index].interrupted).collect();
    if interrupted.len() <= FEW {
        interrupted.iter().for_each(|index| shown[*index..(index + 2).min(count)].fill(true));
        decisive.extend(interrupted);
    }
    shown[count.saturating_sub(LAST)..].fill(true);
    let room = ROOM.saturating_sub(shown.iter().filter(|shown| **shown).count());
    let mut others: Vec<usize> = (0..count).filter(|index| !shown[*index]).collect();
    // Of two steps equally far away, the later one tells more. The end counts as decisive.
    others.sort_by_key(|index| (distance(*index, &decisive).min(count - index), count - index));
    for index in others.into_iter().take(room) {
        shown[index] = true;
    }

    let mut rows = Vec::new();
    let step = |index: usize| {
        let cut = (finding.steps[index].left_out > 0).then_some(Row::Cut(index));
        cut.into_iter().chain([Row::Step(index)])
    };
    let mut index = 0;
    while index < count {
        let end = shown[index..].iter().position(|s| *s).map_or(count, |length| index + length);
        if end - index >= LEAST_GAP {
            rows.push(Row::Gap(index..end));
        } else {
            rows.extend((index..end).flat_map(step));
        }
        if end < count {
            rows.extend(step(end));
        }
        index = end + 1;
    }
    rows
}

fn distance(index: usize, decisive: &[usize]) -> usize {
    decisive.iter().map(|other| other.abs_diff(index)).min().unwrap_or(usize::MAX)
}

/// Indexes of the steps that decide: those marked so, and the root cause.
pub(crate) fn decisive(finding: &Finding) -> Vec<usize> {
    (0..finding.steps.len()).filter(|index| is_decisive(finding, *index)).collect()
}

/// Whether the finding turns on this step.
pub(crate) fn is_decisive(finding: &Finding, index: usize) -> bool {
    finding.steps[index].key
        || finding.root_cause.as_ref().is_some_and(|cause| cause.first == index || cause.second == index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use raddle_protocol::finding::{Code, Schedule, Severity, StepView};

    fn finding(steps: usize, keys: &[usize]) -> Finding {
        let step = |index| StepView {
            thread: 0,
            action: format!("step {index}"),
            file: String::new(),
            line: 0,
            function: String::new(),
            times: 1,
            key: keys.contains(&index),
            interrupted: false,
            left_out: 0,
        };
        Finding {
            code: Code("RD0501".into()),
            severity: Severity::Error,
            test: String::new(),
            message: String::new(),
            spans: Vec::new(),
            threads: Vec::new(),
            steps: (0..steps).map(step).collect(),
            stacks: Vec::new(),
            reason: Vec::new(),
            fix: Vec::new(),
            notes: Vec::new(),
            output: String::new(),
            replay: String::new(),
            schedule: Schedule::default(),
            root_cause: None,
            pattern: None,
        }
    }

    #[test]
    fn where_threads_are_interrupted_is_shown_if_that_is_at_few_places() {
        let shown = |interrupted: &[usize]| {
            let mut finding = finding(500, &[499]);
            interrupted.iter().for_each(|index| finding.steps[*index].interrupted = true);
            choose(&finding, Length::Elided)
        };
        let few = shown(&[100, 200]);
        assert!([100, 101, 200, 201].into_iter().all(|index| few.contains(&Row::Step(index))), "{few:?}");
        let many: Vec<usize> = (0..FEW + 1).map(|number| 50 * (number + 1)).collect();
        assert!(!shown(&many).contains(&Row::Step(100)));
    }

    #[test]
    fn what_the_finding_has_left_out_has_a_row() {
        let mut finding = finding(3, &[]);
        finding.steps[1].left_out = 7;
        assert_eq!(choose(&finding, Length::Full), [Row::Step(0), Row::Cut(1), Row::Step(1), Row::Step(2)]);
    }

    #[test]
    fn rows_cover_all_steps_in_order_and_keep_the_decisive_with_their_neighbours() {
        for steps in [0, 1, 5, ROOM, ROOM + 1, 100, 3_000] {
            for keys in [&[][..], &[0], &[4], &[60, 61], &[3, 50, 99], &[10, 14, 18, 22, 26, 30, 34, 38, 42, 46, 50]] {
                let keys: Vec<usize> = keys.iter().copied().filter(|key| *key < steps).collect();
                let rows = choose(&finding(steps, &keys), Length::Elided);
                let mut next = 0;
                let mut shown = Vec::new();
                for row in &rows {
                    match row {
                        Row::Step(index) => {
                            assert_eq!(*index, next);
                            shown.push(*index);
                            next += 1;
                        }
                        Row::Cut(_) => panic!("nothing has been left out before"),
                        Row::Gap(range) => {
                            assert_eq!(range.start, next);
                            assert!(range.len() >= LEAST_GAP);
                            next = range.end;
                        }
                    }
                }
                assert_eq!(next, steps);
                for key in keys {
                    for near in key.saturating_sub(NEIGHBOURS)..=(key + NEIGHBOURS).min(steps - 1) {
                        assert!(shown.contains(&near), "step {near} of {steps}");
                    }
                }
                assert!(shown.len() <= 2 * ROOM, "{} of {steps}", shown.len());
            }
        }
    }

    #[test]
    fn a_replay_leaves_nothing_out() {
        let rows = choose(&finding(500, &[3]), Length::Full);
        assert_eq!(rows, (0..500).map(Row::Step).collect::<Vec<_>>());
    }
}
