//! Going on differently from where something rare has happened.
//!
//! Some mistakes take several unlikely steps, one after the other. A strategy that begins every execution anew must be
//! lucky in all of them at once. Here an execution begins as an earlier one did, answer by answer, up to a step that has
//! seldom been seen, and goes on by itself from there; so each unlikely step has to be found once only. This is the
//! splitting of trajectories for rare events (Kahn and Harris, "Estimation of particle transmission by random sampling",
//! 1951; Glasserman, Heidelberger, Shahabuddin and Zajic, "Multilevel splitting for estimating rare event
//! probabilities", Operations Research 1999), with what fuzzers use in place of levels: what has been covered, and how
//! often (Böhme, Pham and Roychoudhury, "Coverage-based greybox fuzzing as Markov chain", CCS'16). What is covered is
//! who comes after whom at which object, as in Wolff, Shi, Duck, Mathur and Roychoudhury, "Greybox fuzzing for concurrency
//! testing", ASPLOS'24.
//!
//! Departures. A happening is an access to an object that another thread changed last: both threads, how often each has
//! changed the object by then, up to [`FEW`], and which threads stand still meanwhile, since a rare step often matters only as
//! long as a third thread has not come so far. It is known by 16 bits of a hash, so some are taken for one another. What
//! happens after the step is left to [`Lag`], each thread standing still with probability one half. Only executions that
//! were chosen so are gone on from: where threads change at every step nearly all that happens is rare, and little of it
//! matters. Every second place is drawn from those found last: where several unlikely steps are needed, each is gone on
//! from soon.
//!
//! Cannot do: measure how likely a mistake is. What it finds depends on all that was found before.

#[cfg(test)]
mod tests;

use super::{Lag, Question, Seen, Strategy};
use crate::log::{Event, Logged};
use crate::random::{Random, mix};
use raddle_protocol::Choice;
use raddle_protocol::trace::ThreadId;
use std::rc::Rc;

/// Changes by one thread that are told apart by their number.
const FEW: u32 = 4;
/// Kinds of happenings that are told apart, a power of two.
const KINDS: usize = 1 << 16;
/// Of so many happenings drawn at random the rarest is gone on from.
const DRAWN: usize = 8;
/// Places that count as found last.
const RECENT: usize = 32;
/// One in how many executions begins anew.
const ANEW: usize = 8;
/// An execution with more answers than this is neither kept nor looked at.
const LONGEST: usize = 1 << 14;
/// Answers kept at the most, in all executions together.
const KEPT: usize = 1 << 20;
/// Entries of the table in which an execution is looked at, a power of two; half as many pairs of thread and object are
/// seen at the most.
const TABLE: usize = 1 << 12;

/// Where to go on from: the first execution in which something happened, and at which of its steps.
#[derive(Clone, Debug)]
struct Place {
    kind: usize,
    answers: Rc<[Choice]>,
    step: usize,
}

/// What is known of a pair of thread and object, or of an object (then with the thread that changed it last), in the
/// execution looked at.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    /// The execution of which this is true.
    execution: u64,
    last: ThreadId,
    changes: u32,
}

/// Executions that go on from a place in an earlier one.
#[derive(Clone, Debug)]
pub struct Branch {
    seed: u64,
    random: Random,
    lag: Lag,
    /// How often each kind of happening was seen.
    seen: Vec<u32>,
    places: Vec<Place>,
    /// Answers behind all places.
    kept: usize,
    /// What is repeated, how much of it has been, and after how many steps that ends.
    repeated: Option<Rc<[Choice]>>,
    at: usize,
    until: usize,
    /// The place that was picked, as long as the execution has not come to it.
    picked: Option<usize>,
    /// Whether the present execution is chosen here.
    active: bool,
    /// After how many steps it came to be that these threads stand still, in the part of the execution that is chosen here.
    still: Vec<(usize, u64)>,
    table: Vec<Entry>,
    looked_at: u64,
}

impl Branch {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Branch {
            seed: mix(seed ^ 0x6272_616e_6368),
            random: Random::new(seed, 0),
            lag: Lag::new(seed),
            seen: Vec::new(),
            places: Vec::new(),
            kept: 0,
            repeated: None,
            at: 0,
            until: 0,
            picked: None,
            active: false,
            still: Vec::new(),
            table: Vec::new(),
            looked_at: 0,
        }
    }

    /// Chooses where the execution is to go on from.
    fn pick(&mut self) {
        // Every second time of those found last, so that what has just been reached is soon gone on from.
        let oldest = match self.random.below(2) {
            0 => self.places.len().saturating_sub(RECENT),
            _ => 0,
        };
        let drawn = (0..DRAWN).map(|_| oldest + self.random.below(self.places.len() - oldest));
        let Some(rarest) = drawn.min_by_key(|place| self.seen[self.places[*place].kind]) else { return };
        let Place { answers, step, .. } = &self.places[rarest];
        // Mostly right behind the step; else a little before it, so that it comes about in another way or not at all.
        self.until = match self.random.below(4) {
            0 => (step + 1).saturating_sub(1 << self.random.below(6)),
            _ => step + 1,
        };
        self.repeated = Some(Rc::clone(answers));
        self.picked = Some(rarest);
        self.at = 0;
    }

    /// The answer that was given here before, as long as the execution is the earlier one still.
    fn again(&mut self, question: &Question<'_>) -> Option<usize> {
        let answers = self.repeated.as_ref()?;
        let is_over = question.steps.len() >= self.until;
        let answer = answers.get(self.at).filter(|_| !is_over);
        self.at += 1;
        match answer {
            Some(choice) if choice.kind == question.kind && usize::from(choice.options) == question.options => {
                Some(usize::from(choice.taken))
            }
            // Whoever stands still can be drawn only among those who can run.
            _ if question.threads.is_empty() && answer.is_none() => None,
            _ => {
                (self.repeated, self.picked) = (None, None);
                self.lag.go_on(question);
                None
            }
        }
    }

    /// The entry of a key in the execution that is looked at; `None` when there are too many.
    fn entry(&mut self, key: u64) -> Option<&mut Entry> {
        let mut at = key as usize % TABLE;
        for _ in 0..TABLE / 2 {
            let entry = &mut self.table[at];
            if entry.execution != self.looked_at {
                *entry = Entry { key, execution: self.looked_at, last: 0, changes: 0 };
            }
            if entry.key == key {
                return Some(&mut self.table[at]);
            }
            at = (at + 1) % TABLE;
        }
        None
    }

    /// What happens at a step while these threads stand still, if it is something to be remembered.
    fn happening(&mut self, step: &Logged, still: u64) -> Option<usize> {
        let Logged { thread, event, access } = *step;
        let (object, other) = match event {
            Event::Performed if access.is_shared() => (access.object, None),
            Event::Performed | Event::Spawned => return None,
            Event::Woken => (1 << 61 | u64::from(thread), Some(access.object as ThreadId)),
            Event::TimedOut => (1 << 61 | u64::from(thread), Some(thread)),
        };
        let mine = self.entry(mix(object ^ (u64::from(thread) + 1) << 48))?;
        mine.changes += u32::from(!access.only_reads());
        let mine = mine.changes;
        let whole = self.entry(mix(object))?;
        let (last, theirs) = (other.unwrap_or(whole.last), whole.changes);
        if !access.only_reads() {
            (whole.last, whole.changes) = (thread, mine);
        }
        if other.is_none() && (last == thread || theirs == 0) {
            return None;
        }
        let who = u64::from(last) << 32 | u64::from(thread);
        let often = u64::from(mine.min(FEW)) << 8 | u64::from(theirs.min(FEW)) << 4 | access.kind as u64;
        Some(mix(object ^ mix(who ^ mix(often ^ mix(still)))) as usize % KINDS)
    }

    /// Looks at an execution for what has not happened in an earlier one.
    fn look(&mut self, steps: &[Logged], record: &[Choice]) {
        if self.seen.is_empty() {
            self.seen = vec![0; KINDS];
            self.table = vec![Entry::default(); TABLE];
        }
        self.looked_at += 1;
        let mut answers: Option<Rc<[Choice]>> = None;
        let still = std::mem::take(&mut self.still);
        let mut since = still.iter().peekable();
        let mut now = None;
        for (step, logged) in steps.iter().enumerate() {
            while let Some((_, still)) = since.next_if(|(from, _)| *from <= step) {
                now = Some(*still);
            }
            let Some(kind) = self.happening(logged, now.unwrap_or(0)) else { continue };
            // What comes before is of an earlier execution, which has been looked at.
            if now.is_none() {
                continue;
            }
            self.seen[kind] = self.seen[kind].saturating_add(1);
            if self.seen[kind] > 1 {
                continue;
            }
            if answers.is_none() {
                self.kept += record.len();
            }
            let answers = Rc::clone(answers.get_or_insert_with(|| record.into()));
            self.places.push(Place { kind, answers, step });
        }
        self.still = still;
        if self.kept > KEPT {
            self.forget();
        }
    }

    /// Gives up the half of the places where what happened there is the most common.
    #[cold]
    fn forget(&mut self) {
        let seen = &self.seen;
        self.places.sort_by_key(|place| seen[place.kind]);
        self.places.truncate(self.places.len() / 2);
        let mut executions: Vec<_> =
            self.places.iter().map(|place| (place.answers.as_ptr(), place.answers.len())).collect();
        executions.sort_unstable();
        executions.dedup();
        self.kept = executions.iter().map(|(_, answers)| answers).sum();
    }
}

impl Strategy for Branch {
    fn begin(&mut self, execution: u64) {
        self.random = Random::new(self.seed, execution);
        self.lag.begin(execution);
        (self.repeated, self.picked, self.active) = (None, None, true);
        self.still.clear();
        if execution > 0 && !self.places.is_empty() && self.random.below(ANEW) != 0 {
            self.pick();
        }
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        match self.again(question) {
            Some(answer) => answer,
            None => {
                let answer = self.lag.choose(question);
                let still = self.lag.stand_still();
                if self.still.last().is_none_or(|last| last.1 != still) {
                    self.still.push((question.steps.len(), still));
                }
                answer
            }
        }
    }

    fn end(&mut self, seen: &Seen<'_>) {
        let active = std::mem::take(&mut self.active);
        // After this step nothing is asked any more.
        if let Some(last) = self.picked.take().filter(|_| active) {
            self.places.swap_remove(last);
        }
        if active && (1..=LONGEST).contains(&seen.record.len()) {
            self.look(seen.steps, seen.record);
        }
        self.lag.end(seen);
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
