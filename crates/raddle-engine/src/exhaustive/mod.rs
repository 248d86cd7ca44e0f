//! Every execution that differs in earnest from all others, one after the other, until there is none left.
//!
//! Dynamic partial-order reduction in its source-set form (Abdulla, Aronis, Jonsson and Sagonas, "Source sets: a
//! foundation for optimal dynamic partial order reduction", JACM 2017, algorithm 1), with sleep sets (Godefroid,
//! *Partial-Order Methods for the Verification of Concurrent Systems*, LNCS 1032, 1996). An execution is performed; then
//! each pair of its steps that depend on each other, and that nothing else orders, is a reason to try the other order;
//! sleep sets keep what has been tried from being tried again. Answers that are not about threads (which store a load
//! reads, where a store goes) are all given, one after the other, but for those to which another order of steps leads as
//! well (`stale`).
//!
//! `tree` holds the answers on the way to the present execution and what is still to be tried; `races` finds the pairs;
//! `search` is the strategy that puts both together. `probes` tells early how many executions there are.
//! `bounded` is a search of its own, through executions with few preemptions, where there are too many to see all.
//!
//! What is a step, and which steps depend on each other, is what the log of an execution says (`crate::access`). So two
//! executions that are taken to be alike have the same class by `crate::classes`. Each class is performed at least
//! once; now and then one is performed again, where an execution turns out half-way to be like an earlier one.
//!
//! Departures from the paper:
//! - A thread that waits (for a lock, for the end of a thread) is not enabled, though it may be offered: whoever is
//!   chosen and then does nothing is taken not to have been there.
//! - Between an acquisition and the release of the same lock there is no order to reverse; the two acquisitions are the
//!   pair. A thread that waits for ever counts as one that was about to acquire.
//! - A thread that spins either goes on until it gives up, or waits until somebody writes to the place that it looks at.
//!   One that does not give up within [`search::LOOKS`] questions is taken to do the latter alone.
//!
//! Cannot see: what executions depend on beside threads and memory. Where the search notices such a thing, it says so
//! ([`Obstacle`]), and does not claim to be complete.

mod bounded;
mod probes;
mod races;
mod search;
mod stale;
#[cfg(test)]
mod tests;
mod tree;

pub use bounded::Bounded;
pub use search::Exhaustive;
pub(crate) use stale::Followed;
