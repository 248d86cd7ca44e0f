//! The smallest programs on which a strategy can be tested: each thread performs a fixed list of operations and ends.

use super::Strategy;
use crate::access::{Access, AccessKind};
use crate::schedule::{Next, Schedule};
use crate::strategy::Hint;
use crate::tape::Tape;
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeMap;

/// A program: thread `n` performs list `n`. Those named by a [`AccessKind::Spawn`] (its object) begin with that, the
/// others at once.
pub type Toy = Vec<Vec<Access>>;

/// An operation on an object.
pub fn op(kind: AccessKind, object: u64) -> Access {
    Access::new(kind, object, 1)
}

/// So many writes to `object`.
pub fn writes(object: u64, times: usize) -> Vec<Access> {
    vec![op(AccessKind::Write, object); times]
}

/// Performs one execution and tells the strategy of it; returns who performed an operation when.
pub fn perform(toy: &Toy, tape: &mut Tape, execution: u64) -> Vec<ThreadId> {
    let (order, schedule) = perform_untold(toy, tape, execution);
    let choices = tape.record().len() as u64;
    tape.end(&schedule.seen(choices, true));
    order
}

/// Performs one execution, and does not tell the strategy how it ended.
pub fn perform_untold(toy: &Toy, tape: &mut Tape, execution: u64) -> (Vec<ThreadId>, Schedule) {
    let mut schedule = Schedule::new();
    let spawned = |thread: u64| toy.iter().flatten().any(|op| op.kind == AccessKind::Spawn && op.object == thread);
    let begins = (0..toy.len() as u64).filter(|thread| !spawned(*thread)).count();
    (1..begins).for_each(|id| assert_eq!(schedule.spawn(), id as ThreadId));
    schedule.clear_log();
    let mut at = vec![0; toy.len()];
    let mut order = Vec::new();
    let announce = |schedule: &mut Schedule, thread: usize, at: usize| {
        if let Some(op) = toy[thread].get(at) {
            schedule.set_pending(thread as ThreadId, *op);
        }
    };
    (0..begins).for_each(|thread| announce(&mut schedule, thread, 0));
    tape.begin(execution);
    while let Next::Run(thread) = schedule.next(tape, Hint::None) {
        let me = thread as usize;
        if let Some(op) = toy[me].get(at[me]) {
            schedule.perform(*op);
            order.push(thread);
            at[me] += 1;
            if op.kind == AccessKind::Spawn {
                let child = schedule.spawn();
                assert_eq!(u64::from(child), op.object, "threads are created in the order of their numbers");
                announce(&mut schedule, child as usize, 0);
            }
        }
        if at[me] >= toy[me].len() {
            schedule.end_current();
        }
        announce(&mut schedule, me, at[me]);
    }
    (order, schedule)
}

/// How often each order comes in executions 1 to `executions`, execution 0 being without preemption.
pub fn orders(toy: &Toy, strategy: Box<dyn Strategy>, executions: u64) -> BTreeMap<Vec<ThreadId>, u64> {
    let mut tape = Tape::new(strategy);
    let mut orders = BTreeMap::new();
    for execution in 0..=executions {
        let order = perform(toy, &mut tape, execution);
        if execution > 0 {
            *orders.entry(order).or_default() += 1;
        }
    }
    orders
}

/// The share of executions whose order satisfies `wanted`.
pub fn share(toy: &Toy, strategy: Box<dyn Strategy>, executions: u64, wanted: impl Fn(&[ThreadId]) -> bool) -> f64 {
    let orders = orders(toy, strategy, executions);
    let found: u64 = orders.iter().filter(|(order, _)| wanted(order)).map(|(_, count)| count).sum();
    found as f64 / executions as f64
}

/// Whether a share of so many trials fits a probability: within five standard deviations.
pub fn fits(share: f64, probability: f64, trials: u64) -> bool {
    (share - probability).abs() <= 5.0 * (probability * (1.0 - probability) / trials as f64).sqrt()
}

/// Whether counts fit equal probabilities over `classes` classes, by Pearson's chi-square; a true sample fails about
/// once in 100,000 times.
pub fn even<'a>(counts: impl Iterator<Item = &'a u64>, classes: usize) -> bool {
    let counts: Vec<f64> = counts.map(|count| *count as f64).collect();
    let expected = counts.iter().sum::<f64>() / classes as f64;
    let missing = (classes - counts.len()) as f64 * expected;
    let chi: f64 = counts.iter().map(|count| (count - expected).powi(2) / expected).sum::<f64>() + missing;
    let freedom = classes as f64 - 1.0;
    chi < freedom + 6.0 * (2.0 * freedom).sqrt() + 12.0
}

#[test]
fn the_tests_for_evenness_can_fail() {
    assert!(even([100, 110, 90].iter(), 3));
    assert!(!even([200, 110, 90].iter(), 3));
    assert!(!even([100, 110].iter(), 3));
    assert!(fits(0.25, 0.24, 1000) && !fits(0.35, 0.24, 1000));
}
