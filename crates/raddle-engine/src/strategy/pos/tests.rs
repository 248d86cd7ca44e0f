//! Probabilities that follow from the algorithm, measured.

use super::super::toy::{even, fits, op, orders, share, writes};
use super::*;
use crate::access::AccessKind::{Read, Write};
use crate::strategy::RandomWalk;

const EXECUTIONS: u64 = 15_000;

/// A thread comes first although it has `padding` steps of its own to do before. POS: when all its priorities lie above
/// the one of the other thread's only step, `1 / (padding + 2)`. A random walk: `2^-(padding + 1)`.
#[test]
fn steps_that_depend_on_nothing_cost_little() {
    for padding in [0, 1, 3, 8] {
        let toy = vec![[writes(7, padding), writes(9, 1)].concat(), vec![op(Read, 9)]];
        let last = |order: &[u32]| order.last() == Some(&1);
        let found = share(&toy, Box::new(Pos::new(1)), EXECUTIONS, last);
        assert!(fits(found, 1.0 / (padding as f64 + 2.0), EXECUTIONS), "POS, {padding} steps: {found}");
        let found = share(&toy, Box::new(RandomWalk::new(1)), EXECUTIONS, last);
        assert!(fits(found, 0.5f64.powi(padding as i32 + 1), EXECUTIONS), "random walk, {padding} steps: {found}");
    }
}

/// With one step each, all on one object, every order is equally likely.
#[test]
fn dependent_single_steps_come_in_all_orders_alike() {
    for threads in 2..=4 {
        let toy = vec![writes(9, 1); threads];
        let orders = orders(&toy, Box::new(Pos::new(2)), EXECUTIONS);
        let all = (1..=threads).product();
        assert_eq!(orders.len(), all);
        assert!(even(orders.values(), all), "{orders:?}");
    }
}

/// The paper's guarantee for partial orders: each of two threads performs `n` dependent steps, and the order that
/// alternates has at least the probability `2^-(2n)`: every race is decided anew.
#[test]
fn each_race_is_decided_anew() {
    let toy = vec![writes(9, 3), writes(9, 3)];
    let found = share(&toy, Box::new(Pos::new(3)), EXECUTIONS, |order| order == [0, 1, 0, 1, 0, 1]);
    // Both threads have a new priority after each step, so each step is an even draw while both have some left.
    assert!(fits(found, 0.5f64.powi(5), EXECUTIONS), "{found}");
}

/// Reads do not depend on each other: the priority of one that has lost stays as it was.
#[test]
fn a_loser_keeps_its_priority_until_something_it_depends_on_happens() {
    let waits_for = |kind| vec![vec![op(kind, 9), op(kind, 9)], vec![op(Read, 9)]];
    let last = |order: &[u32]| order.last() == Some(&1);
    // Both others above it: 1/3. Drawn anew in between: 1/4.
    let found = share(&waits_for(Read), Box::new(Pos::new(4)), EXECUTIONS, last);
    assert!(fits(found, 1.0 / 3.0, EXECUTIONS), "{found}");
    let found = share(&waits_for(Write), Box::new(Pos::new(4)), EXECUTIONS, last);
    assert!(fits(found, 1.0 / 4.0, EXECUTIONS), "{found}");
}
