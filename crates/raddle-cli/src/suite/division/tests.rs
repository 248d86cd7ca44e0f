//! What is told does not depend on the order in which blocks end.

use super::*;
use raddle_protocol::{Outcome, Summary};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

fn divided() -> Division {
    let division = Division::default();
    let summary = Summary { schedules: 100, digest: 5, ..Summary::default() };
    division.take_head(Part { number: 0, summary, shown: Vec::new(), divisible: true }, &[]);
    division
}

fn deal(division: &Division, blocks: u64) {
    for block in 1..=blocks {
        assert_eq!(division.draw(5, &[], block % 2 == 0, &Interrupt::deaf()), Some(block));
    }
}

/// A block of ten executions, with a finding or without.
fn block(number: u64, finds: bool) -> Block {
    let raw = RawFinding::new(Outcome::Stuck, 100 + 10 * number);
    let end = if finds { End::Finding } else { End::Budget };
    let summary = Summary { schedules: 10, digest: number, end, ..Summary::default() };
    let counted = vec![Counted { class: number, drawn: true }];
    Block { summary, counted, found: finds.then_some((Some(number), raw)).into_iter().collect() }
}

fn died() -> Ended {
    Ended { ending: Ending::Died(ExitStatus::from_raw(9), true), output: b"words".to_vec() }
}

#[test]
fn the_finding_of_the_lowest_block_is_told_whichever_comes_first() {
    let tell = |order: [u64; 4]| {
        let division = divided();
        deal(&division, 4);
        for number in order {
            division.end_block(number, block(number, number >= 2), None);
        }
        let Conclusion { ended, schedules, found, .. } = division.conclude(&Interrupt::deaf()).unwrap();
        let Ending::Finished(summary) = ended.ending else { panic!("{ended:?}") };
        (summary, schedules, found.iter().map(|raw| raw.execution).collect::<Vec<_>>())
    };
    let told = tell([1, 2, 3, 4]);
    assert_eq!((told.1, told.0.distinct, &told.2[..]), (120, 2, &[120][..]));
    for order in [[4, 3, 2, 1], [3, 1, 4, 2], [2, 4, 1, 3]] {
        assert_eq!(tell(order), told);
    }
}

#[test]
fn blocks_behind_a_finding_are_of_no_interest_and_those_before_it_are() {
    let division = divided();
    deal(&division, 5);
    division.end_block(4, block(4, true), None);
    assert_eq!([1, 3, 4, 5].map(|block| division.needs(block)), [true, true, true, false]);
    assert_eq!(division.draw(5, &[], false, &Interrupt::deaf()), None);
    assert_eq!(division.helpers(), None);
    division.end_block(2, block(2, true), None);
    assert_eq!([1, 3].map(|block| division.needs(block)), [true, false]);
}

#[test]
fn a_process_that_dies_ends_the_search_at_its_block_unless_one_before_it_does() {
    let division = divided();
    deal(&division, 3);
    division.end_block(2, Block::default(), Some(died()));
    division.end_block(3, block(3, true), None);
    division.end_block(1, block(1, false), None);
    let Conclusion { ended, schedules, found, .. } = division.conclude(&Interrupt::deaf()).unwrap();
    assert!(matches!(ended.ending, Ending::Died(..)) && ended.output == b"words");
    assert_eq!((schedules, found.len()), (110, 0));

    let division = divided();
    deal(&division, 2);
    division.end_block(2, Block::default(), Some(died()));
    division.end_block(1, block(1, true), None);
    let Conclusion { ended, found, .. } = division.conclude(&Interrupt::deaf()).unwrap();
    assert!(matches!(ended.ending, Ending::Finished(_)) && found.len() == 1);
}

#[test]
fn who_has_performed_another_head_has_no_part_in_it() {
    let division = divided();
    assert_eq!(division.helpers(), Some(0));
    assert_eq!(division.draw(6, &[], true, &Interrupt::deaf()), None);
    assert_eq!(division.helpers(), None, "the next one will hardly do better");
    assert_eq!(division.draw(5, &[], false, &Interrupt::deaf()), Some(1));
    assert_eq!(division.draw(5, &[], true, &Interrupt::deaf()), None);
}

#[test]
fn what_only_one_process_can_do_is_not_divided() {
    let division = divided();
    division.forks(Some("it opens a file".into()));
    assert_eq!(division.helpers(), None);
    assert_eq!(division.draw(5, &[], false, &Interrupt::deaf()), Some(1));
    division.end_block(1, block(1, false), None);
    let conclusion = division.conclude(&Interrupt::deaf()).unwrap();
    assert_eq!(conclusion.forks, Some(Some("it opens a file".into())));
    assert!(Division::default().conclude(&Interrupt::deaf()).is_none(), "there was no block");
}

#[test]
fn nothing_is_dealt_too_far_ahead() {
    let division = divided();
    deal(&division, AHEAD);
    std::thread::scope(|scope| {
        let next = scope.spawn(|| division.draw(5, &[], false, &Interrupt::deaf()));
        std::thread::sleep(LOOK / 2);
        assert!(!next.is_finished());
        division.end_block(1, block(1, false), None);
        assert_eq!(next.join().unwrap(), Some(AHEAD + 1));
    });
}
