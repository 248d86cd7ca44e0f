//! A certain order of a few steps fails; what varies is how many threads or steps stand in its way.

use crate::library::sync::Mutex;
use crate::library::thread;
use crate::{Cell, together};

/// So many threads set both variables; one looks in between.
fn reorder(setters: usize) {
    let (a, b) = (Cell::new(0), Cell::new(0));
    thread::scope(|scope| {
        for _ in 0..setters {
            scope.spawn(|| {
                a.set(1);
                b.set(1);
            });
        }
        scope.spawn(|| {
            let seen = (a.get(), b.get());
            assert!(seen == (0, 0) || seen == (1, 1), "half set: {seen:?}");
        });
    });
}

#[cfg_attr(test, test)]
pub fn reorder_3() {
    reorder(2);
}

#[cfg_attr(test, test)]
pub fn reorder_4() {
    reorder(3);
}

#[cfg_attr(test, test)]
pub fn reorder_5() {
    reorder(4);
}

#[cfg_attr(test, test)]
pub fn reorder_10() {
    reorder(9);
}

#[cfg_attr(test, test)]
pub fn reorder_20() {
    reorder(19);
}

#[cfg_attr(test, test)]
pub fn reorder_50() {
    reorder(49);
}

#[cfg_attr(test, test)]
pub fn reorder_100() {
    reorder(99);
}

/// Two values are set under a lock each; a reader takes one lock after the other too.
fn twostage(writers: usize) {
    let (first, second) = (Mutex::new(0), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| {
                *first.lock().unwrap() = 1;
                *second.lock().unwrap() = 2;
            });
        }
        scope.spawn(|| {
            let one = *first.lock().unwrap();
            if one != 0 {
                let two = *second.lock().unwrap();
                assert_eq!(two, one + 1);
            }
        });
    });
}

#[cfg_attr(test, test)]
pub fn twostage_1() {
    twostage(1);
}

#[cfg_attr(test, test)]
pub fn twostage_5() {
    twostage(5);
}

#[cfg_attr(test, test)]
pub fn twostage_20() {
    twostage(20);
}

/// Two threads must take turns exactly so often: each step goes on only if the other's came directly before.
fn chain(steps: usize) {
    let at = Cell::new(0);
    let walk = |parity: usize| {
        let at = &at;
        move || {
            for step in (parity..steps).step_by(2) {
                if at.get() != step {
                    return;
                }
                at.set(step + 1);
            }
        }
    };
    together([&walk(0), &walk(1)]);
    assert!(at.get() < steps, "all {steps} steps came in order");
}

#[cfg_attr(test, test)]
pub fn chain_3() {
    chain(3);
}

#[cfg_attr(test, test)]
pub fn chain_5() {
    chain(5);
}

#[cfg_attr(test, test)]
pub fn chain_8() {
    chain(8);
}

/// A window of one step, after so many steps that have nothing to do with it on both sides.
fn window(padding: usize) {
    let (busy, mine, others, seen) = (Cell::new(0), Cell::new(0), Cell::new(0), Cell::new(0));
    together([
        &|| {
            (0..padding).for_each(|_| mine.set(1));
            busy.set(1);
            busy.set(0);
            (0..padding).for_each(|_| mine.set(1));
        },
        &|| {
            (0..padding).for_each(|_| others.set(1));
            seen.set(busy.get());
        },
    ]);
    assert_eq!(seen.get(), 0, "seen at work");
}

#[cfg_attr(test, test)]
pub fn window_5() {
    window(5);
}

#[cfg_attr(test, test)]
pub fn window_50() {
    window(50);
}

/// The reader is far quicker than the writer whose half-done work it has to see.
#[cfg_attr(test, test)]
pub fn late_writer() {
    let (noise, a, b) = (Cell::new(0), Cell::new(0), Cell::new(0));
    together([
        &|| {
            (0..30).for_each(|_| noise.set(1));
            a.set(1);
            b.set(1);
        },
        &|| assert!(a.get() == b.get()),
    ]);
}

/// Three threads hand a token on; only the full round in the order of their numbers, twice, fails.
#[cfg_attr(test, test)]
pub fn two_rounds() {
    let token = Cell::new(0);
    let pass = |me: usize| {
        let token = &token;
        move || {
            for round in 0..2 {
                if token.get() == round * 3 + me {
                    token.add(1);
                }
            }
        }
    };
    together([&pass(0), &pass(1), &pass(2)]);
    assert!(token.get() < 6, "two full rounds");
}
