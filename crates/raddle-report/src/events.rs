//! What a run reports, in the order in which it happens: the only thing between the runner and the reporters.
//!
//! The field names and the words of the enums are those of the JSON output, so they are a contract: add, never rename.

use raddle_protocol::finding::{Code, Finding, Severity};
use raddle_protocol::message::Obstacle;
use serde::Serialize;

/// One report of a run. `SuiteStarted` comes first and `SuiteFinished` last, interrupted runs included.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Event {
    SuiteStarted(SuiteStarted),
    TestStarted(TestStarted),
    Finding(Box<Finding>),
    TestFinished(Box<TestFinished>),
    SuiteFinished(SuiteFinished),
}

/// Everything is built and the tests are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SuiteStarted {
    /// Tests that will be explored.
    pub tests: u64,
    /// Tests left out because they are marked `#[ignore]`.
    pub ignored: u64,
    /// Seed of the search; the same seed on the same program gives the same schedules.
    pub seed: u64,
    /// Name of the search strategy.
    pub strategy: String,
    /// Packages that the tests belong to.
    pub packages: Vec<String>,
}

/// One test is about to be explored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestStarted {
    /// Full name of the test, or of the program.
    pub test: String,
    /// Name of its executable, as cargo-nextest writes it.
    pub binary: String,
}

impl TestStarted {
    /// Its name within the executable.
    #[must_use]
    pub fn name(&self) -> &str {
        self.test.strip_prefix(&self.binary).and_then(|rest| rest.strip_prefix(' ')).unwrap_or(&self.test)
    }
}

/// How the exploration of one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestOutcome {
    /// No schedule tried has failed; there may be more.
    Passed,
    /// Some schedule has failed.
    Failed,
    /// All schedules there are have been tried, and none failed.
    Exhausted,
    /// The test never has two threads at once: there is one schedule, and it passed.
    SingleThreaded,
    /// The test could not be explored.
    Error,
}

impl TestOutcome {
    /// The word for it in the JSON output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            TestOutcome::Passed => "passed",
            TestOutcome::Failed => "failed",
            TestOutcome::Exhausted => "exhausted",
            TestOutcome::SingleThreaded => "single-threaded",
            TestOutcome::Error => "error",
        }
    }
}

/// How executions were kept from seeing each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Memory was put back after each.
    Rewind,
    /// Each ran in a process of its own.
    Fork,
}

impl From<raddle_protocol::Mode> for Mode {
    fn from(mode: raddle_protocol::Mode) -> Self {
        match mode {
            raddle_protocol::Mode::Rewind => Mode::Rewind,
            raddle_protocol::Mode::Fork => Mode::Fork,
        }
    }
}

/// How far the search came that performs all executions one after the other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Search {
    /// Executions that were part of it.
    pub executions: u64,
    /// Of these, how many turned out half-way to be like earlier ones.
    pub redundant: u64,
    /// Whether none was left.
    pub finished: bool,
    /// How many there are in all, as far as that can be told; exact when it is finished.
    pub estimate: u64,
    /// Why the test does not count as exhausted even if no execution was left, as a clause.
    pub obstacle: Option<&'static str>,
    /// Whether the user asked for this search alone. Not part of the JSON output.
    #[serde(skip)]
    pub asked_for: bool,
}

impl Search {
    /// From what the runtime tells.
    #[must_use]
    pub fn new(search: &raddle_protocol::message::Search, asked_for: bool) -> Self {
        Search {
            executions: search.executions,
            redundant: search.redundant,
            finished: search.finished,
            estimate: search.estimate as u64,
            obstacle: search.obstacle.map(clause),
            asked_for,
        }
    }
}

/// How many schedules leave memory behind that nothing leads to any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Leaks {
    /// Schedules that do.
    pub schedules: u64,
    /// Schedules that were looked at: those that passed, and whose test function returned.
    pub of: u64,
    /// Bytes that are left by the schedule that leaves the least.
    pub least_bytes: u64,
    /// Bytes that are left by the schedule that leaves the most.
    pub most_bytes: u64,
    /// Blocks of memory that these are.
    pub most_blocks: u64,
}

impl From<raddle_protocol::Leaks> for Leaks {
    fn from(leaks: raddle_protocol::Leaks) -> Self {
        let raddle_protocol::Leaks { executions, of, least, most } = leaks;
        Leaks { schedules: executions, of, least_bytes: least.0, most_bytes: most.0, most_blocks: most.1 }
    }
}

/// Why a search may not have seen everything, as a clause.
fn clause(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Endless => "under some schedules a loop goes on for very long",
        Obstacle::ManyThreads => "more than 64 threads can run at the same time",
        Obstacle::Differs => "the same schedule did not lead to the same steps again",
        Obstacle::InputOutput => "threads read, write or wait for another process",
        Obstacle::Time => "a thread sleeps, or waits with a timeout",
        Obstacle::Clock => "it looks at a clock",
        Obstacle::Random => "it draws random numbers",
        Obstacle::Overlap => "atomic operations of different sizes overlap in memory",
        Obstacle::Bounds => "there are more stores and fences than the memory model keeps apart",
        Obstacle::FenceEverywhere => "a thread makes all others perform a fence",
        Obstacle::Fork => "each schedule has to run in a process of its own",
        Obstacle::Failure => "not every schedule passes",
    }
}

/// How far the search came that performs executions in the order of their preemptions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bounded {
    /// Executions that were part of it.
    pub executions: u64,
    /// All with up to so many preemptions were performed; `None` if not even all without one were.
    pub completed: Option<u32>,
    /// How many these were.
    pub within: u64,
    /// No execution has more preemptions: these were all there are.
    pub everything: bool,
    /// Why there may be others even so, as a clause.
    pub obstacle: Option<&'static str>,
}

impl Bounded {
    /// From what the runtime tells.
    #[must_use]
    pub fn new(bounded: &raddle_protocol::message::Bounded) -> Self {
        let raddle_protocol::message::Bounded { executions, completed, within, everything, obstacle } = *bounded;
        Bounded { executions, completed, within, everything, obstacle: obstacle.map(clause) }
    }
}

/// One test has been explored.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TestFinished {
    /// Full name of the test, or of the program.
    pub test: String,
    /// How it ended.
    pub outcome: TestOutcome,
    /// Schedules tried.
    pub schedules: u64,
    /// How many of them differ in earnest: those that differ only in the order of independent steps count as one.
    pub distinct: u64,
    /// How many of the last thousand schedules (or of all, if there were fewer) were unlike all before them.
    pub new_lately: u64,
    /// Schedule points passed in all of them.
    pub points: u64,
    /// Hash of every step of every schedule, in hexadecimal, where each schedule was performed twice to be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Estimate of the probability that one more schedule would be unlike all seen so far; `None` when not estimated.
    pub unseen_estimate: Option<f64>,
    /// Upper bound on that probability, at 95 % confidence.
    pub unseen_upper_bound: Option<f64>,
    /// How far the search came that performs all executions one after the other; `None` where there was none.
    pub search: Option<Search>,
    /// How far the search came that goes by preemptions; `None` where there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounded: Option<Bounded>,
    /// Lower bounds on the probability that a bug which needs 2, 3 and 4 steps in a certain order would have been found,
    /// where the strategy gives them.
    pub pct_guarantee: Option<[f64; 3]>,
    /// How many times something was cancelled, one schedule each, where that was tried (`--cancel`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<u64>,
    /// What schedules have left in memory, where that was looked for (`--leaks`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaks: Option<Leaks>,
    /// Wall-clock milliseconds.
    pub elapsed_ms: u64,
    /// How executions were kept apart.
    pub mode: Mode,
    /// What made a mode other than the default necessary, as a clause: `the test starts a child process`.
    pub mode_why: Option<String>,
    /// What went wrong when the outcome is an error, or what else should be known; sentences.
    pub detail: Option<String>,
    /// Codes of this test's findings, in the order in which they were found. Empty for a failed test means that it
    /// fails under every schedule: an ordinary failing test.
    pub findings: Vec<Code>,
    /// Schedules of this test that were kept beside its package when they failed, and what came of them now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<KeptSchedule>,
}

/// A kept schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptSchedule {
    /// Its file: relative to the workspace where it lies inside it.
    pub file: String,
    /// What came of it.
    pub outcome: KeptOutcome,
    /// Schedules tried because of it, those of the search for what does not fit included. They are not among those of the
    /// test unless it ended with them.
    pub schedules: u64,
    /// Seed of the search that had found it.
    pub seed: u64,
}

/// What came of a kept schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptOutcome {
    /// It fails, as it did or in another way.
    Fails,
    /// It was performed as it was kept, and passes.
    Passes,
    /// The program has changed so that it is another schedule now.
    DoesNotFit,
    /// It was kept under other options, and has not been tried.
    OtherOptions,
}

/// A finding as the summary names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingRef {
    /// Catalogue code.
    pub code: Code,
    /// Finding or warning.
    pub severity: Severity,
    /// Full name of the test, or of the program.
    pub test: String,
    /// Token for `cargo raddle replay`; empty when it could not be stored.
    pub replay: String,
    /// The place in the list of an earlier warning that says the same. Not part of the JSON output.
    #[serde(skip)]
    pub repeats: Option<usize>,
}

/// The run is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SuiteFinished {
    /// Tests that the run set out to explore.
    pub tests: u64,
    /// Of these: no schedule tried has failed.
    pub passed: u64,
    /// Of these: some schedule has failed.
    pub failed: u64,
    /// Of these: all schedules tried, none failed.
    pub exhausted: u64,
    /// Of these: nothing to schedule, passed.
    pub single_threaded: u64,
    /// Of these: could not be explored.
    pub errors: u64,
    /// Tests left out because they are marked `#[ignore]`.
    pub ignored: u64,
    /// Schedules tried in all tests.
    pub schedules: u64,
    /// All findings and warnings, in the order in which they were found.
    pub findings: Vec<FindingRef>,
    /// Seed of the search.
    pub seed: u64,
    /// Wall-clock milliseconds, without the build.
    pub elapsed_ms: u64,
    /// Files in which failing schedules have been kept. Not part of the JSON output, where each finding has its own.
    #[serde(skip)]
    pub kept: Vec<String>,
    /// Schedules kept earlier that pass now, and those that were kept under other options. As above.
    #[serde(skip)]
    pub kept_earlier: (u64, u64),
    /// Whether a percentage of what has not been seen is shown for any passed test. Not part of the JSON output.
    #[serde(skip)]
    pub estimated: bool,
    /// Whether the user stopped the run; the tests in no other count were not reached or not finished.
    pub interrupted: bool,
}

impl SuiteFinished {
    /// Counts the end of one test in; the caller sets the rest.
    pub fn count(&mut self, test: &TestFinished) {
        self.schedules += test.schedules;
        let of = |outcome| test.kept.iter().filter(|kept| kept.outcome == outcome).count() as u64;
        self.kept_earlier.0 += of(KeptOutcome::Passes);
        self.kept_earlier.1 += of(KeptOutcome::OtherOptions);
        self.estimated |=
            test.outcome == TestOutcome::Passed && test.unseen_upper_bound.is_some_and(|bound| bound <= 0.5);
        *match test.outcome {
            TestOutcome::Passed => &mut self.passed,
            TestOutcome::Failed => &mut self.failed,
            TestOutcome::Exhausted => &mut self.exhausted,
            TestOutcome::SingleThreaded => &mut self.single_threaded,
            TestOutcome::Error => &mut self.errors,
        } += 1;
    }

    /// The test of which the same was shown as the last finding says, if there is one.
    pub fn shown_before(&self) -> Option<&str> {
        let earlier = self.findings.last()?.repeats?;
        Some(&self.findings[earlier].test)
    }

    /// Tests that have been explored to their end.
    pub fn finished(&self) -> u64 {
        self.passed + self.failed + self.exhausted + self.single_threaded + self.errors
    }
}

/// How far an exploration is. Not part of the JSON output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Number of the test within the run, from 1.
    pub index: u64,
    /// Tests of the run.
    pub tests: u64,
    /// Full name of the test.
    pub test: String,
    /// Schedules tried of this test so far.
    pub schedules: u64,
    /// How many a search through all of them takes, as far as that can be told, while there is one.
    pub estimate: Option<u64>,
    /// Wall-clock milliseconds spent on this test so far.
    pub elapsed_ms: u64,
}
