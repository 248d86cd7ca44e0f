//! An ordinary package whose ordinary tests run the small bodies with the standard library's own types.
//!
//! It knows nothing of Raddle.

#![cfg(test)]

use std as library;

#[path = "../../small.rs"]
mod small;

#[path = "../../larger.rs"]
mod larger;

#[test]
fn count_atomic() {
    small::count_atomic();
}

#[test]
fn count_three() {
    small::count_three();
}

#[test]
fn count_mutex() {
    small::count_mutex();
}

#[test]
fn pass_a_message() {
    small::pass_a_message();
}

#[test]
fn two_places() {
    small::two_places();
}

#[test]
fn ticket() {
    small::ticket();
}

#[test]
fn stack() {
    small::stack();
}

#[test]
fn make_once() {
    small::make_once();
}

#[test]
fn hand_over() {
    small::hand_over();
}

#[test]
fn read_and_write() {
    small::read_and_write();
}

#[test]
fn two_locks() {
    small::two_locks();
}

#[test]
fn one_sender() {
    small::one_sender();
}

#[test]
fn two_senders() {
    small::two_senders();
}

#[test]
fn count_many() {
    larger::count_many();
}

#[test]
fn count_twice() {
    larger::count_twice();
}

#[test]
fn three_locks() {
    larger::three_locks();
}

#[test]
fn lock_often() {
    larger::lock_often();
}

#[test]
fn ticket_lock() {
    larger::ticket_lock();
}

#[test]
fn hand_on() {
    larger::hand_on();
}

#[test]
fn three_places() {
    larger::three_places();
}

#[test]
fn sequence_lock() {
    larger::sequence_lock();
}

#[test]
fn push_and_pop() {
    larger::push_and_pop();
}

#[test]
fn queue() {
    larger::queue();
}

#[test]
fn writers() {
    larger::writers();
}

#[test]
fn try_readers() {
    larger::try_readers();
}

#[test]
fn bounded_buffer() {
    larger::bounded_buffer();
}

#[test]
fn references() {
    larger::references();
}
