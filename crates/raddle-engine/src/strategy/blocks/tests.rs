//! Which executions belong to which block, and that a block is the same whoever performs it.

use super::super::toy::{Toy, perform, writes};
use super::super::{NAMES, Strategy, by_name};
use super::*;
use crate::Tape;

#[test]
fn blocks_follow_one_another_without_gaps() {
    for (head, points) in [(4096, 400_000), (512, 40_000_000), (5_000, 0)] {
        let blocks = Blocks::behind(head, points);
        let mut end = head;
        for number in 1..200 {
            let executions = blocks.executions(number);
            assert_eq!(executions.start, end);
            assert!((FEWEST..=LONGEST).contains(&(executions.end - executions.start)), "{executions:?}");
            end = executions.end;
        }
    }
}

#[test]
fn long_executions_make_small_blocks() {
    let length = |points: u64| {
        let executions = Blocks::behind(4096, 4096 * points).executions(100);
        executions.end - executions.start
    };
    assert_eq!((length(10), length(1 << 10), length(1 << 30)), (LONGEST, 4096, FEWEST));
    assert!(!is_head(511, u64::MAX) && is_head(512, HEAD_POINTS) && !is_head(4095, 0) && is_head(4096, 0));
}

/// What has been learned in a head of so many executions.
fn head(name: &str, toy: &Toy, executions: u64) -> Box<dyn Strategy> {
    let mut tape = Tape::new(by_name(name, 7).unwrap());
    tape.expect(100);
    (0..executions).for_each(|execution| drop(perform(toy, &mut tape, execution)));
    tape.strategy().opening().expect("the search is over")
}

#[test]
fn a_block_is_the_same_whatever_else_its_process_performs() {
    let toy: Toy = vec![writes(9, 4), writes(9, 4), writes(8, 4)];
    for name in NAMES.iter().filter(|name| **name != "exhaustive") {
        let block = |opening: &dyn Strategy, executions: Range<u64>| {
            let mut tape = Tape::new(opening.opening().unwrap());
            executions.map(|execution| perform(&toy, &mut tape, execution)).collect::<Vec<_>>()
        };
        let (one, other) = (head(name, &toy, 300), head(name, &toy, 300));
        let first = block(&*one, 300..400);
        let second = block(&*one, 400..500);
        assert_eq!(block(&*other, 400..500), second, "{name}");
        assert_eq!(block(&*other, 300..400), first, "{name}");
        assert_ne!(first, second, "{name}");
    }
}

#[test]
fn what_begins_without_a_gap_goes_on_as_if_nothing_had_happened() {
    let toy: Toy = vec![writes(9, 4), writes(9, 4), writes(8, 4)];
    for name in NAMES.iter().filter(|name| **name != "exhaustive") {
        let mut whole = Tape::new(by_name(name, 7).unwrap());
        whole.expect(100);
        let executions: Vec<_> = (0..400).map(|execution| perform(&toy, &mut whole, execution)).collect();
        let mut behind = Tape::new(head(name, &toy, 300));
        let others: Vec<_> = (300..400).map(|execution| perform(&toy, &mut behind, execution)).collect();
        assert_eq!(executions[300..], others, "{name}");
    }
}

#[test]
fn a_systematic_search_is_not_divided_before_its_end() {
    let toy: Toy = vec![writes(9, 3), writes(9, 3)];
    let mut tape = Tape::new(by_name("exhaustive", 1).unwrap());
    (0..10).for_each(|execution| drop(perform(&toy, &mut tape, execution)));
    assert!(tape.strategy().opening().is_none());
    (10..30).for_each(|execution| drop(perform(&toy, &mut tape, execution)));
    assert!(tape.strategy().opening().is_some());
}
