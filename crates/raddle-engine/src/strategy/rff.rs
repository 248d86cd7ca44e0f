//! RFF, reads-from fuzzing: keeps what made an execution different in which operation saw which, changes it a little, and
//! steers the next execution to it.
//!
//! Wolff, Shi, Duck, Mathur and Roychoudhury, "Greybox Fuzzing for Concurrency Testing", ASPLOS'24. An *abstract schedule*
//! is a set of constraints: this operation is to see what that one has done, or is not to. Schedules whose executions had
//! a combination of reads-from pairs that was not seen before are kept. The next ones are made of them by adding, turning
//! round and leaving out constraints over operations that have been met; how often a kept one is used grows each time
//! that it is, and shrinks with how often its combination has come by (the power schedule of Böhme, Pham and
//! Roychoudhury, "Coverage-based Greybox Fuzzing as Markov Chain", CCS'16). An operation that would go against a constraint
//! waits while others can run; apart from that, partial order sampling decides.
//!
//! Departures. An operation is known by its thread, its object and its kind, not by its place in the source, which the
//! engine does not see; so all rounds of a loop are one operation. Taking a lock counts as seeing who changed it last.
//! Constraints are given up in an execution once they have kept operations waiting for [`PATIENCE`] points: a thread that
//! others spin for would never come. Loads read the latest store in every second execution, and only these are learned
//! from, since the log does not tell which store a load saw. At most [`MOST`] schedules are kept.

#[cfg(test)]
mod tests;

use super::common::{Wish, unread};
use super::{Pos, Question, Seen, Strategy};
use crate::access::Access;
use crate::log::{Event, Logged};
use crate::random::{Random, mix};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::{BTreeMap, BTreeSet};

/// Points for which constraints may keep operations waiting in an execution.
const PATIENCE: usize = 1000;
/// Abstract schedules kept.
const MOST: usize = 1024;
/// Constraints of an abstract schedule.
const CONSTRAINTS: usize = 16;
/// Executions in a row for which one kept schedule is changed.
const ENERGY: u64 = 16;
/// Combinations of pairs that are counted.
const COUNTED: usize = 1 << 16;

/// An operation as it is known over executions; 0 stands for what was there at the beginning.
type Operation = u64;

/// The operation of a thread.
fn operation(thread: ThreadId, access: Access) -> Operation {
    mix(mix(access.object ^ u64::from(thread).rotate_left(32)) ^ access.kind as u64).max(1)
}

/// Whether this sees what was done to its object before.
fn sees(access: Access) -> bool {
    use crate::access::AccessKind::{Acquire, Lock, Read, Update};
    matches!(access.kind, Read | Update | Lock | Acquire)
}

/// Whether this is what later operations see.
fn changes(access: Access) -> bool {
    access.is_shared() && !access.only_reads()
}

/// That `reader` sees `writer`, or that it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Constraint {
    object: u64,
    writer: Operation,
    reader: Operation,
    wanted: bool,
}

/// A schedule that was kept.
#[derive(Clone, Debug)]
struct Kept {
    constraints: Vec<Constraint>,
    /// The combination of pairs that its execution had.
    pairs: u64,
    /// How often it was used.
    used: u32,
}

/// Who sees and who changes an object, as far as it is known.
#[derive(Clone, Debug, Default)]
struct Met {
    threads: BTreeSet<ThreadId>,
    readers: BTreeSet<Operation>,
    writers: BTreeSet<Operation>,
}

/// What was done to each object last.
#[derive(Clone, Debug, Default)]
struct Latest(BTreeMap<u64, Operation>);

impl Latest {
    fn of(&self, object: u64) -> Operation {
        self.0.get(&object).copied().unwrap_or(0)
    }

    /// A step is performed; tells who saw whom.
    fn pass(&mut self, step: &Logged) -> Option<(Operation, Operation)> {
        if step.event != Event::Performed || !step.access.is_shared() {
            return None;
        }
        let me = operation(step.thread, step.access);
        let seen = sees(step.access).then(|| (self.of(step.access.object), me));
        if changes(step.access) {
            self.0.insert(step.access.object, me);
        }
        seen
    }
}

/// Reads-from fuzzing.
#[derive(Clone, Debug)]
pub struct Rff {
    pos: Pos,
    /// The execution that has begun, its random numbers from there on, and whether it has not ended.
    execution: Option<u64>,
    random: Random,
    is_mine: bool,
    corpus: Vec<Kept>,
    /// Which of them is used, and for how many more executions.
    turn: (usize, u64),
    /// How often each combination of pairs came by.
    counts: BTreeMap<u64, u32>,
    met: BTreeMap<u64, Met>,
    /// Objects that several threads touch.
    shared: Vec<u64>,
    /// What this execution is steered to, and which of these have come about.
    constraints: Vec<Constraint>,
    fulfilled: Vec<bool>,
    latest: Latest,
    /// Entries of the log that have been looked at, and points at which something had to wait.
    read: usize,
    waited: usize,
    /// Whether loads read the latest store in this execution.
    reads_latest: bool,
}

impl Rff {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Rff {
            pos: Pos::named(seed, "rff"),
            execution: None,
            random: Random::new(seed, 0),
            is_mine: false,
            corpus: Vec::new(),
            turn: (0, 0),
            counts: BTreeMap::new(),
            met: BTreeMap::new(),
            shared: Vec::new(),
            constraints: Vec::new(),
            fulfilled: Vec::new(),
            latest: Latest::default(),
            read: 0,
            waited: 0,
            reads_latest: true,
        }
    }

    /// The kept schedule whose turn it is; the next one when its energy is used up.
    fn base(&mut self) -> Vec<Constraint> {
        let (at, left) = self.turn;
        if left > 0 && at < self.corpus.len() {
            self.turn.1 -= 1;
            return self.corpus[at].constraints.clone();
        }
        let all: u64 = self.counts.values().map(|count| u64::from(*count)).sum();
        let mean = all / (self.counts.len() as u64).max(1);
        let kept_in_all = self.corpus.len();
        for step in 1..=kept_in_all {
            let next = (at + step) % kept_in_all;
            let kept = &mut self.corpus[next];
            let often = u64::from(self.counts.get(&kept.pairs).copied().unwrap_or(1));
            // What comes by more often than most is left alone; it comes by without being steered to.
            if often > mean.max(1) && step < kept_in_all {
                continue;
            }
            let energy = ((1u64 << kept.used.min(16)) / often).clamp(1, ENERGY);
            kept.used += 1;
            self.turn = (next, energy - 1);
            return kept.constraints.clone();
        }
        Vec::new()
    }

    /// Something that is known to be possible to ask for.
    fn draw(&mut self) -> Option<Constraint> {
        let random = &mut self.pos.common.random;
        let object = *self.shared.get(random.below(self.shared.len().max(1)))?;
        let met = &self.met[&object];
        let reader = *met.readers.iter().nth(random.below(met.readers.len().max(1)))?;
        let writers: Vec<Operation> = std::iter::once(0).chain(met.writers.iter().copied()).collect();
        let writer = writers[random.below(writers.len())];
        Some(Constraint { object, writer, reader, wanted: random.below(4) != 0 })
    }

    /// Changes what this execution is steered to.
    fn mutate(&mut self) {
        for _ in 0..=self.pos.common.random.below(2) {
            let many = self.constraints.len();
            let way = if many == 0 { 0 } else { self.pos.common.random.below(4) };
            let at = self.pos.common.random.below(many.max(1));
            match way {
                2 => drop(self.constraints.remove(at)),
                3 => self.constraints[at].wanted ^= true,
                _ => {
                    let Some(new) = self.draw() else { return };
                    // One operation is asked to see one thing only.
                    self.constraints.retain(|old| old.reader != new.reader || !(old.wanted && new.wanted));
                    self.constraints.truncate(CONSTRAINTS - 1);
                    self.constraints.push(new);
                }
            }
        }
    }

    /// Takes account of what has happened since the last question.
    fn catch_up(&mut self, steps: &[Logged]) {
        for step in unread(steps, &mut self.read) {
            let Some((writer, reader)) = self.latest.pass(step) else { continue };
            for (constraint, fulfilled) in self.constraints.iter().zip(&mut self.fulfilled) {
                *fulfilled |= constraint.reader == reader && constraint.wanted == (constraint.writer == writer);
            }
        }
    }

    /// Whether this operation, performed now, would go against a constraint.
    fn goes_against(&self, thread: ThreadId, access: Access) -> bool {
        let of_object = |constraint: &&Constraint| constraint.object == access.object;
        let (me, last) = (operation(thread, access), self.latest.of(access.object));
        let open = self.constraints.iter().zip(&self.fulfilled).filter(|(_, fulfilled)| !**fulfilled);
        let mut open = open.map(|(constraint, _)| constraint).filter(of_object);
        open.any(|constraint| {
            let is_there = constraint.writer == last;
            if constraint.reader == me {
                return constraint.wanted != is_there;
            }
            // What is to be seen must not be overwritten before, and what is not to be seen comes after the reader.
            let would_stand_in_the_way = if constraint.wanted { is_there } else { constraint.writer == me };
            would_stand_in_the_way && changes(access)
        })
    }

    /// Learns which operations there are.
    fn meet(&mut self, steps: &[Logged]) {
        for step in steps.iter().filter(|step| step.event == Event::Performed && step.access.is_shared()) {
            let met = self.met.entry(step.access.object).or_default();
            let me = operation(step.thread, step.access);
            if met.threads.insert(step.thread) && met.threads.len() == 2 {
                self.shared.push(step.access.object);
            }
            if sees(step.access) {
                met.readers.insert(me);
            }
            if changes(step.access) {
                met.writers.insert(me);
            }
        }
    }
}

/// The combination of reads-from pairs of an execution, whatever order they came in.
fn combination(steps: &[Logged]) -> u64 {
    let mut latest = Latest::default();
    let pairs: BTreeSet<_> = steps.iter().filter_map(|step| latest.pass(step)).collect();
    pairs.iter().fold(0, |hash, (writer, reader)| mix(hash ^ mix(*writer) ^ *reader))
}

impl Strategy for Rff {
    fn begin(&mut self, execution: u64) {
        self.pos.begin(execution);
        self.latest.0.clear();
        (self.read, self.waited) = (0, 0);
        self.is_mine = true;
        self.reads_latest = self.pos.common.random.below(2) == 0;
        // An execution that has to be begun again is steered to the same.
        if self.execution.replace(execution) != Some(execution) {
            self.constraints = self.base();
            self.mutate();
            self.random = self.pos.common.random.clone();
        }
        self.pos.common.random = self.random.clone();
        self.fulfilled.clear();
        self.fulfilled.resize(self.constraints.len(), false);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind == ChoiceKind::ReadsFrom && self.reads_latest {
            return 0;
        }
        if let Some(answer) = self.pos.common.settled(question) {
            return answer;
        }
        self.catch_up(question.steps);
        let from = match self.pos.common.wish(question) {
            Wish::Stay => return 0,
            Wish::Leave => 1,
            Wish::Free => 0,
        };
        let mut waits = 0u64;
        if !self.constraints.is_empty() && self.waited < PATIENCE {
            for answer in (from..question.options).take(u64::BITS as usize) {
                let is_against = self.goes_against(question.thread(answer), question.pending(answer));
                waits |= u64::from(is_against) << answer.min(63);
            }
            self.waited += usize::from(waits != 0);
        }
        self.pos.highest(question, from, |answer| answer >= 64 || waits >> answer & 1 == 0)
    }

    fn end(&mut self, seen: &Seen<'_>) {
        // In a portfolio the executions of others are told of, too.
        if !std::mem::take(&mut self.is_mine) || !self.reads_latest {
            return;
        }
        self.meet(seen.steps);
        let pairs = combination(seen.steps);
        let is_new = !self.counts.contains_key(&pairs);
        if !is_new || self.counts.len() < COUNTED {
            let count = self.counts.entry(pairs).or_default();
            *count = count.saturating_add(1);
        }
        if is_new && self.corpus.len() < MOST {
            self.corpus.push(Kept { constraints: self.constraints.clone(), pairs, used: 0 });
        }
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
