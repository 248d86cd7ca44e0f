//! Bodies like those of `small.rs`, of which there is more to be explored: loom needs seconds for each, so that the time a tool
//! takes is that of its search.
//!
//! What is said there holds here too. Where a thread waits in a loop it yields in it, which is how loom knows that it waits.

use super::library::sync::atomic::{AtomicUsize, Ordering, fence};
use super::library::sync::{Arc, Condvar, Mutex, RwLock};
use super::library::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release};

/// All bodies by name, in the order of the table. The tests in `small` have the same names.
#[allow(dead_code)]
pub const ALL: [(&str, fn()); 14] = [
    ("count_many", count_many),
    ("count_twice", count_twice),
    ("three_locks", three_locks),
    ("lock_often", lock_often),
    ("ticket_lock", ticket_lock),
    ("hand_on", hand_on),
    ("three_places", three_places),
    ("sequence_lock", sequence_lock),
    ("push_and_pop", push_and_pop),
    ("queue", queue),
    ("writers", writers),
    ("try_readers", try_readers),
    ("bounded_buffer", bounded_buffer),
    ("references", references),
];

fn zeros<const N: usize>() -> Arc<[AtomicUsize; N]> {
    Arc::new(std::array::from_fn(|_| AtomicUsize::new(0)))
}

/// Two threads add seven times each.
pub fn count_many() {
    let sum = zeros::<1>();
    let other = Arc::clone(&sum);
    let add = |sum: &[AtomicUsize; 1]| {
        for _ in 0..7 {
            sum[0].fetch_add(1, AcqRel);
        }
    };
    let thread = thread::spawn(move || add(&other));
    add(&sum);
    thread.join().unwrap();
    assert_eq!(sum[0].load(Relaxed), 14);
}

/// Three threads add twice each.
pub fn count_twice() {
    let sum = zeros::<1>();
    let add = || {
        let sum = Arc::clone(&sum);
        move || {
            for _ in 0..2 {
                sum[0].fetch_add(1, AcqRel);
            }
        }
    };
    let threads = [thread::spawn(add()), thread::spawn(add())];
    add()();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(sum[0].load(Relaxed), 6);
}

/// Three threads take two locks each, of three, in the order of their numbers; one of them does so twice.
pub fn three_locks() {
    let locks = Arc::new([Mutex::new(2), Mutex::new(2), Mutex::new(2)]);
    let give = |from: usize, to: usize| {
        let locks = Arc::clone(&locks);
        move || {
            let mut lower = locks[from].lock().unwrap();
            let mut higher = locks[to].lock().unwrap();
            *lower -= 1;
            *higher += 1;
        }
    };
    let threads = [thread::spawn(give(0, 1)), thread::spawn(give(1, 2))];
    give(0, 2)();
    give(0, 2)();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*locks[0].lock().unwrap() + *locks[1].lock().unwrap() + *locks[2].lock().unwrap(), 6);
}

/// Three threads take one lock, two of them twice.
pub fn lock_often() {
    let sum = Arc::new(Mutex::new(0));
    let add = |times: usize| {
        let sum = Arc::clone(&sum);
        move || {
            for _ in 0..times {
                *sum.lock().unwrap() += 1;
            }
        }
    };
    let threads = [thread::spawn(add(2)), thread::spawn(add(1))];
    add(2)();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*sum.lock().unwrap(), 5);
}

/// Two threads, one of them twice, take a lock that is given in the order of tickets.
pub fn ticket_lock() {
    let lock = zeros::<3>();
    let work = |times: usize| {
        let lock = Arc::clone(&lock);
        move || {
            let [next, now, sum] = &*lock;
            for _ in 0..times {
                let mine = next.fetch_add(1, Relaxed);
                while now.load(Acquire) != mine {
                    thread::yield_now();
                }
                sum.store(sum.load(Relaxed) + 1, Relaxed);
                now.store(mine + 1, Release);
            }
        }
    };
    let thread = thread::spawn(work(2));
    work(1)();
    thread.join().unwrap();
    assert_eq!(lock[2].load(Relaxed), 3);
}

/// One thread tells a second, and that one a third, which sees what the first has written.
pub fn hand_on() {
    let places = zeros::<4>();
    let (first, second) = (Arc::clone(&places), Arc::clone(&places));
    let threads = [
        thread::spawn(move || {
            first[0].store(1, Relaxed);
            first[1].store(1, Release);
            first[0].store(2, Relaxed);
            first[1].store(2, Release);
        }),
        thread::spawn(move || {
            for _ in 0..2 {
                let told = second[1].load(Acquire);
                second[2].store(told, Relaxed);
                second[3].store(told, Release);
            }
        }),
    ];
    let told = places[3].load(Acquire);
    assert!(places[2].load(Relaxed) >= told && places[0].load(Relaxed) >= told);
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Two threads write to three places in opposite orders, and read them.
pub fn three_places() {
    let places = zeros::<3>();
    let work = |order: [usize; 3]| {
        let places = Arc::clone(&places);
        move || {
            for (value, place) in order.into_iter().enumerate() {
                places[place].store(value + 1, Relaxed);
            }
            order.map(|place| places[place].load(Relaxed)).iter().sum::<usize>()
        }
    };
    let thread = thread::spawn(work([0, 1, 2]));
    let mine = work([2, 1, 0])();
    let theirs = thread.join().unwrap();
    assert!((3..=9).contains(&mine) && (3..=9).contains(&theirs));
}

/// A writer changes two places twice under a sequence number; a reader has both of the same round or neither.
pub fn sequence_lock() {
    let shared = zeros::<3>();
    let other = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let [number, a, b] = &*other;
        for round in 1..=2 {
            number.store(round * 2 - 1, Relaxed);
            fence(Release);
            a.store(round, Relaxed);
            b.store(round, Relaxed);
            number.store(round * 2, Release);
        }
    });
    let [number, a, b] = &*shared;
    let before = number.load(Acquire);
    let seen = (a.load(Relaxed), b.load(Relaxed));
    fence(Acquire);
    if before.is_multiple_of(2) && number.load(Relaxed) == before {
        assert_eq!(seen.0, seen.1);
    }
    thread.join().unwrap();
}

/// Two threads push, one twice and one three times, onto a stack of numbered nodes; one of them takes two.
pub fn push_and_pop() {
    /// The topmost node, and what lies below each; there is no node 0.
    type Stack = [AtomicUsize; 6];
    fn push(stack: &Stack, node: usize) {
        let mut top = stack[0].load(Relaxed);
        loop {
            stack[node].store(top, Relaxed);
            match stack[0].compare_exchange(top, node, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }
    // A node that has been taken is not pushed again.
    fn pop(stack: &Stack) -> usize {
        let mut top = stack[0].load(Acquire);
        while top != 0 {
            match stack[0].compare_exchange(top, stack[top].load(Relaxed), Acquire, Acquire) {
                Ok(_) => return top,
                Err(now) => top = now,
            }
        }
        0
    }
    let stack = zeros::<6>();
    let other = Arc::clone(&stack);
    let thread = thread::spawn(move || {
        push(&other, 1);
        push(&other, 2);
        push(&other, 3);
    });
    push(&stack, 4);
    push(&stack, 5);
    let taken = (pop(&stack), pop(&stack));
    thread.join().unwrap();
    assert!(taken.0 != taken.1 && taken.0 != 0 && taken.1 != 0);
}

/// Two producers put an item each into a ring, with one compare-exchange for a place; a consumer looks for them.
pub fn queue() {
    // How many places have been given away, and what lies in them.
    let ring = zeros::<4>();
    let put = |items: [usize; 1]| {
        let ring = Arc::clone(&ring);
        move || {
            for item in items {
                let mut place = ring[0].load(Relaxed);
                while let Err(now) = ring[0].compare_exchange(place, place + 1, Relaxed, Relaxed) {
                    place = now;
                }
                ring[place + 1].store(item, Release);
            }
        }
    };
    let threads = [thread::spawn(put([1])), thread::spawn(put([2]))];
    let mut got = 0;
    for place in 1..=2 {
        for _ in 0..2 {
            let item = ring[place].load(Acquire);
            if item != 0 {
                got += item;
                break;
            }
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
    assert!(got <= 3 && ring[1].load(Relaxed) + ring[2].load(Relaxed) == 3);
}

/// Two writers, one of which writes twice, and a reader of a read-write lock, which looks twice.
pub fn writers() {
    let pair = Arc::new(RwLock::new((0, 0)));
    let write = |times: usize| {
        let pair = Arc::clone(&pair);
        move || {
            for _ in 0..times {
                let mut pair = pair.write().unwrap();
                pair.0 += 1;
                pair.1 += 1;
            }
        }
    };
    let threads = [thread::spawn(write(2)), thread::spawn(write(1))];
    for _ in 0..2 {
        let pair = pair.read().unwrap();
        assert_eq!(pair.0, pair.1);
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Readers count themselves in and out of what a writer takes only when there are none; nobody waits.
pub fn try_readers() {
    const WRITER: usize = 8;
    let shared = zeros::<3>();
    let read = || {
        let shared = Arc::clone(&shared);
        move || {
            let [lock, a, b] = &*shared;
            if lock.fetch_add(1, Acquire) < WRITER {
                assert_eq!(a.load(Relaxed), b.load(Relaxed));
            }
            lock.fetch_sub(1, Release);
        }
    };
    let threads = [thread::spawn(read()), thread::spawn(read())];
    let [lock, a, b] = &*shared;
    for round in 1..=2 {
        if lock.compare_exchange(0, WRITER, Acquire, Relaxed).is_ok() {
            a.store(round, Relaxed);
            b.store(round, Relaxed);
            lock.fetch_sub(WRITER, Release);
        }
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Three items go through a place for one.
pub fn bounded_buffer() {
    let place = Arc::new((Mutex::new(None), Condvar::new(), Condvar::new()));
    let other = Arc::clone(&place);
    let thread = thread::spawn(move || {
        let (slot, filled, emptied) = &*other;
        for item in 1..=3 {
            let mut slot = slot.lock().unwrap();
            while slot.is_some() {
                slot = emptied.wait(slot).unwrap();
            }
            *slot = Some(item);
            filled.notify_one();
        }
    });
    let (slot, filled, emptied) = &*place;
    for item in 1..=3 {
        let mut slot = slot.lock().unwrap();
        while slot.is_none() {
            slot = filled.wait(slot).unwrap();
        }
        assert_eq!(slot.take(), Some(item));
        emptied.notify_one();
    }
    thread.join().unwrap();
}

/// Three threads have references, two more each for a while, and write beside them; who gives back the last sees all of it.
pub fn references() {
    struct Counted {
        sum: Arc<AtomicUsize>,
        parts: [AtomicUsize; 3],
    }
    impl Drop for Counted {
        fn drop(&mut self) {
            let sum = self.parts.iter().map(|part| part.load(Relaxed)).sum();
            assert_eq!(self.sum.swap(sum, Relaxed), 0);
        }
    }
    let sum = Arc::new(AtomicUsize::new(0));
    let parts = [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)];
    let counted = Arc::new(Counted { sum: Arc::clone(&sum), parts });
    let write = |me: usize, counted: Arc<Counted>| {
        move || {
            for value in 1..=2 {
                let second = Arc::clone(&counted);
                second.parts[me].store(value, Relaxed);
            }
        }
    };
    let threads = [thread::spawn(write(0, Arc::clone(&counted))), thread::spawn(write(1, Arc::clone(&counted)))];
    write(2, counted)();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(sum.load(Relaxed), 6);
}
