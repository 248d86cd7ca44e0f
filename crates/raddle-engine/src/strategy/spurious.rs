//! Waits at condition variables that end without a notification.
//!
//! POSIX allows that of `pthread_cond_wait`, futex(2) of the system call behind it, and `std::sync::Condvar` of its own
//! `wait`. Whoever waits in a loop that looks at its condition again does not notice; whoever does not, goes on too early. For
//! that it hardly matters what else happens, so a few executions show it: the one without preemption with each of its first
//! waits ended so in turn, and some random ones.
//!
//! Departure from the other kinds of question: it is asked in these executions only. Were every search to ask it at each
//! wait, the executions to be told apart would be twice as many for each, for a mistake that needs none of them.

#[cfg(test)]
mod tests;

use super::{First, Question, RandomWalk, Strategy};
use crate::random::Random;
use raddle_protocol::ChoiceKind;

/// Who goes on, and which waits end.
#[derive(Clone, Debug)]
enum Kind {
    /// No preemption, and the wait of this number, counted from 0.
    One { first: First, at: u64 },
    /// A random walk, and every other wait.
    Some { walk: RandomWalk, random: Random },
}

/// Lets waits end without a notification.
#[derive(Clone, Debug)]
pub struct Spurious {
    kind: Kind,
    asked: u64,
}

impl Spurious {
    /// No preemption, and the wait number `at`, counted from 0, ends so.
    #[must_use]
    pub fn at(at: u64) -> Self {
        Spurious { kind: Kind::One { first: First::default(), at }, asked: 0 }
    }

    /// The `number`th random execution in which some waits do.
    #[must_use]
    pub fn drawn(seed: u64, number: u64) -> Self {
        let mut walk = RandomWalk::new(seed);
        // Execution 0 of a walk has no preemption.
        walk.begin(number + 1);
        Spurious { kind: Kind::Some { walk, random: Random::new(!seed, number) }, asked: 0 }
    }
}

impl Strategy for Spurious {
    /// Each of these answers for one execution only.
    fn begin(&mut self, _: u64) {}

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let is_wait = question.kind == ChoiceKind::SpuriousWakeup;
        self.asked += u64::from(is_wait);
        match &mut self.kind {
            Kind::One { at, .. } if is_wait => usize::from(self.asked == *at + 1),
            Kind::One { first, .. } => first.choose(question),
            Kind::Some { random, .. } if is_wait => random.below(2),
            Kind::Some { walk, .. } => walk.choose(question),
        }
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn wakes_spuriously(&self) -> bool {
        true
    }
}
