//! Why an execution fails: performs what [`raddle_engine::cause`] proposes. Bounded as shrinking is ([`crate::shrink`]).
//!
//! Where an execution fails only because a load sees an older store than the last, that is the reason, and no pair of
//! steps is looked for: which of two comes first is not what its threads go by.

use crate::explore::Explorer;
use crate::shrink::{manner, perform};
use crate::stalled::is_stalled;
use crate::state::rt;
use raddle_engine::AccessKind;
use raddle_engine::cause::{Delay, Pair, pairs, reversed};
use raddle_engine::log::Logged;
use raddle_engine::shrink::{Deviation, Follow, Note};
use raddle_protocol::trace::{Outcome, ThreadId};
use raddle_protocol::{Choice, ChoiceKind};

/// Executions performed at the most.
const MOST_TRIES: u64 = 250;
/// Schedule points passed at the most in all of them.
const MOST_POINTS: u64 = 3_000_000;
/// Entries of the log of an execution that is looked at, at the most.
const LONGEST: usize = 20_000;
/// Pairs told of at the most.
const MOST_PAIRS: usize = 64;

/// Executions performed at the most to do without old values.
const MOST_ORDERS: usize = 60;

/// What was found out, in terms of the log and of the choice stream.
#[derive(Default)]
pub struct Reasons {
    /// Executions performed.
    pub tried: u64,
    /// Pairs that decide.
    pub pairs: Vec<Pair>,
    /// Choices by which a load saw an older store.
    pub stale: Vec<usize>,
}

/// Looks for the reason why the execution of these choices fails; `None` where that cannot be told.
pub fn find(explorer: &mut Explorer, execution: u64, choices: &[Choice]) -> Option<Reasons> {
    let (note, noted) = Note::new(choices.to_vec());
    let wanted = perform(explorer, execution, Box::new(note)).0?;
    let steps = log()?;
    let deviations = noted.borrow().clone();
    let mut search = Search { explorer, execution, points: 0, reasons: Reasons::default() };
    if deviations.iter().any(is_memory) {
        search.stale(&deviations);
    } else {
        search.pairs(&steps, &deviations, wanted);
    }
    Some(search.reasons)
}

/// Whether an answer is one of those that only the memory model gives.
fn is_memory(deviation: &Deviation) -> bool {
    MEMORY.iter().any(|kind| deviation.is_about(*kind))
}

/// See [`is_memory`].
const MEMORY: [ChoiceKind; 2] = [ChoiceKind::ReadsFrom, ChoiceKind::ModificationOrder];

/// The choices of an execution that fails in the same manner, in which all loads see the last store, where the one of
/// these choices has loads that do not: a load that sees an old value can often be taken to have come before the store
/// that has replaced it, and a reader understands that more easily. Only one load is moved.
pub fn without_old_values(explorer: &mut Explorer, execution: u64, choices: &[Choice]) -> Option<Vec<Choice>> {
    let (note, noted) = Note::new(choices.to_vec());
    let wanted = perform(explorer, execution, Box::new(note)).0?;
    let steps = log()?;
    let deviations = noted.borrow().clone();
    if !deviations.iter().any(is_memory) {
        return None;
    }
    let others: Vec<Deviation> = deviations.into_iter().filter(|deviation| !is_memory(deviation)).collect();
    let loads = pairs(&steps, &[], usize::MAX).into_iter().filter(|pair| pair.second.access.kind == AccessKind::Read);
    loads.take(MOST_ORDERS).find_map(|pair| {
        if explorer.is_late() {
            return None;
        }
        let (ended, record, _) = perform(explorer, execution, Box::new(Delay::new(&steps, Some(pair), &others)));
        let is_plain = record.iter().all(|choice| choice.taken == 0 || !MEMORY.contains(&choice.kind));
        (ended == Some(wanted) && is_plain).then_some(record)
    })
}

/// The log of the last execution, if all of it was kept and it is not too long.
fn log() -> Option<Vec<Logged>> {
    let log = rt().execution.schedule.log();
    (log.len() == log.steps().len() as u64 && log.steps().len() <= LONGEST).then(|| log.steps().to_vec())
}

struct Search<'a> {
    explorer: &'a mut Explorer,
    execution: u64,
    points: u64,
    reasons: Reasons,
}

impl Search<'_> {
    fn is_spent(&self) -> bool {
        self.reasons.tried >= MOST_TRIES || self.points >= MOST_POINTS || self.explorer.is_late()
    }

    /// Performs an execution, and tells the manner of its end and whether it passed; `None` when no more may be tried.
    fn perform(&mut self, strategy: Box<dyn raddle_engine::Strategy>) -> Option<(Option<u64>, bool)> {
        if self.is_spent() {
            return None;
        }
        let (ended, _, outcome) = perform(self.explorer, self.execution, strategy);
        self.reasons.tried += 1;
        self.points += rt().points;
        if is_stalled(&outcome) {
            // It has taken seconds; so may the next.
            self.points = MOST_POINTS;
        }
        Some((ended, outcome == Outcome::Passed))
    }

    /// Lets each load that sees an older store see the last one.
    fn stale(&mut self, deviations: &[Deviation]) {
        for (at, deviation) in deviations.iter().enumerate() {
            if !deviation.is_about(ChoiceKind::ReadsFrom) {
                continue;
            }
            let others = [&deviations[..at], &deviations[at + 1..]].concat();
            match self.perform(Box::new(Follow::new(&others))) {
                Some((_, true)) => self.reasons.stale.push(deviation.at()),
                Some(_) => {}
                None => return,
            }
        }
    }

    /// Reverses one pair after the other.
    fn pairs(&mut self, steps: &[Logged], deviations: &[Deviation], wanted: u64) {
        let pending = rt().execution.schedule.pending().to_vec();
        // What is compared with must itself fail, and in the same way.
        match self.perform(Box::new(Delay::new(steps, None, deviations))) {
            Some((ended, _)) if ended == Some(wanted) => {}
            _ => return,
        }
        let (root, harness) = (rt().execution.root, rt().execution.harness);
        let is_of_test = |thread: ThreadId| thread == root || thread > harness;
        for pair in pairs(steps, &pending, MOST_TRIES as usize) {
            if !is_of_test(pair.first.thread) || !is_of_test(pair.second.thread) {
                continue;
            }
            let Some((_, passed)) = self.perform(Box::new(Delay::new(steps, Some(pair), deviations))) else { return };
            if passed && log().is_some_and(|steps| reversed(&steps, &pair)) {
                self.reasons.pairs.push(pair);
                if self.reasons.pairs.len() >= MOST_PAIRS {
                    return;
                }
            }
        }
    }
}

/// Whether the reason of such an end is looked for: of those that hold for some orders only, and are not themselves about
/// two steps.
pub fn is_open(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Exited(_) | Outcome::Crashed { .. } | Outcome::Stuck) && manner(outcome, rt()).is_some()
}
