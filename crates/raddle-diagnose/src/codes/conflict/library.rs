//! Races on what belongs to the C library: the environment, and the places into which functions answer that POSIX says "need
//! not be thread-safe". No lock of the program's guards either, so what is to be done is another thing than elsewhere.
//!
//! Not seen: which C function it was.

use super::Facts;
use crate::case::Case;

/// How a report calls the environment.
pub const ENVIRONMENT: &str = "the environment";

/// What the memory of a race is to the C library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Belongs {
    /// The environment.
    Environment,
    /// Some static place of its own.
    Answer,
}

/// The name under which the C library has the environment.
pub fn is_environment(name: &str) -> bool {
    matches!(name, "`environ`" | "`__environ`" | "`_environ`")
}

/// What the memory is to it, if it is the C library's.
pub fn belongs(case: &Case<'_>, facts: &Facts<'_>) -> Option<Belongs> {
    if facts.name == ENVIRONMENT {
        return Some(Belongs::Environment);
    }
    let is_c = |file: &String| file.starts_with("libc.so") || file.starts_with("libc-");
    // What others may use by its name, such as the standard streams, is no such place.
    let is_named = facts.name.starts_with('`');
    (!is_named && case.accessed_in.as_ref().is_some_and(is_c)).then_some(Belongs::Answer)
}

impl Belongs {
    /// What that means.
    pub fn reason(self) -> &'static str {
        match self {
            Belongs::Environment => {
                "The environment is the C library's, which guards it by no lock. `std::env` has a lock that nobody else knows of; functions of the C library that look into the environment (`localtime_r`, `getenv`, `getaddrinfo`) do not take it."
            }
            Belongs::Answer => {
                "The memory is the C library's own. Some of its functions answer into one static place, which the next call of any thread writes again."
            }
        }
    }

    /// What to do.
    pub fn fix(self) -> &'static str {
        match self {
            Belongs::Environment => {
                "Change the environment before other threads are started, or not at all: hand the setting on as a value, or to a child by `Command::env`. That is why `set_var` is unsafe in edition 2024."
            }
            Belongs::Answer => {
                "Call the form of the function that answers into memory of the caller's (`getpwuid_r` for `getpwuid`, `localtime_r` for `localtime`), or hold one lock over the call and all use of its answer."
            }
        }
    }
}
