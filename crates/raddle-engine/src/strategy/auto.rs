//! The default: several strategies by turns, and those more often that still find something new.
//!
//! No strategy is best for all programs, and none knows beforehand which bug there is. The portfolio is the strategies
//! that find most of the programs of `bench/buggy` first (the table in `bench/README.md`): SURW and POS; and PCT, which
//! finds few of them first but comes with a guarantee; lagging, which alone lets a thread stand still while others do
//! a great deal; RFF, which builds on what it has reached and alone finds what takes many steps in a row; and branching,
//! which goes on from what lagging has found rare. The random walk is first only where all are quick, and PCTWM finds
//! nothing there that the others do not; the two are left out. Every second execution goes round the portfolio, in turns
//! that favour those that did well there; in the others a strategy is drawn in proportion to how often its last
//! executions were equivalent to no earlier one (probability
//! matching, a bandit algorithm: Thompson, "On the likelihood that one unknown probability exceeds another", Biometrika
//! 1933, here with the means in place of samples). Rewards fade, since what is left to be found changes. Where executions
//! are long, nearly all are equivalent to no earlier one, whatever the strategy; there only every third goes round the
//! portfolio, and the others go on from what was rare. So does one in four after [`DEEP`] executions, however long they
//! are. The first that are not given by turns are those of SURW and POS, which find soonest what is found soon.
//!
//! In between, a systematic search ([`crate::exhaustive`]) has every second execution, so that a small test is soon seen
//! to be exhausted. It begins after the first [`ALONE`] executions, and gives up when it has had its allowance (unless a
//! fifth of the budget will do for all of it), as soon as the estimate of its size says that it will not do with that, or when
//! there is something that it cannot see. So a test that is
//! not small loses little by it. Under its own name, `exhaustive`, the search has all executions until nothing is left
//! for it to do; what then remains of the budget is the portfolio's. Where the budget will not do, by the estimate, it shares
//! it with a search in the order of preemptions ([`crate::exhaustive::Bounded`]), which has something to say before it has
//! seen all; and where it is far from doing, leaves it to that.
//!
//! When a search is divided ([`super::blocks`]), each block goes on with the shares and with what the members have learned by
//! then.
//!
//! What is new is no measure of how deep it lies: a strategy that keeps to few preemptions soon repeats itself, and may
//! still be the one that finds the bug. That is why half of the executions do not depend on rewards, and none where they
//! are long.

#[cfg(test)]
mod tests;

use super::{Branch, Lag, Pct, PctRuns, Pos, Question, Rff, Seen, Strategy, Surw};
use crate::exhaustive::{Bounded, Exhaustive};
use crate::random::Random;
use raddle_protocol::message::{self, Search};

/// What one execution later is still worth of a reward, in parts of [`WHOLE`].
const KEPT: u64 = WHOLE - WHOLE / 64;
/// A reward.
const WHOLE: u64 = 1 << 16;

/// Executions before the search has its first.
const ALONE: u64 = 100;

/// Executions of the search at the most, unless the budget is so small that a tenth of it is less.
const ALLOWANCE: u64 = 2_000;

/// A search that has had them goes on if by the estimate this part of the budget will do for all of it. It gives up when it has
/// had twice as much, since an estimate may be too low.
const PART: u64 = 5;
/// Executions that such a part is at the most.
const LARGEST_PART: u64 = 20_000;

/// Executions of the search after which the estimate of its size is believed, if it is more than so many times the
/// allowance.
const ENOUGH: u64 = 32;
/// See [`ENOUGH`].
const TOLERANCE: u64 = 10;
/// How many times the budget the estimate must be for the budget not to do: it is an estimate.
const ROUGHLY: f64 = 2.0;

/// A budget that will do for a search that is soon over; with a smaller one it must be known early whether it does.
const AMPLE: u64 = 50_000;

/// No member of the portfolio, but the search.
const SEARCH: usize = usize::MAX;
/// The one in the order of preemptions.
const BOUNDED: usize = usize::MAX - 1;

/// The turns of a round: members of the portfolio by number.
const ROUND: [usize; 12] = [0, 1, 2, 3, 0, 4, 5, 1, 3, 4, 5, 0];

/// One in how many executions goes round them, and one in how many where executions are long ([`LONG`]).
const TURNS: u64 = 2;
/// See [`TURNS`].
const LONG_TURNS: u64 = 3;

/// Executions at the beginning of which those that have no turn are [`SURW`]'s, and every fourth of them [`POS`]'s: these two
/// find first what is found soon.
const EARLY: u64 = 64;
/// See [`EARLY`].
const SURW: usize = 0;
/// See [`EARLY`].
const POS: usize = 1;

/// Which of them goes on from what was rare.
const BRANCH: usize = 5;

/// Answers in an execution on average, above which executions count as long. What is left to be found in them takes several
/// unlikely steps, between which a pool's idle worker alone answers hundreds of times.
const LONG: u64 = 200;

/// Executions after which what is left to be found takes several unlikely steps, however long they are.
const DEEP: u64 = 8_192;

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
    /// Whose execution it is; the search's, if there is no such member.
    active: usize,
    search: Exhaustive,
    bounded: Bounded,
    /// Whether that is to do it alone.
    is_bounded: bool,
    /// Executions that there are to be.
    budget: u64,
    /// Executions that the search may have.
    allowance: u64,
    /// Whether it has all of them, from the beginning.
    first: bool,
    /// Answers given in the executions so far, and how many these are.
    answers: u64,
    ended: u64,
    /// The present execution, and how many were the searches'.
    execution: Option<u64>,
    searched: u64,
}

impl Auto {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let member = |strategy| Member { strategy, tried: 0, new: 0 };
        let portfolio: [Box<dyn Strategy>; 6] = [
            Box::new(Surw::new(seed)),
            Box::new(Pos::new(seed)),
            Box::new(Pct::new(seed)),
            Box::new(Lag::new(seed)),
            Box::new(Rff::new(seed)),
            Box::new(Branch::new(seed)),
        ];
        Auto {
            seed,
            members: portfolio.into_iter().map(member).collect(),
            active: 0,
            search: Exhaustive::with_probes(seed),
            bounded: Bounded::new(u32::MAX),
            is_bounded: false,
            budget: u64::MAX,
            allowance: ALLOWANCE,
            first: false,
            answers: 0,
            ended: 0,
            execution: None,
            searched: 0,
        }
    }

    /// The executions of a seed, those of the search first.
    #[must_use]
    pub fn exhaustive(seed: u64) -> Self {
        Auto { allowance: u64::MAX, first: true, search: Exhaustive::with_late_probes(seed), ..Auto::new(seed) }
    }

    /// Whether the search is worth another execution.
    fn searches(&self) -> bool {
        let search = self.search.status();
        let part = (self.budget / PART).min(LARGEST_PART);
        let goes_on = self.allowance == ALLOWANCE && search.estimate <= part as f64 && search.executions < 2 * part;
        let is_open = !self.search.is_over() && (search.executions < self.allowance || goes_on);
        if self.first || !is_open {
            return is_open;
        }
        let is_small = search.executions < ENOUGH || search.estimate <= (self.allowance * TOLERANCE) as f64;
        search.obstacle.is_none() && is_small
    }

    /// Which search has the next execution, where searches come first.
    fn next_search(&self) -> Option<usize> {
        let (searches, is_open) = (self.searches(), !self.bounded.is_over());
        if self.is_bounded {
            return is_open.then_some(BOUNDED);
        }
        let search = self.search.status();
        let times = if search.executions < ENOUGH { 0.0 } else { search.estimate / self.budget as f64 };
        match (searches && times <= TOLERANCE as f64, is_open && times > ROUGHLY) {
            (true, true) if self.active == SEARCH => Some(BOUNDED),
            (true, _) => Some(SEARCH),
            (false, true) => Some(BOUNDED),
            (false, false) => None,
        }
    }

    /// Whose execution the next one is.
    fn draw(&mut self, execution: u64) -> usize {
        let is_long = self.answers > LONG * self.ended;
        let turns = if is_long { LONG_TURNS } else { TURNS };
        if execution.is_multiple_of(turns) {
            return ROUND[(execution / turns) as usize % ROUND.len()];
        }
        if execution < EARLY {
            return if execution % 8 == 7 { POS } else { SURW };
        }
        if is_long || (execution >= DEEP && (execution / TURNS).is_multiple_of(2)) {
            return BRANCH;
        }
        let rates: u64 = self.members.iter().map(Member::rate).sum();
        let mut at = Random::new(self.seed, execution).below(rates as usize) as u64;
        let found = self.members.iter().position(|member| {
            let here = at < member.rate();
            at = at.saturating_sub(member.rate());
            here
        });
        found.unwrap_or(0)
    }
}

impl Strategy for Auto {
    fn begin(&mut self, execution: u64) {
        // An execution may have to be begun again.
        if self.execution.replace(execution) != Some(execution) {
            let by_turns = execution - self.searched >= ALONE && self.active != SEARCH && self.searches();
            let search = if self.first { self.next_search() } else { by_turns.then_some(SEARCH) };
            self.searched += u64::from(search.is_some());
            self.active = search.unwrap_or_else(|| self.draw(execution - self.searched));
        }
        match self.members.get_mut(self.active) {
            // The portfolio's executions have numbers of their own, without gaps.
            Some(member) => member.strategy.begin(execution - self.searched),
            None if self.active == BOUNDED => self.bounded.begin(execution),
            None => self.search.begin(execution),
        }
    }

    #[inline]
    fn choose(&mut self, question: &Question<'_>) -> usize {
        match self.members.get_mut(self.active) {
            Some(member) => member.strategy.choose(question),
            None if self.active == BOUNDED => self.bounded.choose(question),
            None => self.search.choose(question),
        }
    }

    fn end(&mut self, seen: &Seen<'_>) {
        self.answers += seen.choices;
        self.ended += 1;
        let Some(active) = self.members.get_mut(self.active) else {
            return if self.active == BOUNDED { self.bounded.end(seen) } else { self.search.end(seen) };
        };
        active.tried = active.tried * KEPT / WHOLE + WHOLE;
        active.new = active.new * KEPT / WHOLE + if seen.new { WHOLE } else { 0 };
        // What an execution is made of is worth knowing to all.
        for member in &mut self.members {
            member.strategy.end(seen);
        }
    }

    fn expect(&mut self, executions: u64) {
        self.budget = executions;
        if !self.first {
            self.allowance = ALLOWANCE.min(executions / 10);
        } else if executions < AMPLE {
            self.search = Exhaustive::with_probes(self.seed);
        }
    }

    fn bound(&mut self, preemptions: u32) {
        if self.first {
            self.bounded = Bounded::new(preemptions);
            self.is_bounded = true;
        }
    }

    fn search(&self) -> Option<Search> {
        (!self.is_bounded).then(|| self.search.status())
    }

    fn bounded(&self) -> Option<message::Bounded> {
        Some(self.bounded.status()).filter(|bounded| bounded.executions > 0)
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        // A search goes from one execution to the next.
        let is_searching = if self.first { self.next_search().is_some() } else { self.searches() };
        if is_searching {
            return None;
        }
        let member = |member: &Member| Some(Member { strategy: member.strategy.opening()?, ..*member });
        let members = self.members.iter().map(member).collect::<Option<_>>()?;
        Some(Box::new(Auto {
            members,
            active: 0,
            search: Exhaustive::new(),
            bounded: Bounded::new(u32::MAX),
            is_bounded: false,
            allowance: 0,
            first: false,
            execution: None,
            ..*self
        }))
    }

    fn is_sample(&self) -> bool {
        self.members.get(self.active).is_some_and(|member| member.strategy.is_sample())
    }

    fn pct(&self) -> Option<&PctRuns> {
        self.members.iter().find_map(|member| member.strategy.pct())
    }
}
