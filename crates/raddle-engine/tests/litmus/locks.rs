//! Mutual exclusion, by locks of the system and by algorithms of the program's own, and the deadlocks of the former.

use crate::check::litmus;
use crate::program::Look::{R, V};
use crate::program::Op::{self, *};
use crate::program::Outcome;

const X: usize = 0;

/// The counter `X` read and written back between these operations.
fn counting(before: &[Op], after: &[Op]) -> Vec<Op> {
    [before, &[Load(X, 2), StoreSum(X, 2, 1)], after].concat()
}

/// Takes two locks and gives them back.
fn both(one: usize, other: usize) -> [Op; 4] {
    [Lock(one), Lock(other), Unlock(other), Unlock(one)]
}

#[test]
fn under_a_lock_no_increment_is_lost() {
    let counts = counting(&[Lock(0)], &[Unlock(0)]);
    litmus([&counts, &counts], &[V(X)]).ending(&["2"]);
    litmus([&counts, &counts, &counts], &[V(X)]).ending(&["3"]);
}

#[test]
fn under_different_locks_increments_are_lost() {
    let counts = [counting(&[Lock(0)], &[Unlock(0)]), counting(&[Lock(1)], &[Unlock(1)])];
    litmus([&counts[0], &counts[1]], &[V(X)]).ending(&["1", "2"]);
}

#[test]
fn a_lock_too_narrow_loses_increments() {
    let counts = [Lock(0), Load(X, 0), Unlock(0), Lock(0), StoreSum(X, 0, 1), Unlock(0)];
    litmus([&counts, &counts], &[V(X)]).ending(&["1", "2"]);
}

#[test]
fn opposite_orders_deadlock() {
    let program = litmus([&both(0, 1), &both(1, 0)], &[]);
    program.ending(&["", "stuck 0 1"]);
    assert_eq!(program.unpreempted(), "");
}

#[test]
fn one_order_does_not() {
    litmus([&both(0, 1), &both(0, 1)], &[]).ending(&[""]);
}

#[test]
fn opposite_orders_behind_a_gate_do_not() {
    let gated = |one, other| [&[Lock(2)][..], &both(one, other), &[Unlock(2)]].concat();
    litmus([&gated(0, 1), &gated(1, 0)], &[]).ending(&[""]);
}

#[test]
fn three_philosophers_starve_together_or_not_at_all() {
    litmus([&both(0, 1), &both(1, 2), &both(2, 0)], &[]).ending(&["", "stuck 0 1 2"]);
    litmus([&both(0, 1), &both(1, 2), &both(0, 2)], &[]).ending(&[""]);
}

#[test]
fn a_lock_taken_twice_by_one_thread_is_never_had() {
    litmus([&[Lock(0), Add(X, 1), Lock(0), Add(X, 1)], &[Add(X, 1)]], &[V(X)]).ending(&["2 stuck 0"]);
}

#[test]
fn a_lock_that_is_not_given_back_stops_the_other() {
    let keeps = [Lock(0), Add(X, 1)];
    litmus([&keeps, &keeps], &[V(X)]).ending(&["1 stuck 0", "1 stuck 1"]);
}

#[test]
fn a_spin_lock_excludes() {
    const HELD: usize = 1;
    let take = CompareExchange { variable: HELD, expected: 0, new: 1, weak: true, done: 0 };
    // Register 1 stays 0: its jump is always taken.
    let yielding = counting(&[take, JumpIf(0, 1, 4), Yield, JumpIf(1, 0, 0)], &[Store(HELD, 0)]);
    litmus([&yielding, &yielding], &[V(X)]).looping(&["2"]);
    // Reads until the lock looks free, then tries.
    let reading = counting(&[Load(HELD, 0), JumpIf(0, 1, 0), take, JumpIf(0, 0, 0)], &[Store(HELD, 0)]);
    litmus([&reading, &reading], &[V(X)]).looping(&["2"]);
}

const FLAGS: [usize; 2] = [1, 2];
const TURN: usize = 3;

/// Peterson's algorithm ("Myths about the mutual exclusion problem", 1981): the counter between entry and exit.
fn peterson(me: usize) -> Vec<Op> {
    let other = 1 - me;
    let entry = [
        Store(FLAGS[me], 1),
        Store(TURN, other as u8),
        Load(FLAGS[other], 0),
        JumpIf(0, 0, 6),
        Load(TURN, 1),
        JumpIf(1, other as u8, 2),
    ];
    counting(&entry, &[Store(FLAGS[me], 0)])
}

#[test]
fn petersons_algorithm_excludes() {
    litmus([&peterson(0), &peterson(1)], &[V(X)]).looping(&["2"]);
}

#[test]
fn petersons_algorithm_with_its_first_two_steps_exchanged_does_not() {
    let exchanged = |me| {
        let mut ops = peterson(me);
        ops.swap(0, 1);
        ops
    };
    litmus([&exchanged(0), &exchanged(1)], &[V(X)]).looping(&["1", "2"]);
}

#[test]
fn in_petersons_algorithm_at_most_one_enters_at_the_first_look() {
    let once = |me: usize| [Store(FLAGS[me], 1), Store(TURN, 1 - me as u8), Load(FLAGS[1 - me], 0), Load(TURN, 1)];
    let program = litmus([&once(0), &once(1)], &[R(0, 0), R(0, 1), R(1, 0), R(1, 1)]);
    let enters = |outcome: &Outcome, me: usize| {
        let [flag, turn, _] = outcome.registers[me];
        flag == 0 || usize::from(turn) == me
    };
    let entered: std::collections::BTreeSet<_> =
        program.possible().iter().map(|outcome| (enters(outcome, 0), enters(outcome, 1))).collect();
    assert_eq!(entered, [(false, false), (false, true), (true, false)].into());
    let seen: Vec<String> = program
        .possible()
        .iter()
        .map(|outcome| outcome.registers.iter().map(|values| format!("{}{}", values[0], values[1])).collect())
        .collect();
    program.free(&seen.iter().map(String::as_str).collect::<Vec<_>>(), 70);
}
