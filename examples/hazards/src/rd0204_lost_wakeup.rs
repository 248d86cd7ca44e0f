//! Lost wakeup: a thread waits for a notification that was sent before it began to wait.
//!
//! A condition variable does not remember notifications. What a thread waits for must therefore be changed under the
//! same mutex under which it is tested.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

#[derive(Default)]
struct Signal {
    raised: AtomicBool,
    mutex: Mutex<()>,
    condvar: Condvar,
}

impl Signal {
    fn wait(&self) {
        let mut guard = self.mutex.lock().unwrap();
        while !self.raised.load(Ordering::SeqCst) {
            guard = self.condvar.wait(guard).unwrap();
        }
    }

    /// Raises the flag without the mutex: that can happen after a waiter has tested the flag and before it waits.
    fn raise_unlocked(&self) {
        self.raised.store(true, Ordering::SeqCst);
        self.condvar.notify_all();
    }

    /// Raises the flag under the mutex: a waiter has either not tested it yet, or waits already.
    fn raise(&self) {
        let _guard = self.mutex.lock().unwrap();
        self.raised.store(true, Ordering::SeqCst);
        self.condvar.notify_all();
    }
}

#[test]
fn wrong() {
    let signal = Signal::default();
    thread::scope(|scope| {
        scope.spawn(|| signal.wait());
        signal.raise_unlocked();
    });
}

#[test]
fn fixed() {
    let signal = Signal::default();
    thread::scope(|scope| {
        scope.spawn(|| signal.wait());
        signal.raise();
    });
}
