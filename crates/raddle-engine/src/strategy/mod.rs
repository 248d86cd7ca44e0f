//! Search strategies: what answers a question the first time.
//!
//! One strategy a file. Adding one means adding its file and its line in [`by_name`].

mod auto;
pub mod blocks;
mod branch;
mod common;
mod first;
mod kept;
mod lag;
mod lockstep;
mod pct;
mod pctwm;
mod pos;
mod priorities;
mod random;
mod replay;
mod rff;
mod sequential;
mod spurious;
mod stall;
mod surw;
#[cfg(test)]
pub(crate) mod toy;

use crate::access::Access;
use crate::log::Logged;
use raddle_protocol::message::{Bounded, Obstacle, Search};
use raddle_protocol::trace::ThreadId;
use raddle_protocol::{Choice, ChoiceKind};

pub use auto::Auto;
pub use branch::Branch;
pub use first::First;
pub use kept::Kept;
pub use lag::Lag;
pub use lockstep::Lockstep;
pub use pct::{Pct, PctRuns};
pub use pctwm::Pctwm;
pub use pos::Pos;
pub use random::RandomWalk;
pub use replay::{Divergence, Replay};
pub use rff::Rff;
pub use sequential::Sequential;
pub use spurious::{SPURIOUS, Spurious};
pub use stall::StallAt;
pub use surw::Surw;

/// Something that could go more than one way, now.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What is to be decided.
    pub kind: ChoiceKind,
    /// Number of answers, at least 2.
    pub options: usize,
    /// For [`ChoiceKind::Thread`], the threads that can run, in ascending order; empty for other kinds.
    pub threads: &'a [ThreadId],
    /// What every thread is about to do, by thread number, those included that cannot run. See [`Question::pending`].
    pub pending: &'a [Access],
    /// What has happened in this execution so far, or the last of it if it was very much. For other kinds, up to and with
    /// the operation that asks; empty where that is not in the log.
    pub steps: &'a [Logged],
    /// The thread that ran last, whether or not it can go on. Answer 0 is that thread if it can.
    pub current: ThreadId,
    /// Where answer 0 stands in `threads`; the others follow, around the end.
    pub first: usize,
    /// What the running thread is about, as far as it matters to the decision.
    pub hint: Hint,
}

/// What the running thread is about when a question is asked. A hint changes how likely answers are, never which ones
/// there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hint {
    /// Nothing particular.
    #[default]
    None,
    /// It has read the same value from the same place several times in a row and done nothing else: it spins.
    Spins,
    /// It offers its turn to others (`sched_yield`).
    Yields,
}

impl<'a> Question<'a> {
    /// A question that is not about threads.
    #[must_use]
    pub fn plain(kind: ChoiceKind, options: usize) -> Self {
        Question { kind, options, threads: &[], pending: &[], steps: &[], current: 0, first: 0, hint: Hint::None }
    }

    /// Where the thread behind an answer stands in `threads`. Both numbers are below their count, so no division is
    /// needed to go around the end.
    #[inline]
    pub(crate) fn place(&self, answer: usize) -> usize {
        let place = self.first + answer;
        if place < self.threads.len() { place } else { place - self.threads.len() }
    }

    /// The thread behind an answer to a [`ChoiceKind::Thread`] question.
    #[must_use]
    pub fn thread(&self, answer: usize) -> ThreadId {
        self.threads[self.place(answer)]
    }

    /// What the thread behind an answer does first if it is chosen.
    #[inline]
    #[must_use]
    pub fn pending(&self, answer: usize) -> Access {
        self.pending.get(self.thread(answer) as usize).copied().unwrap_or_default()
    }
}

/// What came of an execution, as far as a strategy may learn from it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What happened, or the last of it if it was very much.
    pub steps: &'a [Logged],
    /// Questions answered.
    pub choices: u64,
    /// The answers, filled in by the tape.
    pub record: &'a [Choice],
    /// Whether no earlier execution was equivalent.
    pub new: bool,
    /// Whether it passed.
    pub passed: bool,
    /// What every thread was about to do when the execution ended, by thread number.
    pub pending: &'a [Access],
    /// What the execution depended on that no strategy decides, if anything.
    pub obstacle: Option<Obstacle>,
}

/// Answers questions. A strategy sees plain data only, and is told where executions begin and end.
pub trait Strategy {
    /// Execution number `execution` begins.
    fn begin(&mut self, execution: u64);

    /// The answer, below `question.options`.
    fn choose(&mut self, question: &Question<'_>) -> usize;

    /// The execution has ended. Not told of executions that are performed again.
    fn end(&mut self, _: &Seen<'_>) {}

    /// What the executions of PCT were like, where there were any.
    fn pct(&self) -> Option<&PctRuns> {
        None
    }

    /// How many executions there are to be at the most; told before the first.
    fn expect(&mut self, _executions: u64) {}

    /// How far a systematic search is, where there is one.
    fn search(&self) -> Option<Search> {
        None
    }

    /// How far a search in the order of preemptions is, where there is one.
    fn bounded(&self) -> Option<Bounded> {
        None
    }

    /// No execution of a search is to have more preemptions than these; told before the first.
    fn bound(&mut self, _preemptions: u32) {}

    /// What the executions of a block begin with, where the search can be divided by now ([`blocks`]): the same strategy with
    /// all that it has learned so far, and nothing in common with this one. Execution numbers go on from here with any
    /// gap.
    fn opening(&self) -> Option<Box<dyn Strategy>> {
        None
    }

    /// Whether the present execution is drawn at random from all there are, so that it tells of what has not been seen.
    /// Those of a systematic search and of a strategy that reaches only some are not.
    fn is_sample(&self) -> bool {
        true
    }

    /// Whether what happens for no reason may happen in the present execution: of one kind waits at condition variables that
    /// end without a notification, of another weak compare-exchanges that fail. Where it may not, it is not asked.
    fn allows(&self, _: ChoiceKind) -> bool {
        false
    }

    /// Where and how the recorded stream stopped fitting the program; only a replay ever answers.
    fn divergence(&self) -> Option<Divergence> {
        None
    }
}

/// The names by which [`by_name`] knows strategies.
pub const NAMES: &[&str] = &["auto", "random", "pct", "pos", "surw", "lag", "rff", "branch", "pctwm", "exhaustive"];

/// The strategy of this name; `None` when there is none.
#[must_use]
pub fn by_name(name: &str, seed: u64) -> Option<Box<dyn Strategy>> {
    match name {
        "auto" => Some(Box::new(Auto::new(seed))),
        "random" => Some(Box::new(RandomWalk::new(seed))),
        "pct" => Some(Box::new(Pct::new(seed))),
        "pos" => Some(Box::new(Pos::new(seed))),
        "surw" => Some(Box::new(Surw::new(seed))),
        "lag" => Some(Box::new(Lag::new(seed))),
        "rff" => Some(Box::new(Rff::new(seed))),
        "pctwm" => Some(Box::new(Pctwm::new(seed))),
        "branch" => Some(Box::new(Branch::new(seed))),
        "exhaustive" => Some(Box::new(Auto::exhaustive(seed))),
        _ => None,
    }
}
