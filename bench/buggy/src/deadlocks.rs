//! Locks taken in an order that lets everybody wait for somebody.

use crate::library::sync::{Arc, Mutex, RwLock};
use crate::library::thread;
use crate::{Cell, together};

/// Each takes its own lock and the next one's.
fn ring(members: usize) {
    let locks: Vec<_> = (0..members).map(|_| Mutex::new(())).collect();
    thread::scope(|scope| {
        for me in 0..members {
            let locks = &locks;
            scope.spawn(move || {
                let _own = locks[me].lock().unwrap();
                let _next = locks[(me + 1) % members].lock().unwrap();
            });
        }
    });
}

#[cfg_attr(test, test)]
pub fn ring_2() {
    ring(2);
}

#[cfg_attr(test, test)]
pub fn ring_3() {
    ring(3);
}

#[cfg_attr(test, test)]
pub fn ring_5() {
    ring(5);
}

#[cfg_attr(test, test)]
pub fn ring_8() {
    ring(8);
}

#[cfg_attr(test, test)]
pub fn transfers_in_opposite_directions() {
    let accounts = [Mutex::new(100), Mutex::new(100), Mutex::new(100)];
    let transfer = |from: usize, to: usize| {
        let accounts = &accounts;
        move || {
            let mut source = accounts[from].lock().unwrap();
            let mut target = accounts[to].lock().unwrap();
            *source -= 10;
            *target += 10;
        }
    };
    together([&transfer(0, 1), &transfer(1, 2), &transfer(2, 1)]);
}

/// The wrong order is taken only when something else has happened just before.
#[cfg_attr(test, test)]
pub fn rare_order() {
    let (a, b, hurry) = (Mutex::new(()), Mutex::new(()), Cell::new(0));
    together([
        &|| {
            hurry.set(1);
            hurry.set(0);
            let _a = a.lock().unwrap();
            let _b = b.lock().unwrap();
        },
        &|| {
            if hurry.get() == 1 {
                let _b = b.lock().unwrap();
                let _a = a.lock().unwrap();
            }
        },
    ]);
}

/// A reader that reads again while a writer waits in between.
#[cfg_attr(test, test)]
pub fn read_lock_and_mutex() {
    let (shared, log) = (RwLock::new(0), Mutex::new(()));
    together([
        &|| {
            let _value = shared.read().unwrap();
            let _log = log.lock().unwrap();
        },
        &|| {
            let _log = log.lock().unwrap();
            *shared.write().unwrap() += 1;
        },
    ]);
}

/// Joins while it holds what the other needs.
#[cfg_attr(test, test)]
pub fn join_under_a_lock() {
    let lock = Arc::new(Mutex::new(0));
    let other = {
        let lock = Arc::clone(&lock);
        thread::spawn(move || *lock.lock().unwrap() += 1)
    };
    let guard = lock.lock().unwrap();
    other.join().unwrap();
    drop(guard);
}
