//! The bodies that are measured: what ordinary packages' tests do with threads.
//!
//! This one text is compiled twice, as a module of a crate that names a `library`: `plain` says `use std as library`,
//! `in-shuttle` says `use shuttle as library`. So the two tools explore the same program, to the letter.
//!
//! Each body is right under every schedule: an exploration runs to the end of its budget. All atomic operations are
//! SeqCst, the only order that shuttle gives effect to.

use super::library::sync::atomic::{AtomicUsize, Ordering};
use super::library::sync::mpsc::sync_channel;
use super::library::sync::{Arc, Barrier, Condvar, Mutex, RwLock};
use super::library::thread;
use std::collections::VecDeque;

/// What each thread does over and over, it does so many times.
const ROUNDS: usize = 5;

/// All bodies by name, in the order of the tables. The tests in `plain` have the same names.
#[allow(dead_code)]
pub const ALL: [(&str, fn()); 8] = [
    ("counter_mutex_2", counter_mutex::<2>),
    ("counter_mutex_4", counter_mutex::<4>),
    ("counter_atomic_2", counter_atomic::<2>),
    ("counter_atomic_4", counter_atomic::<4>),
    ("bounded_channel", bounded_channel),
    ("read_write_lock", read_write_lock),
    ("condvar_queue", condvar_queue),
    ("barrier", barrier),
];

/// `THREADS` threads count under a mutex.
pub fn counter_mutex<const THREADS: usize>() {
    let counter = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    *counter.lock().unwrap() += 1;
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*counter.lock().unwrap(), THREADS * ROUNDS);
}

/// `THREADS` threads count with an atomic addition.
pub fn counter_atomic<const THREADS: usize>() {
    let counter = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(counter.load(Ordering::SeqCst), THREADS * ROUNDS);
}

/// Two threads send through a channel with room for two; the main thread receives.
pub fn bounded_channel() {
    let (sender, receiver) = sync_channel(2);
    let threads: Vec<_> = (0..2)
        .map(|thread| {
            let sender = sender.clone();
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    sender.send(thread * ROUNDS + round).unwrap();
                }
            })
        })
        .collect();
    drop(sender);
    let mut sum = 0;
    while let Ok(item) = receiver.recv() {
        sum += item;
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(sum, (0..2 * ROUNDS).sum());
}

/// Two threads read a pair that a third keeps equal.
pub fn read_write_lock() {
    let pair = Arc::new(RwLock::new((0, 0)));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let pair = Arc::clone(&pair);
            thread::spawn(move || {
                for _ in 0..ROUNDS {
                    let pair = pair.read().unwrap();
                    assert_eq!(pair.0, pair.1);
                }
            })
        })
        .collect();
    let writer = {
        let pair = Arc::clone(&pair);
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                let mut pair = pair.write().unwrap();
                pair.0 += 1;
                pair.1 += 1;
            }
        })
    };
    for thread in readers {
        thread.join().unwrap();
    }
    writer.join().unwrap();
    assert_eq!(*pair.read().unwrap(), (ROUNDS, ROUNDS));
}

/// A queue of a mutex and a condition variable: the main thread puts in, two threads take out until it is closed.
pub fn condvar_queue() {
    struct Queue {
        state: Mutex<(VecDeque<usize>, bool)>,
        changed: Condvar,
    }
    let queue = Arc::new(Queue { state: Mutex::new((VecDeque::new(), false)), changed: Condvar::new() });
    let consumers: Vec<_> = (0..2)
        .map(|_| {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut sum = 0;
                let mut state = queue.state.lock().unwrap();
                loop {
                    if let Some(item) = state.0.pop_front() {
                        sum += item;
                    } else if state.1 {
                        return sum;
                    } else {
                        state = queue.changed.wait(state).unwrap();
                    }
                }
            })
        })
        .collect();
    for item in 0..2 * ROUNDS {
        queue.state.lock().unwrap().0.push_back(item);
        queue.changed.notify_one();
    }
    queue.state.lock().unwrap().1 = true;
    queue.changed.notify_all();
    let sum: usize = consumers.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sum, (0..2 * ROUNDS).sum());
}

/// Three threads meet after every round; none begins a round before all have ended the one before.
pub fn barrier() {
    const THREADS: usize = 3;
    let meeting = Arc::new(Barrier::new(THREADS));
    let arrived = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let (meeting, arrived) = (Arc::clone(&meeting), Arc::clone(&arrived));
            thread::spawn(move || {
                for round in 1..=ROUNDS {
                    arrived.fetch_add(1, Ordering::SeqCst);
                    meeting.wait();
                    assert!(arrived.load(Ordering::SeqCst) >= round * THREADS);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(arrived.load(Ordering::SeqCst), THREADS * ROUNDS);
}
