//! What happens for no reason: waits at condition variables that end without a notification, and weak compare-exchanges that
//! fail although the values are equal.
//!
//! POSIX allows the one of `pthread_cond_wait`, futex(2) of the system call behind it, and `std::sync::Condvar` of its own
//! `wait`; the other is what "weak" means in C++20 (atomics.types.operations) and in Rust, since processors with load-linked
//! and store-conditional instructions do it. Whoever looks again in a loop does not notice. For whoever does not, it hardly
//! matters what else happens, so a few executions show it: the one without preemption with each of the first such things
//! happening in turn, and some random ones.
//!
//! Departure from the other kinds of question: they are asked in these executions only. Were every search to ask them each
//! time, the executions to be told apart would be twice as many for each, for a mistake that needs none of them.

#[cfg(test)]
mod tests;

use super::{First, Question, RandomWalk, Strategy};
use crate::random::Random;
use raddle_protocol::ChoiceKind;

/// The kinds of what happens for no reason.
pub const SPURIOUS: [ChoiceKind; 2] = [ChoiceKind::SpuriousWakeup, ChoiceKind::WeakFailure];

/// Who goes on, and what happens.
#[derive(Clone, Debug)]
enum Way {
    /// No preemption, and the one of this number, counted from 0.
    One { first: First, at: u64 },
    /// A random walk, and every other one.
    Some { walk: RandomWalk, random: Random },
}

/// Lets things of one kind happen for no reason.
#[derive(Clone, Debug)]
pub struct Spurious {
    kind: ChoiceKind,
    way: Way,
    asked: u64,
}

impl Spurious {
    /// No preemption, and what could happen for no reason does the time number `at`, counted from 0.
    #[must_use]
    pub fn at(kind: ChoiceKind, at: u64) -> Self {
        Spurious { kind, way: Way::One { first: First::default(), at }, asked: 0 }
    }

    /// The `number`th random execution in which it does some of the times.
    #[must_use]
    pub fn drawn(kind: ChoiceKind, seed: u64, number: u64) -> Self {
        let mut walk = RandomWalk::new(seed);
        // Execution 0 of a walk has no preemption.
        walk.begin(number + 1);
        Spurious { kind, way: Way::Some { walk, random: Random::new(!seed, number) }, asked: 0 }
    }
}

impl Strategy for Spurious {
    /// Each of these answers for one execution only.
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let is_meant = question.kind == self.kind;
        self.asked += u64::from(is_meant);
        match &mut self.way {
            Way::One { at, .. } if is_meant => usize::from(self.asked == *at + 1),
            Way::One { first, .. } => first.choose(question),
            Way::Some { random, .. } if is_meant => random.below(2),
            Way::Some { walk, .. } => walk.choose(question),
        }
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn allows(&self, kind: ChoiceKind) -> bool {
        kind == self.kind
    }
}
