//! What a visit costs with each of the right counters, from one thread and from two at once.
//!
//! `cargo run --release -p counter --bin cost`

use counter::fixed::{AtomicCounter, ChannelCounter, LockedCounter, count_at_doors};
use std::thread;
use std::time::Instant;

/// Visits of each thread.
const VISITS: u64 = 2_000_000;

/// Nanoseconds for each visit, with so many threads that visit at once.
fn cost(threads: u64, visits: impl FnOnce(u64)) -> f64 {
    let begun = Instant::now();
    visits(threads);
    begun.elapsed().as_secs_f64() * 1e9 / (threads * VISITS) as f64
}

/// Lets so many threads visit.
fn at_once(threads: u64, visit: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..VISITS).for_each(|_| visit()));
        }
    });
}

fn main() {
    println!("nanoseconds for a visit      1 thread   2 threads");
    let print = |name: &str, [one, two]: [f64; 2]| println!("{name:<26} {one:>10.1} {two:>11.1}");
    let threads = [1, 2];

    let counter = LockedCounter::default();
    print("mutex", threads.map(|threads| cost(threads, |threads| at_once(threads, || counter.visit()))));
    let counter = AtomicCounter::default();
    print("atomic", threads.map(|threads| cost(threads, |threads| at_once(threads, || counter.visit()))));
    print(
        "channel to one owner",
        threads.map(|threads| {
            cost(threads, |threads| {
                let (door, counter) = ChannelCounter::new();
                let owner = thread::spawn(|| counter.total());
                at_once(threads, || door.send(()).expect("the owner counts until the doors close"));
                drop(door);
                owner.join().expect("counting does not panic");
            })
        }),
    );
    print(
        "nothing shared",
        threads.map(|threads| {
            cost(threads, |threads| assert_eq!(count_at_doors(&vec![VISITS; threads as usize]), threads * VISITS))
        }),
    );
}
