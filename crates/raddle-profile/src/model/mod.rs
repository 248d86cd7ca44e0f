//! What a profile says, as data: measurement, verdict, scaling, advice. Everything that is shown is made from it, and
//! [`Report`] is also what `--message-format json` prints.
//!
//! Units: seconds, bytes, counts; shares lie between 0 and 1. Fields may be added; none is renamed or given another
//! meaning without a new [`VERSION`].

mod advice;
mod measurement;
mod scaling;
mod verdict;

pub use advice::{Advice, Choice, Fired, Recommendation, WhatIf, WhatIfRow};
pub use measurement::{
    Counts, Cpu, Ending, Machine, Measurement, Moment, Place, Sampling, Subject, ThreadLine, Timeline, Unwinding,
    WaitLine,
};
pub use scaling::{Coefficient, Fit, Limits, Point, Scaling};
pub use verdict::{Bottleneck, Confidence, Sentence, Verdict};

use serde::{Deserialize, Serialize};

/// Version of the form in which reports are written.
pub const VERSION: u32 = 1;

/// All that a profile has found out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// What was measured.
    pub measurement: Measurement,
    /// Which bottleneck it shows.
    pub verdict: Verdict,
    /// How the program scales, when that was asked for.
    pub scaling: Option<Scaling>,
    /// What to do about it.
    pub advice: Advice,
}
