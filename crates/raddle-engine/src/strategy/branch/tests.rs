//! What going on from earlier executions reaches, measured on toy programs.

use super::super::toy::{Toy, op, perform, writes};
use super::*;
use crate::access::AccessKind::{Read, Write};
use crate::tape::Tape;

/// Two threads change the same objects one after the other, and one of their own after each.
fn ladder(rungs: u64) -> Toy {
    let thread = |padding| (1..=rungs).flat_map(|object| [writes(object, 1), writes(padding, 1)].concat()).collect();
    vec![thread(100), thread(101)]
}

/// The same seed gives the same executions.
#[test]
fn a_seed_settles_everything() {
    let toy = ladder(4);
    let orders = |seed| {
        let mut tape = Tape::new(Box::new(Branch::new(seed)));
        (0..300).map(|execution| perform(&toy, &mut tape, execution)).collect::<Vec<_>>()
    };
    assert_eq!(orders(1), orders(1));
    assert_ne!(orders(1), orders(2));
}

/// An execution that goes on from another is the same up to there.
#[test]
fn answers_are_repeated_up_to_the_step() {
    let toy = ladder(4);
    let mut tape = Tape::new(Box::new(Branch::new(3)));
    let mut records: Vec<Vec<Choice>> = Vec::new();
    let mut repeated = 0;
    for execution in 0..100 {
        perform(&toy, &mut tape, execution);
        let record = tape.record();
        repeated +=
            usize::from(records.iter().any(|other| other.iter().zip(record).take_while(|(a, b)| a == b).count() > 4));
        records.push(record.to_vec());
    }
    assert!(repeated > 50, "{repeated}");
}

/// What is remembered is bounded, and what is given up is the common half.
#[test]
fn the_rare_half_is_kept() {
    let mut branch = Branch::new(4);
    branch.seen = vec![0; KINDS];
    let answers: Rc<[Choice]> = Rc::from(vec![]);
    for kind in 0..10 {
        branch.seen[kind] = 10 - kind as u32;
        branch.places.push(Place { kind, answers: Rc::clone(&answers), step: 0 });
    }
    branch.forget();
    assert!(branch.places.iter().all(|place| place.kind >= 5) && branch.places.len() == 5);
}

/// Every second time, what was found last is gone on from; all else keeps its share.
#[test]
fn what_was_found_last_is_gone_on_from_soon() {
    const PLACES: usize = 20 * RECENT;
    let mut branch = Branch::new(5);
    branch.seen = vec![1; KINDS];
    let answers: Rc<[Choice]> = Rc::from(vec![]);
    branch.places.extend((0..PLACES).map(|kind| Place { kind, answers: Rc::clone(&answers), step: 0 }));
    let picks = (0..1000).map(|_| {
        branch.pick();
        branch.picked.unwrap_or(0)
    });
    let recent = picks.filter(|place| *place >= PLACES - RECENT).count();
    assert!((450..650).contains(&recent), "{recent}");
}

/// A change by one thread and a look by another is a happening, but not two by the same.
#[test]
fn only_what_passes_between_threads_counts() {
    let step = |thread, kind, object| Logged { thread, event: Event::Performed, access: op(kind, object) };
    let mut branch = Branch::new(5);
    let record = [Choice { kind: raddle_protocol::ChoiceKind::Thread, options: 2, taken: 0 }];
    branch.still = vec![(0, 0)];
    branch.look(&[step(0, Write, 1), step(0, Read, 1), step(0, Write, 2)], &record);
    assert_eq!(branch.places.len(), 0);
    branch.look(&[step(0, Write, 1), step(1, Read, 1), step(0, Write, 2)], &record);
    assert_eq!(branch.places.iter().map(|place| place.step).collect::<Vec<_>>(), [1]);
}

/// The same is another happening while somebody else stands still. What was repeated is not looked at again.
#[test]
fn it_matters_who_stands_still_meanwhile() {
    let step = |thread, kind| Logged { thread, event: Event::Performed, access: op(kind, 1) };
    let steps = [step(0, Write), step(1, Read), step(1, Write), step(0, Read)];
    let record = [Choice { kind: raddle_protocol::ChoiceKind::Thread, options: 2, taken: 0 }];
    let mut branch = Branch::new(5);
    let mut found = |still: &[(usize, u64)]| {
        branch.places.clear();
        branch.still = still.to_vec();
        branch.look(&steps, &record);
        branch.places.iter().map(|place| place.step).collect::<Vec<_>>()
    };
    assert_eq!(found(&[(0, 0)]), [1, 2, 3]);
    assert_eq!(found(&[(0, 0)]), []);
    assert_eq!(found(&[(0, 0), (3, 0b100)]), [3]);
    assert_eq!(found(&[(2, 0b10)]), [2, 3]);
    assert_eq!(found(&[(4, 0b1000)]), []);
}
