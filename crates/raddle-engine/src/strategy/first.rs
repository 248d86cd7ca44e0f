//! No preemption: a thread runs until it must wait or ends, and nothing unusual happens.
//!
//! The nearest thing to what a plain test run shows; used for the first execution of a test.

use super::{Question, Strategy};

/// Always the first option.
#[derive(Clone, Copy, Debug, Default)]
pub struct First;

impl Strategy for First {
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, _: &Question<'_>) -> usize {
        0
    }
}
