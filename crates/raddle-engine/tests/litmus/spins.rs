//! Threads that look at one place again and again: what happens while they are set aside must be what could have happened
//! between two of their looks.

use crate::check::litmus;
use crate::program::Look::{R, V};
use crate::program::Op::{self, Add, CompareExchange, JumpIf, Load, Store};

const X: usize = 0;
const Y: usize = 1;
const Z: usize = 2;

/// Looks at `X` so many times, until it is 1. Ends with the value seen last in register 0.
fn looks(times: usize) -> Vec<Op> {
    (0..times).flat_map(|_| [Load(X, 0), JumpIf(0, 1, 2 * times)]).collect()
}

#[test]
fn a_bounded_spin_may_end_before_and_after_the_write() {
    let mut spins = looks(5);
    spins.push(Store(Y, 1));
    litmus([&spins, &[Store(X, 1), Load(Y, 0)]], &[R(0, 0), R(1, 0)]).ending(&["00", "01", "10", "11"]);
}

#[test]
fn values_that_come_and_go_are_seen_or_missed() {
    let come_and_go = [Store(X, 1), Store(X, 0), Store(Y, 1)];
    litmus([&looks(4), &come_and_go], &[R(0, 0), V(Y)]).ending(&["01", "11"]);
    let mut asks_for_y = looks(4);
    asks_for_y.push(Load(Y, 1));
    litmus([&asks_for_y, &come_and_go], &[R(0, 0), R(0, 1)]).ending(&["00", "01", "10", "11"]);
}

#[test]
fn two_that_spin_on_different_places_do_not_keep_each_other_waiting() {
    let mut gives_up = looks(4);
    gives_up.push(Store(Y, 1));
    let waits = [Load(Y, 0), JumpIf(0, 0, 0), Add(Z, 1)];
    litmus([&gives_up, &waits], &[R(0, 0), V(Y), V(Z)]).looping(&["011"]);
}

#[test]
fn who_works_while_another_spins_does_not_keep_it_waiting() {
    let mut gives_up = looks(4);
    gives_up.push(Store(Y, 1));
    let works = [Add(Z, 0), Load(Y, 0), JumpIf(0, 0, 0), Store(X, 1)];
    litmus([&gives_up, &works], &[R(0, 0), V(X), V(Y)]).looping(&["011"]);
}

#[test]
fn a_compare_exchange_that_would_succeed_does_not_spin() {
    // Two looks make the third a spin if it would fail; this one would not, and others must be able to look before it.
    let spins = [Load(X, 0), Load(X, 0), CompareExchange { variable: X, expected: 0, new: 1, weak: false, done: 1 }];
    let looks = [Load(X, 0), Load(X, 1)];
    litmus([&spins, &looks], &[R(1, 0), R(1, 1)]).ending(&["00", "01", "11"]);
}

#[test]
fn a_lock_taken_by_trying_again_excludes() {
    let take = CompareExchange { variable: X, expected: 0, new: 1, weak: false, done: 0 };
    let body = [take, JumpIf(0, 0, 0), Load(Y, 1), Op::StoreSum(Y, 1, 1), Store(X, 0)];
    litmus([&body, &body, &body], &[V(Y)]).looping(&["3"]);
}

/// Looks at a variable until it has this value, and yields after each look in vain, from the operation `at` on.
fn yields_until(variable: usize, value: u8, at: usize) -> Vec<Op> {
    vec![Load(variable, 0), JumpIf(0, value, at + 4), Op::Yield, JumpIf(2, 0, at)]
}

#[test]
fn a_loop_that_yields_waits() {
    let mut waits = yields_until(X, 1, 0);
    waits.push(Store(Y, 1));
    litmus([&waits, &[Store(X, 1)]], &[V(Y)]).looping(&["1"]);
    let mut first = vec![Store(X, 1)];
    first.extend(yields_until(Y, 1, 1));
    first.push(Store(X, 2));
    waits.extend(yields_until(X, 2, 5));
    litmus([&first, &waits], &[V(X), V(Y)]).looping(&["21"]);
    let third = [Add(Z, 1), Add(Z, 1)];
    litmus([&first, &waits, &third], &[V(X), V(Y), V(Z)]).looping(&["212"]);
}

#[test]
fn a_lock_given_in_turn_excludes() {
    // Thread 1 comes after thread 0, and that one once more after thread 1.
    let section = |mine: u8, at: usize| {
        let mut body = yields_until(X, mine, at);
        body.extend([Load(Y, 1), Op::StoreSum(Y, 1, 1), Store(X, mine + 1)]);
        body
    };
    let twice = [section(0, 0), section(2, 7)].concat();
    litmus([&twice, &section(1, 0)], &[V(Y)]).looping(&["3"]);
    litmus([&section(0, 0), &section(1, 0), &section(2, 0)], &[V(Y)]).looping(&["3"]);
}
