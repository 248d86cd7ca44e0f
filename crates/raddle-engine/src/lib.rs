//! Decides and detects, and does nothing else.
//!
//! The runtime tells the engine what the program's threads do; the engine keeps the book of who can run, asks a search
//! strategy whenever something could go more than one way, and records the answers.
//!
//! Invariant: pure. No input or output, no wall clock, no operating-system randomness, no global state, no `unsafe`, no
//! iteration in hash order. The same calls give the same answers.

#![forbid(unsafe_code)]

pub mod access;
pub mod backlog;
pub mod cause;
pub mod classes;
pub mod exhaustive;
pub mod lock_order;
pub mod log;
pub mod memory;
pub mod output;
pub mod race;
pub mod random;
pub mod schedule;
pub mod shrink;
pub mod strategy;
pub mod tape;
pub mod waits;

pub use access::{Access, AccessKind};
pub use schedule::{Arrival, Next, Schedule, Stalled};
pub use strategy::{Hint, Question, Seen, Strategy};
pub use tape::Tape;
