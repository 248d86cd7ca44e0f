//! Why nothing can run: judges an execution in which every remaining thread waits for ever.
//!
//! The classical instrument is the wait-for graph (Coffman, Elphick and Shoshani, *System Deadlocks*, Computing Surveys
//! 3(2), 1971; Holt, *Some Deadlock Properties of Computer Systems*, 1972): an edge leads from a thread to each thread
//! that must act before it can go on. A cycle in it is a deadlock; a wait that no cycle explains is one whose end nobody
//! is left to bring about.
//!
//! A caller gives [`judge()`] the lock events of the execution, already freed of addresses and library details, and what
//! each thread was doing at the end. It answers with a [`Verdict`]; [`judge_with()`] is also told which threads are a library's own.
//!
//! Departures. Holt's general resource graph has one kind of node for what can be used again (locks) and one for what
//! is used up (messages, notifications), and in the second an edge leads to *every* thread that might produce it. Which
//! threads might is not known here, so such an edge is drawn only to threads that have produced for the same object
//! before, and only accepted in a cycle that also contains a lock: elsewhere a missing notification is called just that.
//!
//! What it cannot see: a lock whose acquisition lies before the recorded events, or in code whose meaning is unknown;
//! its wait is then reported without an owner. A semaphore is treated as a notification, not as a lock held by whoever
//! decremented it.

mod cycle;
mod event;
mod holds;
mod judge;
mod order;
#[cfg(test)]
mod tests;
mod verdict;

pub use cycle::shortest_cycle;
pub use event::{Event, Final, Kind, Mode, Object, Thread, WaitFor};
pub use holds::{Hold, Holds};
pub use judge::{judge, judge_with};
pub use verdict::{Because, Deadlock, Fate, Link, LostWakeup, SelfDeadlock, Verdict};
