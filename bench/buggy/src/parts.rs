//! What the programs are made of: threads that begin together, and a variable that they share.

use crate::library::sync::atomic::{AtomicUsize, Ordering};
use crate::library::thread;

/// Runs all of these at the same time and waits for their ends.
pub fn together<const N: usize>(bodies: [&(dyn Fn() + Sync); N]) {
    thread::scope(|scope| {
        for body in bodies {
            scope.spawn(body);
        }
    });
}

/// An atomic variable that is always used sequentially consistently.
pub struct Cell(AtomicUsize);

impl Cell {
    pub const fn new(value: usize) -> Self {
        Cell(AtomicUsize::new(value))
    }

    pub fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub fn set(&self, value: usize) {
        self.0.store(value, Ordering::SeqCst);
    }

    pub fn add(&self, value: usize) -> usize {
        self.0.fetch_add(value, Ordering::SeqCst)
    }

    pub fn subtract(&self, value: usize) -> usize {
        self.0.fetch_sub(value, Ordering::SeqCst)
    }

    pub fn exchange(&self, from: usize, to: usize) -> bool {
        self.0.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    pub fn swap(&self, value: usize) -> usize {
        self.0.swap(value, Ordering::SeqCst)
    }
}
