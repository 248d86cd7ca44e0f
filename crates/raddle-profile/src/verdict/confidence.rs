//! How sure a share is, against the threshold that it was compared with.
//!
//! The standard error of a share seen in `n` looks is the binomial one. Times on a processor and in the run queue are
//! counted, not sampled, so for them this is too careful. A further point is allowed for what is not chance: counters
//! that come late, and states that change between two looks.

use crate::model::Confidence;

/// What is not chance, as a share.
const SYSTEMATIC: f64 = 0.01;

/// Compares a share with a threshold.
pub(super) fn confidence(share: f64, threshold: f64, looks: u64) -> Confidence {
    let share = share.clamp(0.0, 1.0);
    let n = looks.max(1) as f64;
    // With Laplace's correction, so that a share of exactly one is not taken for certain.
    let corrected = (share * n + 1.0) / (n + 2.0);
    let error = (corrected * (1.0 - corrected) / n).sqrt() + SYSTEMATIC;
    Confidence { probability: normal((share - threshold) / error), share, error, threshold }
}

/// The normal distribution function, by the approximation of Abramowitz and Stegun, 26.2.17 (error below 1e-7).
pub(super) fn normal(x: f64) -> f64 {
    if x < 0.0 {
        return 1.0 - normal(-x);
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x);
    let series =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    1.0 - (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * series
}
