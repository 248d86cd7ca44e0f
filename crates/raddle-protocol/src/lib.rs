//! The formats that cross a process boundary or rest on a disk.
//!
//! The command line writes a [`Plan`] and starts the program under test; the runtime inside that program answers with
//! [`Message`]s, among them a [`RawFinding`] that holds the whole recorded execution. What a reader is shown is a
//! [`Finding`], the same execution in the words of its source code.
//!
//! Invariant: plain data only. Nothing here opens a file, asks a clock or decides anything.

#![forbid(unsafe_code)]

pub mod choice;
pub mod finding;
pub mod frame;
pub mod kept;
pub mod message;
pub mod plan;
pub mod role;
pub mod site;
pub mod trace;

pub use choice::{Choice, ChoiceKind};
pub use finding::{Code, Finding, Severity};
pub use kept::Kept;
pub use message::{Cause, Counted, Deal, Leaks, Message, Mode, Module, Part, Printed, RawFinding, Summary};
pub use plan::{Budget, Effect, Entry, Isolation, Job, MemoryModel, Operand, POLL_SHARES, Plan, Unhooked, World};
pub use role::Role;
pub use site::{Answer, Begins, Known, Noticed, Site, Visibility};
pub use trace::{Op, Outcome, Step, Trace};

/// Version of every format in this crate. The two sides of a pipe, and a record on disk, must agree on it.
pub const VERSION: u32 = 14;

/// Environment variable that names the descriptor on which the runtime reads its [`Plan`].
pub const ENV_PLAN: &str = "RADDLE_PLAN_FD";

/// Environment variable that names the descriptor on which the runtime writes its [`Message`]s.
pub const ENV_REPORT: &str = "RADDLE_REPORT_FD";

/// Environment variable that names the descriptor on which the runtime reads what is [`Known`] after a [`Message::Ask`].
pub const ENV_ANSWERS: &str = "RADDLE_ANSWERS_FD";

/// File name, and shared-object name, of the runtime library.
pub const RUNTIME_LIBRARY: &str = "libraddle_runtime.so";
