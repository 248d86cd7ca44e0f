//! Bounds: histories end, and so do loops that wait.

use super::super::{Bounds, Memory, Model};
use super::{attempt, first, last, never, with_threads, word};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::Order;

#[test]
fn old_stores_fall_off() {
    for stores in [10u32, 31, 32, 100, 1000] {
        let mut memory = with_threads(Memory::new(Model::Rc11), 3);
        for value in 1..=stores {
            memory.store(1, word(0), Order::Relaxed, (value - 1).into(), value.into(), Some(&mut never));
        }
        let mut offered = 0;
        let mut answer = |_, options| {
            offered = options;
            0
        };
        memory.load(2, word(0), Order::Relaxed, stores.into(), Some(&mut answer));
        let all = stores as usize + 1;
        assert!(offered >= all.min(32) && offered < 48, "{offered} of {all} stores are remembered");
    }
}

/// A thread that reads the oldest store it may, again and again, sees the newest in the end, and all others before.
#[test]
fn a_loop_that_waits_for_a_value_ends() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    for value in 1..=20u32 {
        memory.store(1, word(0), Order::Relaxed, (value - 1).into(), value.into(), Some(&mut never));
    }
    let mut seen: Vec<u128> = Vec::new();
    while seen.last() != Some(&20) {
        seen.push(memory.load(2, word(0), Order::Relaxed, 20, Some(&mut last)));
        assert!(seen.len() < 100, "{seen:?}");
    }
    assert_eq!(seen[..16], [0; 16], "for a while it sees what the model allows");
    assert_eq!(seen[16..], (1..=20).collect::<Vec<u128>>(), "and then ever newer values");
}

#[test]
fn a_compare_exchange_that_waits_for_a_value_ends() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut never));
    let tries = (0..100)
        .take_while(|_| !memory.compare_exchange(2, word(0), attempt(1, 2, Order::AcqRel), 1, Some(&mut last)).done);
    assert_eq!(tries.count(), 16);
}

/// A thread that stores again and again, and always before the newest store, is not kept from view for ever.
#[test]
fn a_loop_of_stores_is_seen_in_the_end() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    memory.store(1, word(0), Order::Relaxed, 0, 7, Some(&mut never));
    let hidden = (0..100).take_while(|_| memory.store(2, word(0), Order::Relaxed, 7, 3, Some(&mut last)).is_none());
    assert_eq!(hidden.count(), 16);
}

/// Patience is per location, and begins anew with each sight of the newest store.
#[test]
fn patience_begins_anew() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    let mut value = 0;
    for round in 0..50u32 {
        for at in [0, 1] {
            memory.store(1, word(at), Order::Relaxed, value, u128::from(round) + 1, Some(&mut first));
        }
        value = u128::from(round) + 1;
        for _ in 0..10 {
            assert_eq!(memory.load(2, word(0), Order::Relaxed, value, Some(&mut last)), value - 1);
            assert_eq!(memory.load(2, word(1), Order::Relaxed, value, Some(&mut last)), value - 1);
        }
        assert_eq!(memory.load(2, word(0), Order::Relaxed, value, Some(&mut first)), value);
        assert_eq!(memory.load(2, word(1), Order::Relaxed, value, Some(&mut first)), value);
    }
}

/// What thread 3 reads last, the oldest value it may, after a fence of its own. Before that, `act` stores 1 to word 0 in
/// a way that happens before a fence, and thread 4 has fences enough to settle that one where the order is short.
fn read_after_fences(bounds: Bounds, act: impl Fn(&mut Memory)) -> u128 {
    let mut memory = with_threads(Memory::to_the_letter(Model::Rc11).bounded(bounds), 5);
    act(&mut memory);
    (0..4).for_each(|_| memory.fence(4, Order::SeqCst));
    memory.fence(3, Order::SeqCst);
    memory.load(3, word(0), Order::Relaxed, 1, Some(&mut last))
}

/// While the order is open, a fence may still come before one that was performed earlier; not so once that is settled.
#[test]
fn nothing_comes_before_a_settled_fence() {
    let short = Bounds { open: 2, ..Bounds::default() };
    let own = |memory: &mut Memory| {
        memory.fence(1, Order::SeqCst);
        memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut first));
        memory.fence(1, Order::SeqCst);
    };
    let of_another = |memory: &mut Memory| {
        memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut first));
        memory.store(1, word(1), Order::Release, 0, 1, Some(&mut first));
        memory.load(2, word(1), Order::Acquire, 1, Some(&mut first));
        memory.fence(2, Order::SeqCst);
    };
    assert_eq!((read_after_fences(Bounds::default(), own), read_after_fences(short, own)), (0, 1));
    assert_eq!((read_after_fences(Bounds::default(), of_another), read_after_fences(short, of_another)), (0, 1));
}

#[test]
fn under_sequential_consistency_only_weak_failures_are_asked_for() {
    let mut memory = with_threads(Memory::new(Model::Sc), 3);
    memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut never));
    memory.store(2, word(0), Order::Relaxed, 1, 2, Some(&mut never));
    assert_eq!(memory.load(0, word(0), Order::Relaxed, 2, Some(&mut never)), 2);
    let weak = super::Attempt { weak: true, ..attempt(2, 3, Order::Relaxed) };
    let mut asked = Vec::new();
    let mut answer = |kind, options| {
        asked.push((kind, options));
        1
    };
    let exchange = memory.compare_exchange(1, word(0), weak, 2, Some(&mut answer));
    assert!(!exchange.done && exchange.memory.is_none());
    assert_eq!(asked, [(ChoiceKind::WeakFailure, 2)]);
}

#[test]
#[should_panic(expected = "no execution fits into")]
fn bounds_that_leave_no_room_are_refused() {
    let _ = Memory::new(Model::Rc11).bounded(Bounds { window: 0, ..Bounds::default() });
}

/// Who waits until everybody else waits, too, no longer finds what was overwritten before; but what was stored since may
/// still be missed, and nothing is ordered by it.
#[test]
fn time_that_passes_makes_stores_visible() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    for value in 1..=3u32 {
        memory.store(1, word(0), Order::Relaxed, (value - 1).into(), value.into(), Some(&mut never));
    }
    memory.time_passes();
    let past = memory.clock(2).time_of(1);
    assert_eq!(memory.load(2, word(0), Order::Acquire, 3, Some(&mut never)), 3);
    assert_eq!(memory.clock(2).time_of(1), past);
    memory.store(1, word(0), Order::Relaxed, 3, 4, Some(&mut never));
    assert_eq!(memory.load(2, word(0), Order::Relaxed, 4, Some(&mut last)), 3);
    memory.begin();
    let mut memory = with_threads(memory, 3);
    memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut never));
    assert_eq!(memory.load(2, word(0), Order::Relaxed, 1, Some(&mut last)), 0, "another execution");
}

/// A store cannot be placed before one that all have been able to see.
#[test]
fn time_that_passes_settles_the_order_of_stores() {
    let mut memory = with_threads(Memory::new(Model::Rc11), 3);
    memory.store(1, word(0), Order::Relaxed, 0, 1, Some(&mut never));
    memory.time_passes();
    assert_eq!(memory.store(2, word(0), Order::Relaxed, 1, 2, Some(&mut never)), Some(2));
}
