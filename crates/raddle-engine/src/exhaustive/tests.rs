//! Toy programs, whose classes can be counted by hand.

use super::Exhaustive;
use super::probes::PROBES;
use crate::access::AccessKind::{CountDown, Read, Spawn, Update, Write};
use crate::strategy::Seen;
use crate::strategy::Strategy;
use crate::strategy::toy::{Toy, op, perform, perform_untold};
use crate::tape::Tape;
use std::collections::BTreeSet;

/// Executions that the search performs until it has finished, and classes among them.
fn explore(toy: &Toy) -> (u64, usize) {
    let mut tape = Tape::new(Box::new(Exhaustive::new()));
    let mut classes = BTreeSet::new();
    for execution in 0..100_000 {
        let (_, mut schedule) = perform_untold(toy, &mut tape, execution);
        classes.insert(schedule.class());
        let choices = tape.record().len() as u64;
        tape.end(&schedule.seen(choices, true));
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

/// Programs, and how many executions the search takes or, for the larger ones, how many orders there are.
fn estimated() -> Vec<(Toy, f64)> {
    let up = |object| op(Update, object);
    let pair = |object| [vec![up(object); 4], vec![up(object); 4]];
    let private = |n: u64| (0..3).flat_map(|_| [op(Write, 10 + n), op(Write, 10 + n), up(1)]).collect();
    let counts = |n: u64| vec![op(Read, 1), up(2), op(Write, n + 3), op(CountDown, 9)];
    let mut counting: Toy = (1..=4).map(counts).collect();
    counting.push(vec![op(Write, 1), op(Read, 4), up(9)]);
    let mut reading = vec![vec![op(Read, 1), op(Read, 2), op(Read, 1)]; 4];
    reading.push(vec![op(Write, 1), op(Write, 2), op(Write, 1)]);
    let small =
        [vec![vec![up(1); 8]; 2], [pair(1), pair(2)].concat(), (0..3).map(private).collect(), counting, reading];
    let large = [
        (vec![vec![up(1); 12]; 2], 2_704_156.0),
        (vec![vec![up(1); 20]; 2], 137_846_528_820.0),
        (vec![vec![up(1); 5]; 3], 756_756.0),
        (vec![vec![up(1); 4]; 4], 63_063_000.0),
        ([pair(1), pair(2), pair(3)].concat(), 343_000.0),
    ];
    small.into_iter().map(|toy| (explore(&toy).0 as f64, toy)).map(|(all, toy)| (toy, all)).chain(large).collect()
}

/// What a search says after so many executions, its probes among them.
fn says(search: Exhaustive, toy: &Toy, executions: u64) -> f64 {
    let mut tape = Tape::new(Box::new(search));
    (0..executions).for_each(|execution| drop(perform(toy, &mut tape, execution)));
    tape.strategy().search().expect("this is a search").estimate
}

#[test]
fn how_many_executions_there_are_is_told_after_a_hundred() {
    for (toy, all) in estimated() {
        for seed in 0..8 {
            let told = says(Exhaustive::with_probes(seed), &toy, 32 + PROBES) / all;
            assert!((0.4..2.5).contains(&told), "{told} of {all}, seed {seed}");
        }
    }
    // The path alone does not know.
    let (toy, all) = (vec![vec![op(Update, 1); 12]; 2], 2_704_156.0);
    assert!(says(Exhaustive::new(), &toy, 32 + PROBES) < all / 1_000.0);
}

#[test]
fn probes_are_no_part_of_the_search() {
    let toy = vec![vec![op(Update, 1); 4]; 2];
    let mut tape = Tape::new(Box::new(Exhaustive::with_probes(1)));
    // One more probe for each 32 of the 70 executions, but not at their end.
    (0..70 + PROBES + 1).for_each(|execution| drop(perform(&toy, &mut tape, execution)));
    let search = tape.strategy().search().expect("this is a search");
    assert_eq!((search.finished, search.executions, search.estimate), (true, 70, 70.0));
}

#[test]
fn a_search_that_is_soon_done_with_is_not_probed() {
    let perform_all = |toy: &Toy, executions: u64| {
        let mut tape = Tape::new(Box::new(Exhaustive::with_late_probes(1)));
        (0..executions).for_each(|execution| drop(perform(toy, &mut tape, execution)));
        tape.strategy().search().expect("this is a search")
    };
    let search = perform_all(&vec![vec![op(Update, 1); 4]; 2], 70);
    assert_eq!((search.finished, search.executions), (true, 70));
    // One that goes on for long is: of so many executions some are no part of it, and it knows how much lies ahead.
    let search = perform_all(&vec![vec![op(Update, 1); 12]; 2], 6_000);
    let told = search.estimate / 2_704_156.0;
    assert!(search.executions < 6_000 && (0.3..3.0).contains(&told), "{search:?}");
}
