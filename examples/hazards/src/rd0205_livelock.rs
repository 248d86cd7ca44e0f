//! Livelock: threads keep running and changing things, but each undoes or waits out what the other has just done.
//!
//! Two people meet in a corridor, and each steps aside for the other, to the same side, again and again. Nobody blocks, and
//! nobody gets past. Somebody has to be the one who does not give way.

/// Each walks on one side; who meets somebody on it changes to the other.
mod corridor {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    #[derive(Default)]
    struct Corridor {
        /// Whether each of the two walks on the left.
        left: [AtomicBool; 2],
    }

    impl Corridor {
        fn blocked(&self, me: usize) -> bool {
            self.left[me].load(Ordering::SeqCst) == self.left[1 - me].load(Ordering::SeqCst)
        }

        fn step_aside(&self, me: usize) {
            self.left[me].fetch_not(Ordering::SeqCst);
        }

        /// Both give way, so both may do so at the same moment, for ever.
        fn pass_politely(&self, me: usize) {
            while self.blocked(me) {
                self.step_aside(me);
            }
        }

        /// The first one keeps to its side and waits.
        fn pass(&self, me: usize) {
            while self.blocked(me) {
                if me == 1 {
                    self.step_aside(me);
                }
                thread::yield_now();
            }
        }
    }

    #[test]
    fn wrong() {
        let corridor = Corridor::default();
        thread::scope(|scope| {
            for me in 0..2 {
                let corridor = &corridor;
                scope.spawn(move || corridor.pass_politely(me));
            }
        });
    }

    #[test]
    fn fixed() {
        let corridor = Corridor::default();
        thread::scope(|scope| {
            for me in 0..2 {
                let corridor = &corridor;
                scope.spawn(move || corridor.pass(me));
            }
        });
    }
}

/// Each holds one lock and tries for the other; whoever does not get it gives up its own, and tries again.
mod giving_way {
    use std::sync::Mutex;
    use std::thread;

    /// Moves an amount, and never waits while it holds a lock. So there is no deadlock, but both may give way for ever.
    fn transfer_politely(from: &Mutex<i64>, to: &Mutex<i64>, amount: i64) {
        loop {
            let mut from = from.lock().unwrap();
            if let Ok(mut to) = to.try_lock() {
                *from -= amount;
                *to += amount;
                return;
            }
            drop(from);
            thread::yield_now();
        }
    }

    /// Locks the two in the order of their addresses, and waits.
    fn transfer(from: &Mutex<i64>, to: &Mutex<i64>, amount: i64) {
        let from_first = std::ptr::from_ref(from) < std::ptr::from_ref(to);
        let first = if from_first { from } else { to }.lock().unwrap();
        let second = if from_first { to } else { from }.lock().unwrap();
        let (mut from, mut to) = if from_first { (first, second) } else { (second, first) };
        *from -= amount;
        *to += amount;
    }

    fn both_ways(transfer: impl Fn(&Mutex<i64>, &Mutex<i64>, i64) + Sync) {
        let (left, right) = (Mutex::new(10), Mutex::new(10));
        thread::scope(|scope| {
            scope.spawn(|| transfer(&left, &right, 3));
            scope.spawn(|| transfer(&right, &left, 4));
        });
        assert_eq!((left.into_inner().unwrap(), right.into_inner().unwrap()), (11, 9));
    }

    #[test]
    fn wrong() {
        both_ways(transfer_politely);
    }

    #[test]
    fn fixed() {
        both_ways(transfer);
    }
}
