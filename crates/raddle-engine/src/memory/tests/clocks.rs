//! Clocks and epochs against the naive notion: each event known by name, each thread with the set of events it knows.

use super::super::{Epoch, Memory, Model};
use super::{first, word};
use crate::random::Random;
use raddle_protocol::trace::{Order, ThreadId};
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn an_epoch_is_its_thread_and_its_time() {
    for (thread, time) in [(0, 0), (0, 1), (1, 0), (65_535, (1 << 48) - 1), (300, 1 << 40)] {
        let epoch = Epoch::new(thread, time);
        assert_eq!((epoch.thread(), epoch.time()), (thread, time));
        assert_eq!(Epoch::from_bits(epoch.bits()), epoch);
    }
    assert_eq!(Epoch::NEVER, Epoch::new(0, 0));
}

/// Events by name, in the past of a thread, an object or a location.
type Known = BTreeSet<usize>;

#[derive(Default)]
struct Naive {
    threads: BTreeMap<ThreadId, Known>,
    objects: BTreeMap<u64, Known>,
    /// What was released by the newest store to each location, if anything.
    released: BTreeMap<u64, Known>,
    /// What acquire fences will tell each thread, and what release fences let it pass on.
    pending: BTreeMap<ThreadId, Known>,
    fenced: BTreeMap<ThreadId, Known>,
}

#[test]
fn clocks_cover_exactly_what_happens_before() {
    let mut random = Random::new(11, 0);
    let mut memory = Memory::to_the_letter(Model::Sc);
    let mut earlier: Vec<Epoch> = Vec::new();
    for round in 0..30 {
        memory.begin();
        assert!(earlier.iter().all(|epoch| memory.clock(0).covers(*epoch)), "an earlier execution lies in the past");
        let mut naive = Naive::default();
        naive.threads.insert(0, Known::new());
        let mut events: Vec<Epoch> = Vec::new();
        let mut alive: Vec<ThreadId> = vec![0];
        let mut next: ThreadId = 1;
        for _ in 0..200 {
            let thread = alive[random.below(alive.len())];
            naive.threads.get_mut(&thread).unwrap().insert(events.len());
            events.push(memory.epoch(thread));
            let (object, at) = (random.below(3) as u64, random.below(3) as u64);
            let known = naive.threads[&thread].clone();
            match random.below(12) {
                0 | 1 if alive.len() < 12 => {
                    // Numbers far apart, so that clocks grow in leaps.
                    next += random.below(if round % 3 == 0 { 40 } else { 2 }) as ThreadId;
                    memory.spawn(thread, next);
                    naive.threads.insert(next, known);
                    alive.push(next);
                    next += 1;
                }
                2 if alive.len() > 1 => {
                    let ended = alive.swap_remove(random.below(alive.len()));
                    let joiner = alive[random.below(alive.len())];
                    memory.join(joiner, ended);
                    let all = naive.threads.remove(&ended).unwrap();
                    naive.threads.get_mut(&joiner).unwrap().extend(all);
                }
                3 => {
                    memory.release(thread, object);
                    naive.objects.entry(object).or_default().extend(known);
                }
                4 => {
                    memory.acquire(thread, object);
                    let all = naive.objects.get(&object).cloned().unwrap_or_default();
                    naive.threads.get_mut(&thread).unwrap().extend(all);
                }
                5 => {
                    memory.retire(object);
                    naive.objects.remove(&object);
                }
                6 => {
                    let order = [Order::Release, Order::SeqCst][random.below(2)];
                    if memory.clock(thread).is_empty() || naive.threads.len() > 1 {
                        memory.store(thread, word(at), order, 1, 1, Some(&mut first));
                        naive.released.insert(at, known);
                    }
                }
                7 => {
                    memory.store(thread, word(at), Order::Relaxed, 1, 1, Some(&mut first));
                    let fenced = naive.fenced.get(&thread).cloned().unwrap_or_default();
                    naive.released.insert(at, fenced);
                }
                8 => {
                    memory.load(thread, word(at), Order::Acquire, 1, Some(&mut first));
                    let all = naive.released.get(&at).cloned().unwrap_or_default();
                    naive.threads.get_mut(&thread).unwrap().extend(all);
                }
                9 => {
                    memory.load(thread, word(at), Order::Relaxed, 1, Some(&mut first));
                    let all = naive.released.get(&at).cloned().unwrap_or_default();
                    naive.pending.entry(thread).or_default().extend(all);
                }
                10 => {
                    memory.fence(thread, Order::AcqRel);
                    let all = naive.pending.get(&thread).cloned().unwrap_or_default();
                    naive.threads.get_mut(&thread).unwrap().extend(all);
                    let known = naive.threads[&thread].clone();
                    naive.fenced.insert(thread, known);
                }
                _ => {
                    memory.rmw(thread, word(at), Order::Release, 1, |one| one, Some(&mut first));
                    let all = naive.released.entry(at).or_default();
                    naive.pending.entry(thread).or_default().extend(all.iter().copied());
                    all.extend(known);
                }
            }
            for (thread, known) in &naive.threads {
                for (event, epoch) in events.iter().enumerate() {
                    assert_eq!(memory.clock(*thread).covers(*epoch), known.contains(&event), "{thread} of {epoch:?}");
                }
            }
        }
        earlier.extend(events);
    }
}

/// Before a second thread starts nothing is noted: all of it lies in the past of whoever is started.
#[test]
fn what_comes_before_the_first_spawn_happens_before_everything() {
    let mut memory = Memory::new(Model::Rc11);
    memory.store(0, word(0), Order::Relaxed, 0, 1, Some(&mut first));
    let before = memory.epoch(0);
    memory.spawn(0, 1);
    let after = memory.epoch(0);
    assert!(memory.clock(1).covers(before) && !memory.clock(1).covers(after));
    assert_eq!(memory.load(1, word(0), Order::Relaxed, 1, Some(&mut super::never)), 1);
}

/// A thread that nobody has announced is taken to know what has happened, and nothing that happens later.
#[test]
fn an_unannounced_thread_knows_the_past() {
    let mut memory = Memory::new(Model::Rc11);
    memory.spawn(0, 1);
    let before = [memory.epoch(0), memory.epoch(1)];
    memory.load(5, word(0), Order::Relaxed, 0, Some(&mut first));
    assert!(before.iter().all(|epoch| memory.clock(5).covers(*epoch)));
    assert!(![memory.epoch(0), memory.epoch(1)].iter().any(|epoch| memory.clock(5).covers(*epoch)));
}

/// Under either model, what happens before what follows from the orders as written.
#[test]
fn relaxed_accesses_order_nothing_under_sequential_consistency() {
    for (store, load, ordered) in [
        (Order::Relaxed, Order::Acquire, false),
        (Order::Release, Order::Relaxed, false),
        (Order::Release, Order::Acquire, true),
        (Order::SeqCst, Order::SeqCst, true),
    ] {
        for model in [Model::Sc, Model::Rc11] {
            let mut memory = super::with_threads(Memory::new(model), 3);
            let event = memory.epoch(1);
            memory.store(1, word(0), store, 0, 1, Some(&mut first));
            assert_eq!(memory.load(2, word(0), load, 1, Some(&mut first)), 1);
            assert_eq!(memory.clock(2).covers(event), ordered, "{model:?}, {store:?}, {load:?}");
        }
    }
}

/// However many stores have been read, an acquire fence makes known what each of them has released.
#[test]
fn a_fence_makes_known_what_many_relaxed_reads_have_seen() {
    let mut memory = super::with_threads(Memory::new(Model::Rc11), 40);
    let events: Vec<_> = (1..40).map(|thread| memory.epoch(thread)).collect();
    for thread in 1..40 {
        memory.store(thread, word(thread.into()), Order::Release, 0, 1, Some(&mut first));
        memory.load(0, word(thread.into()), Order::Relaxed, 1, Some(&mut first));
    }
    assert!(events.iter().all(|event| !memory.clock(0).covers(*event)));
    memory.fence(0, Order::Acquire);
    assert!(events.iter().all(|event| memory.clock(0).covers(*event)));
}

/// Clocks of threads that know nothing of each other stay short, however many there are.
#[test]
fn thousands_of_threads_that_know_nothing_of_each_other_have_short_clocks() {
    let mut memory = super::with_threads(Memory::new(Model::Rc11), 4001);
    for thread in 1..4001 {
        memory.load(thread, word(0), Order::Acquire, 0, Some(&mut first));
        memory.store(thread, word(thread.into()), Order::Release, 0, 1, Some(&mut first));
    }
    assert!((0..4001).all(|thread| memory.clock(thread).len() <= 8));
    let ends: Vec<_> = (1..4001).map(|thread| memory.epoch(thread)).collect();
    (1..4001).for_each(|thread| memory.join(0, thread));
    assert!(ends.iter().all(|end| memory.clock(0).covers(*end)));
}

#[test]
#[should_panic(expected = "at most 65536 threads")]
fn more_threads_than_an_epoch_can_name_are_refused() {
    Memory::new(Model::Rc11).spawn(0, 65_536);
}
