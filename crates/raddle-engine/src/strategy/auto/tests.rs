//! Who is chosen how often, and that it is the same again.

use super::super::toy::{Toy, perform, writes};
use super::*;
use crate::Tape;

/// Executions of each member when those of member `lucky` alone find something new.
fn shares(seed: u64, lucky: Option<usize>, executions: u64) -> Vec<u64> {
    shares_of(10, seed, lucky, executions)
}

/// The same with so many choices in each execution.
fn shares_of(choices: u64, seed: u64, lucky: Option<usize>, executions: u64) -> Vec<u64> {
    let mut auto = Auto { allowance: 0, ..Auto::new(seed) };
    let mut shares = vec![0; auto.members.len()];
    for execution in 0..executions {
        auto.begin(execution);
        let active = auto.active;
        shares[active] += 1;
        let new = lucky.is_none_or(|lucky| lucky == active);
        auto.end(&Seen { steps: &[], choices, record: &[], new, passed: true, pending: &[], obstacle: None });
    }
    shares
}

#[test]
fn members_that_do_equally_well_share_what_is_not_given_by_turns() {
    let shares = shares(1, None, 7_200);
    for (member, share) in (0..).zip(&shares) {
        let turns = 300 * ROUND.iter().filter(|turn| **turn == member).count() as u64;
        assert!((turns + 480..turns + 720).contains(share), "{shares:?}");
    }
}

#[test]
fn who_finds_something_new_comes_more_often_and_nobody_is_forgotten() {
    for lucky in 0..6 {
        let shares = self::shares(2, Some(lucky), DEEP);
        let unlucky = self::shares(2, Some((lucky + 1) % 6), DEEP);
        assert!(shares[lucky] > unlucky[lucky] + DEEP / 4, "{shares:?}, {unlucky:?}");
        assert!(shares.iter().all(|share| *share >= DEEP / 25), "{shares:?}");
    }
}

#[test]
fn the_first_executions_are_mostly_those_of_who_finds_soon() {
    let shares = shares(1, None, EARLY);
    assert!(shares[SURW] >= 32 && shares[POS] >= 8, "{shares:?}");
    assert!(shares.iter().all(|share| *share > 0), "{shares:?}");
}

#[test]
fn long_executions_go_on_from_what_was_rare_and_nobody_is_forgotten() {
    let shares = shares_of(LONG + 1, 1, None, 24_000);
    assert!(shares[BRANCH] > 16_000, "{shares:?}");
    assert!(shares.iter().all(|share| *share >= 600), "{shares:?}");
    assert!(shares_of(LONG, 1, None, DEEP)[BRANCH] < DEEP / 4);
}

#[test]
fn so_does_one_in_four_when_there_have_been_many() {
    let (before, after) = (shares(1, None, DEEP), shares(1, None, DEEP + 24_000));
    let since = |member: usize| after[member] - before[member];
    assert!((8_500..9_500).contains(&since(BRANCH)), "{before:?}, {after:?}");
    assert!((0..6).all(|member| since(member) >= 1_800), "{before:?}, {after:?}");
}

#[test]
fn the_same_seed_gives_the_same_executions() {
    let toy: Toy = vec![writes(9, 4), writes(9, 4), writes(8, 4)];
    let run = |seed| {
        let mut tape = Tape::new(Box::new(Auto::new(seed)));
        (0..500).map(|execution| perform(&toy, &mut tape, execution)).collect::<Vec<_>>()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

/// How far the search is after so many executions of `auto`, when so many are expected.
fn searched(toy: &Toy, executions: u64, expected: u64) -> Search {
    let mut tape = Tape::new(Box::new(Auto::new(1)));
    tape.expect(expected);
    (0..executions).for_each(|execution| drop(perform(toy, &mut tape, execution)));
    tape.strategy().search().expect("there is a search")
}

#[test]
fn a_small_test_is_exhausted_soon_and_a_large_one_left_alone() {
    let small = vec![writes(9, 3), writes(9, 3)];
    // Twenty executions, every second one after the first hundred.
    assert!(!searched(&small, ALONE + 38, 1000).finished);
    assert!(searched(&small, ALONE + 39, 1000).finished);
    assert_eq!(searched(&small, ALONE, 1000).executions, 0);
    // A tenth of the budget is too small for it.
    assert_eq!(searched(&small, 1000, 100).executions, 10);
    let large = vec![writes(9, 12), writes(9, 12), writes(9, 12)];
    let search = searched(&large, 6_000, 100_000);
    assert!(!search.finished && search.executions <= ALLOWANCE, "{search:?}");
}

#[test]
fn what_a_part_of_the_budget_will_do_for_is_exhausted_too() {
    // 3,432 orders: more than the allowance.
    let toy = vec![writes(9, 7), writes(9, 7)];
    let search = searched(&toy, 8_000, 100_000);
    assert_eq!((search.finished, search.executions), (true, 3_432), "{search:?}");
    // 12,870 orders are more than a fifth of this budget.
    let toy = vec![writes(9, 8), writes(9, 8)];
    let search = searched(&toy, 7_200, 40_000);
    assert!(!search.finished && search.executions <= ALLOWANCE, "{search:?}");
}

/// How far both searches are under the name `exhaustive`.
fn exhaustive(toy: &Toy, executions: u64, expected: u64, bound: Option<u32>) -> Tape {
    let mut tape = Tape::new(Box::new(Auto::exhaustive(1)));
    tape.expect(expected);
    bound.into_iter().for_each(|bound| tape.bound(bound));
    (0..executions).for_each(|execution| drop(perform(toy, &mut tape, execution)));
    tape
}

#[test]
fn what_is_too_large_is_searched_by_preemptions() {
    // 12,870 orders: too many for a thousand, but not by far.
    let toy = vec![writes(9, 8), writes(9, 8)];
    let tape = exhaustive(&toy, 1_000, 2_500, None);
    let (search, bounded) = (tape.strategy().search().unwrap(), tape.strategy().bounded().unwrap());
    assert!(search.executions > 400 && bounded.executions > 400, "{search:?}, {bounded:?}");
    assert!(bounded.completed >= Some(3), "{bounded:?}");
    // It would do.
    assert_eq!(exhaustive(&toy, 1_000, 100_000, None).strategy().bounded(), None);
    // Far too many.
    let tape = exhaustive(&toy, 400, 400, None);
    let (search, bounded) = (tape.strategy().search().unwrap(), tape.strategy().bounded().unwrap());
    assert!(search.executions < 100 && bounded.executions > 200, "{search:?}, {bounded:?}");
}

#[test]
fn a_bound_that_is_asked_for_is_all_there_is() {
    // The first thread without a break; or the other one before any of its steps.
    let toy = vec![writes(9, 8), writes(9, 8)];
    let tape = exhaustive(&toy, 100, 1_000, Some(1));
    assert_eq!(tape.strategy().search(), None);
    let bounded = tape.strategy().bounded().unwrap();
    assert_eq!((bounded.completed, bounded.within, bounded.everything), (Some(1), 1 + 8, false));
}
