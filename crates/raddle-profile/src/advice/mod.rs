//! Which way of organizing work the numbers support: explicit rules, each shown with the numbers that made it apply, and
//! a table of what each way would bring ([`queueing`]).
//!
//! The quantities: *service time* is the processor time of the work, *wait time* what threads wait for in the middle of it
//! (disk, network, pipes, locks). By Little's law (J. D. C. Little, 1961) the number of tasks in progress that keeps one
//! processor busy is (service + wait) / service.
//!
//! What this cannot know: whether the parts of the work depend on each other. That a program computes on one thread does
//! not tell whether it could on two; `--scale`, or its author, must.

mod facts;
pub mod queueing;
mod reasons;
mod rules;

#[cfg(test)]
mod tests;

use crate::model::{Advice, Measurement, Scaling, Verdict};

/// Advises.
pub fn advice(measurement: &Measurement, verdict: &Verdict, scaling: Option<&Scaling>) -> Advice {
    rules::advise(&facts::Facts::new(measurement, &verdict.bottleneck, scaling))
}
