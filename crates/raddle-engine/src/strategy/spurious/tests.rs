//! What happens for no reason, and in which executions that is asked.

use super::*;
use crate::shrink::{Follow, Note};
use crate::strategy::{Kept, Replay};
use raddle_protocol::Choice;

fn ask(strategy: &mut dyn Strategy, kind: ChoiceKind) -> usize {
    strategy.choose(&Question::plain(kind, 2))
}

#[test]
fn one_happens_without_preemption() {
    for kind in SPURIOUS {
        let mut strategy = Spurious::at(kind, 2);
        let happened: Vec<usize> = (0..5).map(|_| ask(&mut strategy, kind)).collect();
        assert_eq!(happened, [0, 0, 1, 0, 0]);
        let threads = Question { threads: &[1, 2], ..Question::plain(ChoiceKind::Thread, 2) };
        assert_eq!(strategy.choose(&threads), 0);
        assert_eq!(SPURIOUS.map(|other| strategy.allows(other)), SPURIOUS.map(|other| other == kind));
    }
}

#[test]
fn drawn_ones_happen_sometimes_and_differ() {
    let happened = |number| {
        let mut strategy = Spurious::drawn(ChoiceKind::SpuriousWakeup, 1, number);
        (0..32).map(|_| ask(&mut strategy, ChoiceKind::SpuriousWakeup)).collect::<Vec<_>>()
    };
    let first = happened(0);
    assert_eq!(first, happened(0));
    assert_ne!(first, happened(1));
    let count = first.iter().sum::<usize>();
    assert!((8..=24).contains(&count), "{count} of 32");
}

/// A recorded execution is asked again exactly where it was.
#[test]
fn what_follows_a_record_asks_if_the_record_was_asked() {
    let choice = |kind, taken| Choice { kind, options: 2, taken };
    for asked in [None, Some(ChoiceKind::SpuriousWakeup), Some(ChoiceKind::WeakFailure)] {
        let record: Vec<Choice> =
            [choice(ChoiceKind::Thread, 1)].into_iter().chain(asked.map(|kind| choice(kind, 1))).collect();
        let (mut note, noted) = Note::new(record.clone());
        note.begin(1);
        for choice in &record {
            let threads: &[u32] = if choice.kind == ChoiceKind::Thread { &[1, 2] } else { &[] };
            note.choose(&Question { threads, ..Question::plain(choice.kind, 2) });
        }
        for kind in SPURIOUS {
            let expected = asked == Some(kind);
            assert_eq!(note.allows(kind), expected);
            assert_eq!(Replay::new(record.clone()).allows(kind), expected);
            assert_eq!(Kept::new(record.clone()).allows(kind), expected);
            assert_eq!(Follow::new(&noted.borrow()).allows(kind), expected);
        }
    }
}
