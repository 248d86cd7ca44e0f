//! Not reproducible: a failure that was seen once cannot be brought back, even with everything else held the same.
//!
//! Two threads back off for a random little while before they count, so that they rarely meet. In `wrong` the random
//! number is read straight from the processor's cycle counter: no seed, no mock clock and no recording can ever hand out
//! the same number again, so the failure that the unprotected count has when they do meet cannot be studied. In `fixed`
//! the number comes from the system's random source, which a test environment can replace, and the count is protected.

#![cfg(target_arch = "x86_64")]

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

#[derive(Default)]
struct Meter {
    attempts: AtomicU32,
    count: AtomicU32,
}

impl Meter {
    fn back_off(&self, random: u64) {
        for _ in 0..random % 64 {
            self.attempts.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn count_unprotected(&self) {
        let count = self.count.load(Ordering::SeqCst);
        self.count.store(count + 1, Ordering::SeqCst);
    }

    fn count_protected(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// A number from the processor itself.
fn random_from_cycle_counter() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and the system lets programs use it.
    let cycles = unsafe { core::arch::x86_64::_rdtsc() };
    cycles.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// A number from the system.
fn random_from_system() -> u64 {
    RandomState::new().hash_one(0)
}

#[test]
fn wrong() {
    let meter = Meter::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            meter.back_off(random_from_cycle_counter());
            meter.count_unprotected();
        });
        meter.back_off(random_from_cycle_counter());
        meter.count_unprotected();
    });
    assert_eq!(meter.count.load(Ordering::SeqCst), 2);
}

#[test]
fn fixed() {
    let meter = Meter::default();
    thread::scope(|scope| {
        scope.spawn(|| {
            meter.back_off(random_from_system());
            meter.count_protected();
        });
        meter.back_off(random_from_system());
        meter.count_protected();
    });
    assert_eq!(meter.count.load(Ordering::SeqCst), 2);
}
