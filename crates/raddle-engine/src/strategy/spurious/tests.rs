//! Which waits end for no reason, and in which executions that is asked.

use super::*;
use crate::shrink::{Follow, Note};
use crate::strategy::{Kept, Replay};
use raddle_protocol::Choice;

fn wait(strategy: &mut dyn Strategy) -> usize {
    strategy.choose(&Question::plain(ChoiceKind::SpuriousWakeup, 2))
}

#[test]
fn one_wait_ends_without_preemption() {
    let mut strategy = Spurious::at(2);
    let ended: Vec<usize> = (0..5).map(|_| wait(&mut strategy)).collect();
    assert_eq!(ended, [0, 0, 1, 0, 0]);
    let threads = Question { threads: &[1, 2], ..Question::plain(ChoiceKind::Thread, 2) };
    assert_eq!(strategy.choose(&threads), 0);
}

#[test]
fn drawn_ones_end_some_waits_and_differ() {
    let ended = |number| {
        let mut strategy = Spurious::drawn(1, number);
        (0..32).map(|_| wait(&mut strategy)).collect::<Vec<_>>()
    };
    let first = ended(0);
    assert_eq!(first, ended(0));
    assert_ne!(first, ended(1));
    let count = first.iter().sum::<usize>();
    assert!((8..=24).contains(&count), "{count} of 32");
}

/// A recorded execution is asked again exactly where it was.
#[test]
fn what_follows_a_record_asks_if_the_record_was_asked() {
    let choice = |kind, taken| Choice { kind, options: 2, taken };
    let with = vec![choice(ChoiceKind::Thread, 1), choice(ChoiceKind::SpuriousWakeup, 1)];
    let without = vec![choice(ChoiceKind::Thread, 1)];
    for (record, expected) in [(with, true), (without, false)] {
        assert_eq!(Replay::new(record.clone()).wakes_spuriously(), expected);
        assert_eq!(Kept::new(record.clone()).wakes_spuriously(), expected);
        let (mut note, noted) = Note::new(record.clone());
        assert_eq!(note.wakes_spuriously(), expected);
        note.begin(1);
        for choice in &record {
            let threads: &[u32] = if choice.kind == ChoiceKind::Thread { &[1, 2] } else { &[] };
            note.choose(&Question { threads, ..Question::plain(choice.kind, 2) });
        }
        assert_eq!(Follow::new(&noted.borrow()).wakes_spuriously(), expected);
    }
}
