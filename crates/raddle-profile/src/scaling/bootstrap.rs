//! Intervals of 95 % by the bootstrap (B. Efron, 1979): residuals are drawn anew, laid on the fitted curve, and fitted
//! again. They are widened by the degrees of freedom that the fit has used up. With a fixed seed, so that the same
//! measurement always gives the same intervals.
//!
//! What this cannot see: an error of the law itself, and one that all repetitions share.

use super::fit::fit_near;
use super::law::Law;

/// Lower and upper ends.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Intervals {
    pub lambda: (f64, f64),
    pub sigma: (f64, f64),
    pub kappa: (f64, f64),
}

/// The intervals of a fit.
pub fn intervals(data: &[(f64, f64)], law: &Law, coherency: bool, resamples: usize) -> Intervals {
    let used = if coherency { 3 } else { 2 };
    let freedom = data.len().saturating_sub(used).max(1) as f64;
    let widened = (data.len() as f64 / freedom).sqrt();
    let residuals: Vec<f64> = data.iter().map(|(n, x)| (x / law.throughput(*n)).ln() * widened).collect();
    let mut random = Random(0x5eed_1e55_c0ff_ee00);
    let mut laws = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let sample: Vec<(f64, f64)> = data
            .iter()
            .map(|(n, _)| {
                let residual = residuals[random.below(residuals.len())];
                (*n, law.throughput(*n) * residual.exp())
            })
            .collect();
        laws.push(fit_near(&sample, coherency, law));
    }
    let ends = |pick: &dyn Fn(&Law) -> f64, value: f64| {
        let mut values: Vec<f64> = laws.iter().map(pick).collect();
        values.sort_by(f64::total_cmp);
        if values.is_empty() {
            return (value, value);
        }
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        (at(0.025).min(value), at(0.975).max(value))
    };
    Intervals {
        lambda: ends(&|law| law.lambda, law.lambda),
        sigma: ends(&|law| law.sigma, law.sigma),
        kappa: ends(&|law| law.kappa, law.kappa),
    }
}

/// SplitMix64 (G. Steele, D. Lea, C. Flood, 2014).
#[derive(Debug)]
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        ((u128::from(self.next()) * limit as u128) >> 64) as usize
    }

    #[cfg(test)]
    pub(super) fn even(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Normally distributed, by the sum of twelve.
    #[cfg(test)]
    pub(super) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.even()).sum::<f64>() - 6.0
    }
}
