//! The execution without preemption: who goes on, and when a slice ends.

use super::*;
use crate::{Next, Schedule, Tape};
use raddle_protocol::trace::{ThreadId, Wait};

/// Asks `first` about three threads of which the one at `running` runs; tells who goes on.
fn choose(first: &mut First, running: usize, hint: Hint) -> ThreadId {
    let question = Question {
        kind: ChoiceKind::Thread,
        options: 3,
        threads: &[4, 5, 6],
        pending: &[],
        steps: &[],
        current: 4,
        first: running,
        hint,
    };
    let answer = first.choose(&question);
    question.thread(answer)
}

/// How long a thread that does this stays, from now on.
fn stay(first: &mut First, running: usize, hint: Hint) -> usize {
    (0..).take_while(|_| choose(first, running, hint) == [4, 5, 6][running]).count()
}

#[test]
fn a_thread_goes_on_until_its_slice_ends_and_slices_differ_in_length() {
    let mut first = First::default();
    first.begin(0);
    let stays: Vec<usize> = [0, 1, 2, 0].map(|at| stay(&mut first, at, Hint::None)).to_vec();
    assert!(stays.iter().all(|stay| (SLICE - 1..2 * SLICE).contains(stay)), "{stays:?}");
    assert!(stays.windows(2).any(|pair| pair[0] != pair[1]), "{stays:?}");
}

#[test]
fn a_spinning_thread_has_a_short_slice() {
    let mut first = First::default();
    first.begin(0);
    let stay = stay(&mut first, 0, Hint::Spins);
    assert!((SPIN_SLICE - 1..SPIN_SLICE + SPIN_SLICES).contains(&stay), "{stay}");
}

#[test]
fn without_slices_a_spinning_thread_goes_on_but_yields() {
    let mut first = First::without_slices();
    first.begin(0);
    assert!((0..100 * SLICE).all(|_| choose(&mut first, 0, Hint::Spins) == 4));
    assert_eq!(choose(&mut first, 0, Hint::Yields), 5);
}

#[test]
fn a_thread_that_yields_is_taken_at_its_word_and_the_next_has_a_whole_slice() {
    let mut first = First::default();
    first.begin(0);
    for _ in 1..SLICE {
        choose(&mut first, 0, Hint::None);
    }
    assert_eq!(choose(&mut first, 0, Hint::Yields), 5);
    assert!(stay(&mut first, 1, Hint::None) >= SLICE - 1);
}

#[test]
fn a_slice_belongs_to_one_thread() {
    let mut first = First::default();
    first.begin(0);
    for _ in 1..SLICE {
        assert_eq!(choose(&mut first, 0, Hint::None), 4);
    }
    // Thread 4 waits: 5 takes over, with a slice of its own.
    assert!(stay(&mut first, 1, Hint::None) >= SLICE - 1);
}

#[test]
fn nothing_unusual_happens_and_such_questions_cost_no_slice() {
    let mut first = First::default();
    first.begin(0);
    for kind in [ChoiceKind::WeakFailure, ChoiceKind::SpuriousWakeup, ChoiceKind::Lateness, ChoiceKind::ReadsFrom] {
        for _ in 0..2 * SLICE {
            assert_eq!(first.choose(&Question::plain(kind, 2)), 0);
        }
    }
    assert_eq!(choose(&mut first, 0, Hint::None), 4);
}

#[test]
fn a_new_execution_has_new_slices() {
    let mut first = First::default();
    first.begin(0);
    for _ in 1..SLICE {
        choose(&mut first, 0, Hint::None);
    }
    first.begin(0);
    assert_eq!(choose(&mut first, 0, Hint::None), 4);
}

/// Threads that each pass fewer points than a slice run one after the other, however many they are.
#[test]
fn short_threads_are_never_preempted() {
    let mut tape = Tape::new(Box::new(First::default()));
    tape.begin(0);
    let mut schedule = Schedule::new();
    (1..10).for_each(|id| assert_eq!(schedule.spawn(), id));
    let mut left = [SLICE - 1; 10];
    let mut order = Vec::new();
    while let Next::Run(id) = schedule.next(&mut tape, Hint::None) {
        if order.last() != Some(&id) {
            order.push(id);
        }
        left[id as usize] -= 1;
        if left[id as usize] == 0 {
            schedule.end_current();
        }
    }
    assert_eq!(order, (0..10).collect::<Vec<_>>());
}

/// A thread that polls for what another has yet to do sees it done.
#[test]
fn a_thread_that_polls_does_not_keep_others_from_running() {
    let mut tape = Tape::new(Box::new(First::default()));
    tape.begin(0);
    let mut schedule = Schedule::new();
    schedule.spawn();
    schedule.spawn();
    let mut polls = 0;
    loop {
        match schedule.next(&mut tape, Hint::None) {
            Next::Run(0) => polls += 1,
            Next::Run(1) => schedule.wait(Wait::Futex(8), None, !0),
            other => break assert_eq!(other, Next::Run(2)),
        }
        assert!(polls <= 4 * SLICE, "thread 2 never had its turn");
    }
    assert!(polls >= SLICE - 1);
}
