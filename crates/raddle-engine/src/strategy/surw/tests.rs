//! Evenness, where the algorithm promises it, measured by chi-square.

use super::super::toy::{Toy, even, fits, op, orders, perform, perform_untold, share, writes};
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

/// Of several threads that one creates, one after the other, each is as likely as any to come first: whoever creates them
/// keeps the turn for those that are still to come.
#[test]
fn the_thread_created_last_comes_first_as_often_as_the_others() {
    let children = 8;
    let creator = (1..=children).flat_map(|child| [Access::new(Spawn, child, 0), op(Write, 100 + child)]).collect();
    let toy: Toy = std::iter::once(creator).chain((0..children).map(|_| writes(9, 2))).collect();
    for child in [1, 4, 8] {
        let first = |order: &[ThreadId]| order.iter().find(|thread| **thread != 0) == Some(&child);
        let found = share(&toy, Box::new(Surw::new(6)), EXECUTIONS, first);
        assert!(fits(found, 1.0 / children as f64, EXECUTIONS), "{child}: {found}");
    }
}

/// What nobody else touches, references that are counted down and ends of threads are not of interest.
#[test]
fn only_what_is_shared_is_of_interest() {
    let step = |thread, access| Logged { thread, event: Event::Performed, access };
    let count = |thread| step(thread, op(AccessKind::CountDown, 7));
    let steps = [
        step(0, op(Write, 9)),
        step(1, op(AccessKind::Read, 9)),
        step(0, op(AccessKind::Read, 8)),
        step(1, op(AccessKind::Read, 8)),
        step(0, op(Write, 6)),
        count(0),
        step(1, op(AccessKind::Update, 7)),
        step(1, Access::on_thread(AccessKind::End, 1)),
        step(0, Access::on_thread(AccessKind::Join, 1)),
    ];
    let profile = Profile::of(&steps);
    assert_eq!(profile.objects, [(9, vec![1, 1])]);
    assert_eq!(profile.all, [1, 1]);
    let of_interest = |step: &Logged| profile.has(Interest::All, step.access);
    assert_eq!(steps.iter().filter(|step| of_interest(step)).count(), 2);
    assert!(profile.has(Interest::All, op(Write, 5)), "what is not known may be shared");
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
    // Only one object is shared, so its operations are the interesting ones in every execution.
    let found = share(&toy, surw(4), EXECUTIONS, last);
    assert!(fits(found, 1.0 / 6.0, EXECUTIONS), "{found}");
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

/// A thread that yields lets the others come to what is of interest, and is not overtaken there because of that.
#[test]
fn who_yields_keeps_its_turn() {
    let pending = [op(Write, 9), Access::local()];
    let plain = Question::plain(raddle_protocol::ChoiceKind::Thread, 2);
    let question = Question { threads: &[0, 1], pending: &pending, hint: Hint::Yields, ..plain };
    let mut surw = Surw::urw(7);
    let mut left = 0;
    for execution in 1..=100 {
        surw.begin(execution);
        surw.turn = Some(0);
        left += surw.choose(&question);
        assert_eq!(surw.turn, Some(0));
    }
    assert!(left > 80, "{left}");
}
