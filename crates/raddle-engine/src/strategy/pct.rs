//! PCT: threads have random priorities, and the one with the highest runs; at a few random moments the priority of the
//! running thread drops below all others.
//!
//! Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic Guarantees of Finding
//! Bugs", ASPLOS'10. With `d - 1` drops in executions of at most `k` steps of `n` threads, a bug that `d` orderings
//! make necessary is found with probability at least `1 / (n k^(d-1))` in each execution.
//!
//! Departures. A step is a point with more than one thread to choose from: a drop in between takes effect at the next
//! such point. `k` is not given but the greatest number of such points in the last executions, and the depth is
//! drawn anew for each execution: 2 in half of them, 3 in a quarter, and so on, so that every depth has its share (the
//! guarantee holds for those of its depth: [`PctRuns`]). A thread that yields, that has spun for a while, or that has
//! run for a thousand points on end while others could, drops below all others; the paper assumes programs that end
//! under every schedule. Loads that choose among stores (weak memory) read any of them with the same probability in
//! every second execution and the latest in the others; [`super::Pctwm`] is made for them.
//!
//! The depth has no bound, so no number of preemptions is excluded.

#[cfg(test)]
mod tests;

use super::common::{Common, Wish};
use super::priorities::Priorities;
use super::{Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;

/// Executions from whose lengths the next one's is estimated.
const REMEMBERED: usize = 16;
/// Depths told apart; deeper ones count as the last.
const DEPTHS: usize = 16;

/// What the executions of PCT were like: what its guarantee follows from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PctRuns {
    /// Executions by depth.
    pub runs: [u64; DEPTHS],
    /// Most threads in any execution, by their numbers.
    pub threads: u64,
    /// Most points with a choice in any execution.
    pub length: u64,
}

impl PctRuns {
    /// A lower bound on the probability that these executions together have found a bug of this depth, if there is one:
    /// `1 - (1 - 1/(n k^(d-1)))^N`, for `N` executions of depth `d`.
    #[must_use]
    pub fn guarantee(&self, depth: usize) -> f64 {
        let Some(runs) = self.runs.get(depth) else { return 0.0 };
        let (threads, length) = (self.threads.max(1) as f64, self.length.max(1) as f64);
        let exponent = i32::try_from(depth).unwrap_or(i32::MAX) - 1;
        let one = 1.0 / (threads * length.powi(exponent));
        // For tiny probabilities `1 - one` would be 1.
        -f64::exp_m1(*runs as f64 * f64::ln_1p(-one.min(1.0 - f64::EPSILON)))
    }
}

/// Probabilistic concurrency testing.
#[derive(Clone, Debug)]
pub struct Pct {
    common: Common,
    /// Depth and length, where they are given.
    fixed: Option<(usize, usize)>,
    priorities: Priorities,
    /// The drops that lie ahead, the next one last: after how many points, and to which level.
    drops: Vec<(usize, usize)>,
    /// Points passed in this execution.
    passed: usize,
    /// Whether loads read the latest store in this execution.
    latest: bool,
    /// Points with a choice in the last executions.
    lengths: [usize; REMEMBERED],
    ended: usize,
    runs: PctRuns,
}

impl Pct {
    /// Depth drawn, length estimated.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Pct {
            common: Common::new(seed, "pct"),
            fixed: None,
            priorities: Priorities::default(),
            drops: Vec::new(),
            passed: 0,
            latest: true,
            lengths: [0; REMEMBERED],
            ended: 0,
            runs: PctRuns::default(),
        }
    }

    /// The algorithm of the paper: this depth, and at most so many points.
    #[must_use]
    pub fn of_depth(seed: u64, depth: usize, length: usize) -> Self {
        Pct { fixed: Some((depth, length)), ..Pct::new(seed) }
    }
}

impl Strategy for Pct {
    fn begin(&mut self, execution: u64) {
        self.common.begin(execution);
        self.priorities.clear();
        self.drops.clear();
        self.passed = 0;
        if execution == 0 {
            return;
        }
        let random = &mut self.common.random;
        self.latest = random.below(2) == 0;
        let (depth, length) = self.fixed.unwrap_or_else(|| {
            let longest = self.lengths.iter().copied().max().unwrap_or(0);
            (2 + random.bits().trailing_ones() as usize, longest.max(1))
        });
        self.runs.runs[depth.min(DEPTHS - 1)] += 1;
        self.drops.extend((1..depth).map(|drop| (random.below(length), drop)));
        self.drops.sort_unstable_by(|one, other| other.cmp(one));
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind == ChoiceKind::ReadsFrom && self.latest {
            return 0;
        }
        if let Some(answer) = self.common.settled(question) {
            return answer;
        }
        let wish = self.common.wish(question);
        let turn = &mut self.priorities;
        if wish == Wish::Leave {
            turn.put_last(question.thread(0), &mut self.common.random);
        }
        let mut answer = turn.highest(question, &mut self.common.random);
        while let Some(&(at, level)) = self.drops.last()
            && at <= self.passed
        {
            self.drops.pop();
            turn.drop_to(question.thread(answer), level);
            answer = turn.highest(question, &mut self.common.random);
        }
        self.passed += 1;
        if self.common.turn_is_over(question.thread(answer)) {
            turn.put_last(question.thread(answer), &mut self.common.random);
            answer = turn.highest(question, &mut self.common.random);
        }
        answer
    }

    fn end(&mut self, seen: &Seen<'_>) {
        let choices = usize::try_from(seen.choices).unwrap_or(usize::MAX);
        self.lengths[self.ended % REMEMBERED] = choices;
        self.ended += 1;
        self.runs.length = self.runs.length.max(seen.choices);
        self.runs.threads = self.runs.threads.max(self.priorities.threads() as u64);
    }

    fn pct(&self) -> Option<&PctRuns> {
        Some(&self.runs)
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        // Each block vouches for its own executions.
        Some(Box::new(Pct { runs: PctRuns::default(), ..self.clone() }))
    }
}
