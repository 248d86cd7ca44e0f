//! A strategy's executions of sequentially consistent memory: each load sees the last store, whatever else it may see.
//!
//! For those who look for a failure once more, in a form that is easier to understand: an order of steps is what people
//! think in (Lamport, "How to make a multiprocessor computer that correctly executes multiprocess programs", IEEE
//! Transactions on Computers 1979), and of an execution in which loads see old values it is not known whether the failure
//! needs them.

use super::{Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;

/// The strategy within answers all questions but those that only weak memory asks.
#[derive(Clone, Debug)]
pub struct Sequential<S> {
    within: S,
}

impl<S: Strategy> Sequential<S> {
    /// The executions of this strategy.
    #[must_use]
    pub fn new(within: S) -> Self {
        Sequential { within }
    }
}

impl<S: Strategy> Strategy for Sequential<S> {
    fn begin(&mut self, execution: u64) {
        self.within.begin(execution);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        match question.kind {
            ChoiceKind::ReadsFrom | ChoiceKind::ModificationOrder => 0,
            _ => self.within.choose(question),
        }
    }

    fn end(&mut self, seen: &Seen<'_>) {
        self.within.end(seen);
    }

    fn is_sample(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::RandomWalk;

    #[test]
    fn loads_see_the_last_store_and_threads_are_switched_all_the_same() {
        let mut strategy = Sequential::new(RandomWalk::new(7));
        strategy.begin(1);
        let mut answers = |kind| (0..100).map(|_| strategy.choose(&Question::plain(kind, 3))).max().unwrap();
        assert_eq!(answers(ChoiceKind::ReadsFrom), 0);
        assert_eq!(answers(ChoiceKind::ModificationOrder), 0);
        assert_eq!(answers(ChoiceKind::Readiness), 2);
    }
}
