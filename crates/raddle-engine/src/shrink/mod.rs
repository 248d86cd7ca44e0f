//! From a failing execution to one that fails in the same way and is easier to read: with as few preemptions, and as
//! little else that is unusual, as that takes.
//!
//! An execution is described by where it deviates from the one without preemption ([`First`](crate::strategy::First)).
//! A deviation is named by the thread it interrupts and by how many steps that thread has taken, so that it keeps its
//! meaning when others are left out. Which deviations are needed is found by delta debugging (Zeller and Hildebrandt,
//! "Simplifying and Isolating Failure-Inducing Input", TSE 2002; on thread switches: Choi and Zeller, "Isolating
//! Failure-Inducing Thread Schedules", ISSTA 2002). The result is minimal in that no single deviation can be left out,
//! not that there is no shorter one. Where a short execution still has several preemptions, those with fewer are tried one after
//! the other ([`Fewer`]).
//!
//! Invariant: performs nothing itself. The caller performs executions with [`Follow`] and says how they ended.

mod delta;
mod fewer;
mod follow;

pub use delta::minimize;
pub use fewer::Fewer;
pub use follow::{Deviation, Follow, Note, Noted};
pub(crate) use follow::{Place, Places};
