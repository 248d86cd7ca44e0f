//! Evenness, where the algorithm promises it, measured by chi-square.

use super::super::toy::{Toy, even, op, orders, perform, perform_untold, share, writes};
use super::*;
use crate::Tape;
use crate::access::AccessKind::{Spawn, Write};
use crate::strategy::RandomWalk;

const EXECUTIONS: u64 = 15_000;

fn binomial(n: u64, k: u64) -> usize {
    (1..=k).fold(1, |product, at| product * (n - k + at) / at) as usize
}

/// With all operations of interest, all orders of two threads' steps are equally likely, however unlike the threads
/// are.
#[test]
fn all_orders_of_all_steps_are_equally_likely() {
    for (one, other) in [(1, 1), (3, 3), (1, 6), (2, 5)] {
        let toy = vec![writes(9, one), writes(9, other)];
        let all = binomial((one + other) as u64, one as u64);
        let found = orders(&toy, Box::new(Surw::urw(1)), EXECUTIONS);
        assert_eq!(found.len(), all);
        assert!(even(found.values(), all), "{one} and {other} steps: {found:?}");
    }
    let toy = vec![writes(9, 2), writes(9, 2), writes(9, 2)];
    let found = orders(&toy, Box::new(Surw::urw(2)), EXECUTIONS);
    assert!(even(found.values(), 90), "{found:?}");
}

/// The random walk is not even: the test above can fail.
#[test]
fn the_random_walk_is_not_even() {
    let toy = vec![writes(9, 1), writes(9, 6)];
    let found = orders(&toy, Box::new(RandomWalk::new(1)), EXECUTIONS);
    assert!(!even(found.values(), 7), "{found:?}");
}

/// A thread that is created on the way is weighed with its creator: thread 0 creates thread 1 after a step, and has two
/// more to do; thread 1 has two; thread 2 has three.
#[test]
fn threads_yet_to_be_created_count() {
    let spawn = Access::new(Spawn, 2, 0);
    let toy: Toy = vec![[writes(9, 1), vec![spawn], writes(9, 2)].concat(), writes(9, 3), writes(9, 2)];
    let mut tape = Tape::new(Box::new(Surw::urw(3)));
    let mut found = BTreeMap::new();
    for execution in 0..=EXECUTIONS {
        let order = perform(&toy, &mut tape, execution);
        // Without the creation, which is of no interest.
        let mut own = 0;
        let kept: Vec<_> = order
            .into_iter()
            .filter(|thread| {
                own += usize::from(*thread == 0);
                *thread != 0 || own != 2
            })
            .collect();
        if execution > 0 {
            *found.entry(kept).or_default() += 1;
        }
    }
    // Orders of A, A A, B B B and C C where both C come after the first A: those of (A then AACC) with BBB. AACC in 6
    // ways; the three B anywhere among five others.
    let all = 6 * binomial(8, 3);
    assert_eq!(found.len(), all);
    assert!(even(found.values(), all), "{:?}", found.len());
}

/// Only the order of the chosen operations is even, and it does not suffer from the others: two writes of thread 1 to
/// one object among two of thread 0, amid twenty steps that are of no interest to anybody.
#[test]
fn orders_of_chosen_steps_are_even_whatever_surrounds_them() {
    let padded = |own: u64| [writes(own, 10), writes(9, 2)].concat();
    let toy = vec![padded(1), [writes(9, 2), writes(2, 10)].concat()];
    let interesting = |order: &[ThreadId]| {
        let mut at = [0; 2];
        let mut kept = Vec::new();
        for thread in order {
            let own = &mut at[*thread as usize];
            if toy[*thread as usize][*own].object == 9 {
                kept.push(*thread);
            }
            *own += 1;
        }
        kept
    };
    let surw = |seed| Box::new(Surw::new(seed));
    let last = |order: &[ThreadId]| interesting(order) == [0, 0, 1, 1];
    // Only one object is shared, so seven executions in eight have its operations as the interesting ones, and one all of
    // them; there the wanted order is as good as excluded.
    let found = share(&toy, surw(4), EXECUTIONS, last);
    assert!((0.82 / 6.0..0.95 / 6.0).contains(&found), "{found}");
    let walked = share(&toy, Box::new(RandomWalk::new(4)), EXECUTIONS, last);
    assert!(walked < 0.001, "{walked}");
}

/// Where the program does something else than it did when it was counted, nothing is excluded.
#[test]
fn wrong_counts_exclude_nothing() {
    let mut tape = Tape::new(Box::new(Surw::new(5)));
    let counted: Toy = vec![writes(9, 8), writes(9, 1)];
    (0..COUNTED).for_each(|execution| drop(perform(&counted, &mut tape, execution)));
    let now: Toy = vec![writes(9, 1), writes(9, 3), vec![op(Write, 9)]];
    let mut seen = std::collections::BTreeSet::new();
    for execution in COUNTED..60_000 {
        // Not told of how it ended: the counts stay wrong.
        seen.insert(perform_untold(&now, &mut tape, execution).0);
    }
    assert_eq!(seen.len(), 20);
}
