//! Two processes count what one counts.

use super::*;
use raddle_protocol::Outcome;
use raddle_protocol::message::End;

fn block(classes: std::ops::Range<u64>, end: End) -> Block {
    let counted = classes.map(|class| Counted { class: mix(class), drawn: class % 3 != 0 }).collect::<Vec<_>>();
    let schedules = counted.len() as u64;
    let summary = Summary { schedules, passed: schedules, points: 7 * schedules, end, ..Summary::default() };
    Block { summary, counted, found: Vec::new() }
}

fn head() -> Part {
    Part { number: 0, summary: Summary::default(), shown: vec![1], divisible: true }
}

fn raw(execution: u64) -> RawFinding {
    RawFinding::new(Outcome::Stuck, execution)
}

#[test]
fn classes_that_several_blocks_have_seen_count_once() {
    let mut whole = Counts::default();
    let mut total = Total::default();
    total.take_head(head());
    for classes in [0..2_000, 1_500..3_000, 0..500] {
        for class in classes.clone() {
            whole.count(mix(class), class % 3 != 0);
        }
        assert!(!total.add(block(classes, End::Budget)));
    }
    let summary = total.summary();
    assert_eq!((summary.schedules, summary.passed, summary.points), (4_000, 4_000, 28_000));
    assert_eq!((summary.distinct, summary.new_lately), (3_000, whole.new_lately()));
    let unseen = whole.unseen().unwrap();
    assert_eq!(summary.unseen, Some([unseen.estimate, unseen.upper_bound]));
    assert!(summary.new_lately < 1_000, "the last block has seen nothing new");
}

#[test]
fn what_several_blocks_have_found_is_told_once() {
    let mut total = Total::default();
    total.take_head(head());
    let found = |shown: u64, execution| Block { found: vec![(Some(shown), raw(execution))], ..Block::default() };
    // The head has shown the first.
    for (shown, execution) in [(1, 10), (2, 20), (2, 30), (3, 40)] {
        total.add(found(shown, execution));
    }
    let executions: Vec<_> = total.found.iter().map(|raw| raw.execution).collect();
    assert_eq!(executions, [20, 40]);
    let enough = (4..100).position(|shown| total.add(found(shown, shown)));
    assert_eq!(enough, Some(MOST_FINDINGS - 3));
}

#[test]
fn bounds_of_blocks_are_put_together() {
    let mut total = Total::default();
    for pct in [None, Some([0.5, 0.25, 0.0]), Some([0.5, 0.0, 0.125])] {
        total.add(Block { summary: Summary { pct, ..Summary::default() }, ..Block::default() });
    }
    assert_eq!(total.summary().pct, Some([0.75, 0.25, 0.125]));
}
