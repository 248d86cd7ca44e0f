//! No preemption: a thread runs until it must wait or ends, and nothing unusual happens.
//!
//! The nearest thing to what a plain test run shows; used for the first execution of a test. As on a real machine a
//! thread does not run for ever while others could: after a time slice the next one has its turn, so that a thread that
//! spins until another has done its part sees it done. Slices differ in length, as on a real machine: were they all
//! equal, a thread could lose its turn at the same place of the same loop for ever, say with a lock held. A thread that
//! yields is taken at its word, and one that spins has short slices.

#[cfg(test)]
mod tests;

use super::{Hint, Question, Strategy};
use crate::random::Random;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;

/// Schedule points in the shortest slice; the longest is nearly twice as long.
pub const SLICE: usize = 1000;

/// Questions in a row about a thread that spins after which it loses its turn, at the least, and by how many more it may
/// be. The longer a thread spins the more seldom it is a question: this many are for 100 looks and more, so that a lock
/// that spins so often before it sleeps goes to sleep.
const SPIN_SLICE: usize = 12;
/// See [`SPIN_SLICE`].
const SPIN_SLICES: usize = 4;

/// The first option, but for time slices.
#[derive(Clone, Debug)]
pub struct First {
    /// Whose slice it is.
    running: Option<ThreadId>,
    /// Schedule points it has passed in this slice, and how many of the last of them were about its spinning.
    passed: usize,
    spun: usize,
    /// Lengths of the slice: at work, and spinning.
    lengths: (usize, usize),
    random: Random,
    has_slices: bool,
}

impl Default for First {
    fn default() -> Self {
        let random = Random::new(0, 0);
        let mut first = First { running: None, passed: 0, spun: 0, lengths: (0, 0), random, has_slices: true };
        first.begin(0);
        first
    }
}

impl First {
    /// Without time slices: a thread that spins does so for ever, if it does not give up by itself.
    #[must_use]
    pub fn without_slices() -> Self {
        First { has_slices: false, ..First::default() }
    }

    fn slice_of(&mut self, running: Option<ThreadId>) {
        self.running = running;
        self.passed = 0;
        self.spun = 0;
        self.lengths = (SLICE + self.random.below(SLICE), SPIN_SLICE + self.random.below(SPIN_SLICES));
    }
}

impl Strategy for First {
    fn begin(&mut self, _: u64) {
        self.random = Random::new(0, 0);
        self.slice_of(None);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind != ChoiceKind::Thread {
            return 0;
        }
        let running = question.thread(0);
        if self.running != Some(running) {
            self.slice_of(Some(running));
        }
        self.passed += 1;
        self.spun = if question.hint == Hint::Spins { self.spun + 1 } else { 0 };
        let is_over = self.has_slices && (self.passed >= self.lengths.0 || self.spun >= self.lengths.1);
        if !is_over && question.hint != Hint::Yields {
            return 0;
        }
        self.slice_of(Some(question.thread(1)));
        1
    }
}
