//! What the tests of this crate begin with, where what it is does not matter.

use crate::settings::Settings;
use raddle_protocol::finding::{Schedule, Severity};
use raddle_protocol::{Code, Finding, MemoryModel, World};

/// A deadlock of which nothing is told.
pub fn finding() -> Finding {
    Finding {
        code: Code("RD0201".into()),
        severity: Severity::Error,
        test: String::new(),
        message: String::new(),
        spans: Vec::new(),
        threads: Vec::new(),
        steps: Vec::new(),
        stacks: Vec::new(),
        reason: Vec::new(),
        fix: Vec::new(),
        notes: Vec::new(),
        output: String::new(),
        replay: String::new(),
        schedule: Schedule::default(),
        root_cause: None,
        pattern: None,
    }
}

/// The defaults, and a seed.
pub fn settings() -> Settings {
    Settings {
        seed: 7,
        strategy: "auto".into(),
        preemptions: None,
        memory: MemoryModel::Rc11,
        epoch_ns: 1,
        processors: 2,
        heap_limit: 4 << 30,
        max_steps: 1_000_000,
        stall_ms: 10_000,
        schedules: 100_000,
        time_ms: 10_000,
        fork: false,
        keep_going: false,
        world: World { delay_ns: 50_000_000, ..World::default() },
    }
}
