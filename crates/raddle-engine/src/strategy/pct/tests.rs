//! The bound of the paper against what is measured, and what follows from it.

use super::super::toy::{Toy, fits, orders, perform, share, writes};
use super::*;
use crate::Tape;

const EXECUTIONS: u64 = 20_000;

/// At least so often, within five standard deviations.
fn at_least(found: f64, bound: f64) -> bool {
    found >= bound || fits(found, bound, EXECUTIONS)
}

/// Points with a choice in the execution without preemption.
fn length(toy: &Toy) -> usize {
    let mut tape = Tape::new(Box::new(Pct::of_depth(1, 1, 1)));
    (1..50)
        .map(|execution| {
            perform(toy, &mut tape, execution);
            tape.record().len()
        })
        .max()
        .unwrap_or(0)
}

#[test]
fn depth_1_is_found_at_least_once_in_n() {
    for threads in 2..=5 {
        let toy: Toy = vec![writes(9, 4); threads];
        for first in 0..threads as u32 {
            let found = share(&toy, Box::new(Pct::of_depth(1, 1, 1)), EXECUTIONS, |order| order[0] == first);
            assert!(fits(found, 1.0 / threads as f64, EXECUTIONS), "{threads} threads: {found}");
        }
    }
}

/// Thread 1 comes between two neighbouring steps of thread 0. With one step of thread 1 the probability is exactly
/// `1 / (n k)`: thread 0 is above, and the one drop comes at that step.
#[test]
fn depth_2_is_found_at_least_once_in_n_times_k() {
    for steps in [3, 6, 12] {
        let toy = vec![writes(9, steps), writes(9, 1)];
        let k = length(&toy);
        assert_eq!(k, steps, "thread 0 is asked before each of its steps while thread 1 waits");
        for before in 1..steps {
            let wanted = |order: &[u32]| order[before] == 1;
            let found = share(&toy, Box::new(Pct::of_depth(2, 2, k)), EXECUTIONS, wanted);
            assert!(fits(found, 1.0 / (2 * k) as f64, EXECUTIONS), "after {before} of {steps} steps: {found}");
        }
    }
    // With more threads, and more steps of theirs, the bound is a bound.
    let toy = vec![writes(9, 5), writes(9, 2), writes(9, 3)];
    let bound = 1.0 / (3 * length(&toy)) as f64;
    let found = share(&toy, Box::new(Pct::of_depth(3, 2, length(&toy))), EXECUTIONS, |order| {
        order[..2] == [0, 0] && order[2] != 0
    });
    assert!(at_least(found, bound), "{found} < {bound}");
}

/// Thread 0 is left after its second step and thread 1 after its first, for thread 0 to end before thread 1 goes on.
#[test]
fn depth_3_is_found_at_least_once_in_n_times_k_squared() {
    let toy = vec![writes(9, 4), writes(9, 3)];
    let k = length(&toy);
    let bound = 1.0 / (2 * k * k) as f64;
    let found = share(&toy, Box::new(Pct::of_depth(4, 3, k)), EXECUTIONS, |order| order == [0, 0, 1, 0, 0, 1, 1]);
    assert!(at_least(found, bound), "{found} < {bound}");
    let never = share(&toy, Box::new(Pct::of_depth(4, 1, k)), EXECUTIONS, |order| order == [0, 0, 1, 0, 0, 1, 1]);
    assert!(never == 0.0, "with depth 1 there is no preemption at all: {never}");
}

/// The depth is not bounded: every order of a small program comes.
#[test]
fn every_order_of_a_small_program_comes() {
    let toy = vec![writes(9, 3), writes(9, 3)];
    assert_eq!(orders(&toy, Box::new(Pct::new(5)), EXECUTIONS).len(), 20);
}

#[test]
fn the_length_is_learned_and_the_guarantee_follows_from_the_runs() {
    let toy = vec![writes(9, 5), writes(9, 5)];
    let mut tape = Tape::new(Box::new(Pct::new(6)));
    for execution in 0..1000 {
        perform(&toy, &mut tape, execution);
    }
    let runs = tape.strategy().pct().expect("PCT says what its runs were like").clone();
    assert_eq!((runs.threads, runs.runs.iter().sum::<u64>()), (2, 999));
    assert!((5..=9).contains(&runs.length), "{runs:?}");
    assert!((400..600).contains(&runs.runs[2]) && (180..320).contains(&runs.runs[3]), "{runs:?}");
    let missed = (1.0 - 1.0 / (2.0 * runs.length as f64)).powi(runs.runs[2] as i32);
    assert!((runs.guarantee(2) - (1.0 - missed)).abs() < 1e-9);
    assert!(runs.guarantee(3) < runs.guarantee(2) && runs.guarantee(3) > 0.0);
    // Of a long program hardly anything is promised, but not nothing.
    let long = PctRuns { length: 1_000_000, threads: 50, runs: [1; 16] };
    assert!(long.guarantee(4) > 0.0 && long.guarantee(4) < 1e-18, "{}", long.guarantee(4));
    assert!(PctRuns::default().guarantee(2) == 0.0 && long.guarantee(99) == 0.0);
}
