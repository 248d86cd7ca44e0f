//! Read-modify-writes as fences, where it matters: store buffering.

use super::super::{Memory, Model};
use super::{attempt, first, last, with_threads, word};
use raddle_protocol::trace::{Order, ThreadId};

/// A memory in which read-modify-writes are fences.
fn fencing(model: Model) -> Memory {
    let mut memory = Memory::to_the_letter(model);
    memory.let_exchanges_fence(true);
    memory
}

/// Each of two threads announces itself at a word of its own, and then reads the other's word, the oldest value it may. Tells
/// whether both may miss the other's.
fn both_miss(memory: Memory, announce: impl Fn(&mut Memory, ThreadId)) -> bool {
    let mut memory = with_threads(memory, 3);
    [1, 2].into_iter().for_each(|thread| announce(&mut memory, thread));
    let seen = [(1, 2), (2, 1)].map(|(me, other)| memory.load(me, word(other), Order::Relaxed, 1, Some(&mut last)));
    seen == [0, 0]
}

fn exchange(memory: &mut Memory, thread: ThreadId) {
    memory.rmw(thread, word(thread.into()), Order::AcqRel, 0, |_| 1, Some(&mut first));
}

fn compare(memory: &mut Memory, thread: ThreadId) {
    memory.compare_exchange(thread, word(thread.into()), attempt(0, 1, Order::Release), 0, Some(&mut first));
}

fn store(memory: &mut Memory, thread: ThreadId) {
    memory.store(thread, word(thread.into()), Order::Release, 0, 1, Some(&mut first));
}

/// Stores, and then exchanges a word that nobody else uses, of which nothing is asked.
fn store_and_exchange(memory: &mut Memory, thread: ThreadId) {
    store(memory, thread);
    memory.rmw_of_newest(thread, word(10 + u64::from(thread)), Order::Relaxed, 0, 1);
}

#[test]
fn asked_for_a_read_modify_write_is_a_fence_whatever_its_order() {
    let letter = || Memory::to_the_letter(Model::Rc11);
    for announce in [exchange, compare, store_and_exchange] {
        assert!(both_miss(letter(), announce));
        assert!(!both_miss(fencing(Model::Rc11), announce));
    }
    assert!(both_miss(fencing(Model::Rc11), store), "a store is none");
}

#[test]
fn a_fence_that_one_thread_makes_all_perform_stands_behind_what_each_has_done() {
    let announced = |fence: fn(&mut Memory, ThreadId)| {
        move |memory: &mut Memory, thread: ThreadId| {
            store(memory, thread);
            if thread == 2 {
                fence(memory, thread);
            }
        }
    };
    let letter = || Memory::to_the_letter(Model::Rc11);
    assert!(both_miss(letter(), announced(|memory, thread| memory.fence(thread, Order::SeqCst))));
    assert!(!both_miss(letter(), announced(Memory::fence_everywhere)));

    // Nobody performs anything after that fence but the one that has made it.
    let mut memory = with_threads(letter(), 3);
    store(&mut memory, 1);
    memory.fence_everywhere(2);
    assert_eq!(memory.load(2, word(1), Order::Relaxed, 1, Some(&mut last)), 1);
}

#[test]
fn it_stays_so_from_one_execution_to_the_next_until_it_is_taken_back() {
    let mut memory = fencing(Model::Rc11);
    memory.begin();
    assert!(memory.exchanges_fence());
    memory.let_exchanges_fence(false);
    assert!(both_miss(memory, exchange));
}

#[test]
fn under_sequential_consistency_there_is_nothing_to_ask_for() {
    assert!(!fencing(Model::Sc).exchanges_fence());
}

#[test]
fn it_makes_nothing_known_to_others() {
    let mut memory = with_threads(fencing(Model::Rc11), 3);
    memory.rmw(1, word(1), Order::Relaxed, 0, |_| 1, Some(&mut first));
    let then = memory.epoch(1);
    memory.rmw(1, word(1), Order::Relaxed, 1, |_| 2, Some(&mut first));
    memory.rmw(2, word(1), Order::Relaxed, 2, |_| 3, Some(&mut first));
    assert!(!memory.clock(2).covers(then));
}
