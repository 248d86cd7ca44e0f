//! That constraints come about, and what following what is new reaches.

use super::super::toy::{op, perform, share};
use super::*;
use crate::access::AccessKind::{Read, Write};
use crate::tape::Tape;

const READER: ThreadId = 0;
const WRITER: ThreadId = 1;

/// Thread 0 reads objects 1, 2, ... once each; thread 1 changes each of them `times` times, in the same order.
fn chain(objects: u64, times: usize) -> Vec<Vec<Access>> {
    let reads = (1..=objects).map(|object| op(Read, object)).collect();
    let writes = (1..=objects).flat_map(|object| vec![op(Write, object); times]).collect();
    vec![reads, writes]
}

/// An `Rff` that is steered to this and to nothing else.
fn steered(seed: u64, constraints: Vec<Constraint>) -> Rff {
    Rff { constraints, ..Rff::new(seed) }
}

/// The share of executions in which the reader of object 1 comes before the writer, when steered to something.
fn reads_first(wanted: Option<(Operation, bool)>) -> f64 {
    let reader = operation(READER, op(Read, 1));
    let constraint = |(writer, wanted)| Constraint { object: 1, writer, reader, wanted };
    let constraints: Vec<_> = wanted.into_iter().map(constraint).collect();
    let mut first = 0;
    for seed in 0..200 {
        let mut rff = steered(seed, constraints.clone());
        // So that it begins with what it is steered to.
        rff.execution = Some(1);
        let order = perform(&chain(1, 1), &mut Tape::new(Box::new(rff)), 1);
        first += u64::from(order[0] == READER);
    }
    first as f64 / 200.0
}

#[test]
fn what_is_asked_for_comes_about() {
    let writer = operation(WRITER, op(Write, 1));
    assert!((0.3..0.7).contains(&reads_first(None)));
    assert!(reads_first(Some((writer, true))) < 0.01);
    assert!(reads_first(Some((writer, false))) > 0.99);
    assert!(reads_first(Some((0, true))) > 0.99);
    assert!(reads_first(Some((0, false))) < 0.01);
}

/// A constraint that cannot come about holds nothing up for ever.
#[test]
fn what_cannot_be_had_is_given_up() {
    let constraint = Constraint { object: 1, writer: 77, reader: operation(READER, op(Read, 1)), wanted: true };
    let mut rff = steered(1, vec![constraint]);
    rff.execution = Some(1);
    let order = perform(&chain(1, 5_000), &mut Tape::new(Box::new(rff)), 1);
    let read = order.iter().position(|thread| *thread == READER).expect("it has read");
    assert!((PATIENCE..5_000).contains(&read), "{read}");
}

/// All reads of thread 0 see the first thing that thread 1 did to the object, and not the last. At each object partial order
/// sampling meets this with a probability below one half; kept schedules add up.
#[test]
fn what_was_reached_is_built_upon() {
    let toy = chain(6, 2);
    let between = |order: &[ThreadId]| {
        let writes = |at: usize| order[..at].iter().filter(|thread| **thread == WRITER).count();
        let mut reads = order.iter().enumerate().filter(|(_, thread)| **thread == READER);
        (0..6).all(|object| reads.next().is_some_and(|(at, _)| writes(at) == 2 * object + 1))
    };
    let steered = share(&toy, Box::new(Rff::new(3)), 20_000, between);
    let drawn = share(&toy, Box::new(Pos::new(3)), 20_000, between);
    assert!(steered > drawn, "{steered} and {drawn}");
}

/// The same seed gives the same executions, also if each has to be begun twice.
#[test]
fn a_seed_settles_everything() {
    let toy = chain(3, 2);
    let orders = |seed, twice| {
        let mut tape = Tape::new(Box::new(Rff::new(seed)));
        let one = |execution| {
            if twice {
                tape.begin(execution);
            }
            perform(&toy, &mut tape, execution)
        };
        (0..500).map(one).collect::<Vec<_>>()
    };
    assert_eq!(orders(4, false), orders(4, false));
    assert_eq!(orders(4, false), orders(4, true));
    assert_ne!(orders(4, false), orders(5, false));
}

/// Executions of others say nothing of what it was steered to.
#[test]
fn only_its_own_executions_are_learned_from() {
    let mut rff = Rff::new(1);
    let seen = Seen { steps: &[], choices: 0, record: &[], new: true, passed: true, pending: &[], obstacle: None };
    rff.end(&seen);
    assert!(rff.corpus.is_empty());
    (1..10).for_each(|execution| {
        rff.begin(execution);
        rff.end(&seen);
    });
    assert_eq!(rff.corpus.len(), 1);
}
