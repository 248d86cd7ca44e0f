//! The default: several strategies by turns, and those more often that still find something new.
//!
//! No strategy is best for all programs, and none knows beforehand which bug there is. The portfolio is the strategies
//! that find most of the programs of `bench/buggy` first (the table in `bench/README.md`): SURW and POS; and PCT, which
//! finds few of them first but comes with a guarantee. The random walk is first only where all are quick, and is left
//! out. Every second execution goes round the portfolio, in turns that favour those that did well there; in the others
//! a strategy is drawn in proportion to how often its last executions were equivalent to no earlier one (probability
//! matching, a bandit algorithm: Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika
//! 1933, here with the means in place of samples). Rewards fade, since what is left to be found changes.
//!
//! What is new is no measure of how deep it lies: a strategy that keeps to few preemptions soon repeats itself, and may
//! still be the one that finds the bug. That is why half of the executions do not depend on rewards.

#[cfg(test)]
mod tests;

use super::{Pct, PctRuns, Pos, Question, Seen, Strategy, Surw};
use crate::random::Random;

/// What one execution later is still worth of a reward, in parts of [`WHOLE`].
const KEPT: u64 = WHOLE - WHOLE / 64;
/// A reward.
const WHOLE: u64 = 1 << 16;

/// The turns of a round: members of the portfolio by number.
const ROUND: [usize; 8] = [0, 1, 0, 2, 1, 0, 1, 0];

/// A strategy of the portfolio.
struct Member {
    strategy: Box<dyn Strategy>,
    /// Faded counts of its executions, and of those that were new.
    tried: u64,
    new: u64,
}

impl Member {
    /// The share of its executions that were new, in parts of [`WHOLE`]; before there are any, all.
    fn rate(&self) -> u64 {
        (self.new + WHOLE) * WHOLE / (self.tried + WHOLE)
    }
}

/// A portfolio of strategies.
pub struct Auto {
    seed: u64,
    members: Vec<Member>,
    /// Whose execution it is.
    active: usize,
}

impl Auto {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let member = |strategy| Member { strategy, tried: 0, new: 0 };
        let portfolio: [Box<dyn Strategy>; 3] =
            [Box::new(Surw::new(seed)), Box::new(Pos::new(seed)), Box::new(Pct::new(seed))];
        Auto { seed, members: portfolio.into_iter().map(member).collect(), active: 0 }
    }
}

impl Strategy for Auto {
    fn begin(&mut self, execution: u64) {
        self.active = if execution.is_multiple_of(2) {
            ROUND[(execution / 2) as usize % ROUND.len()]
        } else {
            let rates: u64 = self.members.iter().map(Member::rate).sum();
            let mut at = Random::new(self.seed, execution).below(rates as usize) as u64;
            let found = self.members.iter().position(|member| {
                let here = at < member.rate();
                at = at.saturating_sub(member.rate());
                here
            });
            found.unwrap_or(0)
        };
        self.members[self.active].strategy.begin(execution);
    }

    #[inline]
    fn choose(&mut self, question: &Question<'_>) -> usize {
        self.members[self.active].strategy.choose(question)
    }

    fn end(&mut self, seen: &Seen<'_>) {
        let active = &mut self.members[self.active];
        active.tried = active.tried * KEPT / WHOLE + WHOLE;
        active.new = active.new * KEPT / WHOLE + if seen.new { WHOLE } else { 0 };
        // What an execution is made of is worth knowing to all.
        for member in &mut self.members {
            member.strategy.end(seen);
        }
    }

    fn pct(&self) -> Option<&PctRuns> {
        self.members.iter().find_map(|member| member.strategy.pct())
    }
}
