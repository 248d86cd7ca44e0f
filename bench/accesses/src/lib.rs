//! Programs that do little else than access memory, each as a test with one thread and a test with four.
//!
//! What it costs to watch accesses shows in these. The package knows nothing of what watches it. All randomness comes
//! from a fixed seed, and each test checks its result.

#![cfg(test)]

mod hashing;
mod memory;
mod parsing;
mod sorting;

use std::thread;

/// A generator of numbers that look random (Marsaglia, "Xorshift RNGs", 2003).
struct Numbers(u64);

impl Iterator for Numbers {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Some(self.0)
    }
}

/// Does `work` in so many threads at the same time, each with a seed of its own.
fn in_threads(threads: u64, work: impl Fn(u64) + Sync) {
    if threads == 1 {
        return work(1);
    }
    thread::scope(|scope| {
        for seed in 1..=threads {
            let work = &work;
            scope.spawn(move || work(seed));
        }
    });
}

/// What it costs to start a test at all; taken off the others.
#[test]
fn nothing() {}
