//! Toy programs, whose classes can be counted by hand.

use super::Exhaustive;
use crate::access::AccessKind::{CountDown, Read, Spawn, Update, Write};
use crate::strategy::Seen;
use crate::strategy::Strategy;
use crate::strategy::toy::{Toy, op, perform_untold};
use crate::tape::Tape;
use std::collections::BTreeSet;

/// Executions that the search performs until it has finished, and classes among them.
fn explore(toy: &Toy) -> (u64, usize) {
    let mut tape = Tape::new(Box::new(Exhaustive::new()));
    let mut classes = BTreeSet::new();
    for execution in 0..100_000 {
        let (_, mut schedule) = perform_untold(toy, &mut tape, execution);
        classes.insert(schedule.class());
        let (steps, pending, choices) = (schedule.log().steps(), schedule.pending(), tape.record().len() as u64);
        tape.end(&Seen { steps, choices, record: &[], new: true, passed: true, pending, obstacle: None });
        let search = tape.strategy().search().expect("this is a search");
        assert_eq!(search.obstacle, None);
        if search.finished {
            assert_eq!(search.executions, execution + 1);
            assert_eq!(search.estimate, search.executions as f64);
            return (search.executions, classes.len());
        }
    }
    panic!("the search does not end");
}

#[test]
fn independent_steps_take_one_execution() {
    assert_eq!(explore(&vec![vec![op(Write, 1)], vec![op(Write, 2)], vec![op(Write, 3)]]), (1, 1));
    assert_eq!(explore(&vec![vec![op(Read, 1); 3], vec![op(Read, 1); 3]]), (1, 1));
}

#[test]
fn each_class_takes_one() {
    assert_eq!(explore(&vec![vec![op(Write, 1)], vec![op(Write, 1)]]), (2, 2));
    assert_eq!(explore(&vec![vec![op(Write, 1)], vec![op(Read, 1)], vec![op(Read, 1)]]), (4, 4));
    assert_eq!(explore(&vec![vec![op(Update, 1); 2], vec![op(Update, 1); 2]]), (6, 6));
    assert_eq!(explore(&vec![vec![op(Update, 1); 3], vec![op(Update, 1); 3]]), (20, 20));
    assert_eq!(explore(&vec![vec![op(Update, 1)]; 4]), (24, 24));
    let (one, other) = (op(Write, 1), op(Write, 2));
    assert_eq!(explore(&vec![vec![one, op(Read, 2)], vec![other, op(Read, 1)]]), (3, 3));
}

#[test]
fn countings_down_commute() {
    let down = op(CountDown, 1);
    assert_eq!(explore(&vec![vec![down]; 5]), (1, 1));
    // Whoever comes last depends on the others, and so does a look at the count.
    assert_eq!(explore(&vec![vec![down], vec![down], vec![op(Update, 1)]]), (4, 4));
    assert_eq!(explore(&vec![vec![down], vec![down], vec![op(Read, 1)]]), (4, 4));
    assert_eq!(explore(&vec![vec![down], vec![down], vec![op(Read, 1)], vec![op(Read, 1)]]).0, 14);
}

#[test]
fn threads_that_are_created_on_the_way_are_seen() {
    let creates = vec![op(Spawn, 1), op(Update, 7), op(Spawn, 2), op(Update, 7)];
    let toy = vec![creates, vec![op(Update, 7)], vec![op(Update, 7)]];
    let (executions, classes) = explore(&toy);
    // All orders of the four updates in which the first of the creator comes before its second and that of the second
    // child: a third of 24.
    assert_eq!((executions, classes), (8, 8));
}

/// The paper's example of readers and a writer: as many classes as subsets of readers that come first.
#[test]
fn readers_are_before_or_after_the_writer() {
    for readers in 1..=6 {
        let mut toy = vec![vec![op(Write, 1)]];
        toy.extend((0..readers).map(|_| vec![op(Read, 1)]));
        assert_eq!(explore(&toy), (1 << readers, 1 << readers));
    }
}

#[test]
fn a_program_that_does_something_else_the_second_time_is_noticed() {
    let mut search = Exhaustive::new();
    let ask = |search: &mut Exhaustive, threads: &[u32]| {
        let pending = vec![op(Write, 1); 3];
        let question = crate::Question {
            threads,
            pending: &pending,
            ..crate::Question::plain(raddle_protocol::ChoiceKind::Thread, threads.len())
        };
        search.choose(&question)
    };
    search.begin(0);
    ask(&mut search, &[0, 1]);
    let step = |thread| crate::log::Logged { thread, event: crate::log::Event::Performed, access: op(Write, 1) };
    let steps = [step(0), step(1)];
    let seen = Seen { steps: &steps, choices: 1, record: &[], new: true, passed: true, pending: &[], obstacle: None };
    search.end(&seen);
    assert!(!search.is_over());
    search.begin(1);
    ask(&mut search, &[0, 1, 2]);
    assert!(search.is_over());
    assert_eq!(search.status().obstacle, Some(raddle_protocol::message::Obstacle::Differs));
}
