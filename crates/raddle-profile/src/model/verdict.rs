//! The bottleneck.

use crate::state::State;
use serde::{Deserialize, Serialize};

/// What limits the program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bottleneck {
    /// One chain of computation.
    CpuSerial,
    /// Several threads compute, and there are processors for them.
    CpuParallel,
    /// More threads want to compute than there are processors.
    CpuOversubscribed,
    /// Storage.
    Disk,
    /// Other computers.
    Network,
    /// The other end of a pipe or local socket.
    Pipe,
    /// A lock.
    Lock,
    /// Handing the turn from one thread to the next.
    Scheduler,
    /// Page faults: memory that has to be made or fetched.
    Memory,
    /// Nothing: it has nothing to do.
    Idle,
    /// Several things, with their shares, largest first.
    Mixed(Vec<(State, f64)>),
    /// Too few samples to say.
    NotEnough,
}

impl Bottleneck {
    /// Its stable name, as in JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Bottleneck::CpuSerial => "cpu-serial",
            Bottleneck::CpuParallel => "cpu-parallel",
            Bottleneck::CpuOversubscribed => "cpu-oversubscribed",
            Bottleneck::Disk => "disk",
            Bottleneck::Network => "network",
            Bottleneck::Pipe => "pipe",
            Bottleneck::Lock => "lock",
            Bottleneck::Scheduler => "scheduler",
            Bottleneck::Memory => "memory",
            Bottleneck::Idle => "idle",
            Bottleneck::Mixed(_) => "mixed",
            Bottleneck::NotEnough => "not-enough",
        }
    }

    /// As a headline.
    pub fn title(&self) -> &'static str {
        match self {
            Bottleneck::CpuSerial => "CPU-bound, serial",
            Bottleneck::CpuParallel => "CPU-bound, parallel",
            Bottleneck::CpuOversubscribed => "CPU-bound, oversubscribed",
            Bottleneck::Disk => "I/O-bound: disk",
            Bottleneck::Network => "I/O-bound: network",
            Bottleneck::Pipe => "I/O-bound: pipe",
            Bottleneck::Lock => "lock-bound",
            Bottleneck::Scheduler => "scheduler-bound",
            Bottleneck::Memory => "memory-bound: page faults",
            Bottleneck::Idle => "idle",
            Bottleneck::Mixed(_) => "mixed",
            Bottleneck::NotEnough => "not enough samples",
        }
    }
}

/// How sure the verdict is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Chance that the deciding share lies on the side of its threshold on which it was measured, by the normal
    /// approximation; a statement about sampling, not about the rules.
    pub probability: f64,
    /// The deciding share.
    pub share: f64,
    /// Its standard error.
    pub error: f64,
    /// What it was compared with.
    pub threshold: f64,
}

impl Confidence {
    /// `high`, `medium` or `low`.
    pub fn word(&self) -> &'static str {
        match self.probability {
            p if p >= 0.99 => "high",
            p if p >= 0.9 => "medium",
            _ => "low",
        }
    }
}

/// A statement and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Stable name of the rule that has made it.
    pub rule: String,
    /// The statement, with its numbers.
    pub text: String,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// What limits the program.
    pub bottleneck: Bottleneck,
    /// How sure that is; `None` when there is nothing to be sure of.
    pub confidence: Option<Confidence>,
    /// Why, most important first.
    pub reasons: Vec<Sentence>,
    /// What else was noticed.
    pub remarks: Vec<Sentence>,
}
