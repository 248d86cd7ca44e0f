//! A finding in the words of the source code, ready to be shown.

use serde::{Deserialize, Serialize};

/// A code of the hazard catalogue, such as `RD0201`. Codes are stable: never reused, never renumbered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Code(pub String);

impl core::fmt::Display for Code {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A finding happened and can be replayed; a warning is legal but usually a mistake and fails no run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Severity {
    Error,
    Warning,
}

/// One finding, complete: everything a reader needs without the program at hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Catalogue code.
    pub code: Code,
    /// Finding or warning.
    pub severity: Severity,
    /// Full name of the test, or of the program.
    pub test: String,
    /// One sentence: what happened.
    pub message: String,
    /// Source places, most important first.
    pub spans: Vec<Span>,
    /// Threads that take part, in order of creation; `steps` refer to them by `id`.
    pub threads: Vec<ThreadView>,
    /// The user's own steps in the order in which they happened.
    pub steps: Vec<StepView>,
    /// Whole call stacks, where the places alone do not say enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stacks: Vec<StackView>,
    /// Why this went wrong, as paragraphs.
    pub reason: Vec<String>,
    /// What to change, as paragraphs.
    pub fix: Vec<String>,
    /// Further facts: what could not be known, what was left out.
    pub notes: Vec<String>,
    /// The program's own output in this execution.
    pub output: String,
    /// Token for `cargo raddle replay`; empty until it has been stored.
    pub replay: String,
    /// How the execution was found.
    pub schedule: Schedule,
    /// The pair of steps whose order decides, where it is known.
    pub root_cause: Option<RootCause>,
    /// The catalogue's code for the pattern that made it go wrong, where it is a known one and not the finding's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Code>,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Path: relative to the package or workspace where it lies inside it, else as the compiler recorded it.
    pub file: String,
    /// Absolute path, where the source can be read from.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; 0 when the debug information has none.
    pub column: u32,
    /// What happened here.
    pub label: String,
    /// Whether this is one of the places that the finding is about, or one that helps.
    pub primary: bool,
}

/// A thread as the report names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadView {
    /// Number in the execution.
    pub id: u32,
    /// Its name, or one derived from where it was spawned.
    pub name: String,
    /// What it was doing at the end, in words (`waits for lock `a``).
    pub state: String,
    /// Where it was spawned, `file:line`, if known.
    pub spawned_at: Option<String>,
}

/// One step of user code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepView {
    /// Which thread.
    pub thread: u32,
    /// What it does, in words (`locks `a``, `reads `counter` (0)`).
    pub action: String,
    /// Source file as in [`Span::file`]; empty when unknown.
    pub file: String,
    /// Line, 0 when unknown.
    pub line: u32,
    /// Innermost function of user code.
    pub function: String,
    /// How many times in a row this thread did just this (loops are folded).
    pub times: u32,
    /// Whether the finding turns on this step.
    pub key: bool,
    /// Whether another thread goes on after it although this one could have.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub interrupted: bool,
    /// How many steps are left out right before it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A call stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackView {
    /// Whose, and what happens there.
    pub title: String,
    /// Its frames, innermost first, down to the outermost one in user code.
    pub frames: Vec<FrameView>,
}

/// One frame of a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameView {
    /// Function.
    pub function: String,
    /// Source file as in [`Span::file`]; empty when unknown.
    pub file: String,
    /// Line, 0 when unknown.
    pub line: u32,
}

/// Where the execution stands in the search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Seed of the search.
    pub seed: u64,
    /// Number of the execution, from 0.
    pub execution: u64,
    /// Switches away from a thread that could have gone on.
    pub preemptions: u64,
    /// The choice stream as [`crate::choice::to_text`] writes it.
    pub choices: String,
    /// Where it is kept beside the package, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptIn>,
}

/// A file in which a schedule is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptIn {
    /// Path: relative to the workspace where it lies inside it.
    pub file: String,
    /// Whether it has been written just now; otherwise the schedule was found by trying what was kept there.
    pub new: bool,
}

/// Two steps, in `Finding::steps`, whose order decides the outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootCause {
    /// Index of the earlier step.
    pub first: usize,
    /// Index of the later step.
    pub second: usize,
    /// What their order decides.
    pub because: String,
}
