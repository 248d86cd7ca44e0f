//! What all strategies have in common: execution 0 is the one without preemption, what is unusual but legal is rare,
//! and hints are honoured, so that loops end. Where a load may see an older store, but would also see it if it came before
//! the newer one, and nothing stands in the way of that, it is rare too in every second execution: among the orders of steps
//! that execution has its share already, and a strategy that draws orders evenly would no longer do so. In the others it is as
//! likely as the newer store, since an order that is hard to come by is had for little in this way.

#[cfg(test)]
mod tests;

use super::first::{First, SLICE};
use super::random::{LATE, SPIN, UNUSUAL, one_in};
use super::{Hint, Question, Strategy};
use crate::exhaustive::Followed;
use crate::log::Logged;
use crate::random::Random;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;

/// The entries of the log that have been written since `read` of them had been, which becomes how many there are. Of a very
/// long log the beginning is dropped.
pub fn unread<'a>(steps: &'a [Logged], read: &mut usize) -> &'a [Logged] {
    let from = std::mem::replace(read, steps.len());
    steps.get(from..).unwrap_or(steps)
}

/// Steps that are looked at before a load that may see an older store.
const LATELY: usize = 64;

fn lately(steps: &[Logged]) -> &[Logged] {
    &steps[steps.len().saturating_sub(LATELY)..]
}

/// What a hint asks of a strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Free,
    /// The running thread spins, and is to be left alone this time.
    Stay,
    /// Some other thread should go on.
    Leave,
}

/// Answers in place of a strategy what has nothing to do with its idea.
#[derive(Clone, Debug)]
pub struct Common {
    seed: u64,
    /// Random numbers of the present execution.
    pub random: Random,
    spin: usize,
    first: Option<First>,
    /// Whether loads are taken to come where they stand in this execution.
    by_order: bool,
    followed: Followed,
    /// Who was chosen last, how often in a row, and how often that may be.
    turn: (ThreadId, usize, usize),
}

impl Common {
    /// `name` keeps the random numbers of strategies with the same seed apart.
    pub fn new(seed: u64, name: &str) -> Self {
        let seed = name.bytes().fold(seed, |seed, byte| crate::random::mix(seed ^ u64::from(byte)));
        Common {
            seed,
            random: Random::new(seed, 0),
            spin: SPIN[0],
            first: None,
            by_order: true,
            followed: Followed::default(),
            turn: (0, 0, SLICE),
        }
    }

    /// Execution number `execution` begins.
    pub fn begin(&mut self, execution: u64) {
        self.random = Random::new(self.seed, execution);
        self.spin = SPIN[self.random.below(SPIN.len())];
        self.first = (execution == 0).then(First::default);
        self.by_order = self.random.below(2) == 0;
        self.turn = (0, 0, SLICE);
    }

    /// Whether anything is the strategy's to decide: this is not the execution without preemption.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.first.is_none()
    }

    /// The answer, where it is not the strategy's to give.
    #[inline]
    pub fn settled(&mut self, question: &Question<'_>) -> Option<usize> {
        if let Some(first) = &mut self.first {
            return Some(first.choose(question));
        }
        match question.kind {
            ChoiceKind::Thread => None,
            // What comes of another order of steps as well is a matter of that order.
            ChoiceKind::ReadsFrom if self.by_order && self.followed.can_come_earlier(lately(question.steps)) => {
                Some(one_in(UNUSUAL, &mut self.random, question.options))
            }
            ChoiceKind::ReadsFrom | ChoiceKind::Readiness | ChoiceKind::Receiver => {
                Some(self.random.below(question.options))
            }
            ChoiceKind::Lateness | ChoiceKind::Reuse => Some(one_in(LATE, &mut self.random, question.options)),
            ChoiceKind::WeakFailure
            | ChoiceKind::SpuriousWakeup
            | ChoiceKind::ModificationOrder
            | ChoiceKind::Shortfall
            | ChoiceKind::Stall => Some(one_in(UNUSUAL, &mut self.random, question.options)),
        }
    }

    /// What the hint asks for this time.
    #[inline]
    pub fn wish(&mut self, question: &Question<'_>) -> Wish {
        match question.hint {
            Hint::None => Wish::Free,
            Hint::Spins if self.random.below(self.spin) != 0 => Wish::Stay,
            Hint::Yields if self.random.below(UNUSUAL) == 0 => Wish::Free,
            Hint::Spins | Hint::Yields => Wish::Leave,
        }
    }

    /// Counts how long one thread has been chosen without a break, and tells when it has had its turn. For strategies
    /// that would let a thread run for ever while others wait: a loop may wait for them without looking like one.
    #[inline]
    pub fn turn_is_over(&mut self, chosen: ThreadId) -> bool {
        let (last, times, most) = &mut self.turn;
        if *last != chosen {
            (*last, *times) = (chosen, 0);
        }
        *times += 1;
        if *times < *most {
            return false;
        }
        (*times, *most) = (0, SLICE + self.random.below(SLICE));
        true
    }
}
