//! Bodies that are small enough to be explored completely: by loom with its types, and by Raddle with the standard
//! library's.
//!
//! As `bodies.rs`, this one text is compiled twice, for whatever `library` the including crate names. What loom does not
//! have (scoped threads, bounded channels, barriers) is not used, and no body spins: loom wants to be told where a loop
//! waits. Nor does any rely on SeqCst for more than acquiring and releasing, which is how loom takes it. Each body is right under every schedule.

use super::library::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use super::library::sync::mpsc::channel;
use super::library::sync::{Arc, Condvar, Mutex, RwLock};
use super::library::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// All bodies by name, in the order of the table. The tests in `small` have the same names.
#[allow(dead_code)]
pub const ALL: [(&str, fn()); 13] = [
    ("count_atomic", count_atomic),
    ("count_three", count_three),
    ("count_mutex", count_mutex),
    ("pass_a_message", pass_a_message),
    ("two_places", two_places),
    ("ticket", ticket),
    ("stack", stack),
    ("make_once", make_once),
    ("hand_over", hand_over),
    ("read_and_write", read_and_write),
    ("two_locks", two_locks),
    ("one_sender", one_sender),
    ("two_senders", two_senders),
];

/// Two threads add three times each.
pub fn count_atomic() {
    let sum = Arc::new(AtomicUsize::new(0));
    let other = Arc::clone(&sum);
    let add = |sum: &AtomicUsize| {
        for _ in 0..3 {
            sum.fetch_add(1, SeqCst);
        }
    };
    let thread = thread::spawn(move || add(&other));
    add(&sum);
    thread.join().unwrap();
    assert_eq!(sum.load(SeqCst), 6);
}

/// Three threads add, two of them twice.
pub fn count_three() {
    let sum = Arc::new(AtomicUsize::new(0));
    let add = |times: usize| {
        let sum = Arc::clone(&sum);
        move || {
            for _ in 0..times {
                sum.fetch_add(1, AcqRel);
            }
        }
    };
    let threads = [thread::spawn(add(2)), thread::spawn(add(1))];
    add(2)();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(sum.load(Relaxed), 5);
}

/// Three threads add under a mutex.
pub fn count_mutex() {
    let sum = Arc::new(Mutex::new(0));
    let add = || {
        let sum = Arc::clone(&sum);
        move || *sum.lock().unwrap() += 1
    };
    let threads = [thread::spawn(add()), thread::spawn(add())];
    add()();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*sum.lock().unwrap(), 3);
}

/// What was written before a flag was set is seen by who sees the flag.
pub fn pass_a_message() {
    let shared = Arc::new((AtomicUsize::new(0), AtomicBool::new(false)));
    let other = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        other.0.store(7, Relaxed);
        other.1.store(true, Release);
    });
    for _ in 0..2 {
        if shared.1.load(Acquire) {
            assert_eq!(shared.0.load(Relaxed), 7);
        }
    }
    thread.join().unwrap();
}

/// Two threads write to two places in opposite orders, and read them.
pub fn two_places() {
    let places = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let work = |me: usize| {
        let places = Arc::clone(&places);
        move || {
            places[me].store(1, Relaxed);
            places[1 - me].store(2, Relaxed);
            places[me].load(Relaxed) + places[1 - me].load(Relaxed)
        }
    };
    let thread = thread::spawn(work(0));
    let mine = work(1)();
    let theirs = thread.join().unwrap();
    assert!((2..=4).contains(&mine) && (2..=4).contains(&theirs));
}

/// Three threads draw tickets; no two draw the same.
pub fn ticket() {
    let next = Arc::new(AtomicUsize::new(0));
    let slots = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)]);
    let draw = |me: usize| {
        let (next, slots) = (Arc::clone(&next), Arc::clone(&slots));
        move || {
            let mine = next.fetch_add(1, Relaxed);
            assert_eq!(slots[mine].swap(me, AcqRel), 0);
        }
    };
    let threads = [thread::spawn(draw(1)), thread::spawn(draw(2))];
    draw(3)();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Two threads push onto a stack of numbered nodes, and one takes the topmost.
pub fn stack() {
    struct Stack {
        head: AtomicUsize,
        next: [AtomicUsize; 3],
    }
    fn push(stack: &Stack, node: usize) {
        let mut head = stack.head.load(Relaxed);
        loop {
            stack.next[node].store(head, Relaxed);
            match stack.head.compare_exchange(head, node, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
    let next = [AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0)];
    let stack = Arc::new(Stack { head: AtomicUsize::new(0), next });
    let other = Arc::clone(&stack);
    let thread = thread::spawn(move || push(&other, 1));
    push(&stack, 2);
    let head = stack.head.load(Acquire);
    let below = stack.next[head].load(Relaxed);
    let _ = stack.head.compare_exchange(head, below, AcqRel, Relaxed);
    thread.join().unwrap();
    assert!(stack.head.load(Relaxed) <= 2);
}

/// What is made on demand is made once.
pub fn make_once() {
    let made = Arc::new((AtomicBool::new(false), Mutex::new(0), AtomicUsize::new(0)));
    let get = || {
        let made = Arc::clone(&made);
        move || {
            if !made.0.load(Acquire) {
                let mut count = made.1.lock().unwrap();
                if *count == 0 {
                    *count += 1;
                    made.2.store(9, Relaxed);
                    made.0.store(true, Release);
                }
            }
            assert_eq!(made.2.load(Relaxed), 9);
        }
    };
    let thread = thread::spawn(get());
    get()();
    thread.join().unwrap();
}

/// One thread waits for what another puts down.
pub fn hand_over() {
    let place = Arc::new((Mutex::new(None), Condvar::new()));
    let other = Arc::clone(&place);
    let thread = thread::spawn(move || {
        for item in 1..=2 {
            *other.0.lock().unwrap() = Some(item);
            other.1.notify_one();
        }
    });
    let mut slot = place.0.lock().unwrap();
    while slot.is_none() {
        slot = place.1.wait(slot).unwrap();
    }
    drop(slot);
    thread.join().unwrap();
    assert_eq!(*place.0.lock().unwrap(), Some(2));
}

/// A writer beside two readers.
pub fn read_and_write() {
    let pair = Arc::new(RwLock::new((0, 0)));
    let look = || {
        let pair = Arc::clone(&pair);
        move || {
            let seen = pair.read().unwrap();
            assert_eq!(seen.0, seen.1);
        }
    };
    let threads = [thread::spawn(look()), thread::spawn(look())];
    {
        let mut pair = pair.write().unwrap();
        pair.0 += 1;
        pair.1 += 1;
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Two threads take two locks, in the same order.
pub fn two_locks() {
    let locks = Arc::new((Mutex::new(5), Mutex::new(5)));
    let transfer = || {
        let locks = Arc::clone(&locks);
        move || {
            let mut from = locks.0.lock().unwrap();
            let mut to = locks.1.lock().unwrap();
            *from -= 1;
            *to += 1;
        }
    };
    let thread = thread::spawn(transfer());
    transfer()();
    assert!(*locks.0.lock().unwrap() <= 4);
    thread.join().unwrap();
    assert_eq!((*locks.0.lock().unwrap(), *locks.1.lock().unwrap()), (3, 7));
}

/// One thread sends, another receives.
pub fn one_sender() {
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || (1..=2).for_each(|item| sender.send(item).unwrap()));
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Ok(2)));
    thread.join().unwrap();
}

/// Two threads send, a third receives.
pub fn two_senders() {
    let (sender, receiver) = channel();
    let send = |item: usize| {
        let sender = sender.clone();
        move || sender.send(item).unwrap()
    };
    let threads = [thread::spawn(send(1)), thread::spawn(send(2))];
    let sum = receiver.recv().unwrap() + receiver.recv().unwrap();
    assert_eq!(sum, 3);
    for thread in threads {
        thread.join().unwrap();
    }
}
