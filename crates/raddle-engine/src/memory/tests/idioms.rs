//! Idioms that mean a fence, in the shape in which it matters: store buffering.

use super::super::{Memory, Model};
use super::{attempt, first, last, with_threads, word};
use raddle_protocol::trace::{Order, ThreadId};

/// Each of two threads stores to a word of its own, does something, and then reads the other's word, the oldest value
/// it may. Tells whether both may miss the other's store.
fn both_miss(mut memory: Memory, between: impl Fn(&mut Memory, ThreadId)) -> bool {
    memory = with_threads(memory, 3);
    for thread in [1, 2] {
        memory.store(thread, word(thread.into()), Order::Relaxed, 0, 1, Some(&mut first));
        between(&mut memory, thread);
    }
    let seen = [
        memory.load(1, word(2), Order::Relaxed, 1, Some(&mut last)),
        memory.load(2, word(1), Order::Relaxed, 1, Some(&mut last)),
    ];
    seen == [0, 0]
}

fn rc11() -> Memory {
    Memory::new(Model::Rc11)
}

fn letter() -> Memory {
    Memory::to_the_letter(Model::Rc11)
}

#[test]
fn without_anything_between_both_miss_and_with_a_fence_they_do_not() {
    assert!(both_miss(rc11(), |_, _| {}));
    assert!(!both_miss(rc11(), |memory, thread| memory.fence(thread, Order::SeqCst)));
    assert!(both_miss(rc11(), |memory, thread| memory.fence(thread, Order::AcqRel)));
    assert!(both_miss(rc11(), |memory, thread| memory.signal_fence(thread, Order::SeqCst)));
}

#[test]
fn an_exchange_on_a_word_that_nobody_else_uses_is_a_fence() {
    let exchange = |order| {
        move |memory: &mut Memory, thread: ThreadId| {
            memory.rmw(thread, word(10 + u64::from(thread)), order, 0, |_| 1, Some(&mut first));
        }
    };
    assert!(!both_miss(rc11(), exchange(Order::SeqCst)));
    assert!(both_miss(rc11(), exchange(Order::AcqRel)));
    assert!(both_miss(letter(), exchange(Order::SeqCst)));
    let compare = |memory: &mut Memory, thread: ThreadId| {
        memory.compare_exchange(
            thread,
            word(10 + u64::from(thread)),
            attempt(0, 1, Order::SeqCst),
            0,
            Some(&mut first),
        );
    };
    assert!(!both_miss(rc11(), compare));
    let failing = |memory: &mut Memory, thread: ThreadId| {
        memory.compare_exchange(
            thread,
            word(10 + u64::from(thread)),
            attempt(5, 1, Order::SeqCst),
            0,
            Some(&mut first),
        );
    };
    assert!(!both_miss(rc11(), failing));
}

#[test]
fn an_exchange_on_a_shared_word_is_none() {
    // The first exchange of each thread is on a word that the other has used.
    let shared = |memory: &mut Memory, thread: ThreadId| {
        let other = 3 - thread;
        memory.load(other, word(10 + u64::from(thread)), Order::Relaxed, 0, Some(&mut first));
        memory.rmw(thread, word(10 + u64::from(thread)), Order::SeqCst, 0, |_| 0, Some(&mut first));
    };
    assert!(both_miss(rc11(), shared));
    let with_compiler_fence = |memory: &mut Memory, thread: ThreadId| {
        shared(memory, thread);
        memory.signal_fence(thread, Order::SeqCst);
    };
    assert!(!both_miss(rc11(), with_compiler_fence));
    assert!(both_miss(letter(), with_compiler_fence));
    let something_between = |memory: &mut Memory, thread: ThreadId| {
        shared(memory, thread);
        memory.load(thread, word(20), Order::Relaxed, 0, Some(&mut first));
        memory.signal_fence(thread, Order::SeqCst);
    };
    assert!(both_miss(rc11(), something_between));
    let weaker_compiler_fence = |memory: &mut Memory, thread: ThreadId| {
        shared(memory, thread);
        memory.signal_fence(thread, Order::AcqRel);
    };
    assert!(both_miss(rc11(), weaker_compiler_fence));
}

/// A queue (word 0) and a flag (word 1). Thread 1 pushes and then tries to set the flag; thread 2 clears the flag and then
/// looks, behind a fence, whether there is anything in the queue. Tells whether both may miss what the other does.
fn queue_and_flag(mut memory: Memory, push: Order, failure: Order) -> bool {
    memory = with_threads(memory, 3);
    memory.load(2, word(0), Order::Relaxed, 0, Some(&mut first));
    memory.store(1, word(1), Order::Relaxed, 0, 1, Some(&mut first));
    memory.rmw(1, word(0), push, 0, |_| 1, Some(&mut first));
    let attempt = super::Attempt { expected: 0, new: 1, success: Order::AcqRel, failure, weak: false };
    assert!(!memory.compare_exchange(1, word(1), attempt, 1, Some(&mut last)).done);
    memory.store(2, word(1), Order::Release, 1, 0, Some(&mut first));
    memory.fence(2, Order::SeqCst);
    memory.load(2, word(0), Order::Relaxed, 1, Some(&mut last)) == 0
}

#[test]
fn behind_a_sequentially_consistent_exchange_a_compare_exchange_that_acquires_is_fenced() {
    assert!(!queue_and_flag(rc11(), Order::SeqCst, Order::Acquire));
    assert!(queue_and_flag(rc11(), Order::SeqCst, Order::Relaxed));
    assert!(queue_and_flag(rc11(), Order::AcqRel, Order::Acquire));
    assert!(queue_and_flag(letter(), Order::SeqCst, Order::Acquire));
}
