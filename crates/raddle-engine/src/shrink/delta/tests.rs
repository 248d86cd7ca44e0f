//! What is needed is found, and nothing else is left.

use super::*;
use proptest::prelude::{ProptestConfig, prop, prop_assert, prop_assert_eq, proptest};
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed_0004),
        rng_algorithm: proptest::test_runner::RngAlgorithm::XorShift,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Fails exactly when all that is needed is there: that is found, in few tries.
    #[test]
    fn what_is_needed_is_found(length in 1usize..120,
        places in prop::collection::vec(proptest::prelude::any::<prop::sample::Index>(), 0..5)) {
        let needed: BTreeSet<usize> = places.iter().map(|place| place.index(length)).collect();
        let mut tries = 0;
        let found = minimize((0..length).collect(), |part: &[usize]| {
            tries += 1;
            Some(needed.iter().all(|at| part.contains(at)))
        });
        prop_assert_eq!(found, needed.iter().copied().collect::<Vec<_>>());
        prop_assert!(tries <= 60 * (needed.len() + 1), "{} tries for {} of {}", tries, needed.len(), length);
    }

    /// Whatever fails: the result does, and nothing can be taken from it.
    #[test]
    fn the_result_fails_and_is_minimal(length in 1usize..40, seed: u64) {
        let fails = |part: &[usize]| {
            // The whole fails; of the others some, without any order in it.
            let hash = part.iter().fold(seed, |hash, at| crate::random::mix(hash ^ *at as u64));
            part.len() == length || hash.is_multiple_of(3)
        };
        let found = minimize((0..length).collect(), |part: &[usize]| Some(fails(part)));
        prop_assert!(fails(&found));
        for at in 0..found.len() {
            let mut less = found.clone();
            less.remove(at);
            prop_assert!(!fails(&less), "{:?} without its number {}", found, at);
        }
    }

    #[test]
    fn when_no_more_may_be_tried_the_best_so_far_is_the_answer(length in 1usize..60, allowed in 0usize..30) {
        let (mut tries, mut failed) = (0, vec![(0..length).collect::<Vec<_>>()]);
        let found = minimize((0..length).collect(), |part: &[usize]| {
            tries += 1;
            if tries > allowed {
                return None;
            }
            let fails = part.contains(&(length / 2)) && part.contains(&0);
            if fails {
                failed.push(part.to_vec());
            }
            Some(fails)
        });
        prop_assert_eq!(Some(&found), failed.iter().min_by_key(|part| part.len()));
    }
}
