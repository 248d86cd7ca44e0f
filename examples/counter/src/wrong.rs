//! Counters that can forget a visit.

use std::cell::UnsafeCell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts in plain memory, and has told the compiler that threads may share it.
///
/// `visits += 1` reads, adds and writes. Two threads that do so at once are a data race: one visit may be lost, and the
/// compiler, which takes it that there are none, may make anything else of it.
#[derive(Debug, Default)]
pub struct UnguardedCounter {
    visits: UnsafeCell<u64>,
}

// SAFETY: there is none. This line is the mistake: nothing keeps two threads from `visits` at the same time.
unsafe impl Sync for UnguardedCounter {}

impl UnguardedCounter {
    /// Counts one visit.
    pub fn visit(&self) {
        // SAFETY: none, as above.
        unsafe { *self.visits.get() += 1 };
    }

    /// Visits so far.
    pub fn total(&self) -> u64 {
        // SAFETY: none, as above.
        unsafe { *self.visits.get() }
    }
}

/// Counts with an atomic number, and still loses visits.
///
/// Each operation on an atomic is indivisible, but `visit` uses two of them. Another thread can visit between the load
/// and the store; the store then overwrites that visit with a number that was worked out before it happened.
#[derive(Debug, Default)]
pub struct AtomicCounter {
    visits: AtomicU64,
}

impl AtomicCounter {
    /// Counts one visit.
    pub fn visit(&self) {
        let seen = self.visits.load(Ordering::SeqCst);
        self.visits.store(seen + 1, Ordering::SeqCst);
    }

    /// Visits so far.
    pub fn total(&self) -> u64 {
        self.visits.load(Ordering::SeqCst)
    }
}

/// Counts behind a mutex, and still loses visits.
///
/// The mutex is locked twice: once to read, once to write. Nothing stops another thread from taking its turn between
/// the two, and what it wrote is overwritten.
#[derive(Debug, Default)]
pub struct LockedCounter {
    visits: Mutex<u64>,
}

impl LockedCounter {
    /// Counts one visit.
    pub fn visit(&self) {
        let seen = self.total();
        *self.visits.lock().unwrap() = seen + 1;
    }

    /// Visits so far.
    pub fn total(&self) -> u64 {
        *self.visits.lock().unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn plain_memory() {
        let counter = UnguardedCounter::default();
        thread::scope(|scope| {
            scope.spawn(|| counter.visit());
            counter.visit();
        });
        assert_eq!(counter.total(), 2);
    }

    #[test]
    fn atomic_load_then_store() {
        let counter = AtomicCounter::default();
        thread::scope(|scope| {
            scope.spawn(|| counter.visit());
            counter.visit();
        });
        assert_eq!(counter.total(), 2);
    }

    #[test]
    fn two_short_locks() {
        let counter = LockedCounter::default();
        thread::scope(|scope| {
            scope.spawn(|| counter.visit());
            counter.visit();
        });
        assert_eq!(counter.total(), 2);
    }
}
