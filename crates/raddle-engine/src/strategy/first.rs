//! No preemption: a thread runs until it must wait or ends, and nothing unusual happens.
//!
//! The nearest thing to what a plain test run shows; used for the first execution of a test. As on a real machine a
//! thread does not run for ever while others could: after [`SLICE`] schedule points the next one has its turn, so that
//! a thread that spins until another has done its part sees it done. A thread that yields is taken at its word.

#[cfg(test)]
mod tests;

use super::{Hint, Question, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;

/// Schedule points in a row that one thread may pass while others could run.
pub const SLICE: u32 = 1000;

/// The first option, but for time slices.
#[derive(Clone, Copy, Debug, Default)]
pub struct First {
    /// Whose slice it is.
    running: Option<ThreadId>,
    /// Schedule points it has passed in this slice.
    passed: u32,
}

impl Strategy for First {
    fn begin(&mut self, _: u64) {
        *self = First::default();
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind != ChoiceKind::Thread {
            return 0;
        }
        let running = question.thread(0);
        if self.running != Some(running) {
            *self = First { running: Some(running), passed: 0 };
        }
        self.passed += 1;
        if self.passed < SLICE && question.hint != Hint::Yields {
            return 0;
        }
        *self = First { running: Some(question.thread(1)), passed: 0 };
        1
    }
}
