//! How much of what could happen has not been seen, from how often each class has been.
//!
//! The missing mass is the probability that the next execution is of a class not seen so far. Good, "The population
//! frequencies of species and the estimation of population parameters" (Biometrika 1953), after Turing, estimates it by
//! the share `G` of the `N` executions whose class was seen exactly once. That the estimate can be trusted was first
//! shown by McAllester and Schapire, "On the convergence rate of Good-Turing estimators" (COLT 2000). The bound used
//! here has the same form and a smaller constant; it puts three facts together. The expected missing mass is at most
//! the expected `G` (Good). The missing mass exceeds its expectation by more than `a` with probability at most `exp(-N
//! a^2)` (McAllester and Ortiz, "Concentration inequalities for the missing mass and for histogram rule error", JMLR
//! 2003). `G` changes by at most `2 / N` when one execution does, so it falls short of its expectation by more than `b`
//! with probability at most `exp(-N b^2 / 2)` (McDiarmid, "On the method of bounded differences", 1989). Granting each
//! half of `delta`, the missing mass is at most `G + (1 + sqrt(2)) sqrt(ln(2 / delta) / N)` with probability at least
//! `1 - delta`.
//!
//! What it says and does not. Both assume that executions are drawn independently from one distribution: that of the
//! strategy. A random walk, POS and PCT of fixed length do that. A strategy that learns from earlier executions, `auto`
//! among them, does not quite, and its bound is an estimate, no theorem. In any case the bound speaks of what *this
//! search* would come across next, not of how many classes there are: a class that the strategy all but never reaches
//! adds next to nothing to it, and may be the one that fails.

#[cfg(test)]
mod tests;

/// Confidence at which the bound holds.
pub const CONFIDENCE: f64 = 0.95;

/// What has not been seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unseen {
    /// Good-Turing estimate of the missing mass.
    pub estimate: f64,
    /// Upper bound on it that holds with probability [`CONFIDENCE`].
    pub upper_bound: f64,
}

/// From the number of executions, and how many of their classes were seen exactly once. `None` when there were no
/// executions.
#[must_use]
pub fn unseen(executions: u64, singletons: u64) -> Option<Unseen> {
    if executions == 0 {
        return None;
    }
    let count = executions as f64;
    let estimate = (singletons as f64 / count).min(1.0);
    let deviation = (1.0 + 2f64.sqrt()) * ((2.0 / (1.0 - CONFIDENCE)).ln() / count).sqrt();
    Some(Unseen { estimate, upper_bound: (estimate + deviation).min(1.0) })
}
