//! No preemption, and one stall: what a cancellation at one particular point does.
//!
//! Points of cancellation are tried one by one, an execution each, as fault injection does with the calls that may fail
//! (Marinescu and Candea, "LFI: A practical and general library-level fault injector", DSN 2009). Nothing else is unusual
//! in these executions, so that what goes wrong in one of them comes of the stall.

use super::{First, Question, Strategy};
use raddle_protocol::ChoiceKind;

/// As [`First`], but for one [`ChoiceKind::Stall`] question.
#[derive(Clone, Debug)]
pub struct StallAt {
    first: First,
    at: u64,
    answer: usize,
    asked: u64,
}

impl StallAt {
    /// Question number `at` about a stall, counted from 0, gets this answer.
    #[must_use]
    pub fn new(at: u64, answer: usize) -> Self {
        StallAt { first: First::default(), at, answer, asked: 0 }
    }
}

impl Strategy for StallAt {
    fn begin(&mut self, execution: u64) {
        self.first.begin(execution);
        self.asked = 0;
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind != ChoiceKind::Stall {
            return self.first.choose(question);
        }
        self.asked += 1;
        if self.asked == self.at + 1 { self.answer } else { 0 }
    }
}
