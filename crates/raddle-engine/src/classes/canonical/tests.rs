//! Equal hashes exactly for equivalent executions, by comparison with the definition.

use super::*;
use crate::access::{Access, AccessKind};
use crate::log::Logged;
use crate::random::Random;
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use raddle_protocol::trace::ThreadId;
use std::collections::{BTreeMap, BTreeSet};

const KINDS: [AccessKind; 6] =
    [AccessKind::Read, AccessKind::Read, AccessKind::Write, AccessKind::Update, AccessKind::Lock, AccessKind::Local];

fn hash(steps: &[Logged]) -> u64 {
    let mut canonical = Canonical::default();
    canonical.begin();
    canonical.absorb(steps);
    canonical.hash()
}

/// The definition: which of any two steps that depend on each other comes first.
type Orders = BTreeSet<((ThreadId, usize), (ThreadId, usize))>;

fn naive(steps: &[Logged]) -> Orders {
    let mut numbers = BTreeMap::<ThreadId, usize>::new();
    let named: Vec<((ThreadId, usize), Access)> = steps
        .iter()
        .map(|step| {
            let number = numbers.entry(step.thread).or_default();
            *number += 1;
            ((step.thread, *number), step.access)
        })
        .collect();
    let mut orders = Orders::new();
    for (at, (one, access)) in named.iter().enumerate() {
        let depends = |(_, later): &&((ThreadId, usize), Access)| access.depends_on(later);
        orders.extend(named[at + 1..].iter().filter(depends).map(|(other, _)| (*one, *other)));
    }
    orders
}

/// What each thread does: lists of operations on few objects.
fn programs() -> impl Strategy<Value = Vec<Vec<Access>>> {
    let access =
        (prop::sample::select(&KINDS[..]), 0u64..3).prop_map(|(kind, at)| Access::new(kind, 0x1000 + at * 8, 8));
    prop::collection::vec(prop::collection::vec(access, 0..5), 1..5)
}

/// A random order of a program's steps.
fn interleave(program: &[Vec<Access>], random: &mut Random) -> Vec<Logged> {
    let mut at = vec![0; program.len()];
    let mut steps = Vec::new();
    loop {
        let ready: Vec<usize> = (0..program.len()).filter(|thread| at[*thread] < program[*thread].len()).collect();
        if ready.is_empty() {
            return steps;
        }
        let thread = ready[random.below(ready.len())];
        let access = program[thread][at[thread]];
        at[thread] += 1;
        steps.push(Logged { thread: thread as ThreadId, event: Event::Performed, access });
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0003),
        rng_algorithm: proptest::test_runner::RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn executions_are_told_apart_exactly_when_they_are_not_equivalent(program in programs(), seed: u64) {
        let mut random = Random::new(seed, 0);
        let mut classes: BTreeMap<Orders, u64> = BTreeMap::new();
        let mut hashes = BTreeMap::new();
        for _ in 0..30 {
            let steps = interleave(&program, &mut random);
            let (class, hash) = (naive(&steps), hash(&steps));
            prop_assert_eq!(*classes.entry(class.clone()).or_insert(hash), hash, "one class, two hashes");
            let known = hashes.entry(hash).or_insert_with(|| class.clone());
            prop_assert_eq!(known, &class, "one hash, two classes");
        }
    }

    #[test]
    fn exchanging_neighbours_matters_exactly_when_they_depend_on_each_other(program in programs(), seed: u64,
        place: prop::sample::Index) {
        let mut steps = interleave(&program, &mut Random::new(seed, 1));
        if steps.len() < 2 {
            return Ok(());
        }
        let at = place.index(steps.len() - 1);
        let before = hash(&steps);
        let (one, other) = (steps[at], steps[at + 1]);
        if one.thread == other.thread {
            return Ok(());
        }
        steps.swap(at, at + 1);
        prop_assert_eq!(hash(&steps) != before, one.access.depends_on(&other.access));
    }

    #[test]
    fn addresses_do_not_matter(program in programs(), seed: u64, places in any::<[u16; 3]>()) {
        let steps = interleave(&program, &mut Random::new(seed, 2));
        let mut moved = steps.clone();
        for step in &mut moved {
            let which = (step.access.object - 0x1000) / 8;
            step.access.object = (which << 20 | u64::from(places[which as usize])) * 8;
        }
        prop_assert_eq!(hash(&steps), hash(&moved));
    }

    #[test]
    fn it_does_not_matter_in_which_portions_steps_come(program in programs(), seed: u64, place: prop::sample::Index) {
        let steps = interleave(&program, &mut Random::new(seed, 3));
        let at = place.index(steps.len() + 1);
        let mut canonical = Canonical::default();
        // An execution before it leaves nothing behind.
        canonical.begin();
        canonical.absorb(&steps);
        canonical.begin();
        canonical.absorb(&steps[..at]);
        canonical.absorb(&steps[at..]);
        prop_assert!(canonical.hash() == hash(&steps));
    }
}

fn performed(thread: ThreadId, kind: AccessKind, object: u64) -> Logged {
    Logged { thread, event: Event::Performed, access: Access::new(kind, object, 8) }
}

fn spawned(thread: ThreadId, child: ThreadId) -> Logged {
    Logged { thread, event: Event::Spawned, access: Access::begins(child) }
}

/// Two threads each create one; which of the new ones gets which number depends on the order, and nothing else does.
#[test]
fn numbers_of_threads_do_not_matter() {
    let work = |thread, object| performed(thread, AccessKind::Write, object);
    let one = [spawned(0, 2), spawned(1, 3), work(2, 8), work(3, 16)];
    let other = [spawned(1, 2), spawned(0, 3), work(3, 8), work(2, 16)];
    assert_eq!(hash(&one), hash(&other));
    // But whose child it was that came first does.
    let races = |first, second| [spawned(0, 2), spawned(1, 3), work(first, 8), work(second, 8)];
    assert_ne!(hash(&races(2, 3)), hash(&races(3, 2)));
}

#[test]
fn who_wakes_whom_matters() {
    let woken = |thread, by| Logged { thread, event: Event::Woken, access: Access::begins(by) };
    let timed_out = Logged { thread: 2, event: Event::TimedOut, access: Access::begins(0) };
    let ends: BTreeSet<u64> = [woken(2, 0), woken(2, 1), timed_out].iter().map(|last| hash(&[*last])).collect();
    assert_eq!(ends.len(), 3);
}

#[test]
fn many_objects_are_kept_apart() {
    let steps: Vec<Logged> = (0..5000).map(|at| performed(0, AccessKind::Write, at * 64)).collect();
    let mut backwards: Vec<Logged> = steps.iter().rev().copied().collect();
    assert_eq!(hash(&steps), hash(&backwards), "one thread, each object once");
    let seen_by = |place: usize| {
        let mut steps = steps.clone();
        steps.insert(place, performed(1, AccessKind::Read, 2500 * 64));
        hash(&steps)
    };
    assert_eq!(seen_by(0), seen_by(2500));
    assert_eq!(seen_by(2501), seen_by(5000));
    assert_ne!(seen_by(2500), seen_by(2501));
    backwards.clear();
    assert_ne!(hash(&backwards), hash(&steps));
}
