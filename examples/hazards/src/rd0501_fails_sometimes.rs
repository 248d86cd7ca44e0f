//! Fails under some schedules: whether an assertion holds depends on which thread comes first.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// A shared value is made twice, because looking for it and adding it are two steps.
mod made_twice {
    use super::*;

    #[derive(Default)]
    struct Server {
        connection: OnceLock<u32>,
        opened: AtomicU32,
    }

    impl Server {
        fn open(&self) -> u32 {
            self.opened.fetch_add(1, Ordering::Relaxed) + 1
        }

        /// Looks, and adds if there was nothing; two threads can both find nothing and both open.
        fn connect_in_two_steps(&self) -> u32 {
            match self.connection.get() {
                Some(connection) => *connection,
                None => {
                    let connection = self.open();
                    *self.connection.get_or_init(|| connection)
                }
            }
        }

        /// Leaves both to the cell, which lets one thread open and the others wait for it.
        fn connect(&self) -> u32 {
            *self.connection.get_or_init(|| self.open())
        }
    }

    #[test]
    fn wrong() {
        let server = Server::default();
        thread::scope(|scope| {
            scope.spawn(|| server.connect_in_two_steps());
            server.connect_in_two_steps();
        });
        assert_eq!(server.opened.load(Ordering::Relaxed), 1, "connections opened");
    }

    #[test]
    fn fixed() {
        let server = Server::default();
        thread::scope(|scope| {
            scope.spawn(|| server.connect());
            server.connect();
        });
        assert_eq!(server.opened.load(Ordering::Relaxed), 1, "connections opened");
    }
}

/// A result, and a flag that announces it.
#[derive(Default)]
struct Job {
    done: AtomicBool,
    result: AtomicU32,
}

impl Job {
    /// Whoever sees the flag sees the result.
    fn finish(&self, result: u32) {
        self.result.store(result, Ordering::Relaxed);
        self.done.store(true, Ordering::Release);
    }

    fn result(&self) -> Option<u32> {
        self.done.load(Ordering::Acquire).then(|| self.result.load(Ordering::Relaxed))
    }
}

/// A result is announced before it is there.
mod announced_too_early {
    use super::*;

    impl Job {
        /// A reader can come between the two lines.
        fn finish_flag_first(&self, result: u32) {
            self.done.store(true, Ordering::Release);
            self.result.store(result, Ordering::Relaxed);
        }
    }

    #[test]
    fn wrong() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish_flag_first(42);
        });
    }

    #[test]
    fn fixed() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish(42);
        });
    }
}

/// A result is there before it is announced, but nothing orders the two for who looks.
mod announced_without_order {
    use super::*;

    impl Job {
        /// Who sees the flag may still see what the result was before.
        fn finish_relaxed(&self, result: u32) {
            self.result.store(result, Ordering::Relaxed);
            self.done.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn wrong() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish_relaxed(42);
        });
    }

    #[test]
    fn fixed() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish(42);
        });
    }
}

/// A thread takes it that nothing has changed because an address is the same: the allocator has given it out again (ABA).
mod same_address {
    use std::sync::atomic::{AtomicPtr, Ordering};
    use std::sync::{Mutex, PoisonError};
    use std::thread;

    /// A number that is replaced and never changed. The lock keeps it from being freed while it is read.
    struct Latest {
        lock: Mutex<()>,
        number: AtomicPtr<(u64, u64)>,
    }

    fn boxed(number: u64, version: u64) -> *mut (u64, u64) {
        Box::into_raw(Box::new((number, version)))
    }

    impl Latest {
        fn locked<T>(&self, act: impl FnOnce(*mut (u64, u64)) -> T) -> T {
            let _guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
            act(self.number.load(Ordering::Relaxed))
        }

        /// The number, its version, and where it lies.
        fn get(&self) -> (u64, u64, *mut (u64, u64)) {
            // SAFETY: it is freed under the lock only.
            self.locked(|now| unsafe { ((*now).0, (*now).1, now) })
        }

        /// Adds one unless somebody else has replaced the number, which `is_same` tells; then it begins anew.
        fn add(&self, is_same: fn(*mut (u64, u64), (u64, u64, *mut (u64, u64))) -> bool) {
            loop {
                let seen = self.get();
                let done = self.locked(|now| {
                    let same = is_same(now, seen);
                    if same {
                        self.number.store(boxed(seen.0 + 1, seen.1 + 1), Ordering::Relaxed);
                        // SAFETY: nobody reads it without the lock.
                        drop(unsafe { Box::from_raw(now) });
                    }
                    same
                });
                if done {
                    return;
                }
            }
        }
    }

    fn three_are_added(is_same: fn(*mut (u64, u64), (u64, u64, *mut (u64, u64))) -> bool) {
        let latest = Latest { lock: Mutex::new(()), number: AtomicPtr::new(boxed(0, 0)) };
        thread::scope(|scope| {
            scope.spawn(|| latest.add(is_same));
            scope.spawn(|| [latest.add(is_same), latest.add(is_same)]);
        });
        let (number, _, at) = latest.get();
        // SAFETY: no other thread is left.
        drop(unsafe { Box::from_raw(at) });
        assert_eq!(number, 3);
    }

    #[test]
    fn wrong() {
        three_are_added(|now, (_, _, seen)| now == seen);
    }

    #[test]
    fn fixed() {
        // SAFETY: called under the lock.
        three_are_added(|now, (_, version, _)| unsafe { (*now).1 } == version);
    }
}

/// A thread waits once for a condition, as if only its coming about could end the wait.
mod waits_once {
    use std::sync::{Condvar, Mutex};
    use std::thread;

    #[derive(Default)]
    struct Gate {
        open: Mutex<bool>,
        changed: Condvar,
    }

    impl Gate {
        fn open(&self) {
            *self.open.lock().unwrap() = true;
            self.changed.notify_all();
        }

        /// A wait may end without a notification.
        fn wait_once(&self) {
            let open = self.open.lock().unwrap();
            if !*open {
                drop(self.changed.wait(open).unwrap());
            }
        }

        /// Looks again after each wait.
        fn wait(&self) {
            drop(self.changed.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
        }
    }

    fn nobody_comes_in_before_it_is_open(wait: fn(&Gate)) {
        let gate = Gate::default();
        thread::scope(|scope| {
            scope.spawn(|| gate.open());
            wait(&gate);
            assert!(*gate.open.lock().unwrap(), "came in through a closed gate");
        });
    }

    #[test]
    fn wrong() {
        nobody_comes_in_before_it_is_open(Gate::wait_once);
    }

    #[test]
    fn fixed() {
        nobody_comes_in_before_it_is_open(Gate::wait);
    }
}

/// A seat is taken by a compare-exchange that may fail for no reason, and whose failure is taken to mean that it is taken.
mod tries_weakly_once {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    const FREE: u32 = 0;

    fn take_weakly(seat: &AtomicU32, guest: u32) -> bool {
        seat.compare_exchange_weak(FREE, guest, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Fails only if another one sits there.
    fn take(seat: &AtomicU32, guest: u32) -> bool {
        seat.compare_exchange(FREE, guest, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn one_of_two_guests_gets_the_seat(take: fn(&AtomicU32, u32) -> bool) {
        let seat = AtomicU32::new(FREE);
        thread::scope(|scope| {
            let other = scope.spawn(|| take(&seat, 2));
            let is_mine = take(&seat, 1);
            assert!(is_mine != other.join().unwrap(), "nobody has got it");
        });
    }

    #[test]
    fn wrong() {
        one_of_two_guests_gets_the_seat(take_weakly);
    }

    #[test]
    fn fixed() {
        one_of_two_guests_gets_the_seat(take);
    }
}

/// A consumer that has been woken takes it that what it was woken for is still there.
mod stolen_wakeup {
    use std::collections::VecDeque;
    use std::sync::{Condvar, Mutex};
    use std::thread;

    #[derive(Default)]
    struct Orders {
        waiting: Mutex<VecDeque<u32>>,
        changed: Condvar,
    }

    impl Orders {
        fn add(&self, order: u32) {
            self.waiting.lock().unwrap().push_back(order);
            self.changed.notify_one();
        }

        /// Who comes just now may take it first.
        fn take_once_woken(&self) -> u32 {
            let mut waiting = self.waiting.lock().unwrap();
            if waiting.is_empty() {
                waiting = self.changed.wait(waiting).unwrap();
            }
            waiting.pop_front().expect("an order is there")
        }

        /// Looks again after each wait.
        fn take(&self) -> u32 {
            let mut waiting = self.waiting.lock().unwrap();
            while waiting.is_empty() {
                waiting = self.changed.wait(waiting).unwrap();
            }
            waiting.pop_front().expect("an order is there")
        }
    }

    fn each_cook_gets_an_order(take: fn(&Orders) -> u32) {
        let orders = Orders::default();
        thread::scope(|scope| {
            scope.spawn(|| take(&orders));
            scope.spawn(|| take(&orders));
            orders.add(1);
            orders.add(2);
        });
    }

    #[test]
    fn wrong() {
        each_cook_gets_an_order(Orders::take_once_woken);
    }

    #[test]
    fn fixed() {
        each_cook_gets_an_order(Orders::take);
    }
}
