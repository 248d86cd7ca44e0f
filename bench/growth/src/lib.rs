//! One program in many lengths and with many numbers of threads, as ordinary tests. It knows nothing of Raddle.
//!
//! Threads add to variables that all of them share; so nearly all that happens in an execution is schedule points, at which
//! any of the threads may be the next.

#![cfg(test)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Variables that are added to by turns.
const SHARED: usize = 8;

/// So many threads add so many times each.
fn add(threads: usize, times: usize) {
    let sums: Arc<[AtomicUsize; SHARED]> = Arc::default();
    let work = |me: usize| {
        let sums = Arc::clone(&sums);
        move || {
            for time in 0..times {
                sums[(me + time) % SHARED].fetch_add(1, Ordering::AcqRel);
            }
        }
    };
    let threads: Vec<_> = (0..threads).map(|me| thread::spawn(work(me))).collect();
    let count = threads.len();
    for thread in threads {
        thread.join().unwrap();
    }
    let all: usize = sums.iter().map(|sum| sum.load(Ordering::Acquire)).sum();
    assert_eq!(all, count * times);
}

/// Tests with so many points in all, of four threads, and tests with so many threads, of a hundred points each.
macro_rules! tests {
    ($($name:ident: $threads:literal, $times:literal;)*) => {
        $(#[test]
        fn $name() {
            add($threads, $times);
        })*
    };
}

tests! {
    points_100: 4, 25;
    points_1000: 4, 250;
    points_10000: 4, 2_500;
    points_100000: 4, 25_000;
    points_1000000: 4, 250_000;
    threads_2: 2, 100;
    threads_4: 4, 100;
    threads_8: 8, 100;
    threads_16: 16, 100;
    threads_32: 32, 100;
    threads_64: 64, 100;
    threads_128: 128, 100;
    threads_256: 256, 100;
}
