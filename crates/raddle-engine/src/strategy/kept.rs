//! A schedule of an earlier build: its choices as long as the program asks what it asked then, and no preemption after that.
//!
//! Unlike [`Replay`], which stops to mean anything where the two part, this is an ordinary execution to its end, fair to
//! threads that spin: what goes wrong in it has gone wrong. Whether it was the kept one shows on its record.

#[cfg(test)]
mod tests;

use super::{First, Question, Replay, Strategy};
use raddle_protocol::{Choice, ChoiceKind};

/// Follows a stream as far as it goes.
#[derive(Clone, Debug)]
pub struct Kept {
    replay: Replay,
    first: First,
}

impl Kept {
    /// Follows this stream.
    #[must_use]
    pub fn new(choices: Vec<Choice>) -> Self {
        Kept { replay: Replay::new(choices), first: First::default() }
    }
}

impl Strategy for Kept {
    fn begin(&mut self, execution: u64) {
        self.replay.begin(execution);
        self.first.begin(execution);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let taken = self.replay.choose(question);
        if self.replay.divergence().is_none() { taken } else { self.first.choose(question) }
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn allows(&self, kind: ChoiceKind) -> bool {
        self.replay.allows(kind)
    }
}
