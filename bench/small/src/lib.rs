//! An ordinary package whose ordinary tests run the small bodies with the standard library's own types.
//!
//! It knows nothing of Raddle.

#![cfg(test)]

use std as library;

#[path = "../../small.rs"]
mod small;

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
