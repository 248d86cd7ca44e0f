//! Data race: two threads touch the same memory, one of them writes, and nothing says who comes first.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// Shared memory without any lock.
struct Shared(UnsafeCell<u64>);

// SAFETY: claimed, not true: that is the mistake of the `wrong` tests below.
unsafe impl Sync for Shared {}

impl Shared {
    fn new(value: u64) -> Self {
        Self(UnsafeCell::new(value))
    }

    fn get(&self) -> u64 {
        // SAFETY: holds only where the caller has made sure that nobody writes meanwhile.
        unsafe { *self.0.get() }
    }

    fn set(&self, value: u64) {
        // SAFETY: holds only where the caller has made sure that nobody else is here.
        unsafe { *self.0.get() = value }
    }
}

/// Two threads count in plain memory.
mod unprotected {
    use super::*;

    #[test]
    fn wrong() {
        let visits = Shared::new(0);
        thread::scope(|scope| {
            scope.spawn(|| visits.set(visits.get() + 1));
            visits.set(visits.get() + 1);
        });
        assert!(visits.get() > 0);
    }

    #[test]
    fn fixed() {
        let visits = AtomicU64::new(0);
        thread::scope(|scope| {
            scope.spawn(|| visits.fetch_add(1, Ordering::Relaxed));
            visits.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(visits.into_inner(), 2);
    }
}

/// A flag says that the data is there, but with an order that passes on nothing but the flag itself.
mod relaxed_flag {
    use super::*;

    fn hand_over(store: Ordering, load: Ordering) {
        let (data, ready) = (Shared::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                data.set(42);
                ready.store(true, store);
            });
            if ready.load(load) {
                assert_eq!(data.get(), 42);
            }
        });
    }

    #[test]
    fn wrong() {
        hand_over(Ordering::Relaxed, Ordering::Relaxed);
    }

    #[test]
    fn fixed() {
        hand_over(Ordering::Release, Ordering::Acquire);
    }
}
