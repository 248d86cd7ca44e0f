//! The estimate against distributions that are known.

use super::*;
use crate::random::Random;
use std::collections::BTreeMap;

/// Draws from weights; returns the estimate and the true missing mass.
fn draw(weights: &[f64], draws: u64, random: &mut Random) -> (Unseen, f64) {
    let sum: f64 = weights.iter().sum();
    let mut ends = Vec::new();
    weights.iter().fold(0.0, |before, weight| {
        ends.push(before + weight / sum);
        before + weight / sum
    });
    let mut counts = BTreeMap::<usize, u64>::new();
    for _ in 0..draws {
        let at = random.bits() as f64 / 2f64.powi(64);
        let class = ends.partition_point(|end| *end <= at).min(weights.len() - 1);
        *counts.entry(class).or_default() += 1;
    }
    let singletons = counts.values().filter(|count| **count == 1).count() as u64;
    let seen: f64 = counts.keys().map(|class| weights[*class] / sum).sum();
    (unseen(draws, singletons).expect("there were draws"), 1.0 - seen)
}

fn distributions() -> Vec<Vec<f64>> {
    vec![
        vec![1.0; 50],
        vec![1.0; 2000],
        (1..=3000).map(|rank| 1.0 / rank as f64).collect(),
        (1..=3000).map(|rank| 1.0 / (rank * rank) as f64).collect(),
        (0..40).map(|rank| 0.5f64.powi(rank)).collect(),
        // One class that nearly always comes, and very many that hardly ever do.
        std::iter::once(5000.0).chain(std::iter::repeat_n(1.0, 2000)).collect(),
    ]
}

/// With a confidence of 95 % it may fail once in twenty; it is a bound, so it fails less often.
#[test]
fn the_bound_holds_as_often_as_it_says() {
    let mut random = Random::new(77, 0);
    for weights in distributions() {
        for draws in [20, 200, 2000] {
            const TRIALS: usize = 100;
            let held = (0..TRIALS)
                .filter(|_| {
                    let (unseen, truth) = draw(&weights, draws, &mut random);
                    truth <= unseen.upper_bound + 1e-9
                })
                .count();
            assert!(held >= TRIALS * 95 / 100, "{held} of {TRIALS} for {} classes, {draws} draws", weights.len());
        }
    }
}

/// On average the estimate is right; and it is not simply the bound.
#[test]
fn the_estimate_is_right_on_average() {
    let mut random = Random::new(78, 0);
    for weights in distributions() {
        let trials: Vec<(Unseen, f64)> = (0..100).map(|_| draw(&weights, 1000, &mut random)).collect();
        let mean = |of: &dyn Fn(&(Unseen, f64)) -> f64| trials.iter().map(of).sum::<f64>() / trials.len() as f64;
        let (estimate, truth) = (mean(&|trial| trial.0.estimate), mean(&|trial| trial.1));
        assert!((estimate - truth).abs() < 0.005, "estimated {estimate}, true {truth}, {} classes", weights.len());
    }
}

#[test]
fn the_bound_comes_closer_as_more_is_tried() {
    let bounds: Vec<f64> = [100, 1000, 10_000, 100_000]
        .iter()
        .filter_map(|tried| unseen(*tried, 0))
        .map(|unseen| unseen.upper_bound)
        .collect();
    assert!(bounds.windows(2).all(|pair| pair[0] > pair[1]), "{bounds:?}");
    assert!(bounds[3] < 0.015, "{bounds:?}");
    assert_eq!(unseen(10, 10).map(|unseen| unseen.upper_bound), Some(1.0));
    assert_eq!(unseen(0, 0), None);
}
