//! Random walk: at every schedule point each thread that can run is equally likely to go next.
//!
//! The baseline of the field (for instance in Burckhardt et al., ASPLOS'10, section 1). Departures: execution 0 is the
//! one without preemption, so that a test that fails under every schedule shows itself at once; and what is unusual but
//! legal (a weak compare-exchange that fails, a spurious wake-up, a store that enters modification order before others)
//! happens with probability 1/16, since at even odds loops that retry would hardly ever end; one execution in four lets
//! deadlines pass while others are kept waiting. A thread that spins is set
//! aside at even odds in most executions, and left alone more often in one of eight: locks spin a hundred times before they
//! sleep, and at even odds hardly any execution would see a thread asleep in a lock. A thread that yields
//! mostly gets its wish (`sched_yield` says so itself). Every schedule keeps a probability above zero.

#[cfg(test)]
mod tests;

use super::{First, Hint, Question, Strategy};
use crate::random::Random;
use raddle_protocol::ChoiceKind;

/// One in how many answers is the unusual one, for the kinds of question that have such.
pub(super) const UNUSUAL: usize = 16;

/// One in how many executions lets deadlines pass while others are kept waiting, and one in how many questions then does.
pub(super) const LATE: usize = 4;

/// One in how many questions sets a thread aside that spins: in most executions, and in one of eight. The first wastes
/// little time on spinning, the second lets threads spin until they go to sleep: a lock that spins a hundred times is asked
/// about ten times meanwhile.
pub(super) const SPIN: [usize; 8] = [2, 2, 2, 2, 2, 2, 2, 16];

/// Answer 0 but for one time in `rate`; then any other.
pub(super) fn one_in(rate: usize, random: &mut Random, options: usize) -> usize {
    if random.below(rate) == 0 { 1 + random.below(options - 1) } else { 0 }
}

/// Uniform random choice.
#[derive(Clone, Debug)]
pub struct RandomWalk {
    seed: u64,
    random: Random,
    /// This execution's pick of [`SPIN`].
    spin: usize,
    /// Answers in execution 0.
    first: Option<First>,
}

impl RandomWalk {
    /// Execution `n` of a walk depends on `seed` and `n` alone.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        RandomWalk { seed, random: Random::new(seed, 0), spin: SPIN[0], first: None }
    }
}

impl Strategy for RandomWalk {
    fn begin(&mut self, execution: u64) {
        self.random = Random::new(self.seed, execution);
        self.spin = SPIN[self.random.below(SPIN.len())];
        self.first = (execution == 0).then(First::default);
    }

    #[inline]
    fn choose(&mut self, question: &Question<'_>) -> usize {
        if let Some(first) = &mut self.first {
            return first.choose(question);
        }
        match (question.kind, question.hint) {
            (ChoiceKind::Thread, Hint::Spins) if self.random.below(self.spin) != 0 => return 0,
            (ChoiceKind::Thread, Hint::Yields) if self.random.below(UNUSUAL) != 0 => {
                return 1 + self.random.below(question.options - 1);
            }
            _ => {}
        }
        match question.kind {
            ChoiceKind::Thread | ChoiceKind::ReadsFrom | ChoiceKind::Readiness | ChoiceKind::Receiver => {
                self.random.below(question.options)
            }
            ChoiceKind::Lateness | ChoiceKind::Reuse => one_in(LATE, &mut self.random, question.options),
            ChoiceKind::WeakFailure
            | ChoiceKind::SpuriousWakeup
            | ChoiceKind::ModificationOrder
            | ChoiceKind::Shortfall
            | ChoiceKind::Stall => one_in(UNUSUAL, &mut self.random, question.options),
        }
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
