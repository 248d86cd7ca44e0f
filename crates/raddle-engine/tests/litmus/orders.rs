//! Plain variables: the classical litmus tests, named as in Alglave, Maranget and Tautschnig, "Herding Cats" (TOPLAS
//! 2014), with the outcomes that sequential consistency allows, and counters that lose updates.

use crate::check::litmus;
use crate::program::Look::{R, V};
use crate::program::Op::{self, *};

const X: usize = 0;
const Y: usize = 1;

#[test]
fn store_buffering() {
    litmus([&[Store(X, 1), Load(Y, 0)], &[Store(Y, 1), Load(X, 0)]], &[R(0, 0), R(1, 0)]).free(&["01", "10", "11"], 6);
}

#[test]
fn message_passing() {
    litmus([&[Store(X, 1), Store(Y, 1)], &[Load(Y, 0), Load(X, 1)]], &[R(1, 0), R(1, 1)]).free(&["00", "01", "11"], 6);
}

#[test]
fn load_buffering() {
    litmus([&[Load(X, 0), Store(Y, 1)], &[Load(Y, 0), Store(X, 1)]], &[R(0, 0), R(1, 0)]).free(&["00", "01", "10"], 6);
}

#[test]
fn coherence_of_two_reads() {
    litmus([&[Store(X, 1)], &[Load(X, 0), Load(X, 1)]], &[R(1, 0), R(1, 1)]).free(&["00", "01", "11"], 3);
}

#[test]
fn two_writes_each() {
    litmus([&[Store(X, 1), Store(Y, 2)], &[Store(Y, 1), Store(X, 2)]], &[V(X), V(Y)]).free(&["12", "21", "22"], 6);
}

#[test]
fn write_to_read_causality() {
    let relay = [Load(X, 0), StoreSum(Y, 0, 0)];
    litmus([&[Store(X, 1)], &relay, &[Load(Y, 0), Load(X, 1)]], &[R(1, 0), R(2, 0), R(2, 1)])
        .free(&["000", "001", "100", "101", "111"], 30);
}

#[test]
fn independent_reads_of_independent_writes() {
    let reads = [[Load(X, 0), Load(Y, 1)], [Load(Y, 0), Load(X, 1)]];
    let looks = [R(2, 0), R(2, 1), R(3, 0), R(3, 1)];
    let all: Vec<String> = (0..16).map(|n| format!("{n:04b}")).filter(|seen| seen != "1010").collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    litmus([&[Store(X, 1)], &[Store(Y, 1)], &reads[0], &reads[1]], &looks).free(&all, 180);
}

const INCREMENT: [Op; 2] = [Load(X, 0), StoreSum(X, 0, 1)];

#[test]
fn increments_in_two_steps_are_lost() {
    litmus([&INCREMENT, &INCREMENT], &[V(X)]).free(&["1", "2"], 6);
    litmus([&INCREMENT, &INCREMENT, &INCREMENT], &[V(X)]).free(&["1", "2", "3"], 90);
    let twice = [INCREMENT, INCREMENT].concat();
    litmus([&twice, &twice], &[V(X)]).free(&["2", "3", "4"], 70);
}

#[test]
fn increments_in_one_step_are_not() {
    litmus([&[Add(X, 1)], &[Add(X, 1)], &[Add(X, 1)]], &[V(X)]).free(&["3"], 6);
}

#[test]
fn what_is_checked_may_have_changed_when_acted_upon() {
    let initialize = [Load(X, 0), JumpIf(0, 1, 4), Add(Y, 1), Store(X, 1)];
    litmus([&initialize, &initialize], &[V(Y)]).ending(&["1", "2"]);
}

fn exchange(new: u8, weak: bool) -> [Op; 1] {
    [CompareExchange { variable: X, expected: 0, new, weak, done: 0 }]
}

#[test]
fn a_strong_compare_exchange_has_one_winner() {
    litmus([&exchange(1, false), &exchange(2, false)], &[R(0, 0), R(1, 0), V(X)]).free(&["101", "012"], 2);
}

#[test]
fn a_weak_compare_exchange_may_have_none() {
    // Either goes first; it may fail, and only then may the other fail too: twice three ways.
    litmus([&exchange(1, true), &exchange(2, true)], &[R(0, 0), R(1, 0), V(X)]).free(&["101", "012", "000"], 6);
}

#[test]
fn without_preemption_nothing_is_lost() {
    assert_eq!(litmus([&INCREMENT, &INCREMENT, &INCREMENT], &[V(X)]).unpreempted(), "3");
    assert_eq!(
        litmus([&[Store(X, 1), Load(Y, 0)], &[Store(Y, 1), Load(X, 0)]], &[R(0, 0), R(1, 0)]).unpreempted(),
        "01"
    );
    assert_eq!(litmus([&exchange(1, true), &exchange(2, true)], &[V(X)]).unpreempted(), "1");
}

#[test]
fn a_random_walk_sees_every_schedule_of_a_small_program_and_tells_them_apart() {
    let twice = [INCREMENT, INCREMENT].concat();
    assert_eq!(litmus([&twice, &twice], &[]).distinct(), (70, 70, 70));
    assert_eq!(litmus([&exchange(1, true), &exchange(2, true)], &[]).distinct(), (6, 6, 6));
}
