//! Toy programs that fail in some orders, and the pairs that decide.

use super::*;
use crate::access::AccessKind::{Read, Update, Write};
use crate::log::Logged;
use crate::strategy::RandomWalk;
use crate::strategy::toy::{Toy, op, perform_untold};
use crate::tape::Tape;
use raddle_protocol::trace::ThreadId;

fn log(toy: &Toy, strategy: Box<dyn crate::Strategy>, execution: u64) -> (Vec<ThreadId>, Vec<Logged>) {
    let (order, schedule) = perform_untold(toy, &mut Tape::new(strategy), execution);
    (order, schedule.log().steps().to_vec())
}

/// An execution of this order.
fn in_order(toy: &Toy, wanted: &[ThreadId]) -> Vec<Logged> {
    let found = (1..1000).map(|seed| log(toy, Box::new(RandomWalk::new(seed)), 1)).find(|(order, _)| order == wanted);
    found.expect("one of a thousand executions has this order").1
}

/// The pairs that decide, as places in the order.
fn deciding(toy: &Toy, steps: &[Logged], fails: impl Fn(&[ThreadId]) -> bool) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for pair in pairs(steps, &[], 1000) {
        let (order, log) = log(toy, Box::new(Delay::new(steps, Some(pair), &[])), 1);
        if reversed(&log, &pair) && !fails(&order) {
            found.push((pair.entries.0, pair.entries.1.unwrap()));
        }
    }
    found
}

#[test]
fn without_a_delay_it_is_the_same_execution() {
    let toy = vec![vec![op(Update, 1), op(Update, 2), op(Read, 1)], vec![op(Update, 2); 4], vec![op(Write, 1); 2]];
    for seed in 1..200 {
        let (order, steps) = log(&toy, Box::new(RandomWalk::new(seed)), 1);
        let (again, same) = log(&toy, Box::new(Delay::new(&steps, None, &[])), 1);
        assert_eq!(again, order);
        assert_eq!(same, steps);
    }
}

/// Both threads read, then write one more than they have read.
#[test]
fn a_lost_update_is_decided_by_reads_and_the_writes_that_come_too_late() {
    let toy = vec![vec![op(Read, 1), op(Write, 1)], vec![op(Read, 1), op(Write, 1)]];
    let steps = in_order(&toy, &[0, 1, 1, 0]);
    let is_lost = |order: &[ThreadId]| !matches!(order, [0, 0, 1, 1] | [1, 1, 0, 0]);
    let mut found = deciding(&toy, &steps, is_lost);
    found.sort_unstable();
    // The first reads before the second writes; the second reads before the first writes.
    assert_eq!(found, [(0, 2), (1, 3)]);
}

#[test]
fn a_delay_holds_one_thread_and_leaves_the_others_as_they_were() {
    let toy = vec![vec![op(Update, 1)], vec![op(Update, 2), op(Update, 1)], vec![op(Update, 2)]];
    let steps = in_order(&toy, &[0, 2, 1, 1]);
    let pair = pairs(&steps, &[], 1000).into_iter().find(|pair| pair.first.thread == 0).unwrap();
    let (order, log) = log(&toy, Box::new(Delay::new(&steps, Some(pair), &[])), 1);
    assert_eq!(order, [2, 1, 1, 0]);
    assert!(reversed(&log, &pair) && !reversed(&steps, &pair));
}

#[test]
fn what_commutes_or_belongs_to_one_thread_is_no_pair() {
    let toy = vec![vec![op(Read, 1), op(Write, 2), op(Write, 2)], vec![op(Read, 1), op(Write, 3)]];
    assert_eq!(pairs(&log(&toy, Box::new(RandomWalk::new(1)), 1).1, &[], 1000), []);
}

#[test]
fn of_a_loop_the_last_rounds_are_tried() {
    let toy = vec![vec![op(Update, 1); 100], vec![op(Update, 1); 100]];
    let steps = log(&toy, Box::new(RandomWalk::new(1)), 1).1;
    let found = pairs(&steps, &[], 1000);
    assert_eq!(found.len(), 2 * 24);
    assert_eq!(pairs(&steps, &[], 7), found[..7]);
    assert!(found.iter().all(|pair| pair.entries.1.unwrap() > 100));
}

#[test]
fn one_object_does_not_keep_others_from_being_tried() {
    let busy = |other: u64| [vec![op(Update, other)], vec![op(Update, 1); 100]].concat();
    let toy = vec![busy(2), busy(2), vec![op(Update, 1); 100]];
    let steps = log(&toy, Box::new(RandomWalk::new(1)), 1).1;
    let found = pairs(&steps, &[], 50);
    assert_eq!(found.len(), 50);
    assert!(found.iter().any(|pair| pair.first.access.object == 2));
}
