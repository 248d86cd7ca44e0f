//! Waiting for somebody who has been there already, or who tells somebody else.

use crate::library::sync::{Condvar, Mutex};
use crate::library::thread;
use crate::{Cell, together};
use std::collections::VecDeque;

#[cfg_attr(test, test)]
pub fn lost_notification() {
    let (lock, changed) = (Mutex::new(()), Condvar::new());
    together([
        &|| {
            let guard = lock.lock().unwrap();
            drop(changed.wait(guard).unwrap());
        },
        // Gives the other a good start, as sleeping does.
        &|| {
            thread::yield_now();
            changed.notify_one();
        },
    ]);
}

/// The flag is set without the lock, between the look at it and the wait.
#[cfg_attr(test, test)]
pub fn flag_set_without_the_lock() {
    let (ready, lock, changed) = (Cell::new(0), Mutex::new(()), Condvar::new());
    together([
        &|| {
            let mut guard = lock.lock().unwrap();
            while ready.get() == 0 {
                guard = changed.wait(guard).unwrap();
            }
        },
        &|| {
            ready.set(1);
            changed.notify_one();
        },
    ]);
}

/// `if` in place of `while`: somebody else takes the item first.
#[cfg_attr(test, test)]
pub fn stolen_wakeup() {
    let (queue, changed) = (Mutex::new(VecDeque::new()), Condvar::new());
    together([
        &|| {
            let mut items = queue.lock().unwrap();
            if items.is_empty() {
                items = changed.wait(items).unwrap();
            }
            assert!(items.pop_front().is_some(), "woken for nothing");
            drop(items);
            // Whoever comes too late for the first item finds the second.
            queue.lock().unwrap().push_back(1);
            changed.notify_one();
        },
        &|| {
            let mut items = queue.lock().unwrap();
            while items.is_empty() {
                items = changed.wait(items).unwrap();
            }
            items.pop_front();
            drop(items);
            queue.lock().unwrap().push_back(1);
            changed.notify_one();
        },
        &|| {
            queue.lock().unwrap().push_back(1);
            changed.notify_one();
        },
    ]);
}

/// A buffer with one condition for both directions, and one wake-up at a time.
fn one_condition(producers: usize, consumers: usize, items: usize) {
    let (buffer, changed) = (Mutex::new(VecDeque::new()), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(|| {
                for item in 0..items {
                    let mut buffer = buffer.lock().unwrap();
                    while buffer.len() == 1 {
                        buffer = changed.wait(buffer).unwrap();
                    }
                    buffer.push_back(item);
                    changed.notify_one();
                }
            });
        }
        for _ in 0..consumers {
            scope.spawn(|| {
                for _ in 0..items * producers / consumers {
                    let mut buffer = buffer.lock().unwrap();
                    while buffer.is_empty() {
                        buffer = changed.wait(buffer).unwrap();
                    }
                    buffer.pop_front();
                    changed.notify_one();
                }
            });
        }
    });
}

#[cfg_attr(test, test)]
pub fn bounded_buffer_one_condition_1_2() {
    one_condition(1, 2, 4);
}

#[cfg_attr(test, test)]
pub fn bounded_buffer_one_condition_2_2() {
    one_condition(2, 2, 2);
}

/// One notification for two who wait.
#[cfg_attr(test, test)]
pub fn one_notification_for_two() {
    let (open, changed) = (Mutex::new(false), Condvar::new());
    let wait = || {
        let mut open = open.lock().unwrap();
        while !*open {
            open = changed.wait(open).unwrap();
        }
    };
    together([&wait, &wait, &|| {
        *open.lock().unwrap() = true;
        changed.notify_one();
    }]);
}

/// A barrier of one's own that forgets that somebody may come round again before all have left.
#[cfg_attr(test, test)]
pub fn barrier_used_again_too_early() {
    let (arrived, meeting) = (Mutex::new(0), Condvar::new());
    let worker = || {
        for _ in 0..2 {
            let mut count = arrived.lock().unwrap();
            *count += 1;
            if *count == 2 {
                *count = 0;
                meeting.notify_all();
            } else {
                while *count != 0 {
                    count = meeting.wait(count).unwrap();
                }
            }
        }
    };
    together([&worker, &worker]);
}

/// The last worker of a pool takes the only sign that there is no more work.
#[cfg_attr(test, test)]
pub fn one_poison_pill_for_two() {
    let (queue, changed) = (Mutex::new(VecDeque::from([Some(1), Some(2)])), Condvar::new());
    let work = || {
        for _ in 0..2 {
            let mut items = queue.lock().unwrap();
            while items.is_empty() {
                items = changed.wait(items).unwrap();
            }
            if items.pop_front().flatten().is_none() {
                return;
            }
        }
    };
    together([&work, &work, &|| {
        queue.lock().unwrap().push_back(None);
        changed.notify_one();
    }]);
}

/// A semaphore of one's own: the check and the taking are two steps.
#[cfg_attr(test, test)]
pub fn semaphore_taken_twice() {
    let (permits, inside) = (Cell::new(1), Cell::new(0));
    let enter = || {
        if permits.get() > 0 {
            permits.subtract(1);
            assert_eq!(inside.add(1), 0, "two inside");
            inside.subtract(1);
            permits.add(1);
        }
    };
    together([&enter, &enter]);
}
