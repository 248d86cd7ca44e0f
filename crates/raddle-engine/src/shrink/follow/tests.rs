//! Following all that was noted is the same execution; following what is needed fails in the same way.

use super::*;
use crate::Tape;
use crate::shrink::minimize;
use crate::strategy::toy::{Toy, perform, writes};
use crate::strategy::{Pos, RandomWalk};

/// The order of a replayed record, and its deviations.
fn noted(toy: &Toy, record: &[Choice]) -> (Vec<ThreadId>, Vec<Deviation>) {
    let (note, noted) = Note::new(record.to_vec());
    let order = perform(toy, &mut Tape::new(Box::new(note)), 1);
    let deviations = noted.borrow().clone();
    (order, deviations)
}

fn followed(toy: &Toy, deviations: &[Deviation]) -> Vec<ThreadId> {
    perform(toy, &mut Tape::new(Box::new(Follow::new(deviations))), 1)
}

fn toy() -> Toy {
    vec![writes(9, 6), writes(9, 5), writes(8, 4)]
}

#[test]
fn following_all_deviations_is_the_same_execution() {
    let strategies: [Box<dyn Strategy>; 2] = [Box::new(RandomWalk::new(1)), Box::new(Pos::new(1))];
    for strategy in strategies {
        let mut tape = Tape::new(strategy);
        for execution in 0..300 {
            let order = perform(&toy(), &mut tape, execution);
            let (again, deviations) = noted(&toy(), tape.record());
            assert_eq!(again, order);
            assert_eq!(followed(&toy(), &deviations), order, "{deviations:?}");
            assert_eq!(deviations.is_empty(), order == followed(&toy(), &[]));
        }
    }
}

/// Thread 1 takes a step right after the second of thread 0: one preemption is needed, whatever the rest.
#[test]
fn one_preemption_is_left_of_many() {
    let fails = |order: &[ThreadId]| {
        let second = order.iter().enumerate().filter(|(_, thread)| **thread == 0).nth(1).map(|(at, _)| at);
        second.is_some_and(|at| order.get(at + 1) == Some(&1))
    };
    let mut tape = Tape::new(Box::new(RandomWalk::new(2)));
    let mut tried = 0;
    for execution in 1..400 {
        let order = perform(&toy(), &mut tape, execution);
        if !fails(&order) {
            continue;
        }
        let (_, deviations) = noted(&toy(), tape.record());
        let least = minimize(deviations.clone(), |part| Some(fails(&followed(&toy(), part))));
        assert!(fails(&followed(&toy(), &least)));
        assert!((1..=2).contains(&least.len()), "{least:?} of {deviations:?}");
        assert_eq!(minimize(deviations, |part| Some(fails(&followed(&toy(), part)))), least, "the same again");
        tried += 1;
    }
    assert!(tried > 20);
}

/// Deviations of another program are followed as far as they have a meaning, and do no harm.
#[test]
fn what_does_not_fit_is_left_out() {
    let mut tape = Tape::new(Box::new(RandomWalk::new(3)));
    perform(&toy(), &mut tape, 1);
    let (_, deviations) = noted(&toy(), tape.record());
    assert!(deviations.len() > 3);
    let other: Toy = vec![writes(1, 2), writes(2, 1)];
    assert_eq!(followed(&other, &deviations).len(), 3);
}
