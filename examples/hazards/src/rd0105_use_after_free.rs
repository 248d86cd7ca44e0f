//! Use after free: memory is touched, or freed again, after it has been given back.

use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;

/// A reader still looks at the old value when the writer frees it.
mod replaced_while_read {
    use super::*;

    #[test]
    fn wrong() {
        let current = AtomicPtr::new(Box::into_raw(Box::new(1_u64)));
        thread::scope(|scope| {
            scope.spawn(|| {
                let new = Box::into_raw(Box::new(2));
                let old = current.swap(new, Ordering::AcqRel);
                // SAFETY: came from a box. That nobody reads it any more is an assumption.
                drop(unsafe { Box::from_raw(old) });
            });
            let mine = current.load(Ordering::Acquire);
            // SAFETY: the pointer came from a box. That the box is still there is an assumption.
            assert!(unsafe { *mine } > 0);
        });
        // SAFETY: came from a box, and all threads have ended.
        drop(unsafe { Box::from_raw(current.into_inner()) });
    }

    #[test]
    fn fixed() {
        let current = Mutex::new(Arc::new(1_u64));
        thread::scope(|scope| {
            scope.spawn(|| *current.lock().unwrap() = Arc::new(2));
            let mine = Arc::clone(&current.lock().unwrap());
            assert!(*mine > 0);
        });
    }
}

/// The last owner frees, but two of them may think that they are the last.
mod freed_twice {
    use super::*;

    struct Owned {
        owners: AtomicUsize,
        value: AtomicPtr<u64>,
    }

    impl Owned {
        fn new() -> Self {
            Self { owners: AtomicUsize::new(2), value: AtomicPtr::new(Box::into_raw(Box::new(7))) }
        }

        fn free(&self) {
            // SAFETY: came from a box. That this is the only call is up to who calls it.
            drop(unsafe { Box::from_raw(self.value.load(Ordering::Acquire)) });
        }

        /// Subtracts first and looks afterwards, in two steps.
        fn leave_in_two_steps(&self) {
            self.owners.fetch_sub(1, Ordering::AcqRel);
            if self.owners.load(Ordering::Acquire) == 0 {
                self.free();
            }
        }

        /// Looks at what the subtraction has found.
        fn leave(&self) {
            if self.owners.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.free();
            }
        }
    }

    #[test]
    fn wrong() {
        let owned = Owned::new();
        thread::scope(|scope| {
            scope.spawn(|| owned.leave_in_two_steps());
            owned.leave_in_two_steps();
        });
    }

    #[test]
    fn fixed() {
        let owned = Owned::new();
        thread::scope(|scope| {
            scope.spawn(|| owned.leave());
            owned.leave();
        });
    }
}

/// A thread is told where a variable lies on another one's stack, and looks there after the function has returned.
mod frame_left {
    use super::*;

    /// Sends the address of a variable of its own; returns when told so, or at once.
    fn lend(sender: &mpsc::Sender<usize>, done: Option<&mpsc::Receiver<()>>) {
        let answer = AtomicUsize::new(42);
        sender.send(&raw const answer as usize).unwrap();
        if let Some(done) = done {
            done.recv().unwrap();
        }
    }

    fn look(address: usize) -> usize {
        // SAFETY: the address is that of a living variable as long as its owner waits.
        unsafe { (*(address as *const AtomicUsize)).load(Ordering::SeqCst) }
    }

    #[test]
    fn wrong() {
        let (sender, receiver) = mpsc::channel();
        let lender = thread::spawn(move || lend(&sender, None));
        let _seen = look(receiver.recv().unwrap());
        lender.join().unwrap();
    }

    #[test]
    fn fixed() {
        let (sender, receiver) = mpsc::channel();
        let (done, wait) = mpsc::channel();
        let lender = thread::spawn(move || lend(&sender, Some(&wait)));
        assert_eq!(look(receiver.recv().unwrap()), 42);
        done.send(()).unwrap();
        lender.join().unwrap();
    }
}

/// A thread hands out the address of a thread-local variable, and ends.
mod storage_gone {
    use super::*;

    thread_local! {
        static ANSWER: AtomicUsize = const { AtomicUsize::new(42) };
    }

    /// Sends the address of its variable; returns when told so, or at once.
    fn lend(sender: &mpsc::Sender<usize>, done: Option<&mpsc::Receiver<()>>) {
        ANSWER.with(|answer| sender.send(&raw const *answer as usize)).unwrap();
        if let Some(done) = done {
            done.recv().unwrap();
        }
    }

    fn look(address: usize) -> usize {
        // SAFETY: the address is that of a living variable as long as its owner waits.
        unsafe { (*(address as *const AtomicUsize)).load(Ordering::SeqCst) }
    }

    #[test]
    fn wrong() {
        let (sender, receiver) = mpsc::channel();
        let lender = thread::spawn(move || lend(&sender, None));
        let _seen = look(receiver.recv().unwrap());
        lender.join().unwrap();
    }

    #[test]
    fn fixed() {
        let (sender, receiver) = mpsc::channel();
        let (done, wait) = mpsc::channel();
        let lender = thread::spawn(move || lend(&sender, Some(&wait)));
        assert_eq!(look(receiver.recv().unwrap()), 42);
        done.send(()).unwrap();
        lender.join().unwrap();
    }
}
