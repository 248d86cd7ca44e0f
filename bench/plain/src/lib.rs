//! An ordinary package whose ordinary tests run the measured bodies with the standard library's own types.
//!
//! It knows nothing of Raddle.

#![cfg(test)]

use std as library;

#[path = "../../bodies.rs"]
mod bodies;

#[test]
fn counter_mutex_2() {
    bodies::counter_mutex::<2>();
}

#[test]
fn counter_mutex_4() {
    bodies::counter_mutex::<4>();
}

#[test]
fn counter_atomic_2() {
    bodies::counter_atomic::<2>();
}

#[test]
fn counter_atomic_4() {
    bodies::counter_atomic::<4>();
}

#[test]
fn bounded_channel() {
    bodies::bounded_channel();
}

#[test]
fn read_write_lock() {
    bodies::read_write_lock();
}

#[test]
fn condvar_queue() {
    bodies::condvar_queue();
}

#[test]
fn barrier() {
    bodies::barrier();
}
