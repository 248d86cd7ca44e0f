//! Memory that is accessed in several shapes, changed behind the model's back, or given back.

use super::super::{Location, Memory, Model};
use super::{attempt, first, last, never, with_threads, word};
use raddle_protocol::trace::Order;

fn half(number: u64) -> Location {
    Location { address: word(0).address + 4 * number, size: 4 }
}

/// A store to each half, by different threads, and a read of the whole.
#[test]
fn a_read_of_the_whole_learns_what_both_halves_tell_and_sees_what_is_there() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 4);
    let events = [memory.epoch(1), memory.epoch(2)];
    memory.store(1, half(0), Order::Release, 0, 1, Some(&mut first));
    memory.store(2, half(1), Order::Release, 0, 2, Some(&mut first));
    assert_eq!(memory.load(3, word(0), Order::Acquire, 0x2_0000_0001, Some(&mut never)), 0x2_0000_0001);
    assert!(events.iter().all(|event| memory.clock(3).covers(*event)));
}

#[test]
fn what_was_stored_in_another_shape_cannot_be_read_any_more() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut first));
    memory.store(1, word(0), Order::Relaxed, 1, 2, Some(&mut first));
    assert_eq!(memory.load(2, word(0), Order::Relaxed, 2, Some(&mut last)), 0, "three stores to choose from");
    assert_eq!(memory.load(1, half(0), Order::Relaxed, 2, Some(&mut never)), 2);
    assert_eq!(memory.load(2, word(0), Order::Relaxed, 2, Some(&mut never)), 2);
}

/// Where one location overlaps two others, of which none begins where it does.
#[test]
fn bytes_in_the_middle_count_as_overlap() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    let event = memory.epoch(1);
    memory.store(1, Location { address: 0x5004, size: 1 }, Order::Release, 0, 7, Some(&mut first));
    memory.load(2, Location { address: 0x5000, size: 16 }, Order::Acquire, 7 << 32, Some(&mut never));
    assert!(memory.clock(2).covers(event));
    // And one that lies across the border of two granules.
    let event = memory.epoch(2);
    memory.store(2, Location { address: 0x500c, size: 8 }, Order::Release, 0, 7, Some(&mut first));
    memory.load(1, Location { address: 0x5010, size: 2 }, Order::Acquire, 0, Some(&mut never));
    assert!(memory.clock(1).covers(event));
}

#[test]
fn memory_that_was_changed_by_others_has_no_history() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    let event = memory.epoch(1);
    memory.store(1, word(0), Order::Release, 0, 1, Some(&mut first));
    assert_eq!(memory.load(2, word(0), Order::Acquire, 9, Some(&mut never)), 9);
    assert!(memory.clock(2).covers(event), "whoever wrote 9 may have meant to pass on all that had happened");
    let effect = memory.rmw(1, word(0), Order::Relaxed, 11, |old| old + 1, Some(&mut never));
    assert_eq!((effect.read, effect.memory), (11, Some(12)));
}

#[test]
fn memory_that_was_given_back_has_no_history() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    let event = memory.epoch(1);
    for number in 0..3 {
        memory.store(1, word(number), Order::Release, 0, 1, Some(&mut first));
    }
    memory.forget(word(1).address + 3, word(1).address + 4);
    assert_eq!(memory.load(2, word(1), Order::Acquire, 1, Some(&mut never)), 1);
    assert!(!memory.clock(2).covers(event));
    assert_eq!(memory.load(2, word(2), Order::Acquire, 1, Some(&mut last)), 0);
    assert_eq!(memory.load(2, word(0), Order::Acquire, 1, Some(&mut first)), 1);
    assert!(memory.clock(2).covers(event));
}

#[test]
fn values_of_16_bytes_are_whole() {
    let at = Location { address: 0x7000, size: 16 };
    let mut memory = with_threads(Memory::new(Model::Rc11), 2);
    let (low, high) = (u128::from(u64::MAX), u128::from(u64::MAX) << 64);
    let exchange = memory.compare_exchange(1, at, attempt(low, high, Order::AcqRel), low, Some(&mut never));
    assert_eq!((exchange.read, exchange.memory, exchange.done), (low, Some(high), true));
    assert_eq!(memory.load(0, at, Order::Relaxed, high, Some(&mut last)), low);
}

/// What one execution leaves behind shows in no later one.
#[test]
fn an_execution_begins_with_nothing() {
    let mut memory = Memory::new(Model::Rc11);
    for _ in 0..3 {
        memory.begin();
        let mut memory = with_threads(std::mem::replace(&mut memory, Memory::new(Model::Rc11)), 3);
        assert_eq!(memory.load(1, word(0), Order::Acquire, 0, Some(&mut never)), 0);
        memory.store(1, word(0), Order::SeqCst, 0, 1, Some(&mut first));
        memory.fence(1, Order::SeqCst);
        memory.release(1, 3);
        let event = memory.epoch(1);
        memory.release(1, 3);
        memory.begin();
        let mut memory = with_threads(memory, 3);
        memory.acquire(2, 3);
        assert_eq!(memory.load(2, word(0), Order::Acquire, 5, Some(&mut never)), 5);
        assert!(memory.clock(2).covers(event), "all of an earlier execution lies in the past");
        assert!(!memory.clock(2).covers(memory.epoch(1)));
    }
}
