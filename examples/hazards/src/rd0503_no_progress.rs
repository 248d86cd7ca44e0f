//! No progress: a thread runs and runs, and never gets anywhere.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::{hint, thread};

/// A thread polls for a number that will never come.
mod waits_for_zero {
    use super::*;

    /// Says that one part of the work is done. When two threads say so at once, one of them may overwrite the other's
    /// number, and the count never reaches zero.
    fn part_done_in_two_steps(parts_left: &AtomicUsize) {
        let left = parts_left.load(Ordering::SeqCst);
        parts_left.store(left - 1, Ordering::SeqCst);
    }

    /// Says that one part of the work is done, in one step.
    fn part_done(parts_left: &AtomicUsize) {
        parts_left.fetch_sub(1, Ordering::SeqCst);
    }

    fn wait_for_zero(parts_left: &AtomicUsize) {
        while parts_left.load(Ordering::SeqCst) != 0 {
            hint::spin_loop();
        }
    }

    #[test]
    fn wrong() {
        let parts_left = AtomicUsize::new(2);
        thread::scope(|scope| {
            scope.spawn(|| part_done_in_two_steps(&parts_left));
            part_done_in_two_steps(&parts_left);
            wait_for_zero(&parts_left);
        });
    }

    #[test]
    fn fixed() {
        let parts_left = AtomicUsize::new(2);
        thread::scope(|scope| {
            scope.spawn(|| part_done(&parts_left));
            part_done(&parts_left);
            wait_for_zero(&parts_left);
        });
    }
}

/// A loop over private numbers never ends, because of one number that another thread was changing.
mod step_of_zero {
    use super::*;

    struct Settings {
        batch_size: AtomicUsize,
    }

    impl Settings {
        /// Clears the old value before it sets the new one; a reader can see the zero.
        fn reload_in_two_steps(&self, text: &str) {
            let parsed = text.parse();
            self.batch_size.store(0, Ordering::SeqCst);
            if let Ok(size) = parsed {
                self.batch_size.store(size, Ordering::SeqCst);
            }
        }

        /// Sets the new value in one step; no reader ever sees a zero.
        fn reload(&self, text: &str) {
            if let Ok(size) = text.parse() {
                self.batch_size.store(size, Ordering::SeqCst);
            }
        }

        /// With batches of zero items, `done` stays where it is.
        fn batches(&self, items: usize) -> usize {
            let size = self.batch_size.load(Ordering::SeqCst);
            let (mut done, mut batches) = (0, 0);
            while done < items {
                done += size;
                batches += 1;
            }
            batches
        }
    }

    #[test]
    fn wrong() {
        let settings = Settings { batch_size: AtomicUsize::new(5) };
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(settings.batches(10), 1 | 2)));
            settings.reload_in_two_steps("10");
        });
    }

    #[test]
    fn fixed() {
        let settings = Settings { batch_size: AtomicUsize::new(5) };
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(settings.batches(10), 1 | 2)));
            settings.reload("10");
        });
    }
}
