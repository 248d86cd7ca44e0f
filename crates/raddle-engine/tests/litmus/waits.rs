//! Waiting to be told: futexes, condition variables, semaphores, joins, timeouts, and the wake-ups that come too early.

use crate::check::litmus;
use crate::program::Look::{Now, R, V};
use crate::program::Op::{self, *};

const X: usize = 0;
const Y: usize = 1;

#[test]
fn a_futex_that_holds_what_is_waited_for_hands_over() {
    let waits = [FutexWait(X, 0), Load(X, 0), JumpIf(0, 0, 0)];
    litmus([&waits, &[Store(X, 1), FutexWake(X, 1)]], &[R(0, 0)]).ending(&["1"]);
}

#[test]
fn a_futex_that_holds_something_else_loses_the_wake_up() {
    let waits = [Load(X, 0), JumpIf(0, 1, 3), FutexWait(Y, 0)];
    litmus([&waits, &[Store(X, 1), FutexWake(Y, 1)]], &[R(0, 0)]).ending(&["0", "1", "0 stuck 0"]);
}

#[test]
fn a_futex_wakes_as_many_as_asked() {
    let waits = [FutexWait(X, 0)];
    litmus([&waits, &waits, &[FutexWake(X, 1)]], &[]).ending(&["stuck 0", "stuck 1", "stuck 0 1"]);
    litmus([&waits, &waits, &[Store(X, 1), FutexWake(X, 1)]], &[]).ending(&["", "stuck 0", "stuck 1"]);
    litmus([&waits, &waits, &[Store(X, 1), FutexWake(X, 2)]], &[]).ending(&[""]);
}

#[test]
fn a_requeued_waiter_is_woken_at_the_new_address() {
    let waits = [FutexWait(X, 0)];
    litmus([&waits, &[FutexRequeue(X, 0, 1, Y), FutexWake(Y, 1)]], &[]).ending(&["", "stuck 0"]);
    litmus([&waits, &[FutexRequeue(X, 0, 1, Y), FutexWake(X, 1)]], &[]).ending(&["", "stuck 0"]);
    // Of two that wait, one is woken and one is moved.
    litmus([&waits, &waits, &[Store(X, 1), FutexRequeue(X, 1, 1, Y), FutexWake(Y, 1)]], &[]).ending(&[""]);
}

/// Waits under lock 0 until `X` is 1. Register 1 stays 0: its jump is always taken.
const WAITS_FOR_X: [Op; 7] =
    [Lock(0), Load(X, 0), JumpIf(0, 1, 6), ConditionWait(0, 0), Lock(0), JumpIf(1, 0, 1), Unlock(0)];

#[test]
fn a_condition_that_is_checked_under_its_lock_is_never_missed() {
    let sets = |notify| [Lock(0), Store(X, 1), notify, Unlock(0)];
    litmus([&WAITS_FOR_X, &sets(NotifyOne(0))], &[R(0, 0)]).ending(&["1"]);
    litmus([&WAITS_FOR_X, &WAITS_FOR_X, &sets(NotifyAll(0))], &[R(0, 0), R(1, 0)]).ending(&["11"]);
}

#[test]
fn one_notification_is_too_few_for_two() {
    let sets = [Lock(0), Store(X, 1), NotifyOne(0), Unlock(0)];
    litmus([&WAITS_FOR_X, &WAITS_FOR_X, &sets], &[]).ending(&["", "stuck 0", "stuck 1"]);
}

#[test]
fn a_condition_that_is_set_without_the_lock_is_missed() {
    litmus([&WAITS_FOR_X, &[Store(X, 1), NotifyOne(0)]], &[R(0, 0)]).ending(&["1", "0 stuck 0"]);
}

#[test]
fn a_notification_before_the_wait_is_lost() {
    let waits = [Lock(0), ConditionWait(0, 0), Lock(0), Unlock(0)];
    let program = litmus([&waits, &[NotifyOne(0)]], &[]);
    program.ending(&["", "stuck 0"]);
    assert_eq!(program.unpreempted(), "");
}

#[test]
fn notifications_go_to_the_longest_waiting() {
    // Register 0 tells who came first; whoever did is never the only one left.
    let waits = [Lock(0), Load(Y, 0), Add(Y, 1), ConditionWait(0, 0), Lock(0), Unlock(0)];
    litmus([&waits, &waits, &[NotifyOne(0)]], &[R(0, 0), R(1, 0)]).ending(&[
        "01 stuck 1",
        "10 stuck 0",
        "01 stuck 0 1",
        "10 stuck 0 1",
    ]);
}

#[test]
fn semaphores_take_turns() {
    let ping = [Add(X, 1), Release(0), Acquire(1), Load(X, 0)];
    let pong = [Acquire(0), Load(X, 0), Add(X, 1), Release(1)];
    litmus([&ping, &pong], &[R(1, 0), R(0, 0), V(X)]).ending(&["122"]);
}

#[test]
fn a_permit_is_kept_until_it_is_taken_and_taken_once() {
    litmus([&[Acquire(0)], &[Acquire(0)], &[Release(0)]], &[]).ending(&["stuck 0", "stuck 1"]);
    litmus([&[Acquire(0)], &[Acquire(0)], &[Release(0)], &[Release(0)]], &[]).ending(&[""]);
}

#[test]
fn a_bounded_buffer_of_one_keeps_its_order() {
    // Semaphore 0: there is room; semaphore 1: there is something.
    let produces = [Store(X, 1), Release(1), Acquire(0), Store(X, 2), Release(1)];
    let consumes = [Acquire(1), Load(X, 0), Release(0), Acquire(1), Load(X, 1)];
    litmus([&produces, &consumes], &[R(1, 0), R(1, 1)]).ending(&["12"]);
    let careless = [Store(X, 1), Release(1), Store(X, 2), Release(1)];
    litmus([&careless, &consumes], &[R(1, 0), R(1, 1)]).ending(&["12", "22"]);
}

#[test]
fn who_joins_sees_what_was_done() {
    let adds = [Add(X, 1)];
    let joins = [Spawn(1), Spawn(2), Join(1), Join(2), Load(X, 0)];
    litmus([&joins, &adds, &adds], &[R(0, 0)]).ending(&["2"]);
    let forgets = [Spawn(1), Spawn(2), Join(1), Load(X, 0)];
    litmus([&forgets, &adds, &adds], &[R(0, 0)]).ending(&["1", "2"]);
}

#[test]
fn threads_that_join_each_other_wait_for_ever() {
    litmus([&[Join(1)], &[Join(0)], &[Add(X, 1)]], &[V(X)]).ending(&["1 stuck 0 1"]);
}

#[test]
fn a_thread_that_joins_while_it_holds_the_lock_that_the_other_needs_waits_for_ever() {
    let joins = [Lock(0), Join(1), Unlock(0)];
    litmus([&joins, &[Lock(0), Unlock(0)]], &[]).ending(&["", "stuck 0 1"]);
}

#[test]
fn a_timeout_saves_who_missed_the_wake_up() {
    let waits = [FutexWaitFor(X, 0, 100, 0), Load(X, 1)];
    let looks = [R(0, 0), R(0, 1), Now];
    litmus([&waits, &[Store(X, 1)]], &looks).ending(&["010", "11100"]);
    litmus([&waits, &[Store(X, 1), FutexWake(X, 1)]], &looks).ending(&["010"]);
    litmus([&waits, &[FutexWake(X, 1)]], &looks).ending(&["000", "10100"]);
}

#[test]
fn sleepers_rise_in_order_and_those_of_one_moment_in_any() {
    let naps = |ns, value| [Sleep(ns), Store(X, value)];
    litmus([&[Sleep(300), Load(X, 0)], &naps(100, 1), &naps(200, 2)], &[R(0, 0), Now]).ending(&["2300"]);
    litmus([&[Sleep(300), Load(X, 0)], &naps(100, 1), &naps(100, 2)], &[R(0, 0), Now]).ending(&["1300", "2300"]);
}

#[test]
fn who_sleeps_is_late_for_those_who_do_not() {
    litmus([&[Sleep(1), Store(X, 1)], &[Load(X, 0), Load(X, 1)]], &[R(1, 0), R(1, 1)]).ending(&["00"]);
}
