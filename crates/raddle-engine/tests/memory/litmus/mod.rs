//! Programs with outcomes known by hand.
//!
//! Names of the classic shapes are those of Alglave, Maranget and Tautschnig, "Herding cats", TOPLAS 2014, and of the
//! papers in which the others appear. What is looked at stands before the arrow: registers and, as `x` to `z`, the
//! values of locations at the end.

mod buffering;
mod coherence;
mod fences;
mod passing;
mod sequences;
mod total_order;

use crate::notation::{Outcome, Program};
use crate::{axioms, explore};
use raddle_engine::memory::{Memory, Model};
use std::collections::BTreeSet;

fn seen(outcomes: &BTreeSet<Outcome>, looks: &str) -> String {
    let seen: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.seen(looks)).collect();
    seen.into_iter().collect::<Vec<_>>().join(" ")
}

/// The program has exactly these outcomes, and under each schedule those that the axioms leave to it.
#[track_caller]
fn check(program: &str, looks: &str, expected: &str) {
    let program = Program::parse(program);
    let found = explore::explore(&program, Memory::to_the_letter(Model::Rc11), usize::MAX).expect("there is no bound");
    assert_eq!(seen(&found.outcomes(), looks), expected, "what is found, and what is known by hand");
    let allowed = axioms::allowed(&program, usize::MAX).expect("there is no bound");
    assert_eq!(found.outcomes(), allowed.outcomes(), "what is found, and what the axioms say");
    for (schedule, outcomes) in &found.by_schedule {
        assert_eq!(*outcomes, allowed.outcomes_under(schedule), "what is found, and what the axioms say: {schedule:?}");
    }
}

macro_rules! litmus {
    ($($(#[$attribute:meta])* $name:ident: $program:literal, $looks:literal => $expected:literal;)*) => {$(
        $(#[$attribute])*
        #[test]
        fn $name() {
            crate::litmus::check($program, $looks, $expected);
        }
    )*};
}

use litmus;
