//! What to do.

use super::Sentence;
use serde::{Deserialize, Serialize};

/// A way to organize work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Choice {
    Sequential,
    Threads,
    ThreadPool,
    EventLoop,
    EventLoopWithPool,
    Processes,
}

impl Choice {
    /// As people say it.
    pub fn title(self) -> &'static str {
        match self {
            Choice::Sequential => "keep it sequential",
            Choice::Threads => "one thread for each task",
            Choice::ThreadPool => "a thread pool",
            Choice::EventLoop => "an event loop",
            Choice::EventLoopWithPool => "an event loop, and a pool for the CPU part",
            Choice::Processes => "several processes",
        }
    }
}

/// A rule that applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// Stable name.
    pub rule: String,
    /// What it says, in general.
    pub says: String,
    /// The numbers that made it apply here.
    pub because: String,
}

/// What is recommended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Which way; `None` when nothing can be recommended on these numbers.
    pub choice: Option<Choice>,
    /// How many threads or processes, where that matters.
    pub size: Option<u64>,
    /// In one sentence, with its numbers.
    pub sentence: String,
}

/// Predictions of a queueing model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatIf {
    /// What the model takes for granted, in sentences.
    pub assumptions: Vec<String>,
    /// One way of organizing work at one load.
    pub rows: Vec<WhatIfRow>,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhatIfRow {
    /// The model.
    pub choice: Choice,
    /// Threads or processes in it.
    pub size: u64,
    /// Load, in multiples of what was measured.
    pub load: f64,
    /// Tasks offered at once.
    pub tasks: f64,
    /// Throughput relative to what was measured.
    pub throughput: f64,
    /// Memory for stacks, processes and tasks, bytes.
    pub memory: u64,
    /// Share of the processors in use.
    pub utilization: f64,
}

/// The advice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// What is recommended.
    pub recommendation: Recommendation,
    /// Rules that applied, in the order in which they were tried.
    pub fired: Vec<Fired>,
    /// Things to do at once.
    pub steps: Vec<Sentence>,
    /// What each way would bring.
    pub what_if: Option<WhatIf>,
}
