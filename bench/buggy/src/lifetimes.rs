//! Made twice, given back twice, or used before or after its time.

use crate::library::sync::Mutex;
use crate::{Cell, together};

/// Initialised under a lock, with a flag that is raised one step too early.
#[cfg_attr(test, test)]
pub fn double_checked_flag_too_early() {
    let (ready, value, lock) = (Cell::new(0), Cell::new(0), Mutex::new(()));
    let get = || {
        if ready.get() == 0 {
            let _guard = lock.lock().unwrap();
            if ready.get() == 0 {
                ready.set(1);
                value.set(42);
            }
        }
        assert_eq!(value.get(), 42, "used before it was made");
    };
    together([&get, &get]);
}

/// The second look is missing.
#[cfg_attr(test, test)]
pub fn checked_once() {
    let (ready, made, lock) = (Cell::new(0), Cell::new(0), Mutex::new(()));
    let get = || {
        if ready.get() == 0 {
            let _guard = lock.lock().unwrap();
            made.add(1);
            ready.set(1);
        }
    };
    together([&get, &get, &get]);
    assert_eq!(made.get(), 1, "made more than once");
}

/// References are counted down in two steps.
#[cfg_attr(test, test)]
pub fn count_of_references_in_two_steps() {
    let (references, freed) = (Cell::new(3), Cell::new(0));
    let release = || {
        let left = references.get() - 1;
        references.set(left);
        if left == 0 {
            freed.add(1);
        }
    };
    together([&release, &release, &release]);
    assert_eq!(freed.get(), 1, "freed as often as this");
}

/// The one who sees the count at zero after counting down need not be the one who brought it there.
#[cfg_attr(test, test)]
pub fn freed_twice() {
    let (references, freed) = (Cell::new(2), Cell::new(0));
    let release = || {
        references.subtract(1);
        if references.get() == 0 {
            freed.add(1);
        }
    };
    together([&release, &release]);
    assert_eq!(freed.get(), 1, "freed as often as this");
}

/// A weak reference is made strong although the last strong one is just going away.
#[cfg_attr(test, test)]
pub fn upgrade_of_the_dying() {
    let (strong, freed) = (Cell::new(1), Cell::new(0));
    together([
        &|| {
            if strong.subtract(1) == 1 {
                freed.set(1);
            }
        },
        &|| {
            if strong.get() > 0 {
                strong.add(1);
                assert_eq!(freed.get(), 0, "used after it was freed");
                strong.subtract(1);
            }
        },
    ]);
}

/// Qadeer and Wu, "KISS: keep it simple and sequential" (PLDI'04): a driver is stopped while a request comes in.
#[cfg_attr(test, test)]
pub fn bluetooth() {
    let (stopping, pending, stopped) = (Cell::new(0), Cell::new(1), Cell::new(0));
    let finish = || {
        if pending.subtract(1) == 1 {
            stopped.set(1);
        }
    };
    together([
        &|| {
            stopping.set(1);
            finish();
        },
        &|| {
            if stopping.get() == 0 {
                pending.add(1);
                assert_eq!(stopped.get(), 0, "works although it was stopped");
                finish();
            }
        },
    ]);
}

/// Whether the queue is closed is asked before the item is put in, and the last sweep has been made in between.
#[cfg_attr(test, test)]
pub fn sent_after_the_last_sweep() {
    let (closed, queue, received) = (Cell::new(0), Mutex::new(Vec::new()), Cell::new(0));
    let sent = Cell::new(0);
    together([
        &|| {
            for item in 0..2 {
                if closed.get() == 0 {
                    queue.lock().unwrap().push(item);
                    sent.add(1);
                }
            }
        },
        &|| {
            received.add(queue.lock().unwrap().drain(..).count());
            closed.set(1);
            received.add(queue.lock().unwrap().drain(..).count());
        },
    ]);
    assert_eq!(sent.get(), received.get(), "items were sent to nobody");
}

/// A task is cancelled and restarted; the old one ends after the new one has begun and takes its place away.
#[cfg_attr(test, test)]
pub fn restart_loses_the_new_task() {
    let (current, running) = (Cell::new(1), Cell::new(1));
    together([
        // Task 1 ends.
        &|| {
            if current.get() == 1 {
                running.set(0);
            }
        },
        // It is replaced by task 2.
        &|| {
            current.set(2);
            running.set(1);
        },
    ]);
    assert!(current.get() != 2 || running.get() == 1, "task 2 was taken for ended");
}
