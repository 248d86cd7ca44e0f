//! Equivalence classes: how many there are is known by hand, all schedules reach exactly so many, no strategy reaches
//! another, and the estimate of what is unseen fits what is.

use crate::check::litmus;
use crate::program::Op::{self, *};

const X: usize = 0;
const Y: usize = 1;

#[test]
fn independent_steps_make_one_class() {
    litmus([&[Store(X, 1), Store(X, 2)], &[Store(Y, 1), Load(Y, 0)]], &[]).classes(1);
    litmus([&[Load(X, 0), Load(X, 1)], &[Load(X, 0)]], &[]).classes(1);
    litmus([&[Yield, Yield], &[Yield], &[Yield]], &[]).classes(1);
}

#[test]
fn each_order_of_dependent_steps_makes_one() {
    litmus([&[Store(X, 1)], &[Store(X, 2)]], &[]).classes(2);
    litmus([&[Store(X, 1)], &[Load(X, 0)], &[Load(X, 0)]], &[]).classes(4);
    // Four orientations of two pairs, without the circle.
    litmus([&[Store(X, 1), Load(Y, 0)], &[Store(Y, 1), Load(X, 0)]], &[]).classes(3);
    litmus([&[Add(X, 1), Add(X, 1)], &[Add(X, 1), Add(X, 1)]], &[]).classes(6);
}

#[test]
fn waiting_for_a_lock_is_no_step() {
    let once = [Lock(0), Unlock(0)];
    litmus([&once, &once], &[]).classes(2);
    litmus([&once, &once, &once], &[]).classes(6);
    let twice = [Lock(0), Unlock(0), Lock(0), Unlock(0)];
    litmus([&twice, &twice], &[]).classes(6);
    litmus([&[Lock(0), Unlock(0)], &[Lock(1), Unlock(1)]], &[]).classes(1);
    // Either first, or both stuck with one lock each.
    let both = |one, other| [Lock(one), Lock(other), Unlock(other), Unlock(one)];
    litmus([&both(0, 1), &both(1, 0)], &[]).classes(3);
}

#[test]
fn a_compare_exchange_that_fails_only_reads() {
    let take = |new| CompareExchange { variable: X, expected: 0, new, weak: false, done: 0 };
    // Whoever comes first wins; the order of the two who lose cannot be told.
    litmus([&[take(1)], &[take(2)], &[take(3)]], &[]).classes(3);
}

#[test]
fn joining_waits_for_all_that_the_other_does() {
    let adds = [Add(X, 1)];
    litmus([&[Spawn(1), Join(1), Load(X, 0)], &adds], &[]).classes(1);
    litmus([&[Spawn(1), Spawn(2), Join(1), Join(2), Load(X, 0)], &adds, &adds], &[]).classes(2);
    litmus([&[Spawn(1), Load(X, 0), Join(1)], &adds], &[]).classes(2);
}

#[test]
fn permits_and_wake_ups_order_steps() {
    litmus([&[Store(X, 1), Release(0)], &[Acquire(0), Load(X, 0)]], &[]).classes(1);
    let waits = [FutexWait(X, 0)];
    // Too early, or in time.
    litmus([&waits, &[FutexWake(X, 1)]], &[]).classes(2);
}

/// Peterson's entry, where orders are many.
const ENTRY: fn(usize) -> [Op; 4] = |me| [Store(1 + me, 1), Store(3, 1 - me as u8), Load(2 - me, 0), Load(3, 1)];

#[test]
fn what_is_unseen_is_estimated() {
    litmus([&ENTRY(0), &ENTRY(1)], &[]).unseen();
    let counts = [Load(X, 0), StoreSum(X, 0, 1), Load(X, 0), StoreSum(X, 0, 1)];
    litmus([&counts, &counts, &counts], &[]).unseen();
    litmus([&[Add(X, 1); 5], &[Add(X, 1); 5]], &[]).unseen();
}

#[test]
fn what_lies_ahead_is_estimated() {
    let counts = [Load(X, 0), StoreSum(X, 0, 1), Load(X, 0), StoreSum(X, 0, 1)];
    litmus([&counts, &counts, &counts[..2]], &[]).estimated();
    let once = [Lock(0), Add(X, 1), Unlock(0), Lock(1), Add(Y, 1), Unlock(1)];
    litmus([&once, &once, &once, &once], &[]).estimated();
    let waits = [Acquire(0), Lock(1), Add(X, 1), Unlock(1)];
    litmus([&[Release(0), Add(X, 1), Release(0), Add(X, 1), Release(0)], &waits, &waits, &waits], &[]).estimated();
    let child = [Add(X, 1), Add(X, 1)];
    litmus([&[Spawn(1), Spawn(2), Spawn(3), Join(1), Join(2), Join(3), Load(X, 0)], &child, &child, &child], &[])
        .estimated();
}
