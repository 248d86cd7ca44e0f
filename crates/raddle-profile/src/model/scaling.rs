//! How throughput changes with the number of processors or workers.

use serde::{Deserialize, Serialize};

/// A whole scaling measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// What was varied: `processors`, or the setting that tells the program its workers.
    pub varied: String,
    /// What throughput means here: `runs per second`, or the number read from the output.
    pub metric: String,
    /// The measured points, by number of workers.
    pub points: Vec<Point>,
    /// Amdahl's law: serial fraction.
    pub amdahl: Option<Fit>,
    /// The Universal Scalability Law: contention and coherency.
    pub usl: Option<Fit>,
    /// What follows.
    pub limits: Option<Limits>,
    /// Share of the machine's processors that other programs used during the runs; `None` where it cannot be known.
    pub busy_elsewhere: Option<f64>,
    /// Why there is no fit, or what to think of it.
    pub remarks: Vec<String>,
}

/// One number of workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Processors or workers.
    pub workers: f64,
    /// Throughput of each repetition.
    pub throughput: Vec<f64>,
    /// Median of them.
    pub median: f64,
    /// Median over that of the smallest number of workers.
    pub speedup: f64,
}

/// A fitted coefficient with its 95 % bootstrap interval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coefficient {
    /// Its name in the law.
    pub name: String,
    /// Its value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// A fitted law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fit {
    /// Throughput of one worker.
    pub unit: Coefficient,
    /// The law's coefficients.
    pub coefficients: Vec<Coefficient>,
    /// Root of the mean squared relative residual.
    pub residual: f64,
}

/// What the Universal Scalability Law says of larger numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest speed-up that Amdahl's law allows; `None` when no serial part was found.
    pub speedup_limit: Option<f64>,
    /// Number of workers with the highest throughput; `None` when it grows without end.
    pub best_workers: Option<Coefficient>,
    /// Speed-up there.
    pub best_speedup: Option<f64>,
    /// Whether the best number lies beyond what was measured.
    pub extrapolated: bool,
}
