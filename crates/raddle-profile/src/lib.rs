//! Watches any process from outside and says what holds it up: which bottleneck, how parallel, how it would scale, and
//! which way of organizing its work the numbers support.
//!
//! | module | what |
//! |---|---|
//! | [`state`] | what a thread's time is divided into |
//! | [`procfs`] | the text of `/proc`, as data |
//! | [`classify`] | what a sleeping thread waits for |
//! | [`stacks`] | where in the code |
//! | [`watch`] | looks, one after the other |
//! | [`measure`] | from looks to what the program did |
//! | [`verdict`] | which bottleneck: rules with their numbers |
//! | [`scaling`] | Amdahl's law and the Universal Scalability Law |
//! | [`advice`] | what to do, and what it would bring |
//! | [`model`] | all of it as data |
//!
//! Invariant: `classify`, `measure`, `verdict`, `advice` and the fits of `scaling` are pure functions from data to data.
//! Invariant: nothing is printed here, and nothing is written to the watched program.

#![forbid(unsafe_code)]

pub mod advice;
pub mod classify;
pub mod error;
pub mod measure;
pub mod model;
pub mod procfs;
pub mod scaling;
pub mod stacks;
pub mod state;
pub mod verdict;
pub mod watch;
pub mod words;

pub use error::Error;

/// Held by a test that starts a program: a watcher takes every child of its own process for one of the watched program's.
#[cfg(test)]
static CHILDREN: std::sync::Mutex<()> = std::sync::Mutex::new(());
