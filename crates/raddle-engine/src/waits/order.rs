//! The order of locks that breaks a cycle (Havender, *Avoiding deadlock in multitasking systems*, IBM Systems Journal
//! 7(2), 1968): when every thread takes the locks of a cycle in one order, no such cycle can come about.
//!
//! In a cycle of n locks, thread i holds lock i and waits for lock i+1. Any rotation is an order that all but one thread
//! keep already. Of these, the one is proposed that leaves the least to change: the pair taken least often in the
//! execution is the one to turn round.

use super::event::{Event, Kind, Object, Thread};
use super::holds::Holds;
use super::verdict::{Because, Link};

/// The proposed order, and the thread of the cycle that goes against it; `None` when a link is no lock, or when two
/// threads meet at the same lock.
pub(super) fn breaking_order(cycle: &[Link], events: &[Event]) -> Option<(Vec<Object>, Thread)> {
    // `wanted[i]` is what thread i waits for; thread i+1 holds it.
    let mut wanted = Vec::with_capacity(cycle.len());
    for link in cycle {
        let Because::Holds(hold) = link.because else { return None };
        if wanted.contains(&hold.object) {
            return None;
        }
        wanted.push(hold.object);
    }
    let n = wanted.len();
    let held = |i: usize| wanted[(i + n - 1) % n];
    // `min_by_key` takes the first of equals; counting from the last thread proposes the order of the first.
    let against = (0..n).rev().min_by_key(|&i| times_taken(held(i), wanted[i], events))?;
    let order = (1..=n).map(|step| held((against + step) % n)).collect();
    Some((order, cycle[against].thread))
}

/// How often a thread took `second` while it held `first`. (The requests that hang now count for no pair: there is one for
/// each.)
fn times_taken(first: Object, second: Object, events: &[Event]) -> usize {
    let mut holds = Holds::default();
    let mut times = 0;
    for event in events {
        let takes = matches!(event.kind, Kind::Acquired(_)) && event.object == second;
        if takes && holds.of(first).iter().any(|hold| hold.thread == event.thread) {
            times += 1;
        }
        holds.apply(event);
    }
    times
}
