//! POS: each pending operation has a random priority, and the highest is performed; those that depend on it draw again.
//!
//! Yuan, Yang and Gu, "Partial Order Aware Concurrency Sampling", CAV'18. Two operations that depend on each other are
//! ordered by priorities that are independent of all that came before, so each partial order has a probability that
//! does not shrink with the number of steps that have nothing to do with it, as it does in a random walk.
//!
//! Departures. Operations performed while no other thread could run draw no priority. A thread that has not come to its
//! first operation is taken to depend on nothing. A thread that yields or has spun for a while gives way to the highest
//! of the others.
//!
//! Every schedule keeps a probability above zero: whatever is pending may be the highest.

#[cfg(test)]
mod tests;

use super::common::{Common, Wish};
use super::{Question, Strategy};

/// Partial order sampling.
#[derive(Clone, Debug)]
pub struct Pos {
    pub(super) common: Common,
    /// Priority of each thread's pending operation, by thread number; 0 is for those not drawn.
    priorities: Vec<u64>,
}

impl Pos {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Pos::named(seed, "pos")
    }

    /// With random numbers of its own, for a strategy that is made of this one.
    pub(super) fn named(seed: u64, name: &str) -> Self {
        Pos { common: Common::new(seed, name), priorities: Vec::new() }
    }

    /// The answer with the highest priority of those from `from` on that are allowed, or of all of these if none is. What
    /// depends on it draws anew.
    pub(super) fn highest(
        &mut self,
        question: &Question<'_>,
        from: usize,
        is_allowed: impl Fn(usize) -> bool,
    ) -> usize {
        let last = question.threads.last().map_or(0, |thread| *thread as usize + 1);
        if self.priorities.len() < last.max(question.pending.len()) {
            self.priorities.resize(last.max(question.pending.len()), 0);
        }
        let mut best = (from, (false, 0));
        for answer in from..question.options {
            let priority = &mut self.priorities[question.thread(answer) as usize];
            if *priority == 0 {
                *priority = self.common.random.bits().max(1);
            }
            let rank = (is_allowed(answer), *priority);
            if rank > best.1 {
                best = (answer, rank);
            }
        }
        let (answer, performed) = (best.0, question.pending(best.0));
        self.priorities[question.thread(answer) as usize] = 0;
        if performed.is_shared() {
            for (priority, pending) in self.priorities.iter_mut().zip(question.pending) {
                if pending.depends_on(&performed) {
                    *priority = 0;
                }
            }
        }
        answer
    }
}

impl Strategy for Pos {
    fn begin(&mut self, execution: u64) {
        self.common.begin(execution);
        self.priorities.clear();
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if let Some(answer) = self.common.settled(question) {
            return answer;
        }
        let from = match self.common.wish(question) {
            Wish::Stay => return 0,
            Wish::Leave => 1,
            Wish::Free => 0,
        };
        self.highest(question, from, |_| true)
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
