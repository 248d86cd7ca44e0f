//! The tape: asks the strategy and records the answer.
//!
//! Invariant: whatever is not determined by the program goes through [`Tape::ask`], and nothing else decides.

#[cfg(test)]
mod tests;

use crate::random::mix;
use crate::strategy::{Question, Seen, Strategy};
use raddle_protocol::{Choice, ChoiceKind};

/// A strategy and the record of its answers in the present execution.
pub struct Tape {
    strategy: Box<dyn Strategy>,
    record: Vec<Choice>,
    hash: u64,
}

impl Tape {
    /// A tape whose questions are answered by `strategy`.
    #[must_use]
    pub fn new(strategy: Box<dyn Strategy>) -> Self {
        Tape { strategy, record: Vec::with_capacity(4096), hash: 0 }
    }

    /// How many executions there are to be at the most.
    pub fn expect(&mut self, executions: u64) {
        self.strategy.expect(executions);
    }

    /// No execution of a systematic search is to have more preemptions than these.
    pub fn bound(&mut self, preemptions: u32) {
        self.strategy.bound(preemptions);
    }

    /// Execution number `execution` begins: the record is empty again.
    pub fn begin(&mut self, execution: u64) {
        self.record.clear();
        self.hash = 0;
        self.strategy.begin(execution);
    }

    /// Puts so many answers before the record, which nobody has given: nothing that depends on its length is as it would be
    /// without.
    pub fn pad(&mut self, answers: usize) {
        let filler = Choice { kind: ChoiceKind::Thread, options: 2, taken: 0 };
        self.record.splice(0..0, std::iter::repeat_n(filler, answers));
    }

    /// Takes them out again.
    pub fn unpad(&mut self, answers: usize) {
        self.record.drain(..answers.min(self.record.len()));
    }

    /// Asks, and records the answer, which lies below `question.options`.
    #[inline]
    pub fn ask(&mut self, question: &Question<'_>) -> usize {
        debug_assert!(question.options >= 2, "a question with a single answer is never asked");
        let taken = self.strategy.choose(question).min(question.options - 1);
        let choice = Choice { kind: question.kind, options: question.options as u16, taken: taken as u16 };
        self.hash = (self.hash
            ^ (u64::from(choice.taken) << 8 | u64::from(choice.options) << 24 | question.kind as u64))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
        self.record.push(choice);
        taken
    }

    /// Whether the wait at a condition variable that the running thread is about to begin ends without a notification.
    pub fn wakes_spuriously(&mut self) -> bool {
        let kind = ChoiceKind::SpuriousWakeup;
        self.strategy.allows(kind) && self.ask(&Question::plain(kind, 2)) == 1
    }

    /// Whether weak compare-exchanges may fail although the values are equal, in the present execution.
    #[must_use]
    pub fn may_fail_spuriously(&self) -> bool {
        self.strategy.allows(ChoiceKind::WeakFailure)
    }

    /// The execution has ended; the strategy may learn from it.
    pub fn end(&mut self, seen: &Seen<'_>) {
        self.strategy.end(&Seen { record: &self.record, ..*seen });
    }

    /// The answers so far in this execution.
    #[must_use]
    pub fn record(&self) -> &[Choice] {
        &self.record
    }

    /// A hash of [`Tape::record`]: equal records have equal hashes.
    #[must_use]
    pub fn hash(&self) -> u64 {
        mix(self.hash ^ self.record.len() as u64)
    }

    /// Lets another strategy answer from now on; returns the one before.
    pub fn exchange(&mut self, strategy: Box<dyn Strategy>) -> Box<dyn Strategy> {
        std::mem::replace(&mut self.strategy, strategy)
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &dyn Strategy {
        &*self.strategy
    }
}
