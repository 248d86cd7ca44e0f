//! Small programs with one mistake each, as ordinary tests with the standard library's types. They know nothing of
//! Raddle.
//!
//! The shapes are those by which the literature compares search strategies: the reorder, twostage, account and
//! wronglock programs of SCTBench (Thomson, Donaldson and Betts, "Concurrency testing using controlled schedulers",
//! TOPC 2016), the Bluetooth driver of Qadeer and Wu (PLDI'04), broken variants of well-known algorithms for mutual
//! exclusion, queues, stacks and locks, and the ways in which waiting goes wrong. Each was written for this set.
//!
//! Each fails under some schedules, with sequentially consistent atomic operations, and passes under others. There is
//! no data race in the language's sense, so that every failure is one of order alone.

#![cfg(test)]

mod algorithms;
mod checks;
mod deadlocks;
mod lifetimes;
mod orders;
mod structures;
mod waiting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs all of these at the same time and waits for their ends.
fn together<const N: usize>(bodies: [&(dyn Fn() + Sync); N]) {
    thread::scope(|scope| {
        for body in bodies {
            scope.spawn(body);
        }
    });
}

/// An atomic variable that is always used sequentially consistently.
struct Cell(AtomicUsize);

impl Cell {
    const fn new(value: usize) -> Self {
        Cell(AtomicUsize::new(value))
    }

    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, value: usize) {
        self.0.store(value, Ordering::SeqCst);
    }

    fn add(&self, value: usize) -> usize {
        self.0.fetch_add(value, Ordering::SeqCst)
    }

    fn subtract(&self, value: usize) -> usize {
        self.0.fetch_sub(value, Ordering::SeqCst)
    }

    fn exchange(&self, from: usize, to: usize) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    fn swap(&self, value: usize) -> usize {
        self.0.swap(value, Ordering::SeqCst)
    }
}
