//! Programs with outcomes known by hand.

use crate::notation::Program;
use crate::{axioms, explore};
use raddle_engine::memory::Model;

/// The program has exactly these outcomes, for what is looked at.
#[track_caller]
fn check(program: &str, looks: &str, expected: &str) {
    let program = Program::parse(program);
    let seen = |outcomes: std::collections::BTreeSet<crate::notation::Outcome>| {
        let seen: std::collections::BTreeSet<_> = outcomes.iter().map(|outcome| outcome.seen(looks)).collect();
        seen.into_iter().collect::<Vec<_>>().join(" ")
    };
    let (found, _) = explore::outcomes(&program, Model::Rc11, usize::MAX).unwrap();
    let axioms = axioms::outcomes(&program, usize::MAX).unwrap();
    assert_eq!(found, axioms, "the engine and the axioms");
    assert_eq!(seen(found), expected, "the engine and what is known by hand");
}

#[test]
fn store_buffering() {
    check("x.rlx = 1; a = y.rlx | y.rlx = 1; b = x.rlx", "ab", "00 01 10 11");
    check("x.sc = 1; a = y.sc | y.sc = 1; b = x.sc", "ab", "01 10 11");
}
