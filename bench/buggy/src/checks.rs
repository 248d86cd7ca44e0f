//! What was checked no longer holds when it is acted upon, and updates that are lost.

use crate::library::sync::{Mutex, RwLock};
use crate::library::thread;
use crate::{Cell, together};
use std::collections::BTreeMap;

#[cfg_attr(test, test)]
pub fn counter_in_two_steps() {
    let counter = Cell::new(0);
    let count = || {
        let now = counter.get();
        counter.set(now + 1);
    };
    together([&count, &count]);
    assert_eq!(counter.get(), 2);
}

/// A lost update among many that are not.
#[cfg_attr(test, test)]
pub fn counter_with_one_careless_thread() {
    let counter = Cell::new(0);
    let careful = || {
        for _ in 0..10 {
            counter.add(1);
        }
    };
    together([&careful, &careful, &|| {
        let now = counter.get();
        counter.set(now + 1);
    }]);
    assert_eq!(counter.get(), 21);
}

#[cfg_attr(test, test)]
pub fn account_with_too_narrow_a_lock() {
    let account = Mutex::new(100);
    let withdraw = || {
        let balance = *account.lock().unwrap();
        if balance >= 60 {
            *account.lock().unwrap() -= 60;
        }
    };
    together([&withdraw, &withdraw]);
    assert!(*account.lock().unwrap() >= 0, "overdrawn");
}

/// The sum is read while money is on its way.
#[cfg_attr(test, test)]
pub fn transfer_seen_half_done() {
    let accounts = [Mutex::new(100), Mutex::new(100)];
    together([
        &|| {
            *accounts[0].lock().unwrap() -= 50;
            *accounts[1].lock().unwrap() += 50;
        },
        &|| {
            let first = *accounts[0].lock().unwrap();
            let second = *accounts[1].lock().unwrap();
            assert_eq!(first + second, 200);
        },
    ]);
}

/// Seats are sold while there are any; the check and the sale are two steps.
#[cfg_attr(test, test)]
pub fn airline() {
    let sold = Cell::new(0);
    let sell = || {
        for _ in 0..2 {
            if sold.get() < 3 {
                sold.add(1);
            }
        }
    };
    together([&sell, &sell, &sell]);
    assert!(sold.get() <= 3, "{} of 3 seats sold", sold.get());
}

/// Several threads under one lock, one under another.
fn wronglock(right: usize) {
    let (lock, other, data) = (Mutex::new(()), Mutex::new(()), Cell::new(0));
    thread::scope(|scope| {
        for _ in 0..right {
            scope.spawn(|| {
                let _guard = lock.lock().unwrap();
                let before = data.get();
                data.set(before + 1);
                assert_eq!(data.get(), before + 1);
            });
        }
        scope.spawn(|| {
            let _guard = other.lock().unwrap();
            data.add(1);
        });
    });
}

#[cfg_attr(test, test)]
pub fn wronglock_1() {
    wronglock(1);
}

#[cfg_attr(test, test)]
pub fn wronglock_4() {
    wronglock(4);
}

#[cfg_attr(test, test)]
pub fn map_checked_then_filled() {
    let (map, made) = (Mutex::new(BTreeMap::new()), Cell::new(0));
    let fill = || {
        if !map.lock().unwrap().contains_key("key") {
            made.add(1);
            map.lock().unwrap().insert("key", 1);
        }
    };
    together([&fill, &fill]);
    assert_eq!(made.get(), 1, "made more than once");
}

#[cfg_attr(test, test)]
pub fn upgrade_without_a_second_look() {
    let (value, made) = (RwLock::new(None), Cell::new(0));
    let get = || {
        if value.read().unwrap().is_some() {
            return;
        }
        let mut value = value.write().unwrap();
        made.add(1);
        *value = Some(1);
    };
    together([&get, &get, &get]);
    assert_eq!(made.get(), 1, "made more than once");
}

/// A block is free according to a bitmap, which is set afterwards.
#[cfg_attr(test, test)]
pub fn bitmap_allocates_twice() {
    let (bitmap, owners) = ([const { Cell::new(0) }; 4], [const { Cell::new(0) }; 4]);
    let allocate = |start: usize| {
        let (bitmap, owners) = (&bitmap, &owners);
        move || {
            for at in (start..4).chain(0..start) {
                if bitmap[at].get() == 0 {
                    bitmap[at].set(1);
                    owners[at].add(1);
                    return;
                }
            }
        }
    };
    together([&allocate(0), &allocate(3), &allocate(3)]);
    assert!(owners.iter().all(|owners| owners.get() <= 1), "one block for two");
}

/// Two counters that belong together, read one after the other.
#[cfg_attr(test, test)]
pub fn statistics_out_of_step() {
    let (requests, answers) = (Cell::new(0), Cell::new(0));
    together([
        &|| {
            for _ in 0..3 {
                requests.add(1);
                answers.add(1);
            }
        },
        &|| {
            let asked = requests.get();
            let answered = answers.get();
            assert!(answered <= asked, "more answers than requests");
        },
    ]);
}
