//! Probabilities that follow from the algorithm, measured.

use super::super::toy::{fits, op, share, writes};
use super::*;
use crate::access::AccessKind::{Read, Write};

const EXECUTIONS: u64 = 15_000;

/// Without communications there are no preemptions: threads come one after the other, in an order drawn at random.
#[test]
fn without_communications_threads_run_through() {
    let toy = vec![vec![op(Read, 1); 3], writes(1, 3), vec![op(Read, 1); 3]];
    let whole = |order: &[ThreadId]| order.windows(2).filter(|pair| pair[0] != pair[1]).count() == 2;
    let found = share(&toy, Box::new(Pctwm::with(1, 0, 6, 1)), EXECUTIONS, whole);
    assert!((found - 1.0).abs() < 1e-9, "{found}");
    let first = share(&toy, Box::new(Pctwm::with(1, 0, 6, 1)), EXECUTIONS, |order| order[0] == 1);
    assert!(fits(first, 1.0 / 3.0, EXECUTIONS), "{first}");
}

/// One read of `reads` is to be put off until the other thread has written. The one communication that this takes is that
/// read with the probability `1 / reads`, and it makes a difference when the reader comes first: one half.
#[test]
fn a_drawn_operation_waits_for_the_others() {
    for reads in [2, 5, 10] {
        let toy = vec![vec![op(Read, 1); reads], writes(1, 1)];
        let before_the_last = |order: &[ThreadId]| order[order.len() - 2] == 1;
        let found = share(&toy, Box::new(Pctwm::with(2, 1, reads, 1)), EXECUTIONS, before_the_last);
        assert!(fits(found, 0.5 / reads as f64, EXECUTIONS), "{reads} reads: {found}");
    }
}

/// A load sees the oldest store that is left to it, unless its thread was put off; then any of the last few.
#[test]
fn loads_see_what_their_thread_knows() {
    let threads = [0, 1];
    let pending = [op(Read, 1), op(Write, 1)];
    let question =
        Question { threads: &threads, pending: &pending, ..Question::plain(ChoiceKind::Thread, threads.len()) };
    let load = Question::plain(ChoiceKind::ReadsFrom, 5);
    let mut seen = [0; 5];
    for execution in 1..2000 {
        // The only operation that communicates is drawn, so it is put off if its thread comes first.
        let mut pctwm = Pctwm::with(3, 1, 1, 3);
        pctwm.begin(execution);
        assert_eq!(pctwm.choose(&load), 4);
        assert_eq!(pctwm.choose(&question), 1);
        if *pctwm.pending(0) == Pending::PutOff {
            let alone = Question { options: 1, ..question };
            assert_eq!(pctwm.choose(&alone), 0);
            seen[pctwm.choose(&load)] += 1;
            assert_eq!(pctwm.choose(&load), 4);
        }
    }
    assert!(seen[..3].iter().all(|times| *times > 200) && seen[3..] == [0, 0], "{seen:?}");
}

/// In the execution without preemption loads see the latest store.
#[test]
fn the_first_execution_is_the_plain_one() {
    let mut pctwm = Pctwm::new(1);
    pctwm.begin(0);
    assert_eq!(pctwm.choose(&Question::plain(ChoiceKind::ReadsFrom, 5)), 0);
}
