//! Spinning without progress: a loop that tests a flag, and does not let the thread run that raises it.
//!
//! With a processor for each thread it is over at once. On a busy machine the loop has the processor that the other thread
//! needs, and keeps it until its time slice is used up.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;

#[test]
fn wrong() {
    let (answer, is_there) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            answer.store(42, Ordering::Relaxed);
            is_there.store(true, Ordering::Release);
        });
        while !is_there.load(Ordering::Acquire) {
            hint::spin_loop();
        }
        assert_eq!(answer.load(Ordering::Relaxed), 42);
    });
}

#[test]
fn fixed() {
    let (send, answer) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || send.send(42).unwrap());
        assert_eq!(answer.recv(), Ok(42));
    });
}
