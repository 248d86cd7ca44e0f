//! PCTWM: threads run by random priorities and read what they know already; at a few random operations a thread waits
//! for the others, and then sees what they have done.
//!
//! Gao, Chakraborty and Ozkan, "Probabilistic Concurrency Testing for Weak Memory Programs", ASPLOS'23. What makes a
//! mistake of weak memory come about is a number `d` of communications: a load that sees a store which its thread does
//! not know of. Of the `k` operations of an execution that could be one, `d` are drawn. Each is put off until all threads
//! with a higher priority have had their turn, and then reads any of the last `h` stores; all other loads read the
//! thread's own view. So a behaviour of few communications has a high probability, however many stores there are that
//! loads might see.
//!
//! Departures. `k` is not given but the greatest number in the last executions; `d` and `h` are drawn anew for each
//! execution. Beside loads, what sees another thread's doing is a read-modify-write, taking a lock or a permit, and input
//! or output. A load's own view is the oldest store that coherence and happens-before leave to it, and only at points with
//! more than one thread to choose from is an operation put off. Threads that yield, that spin, or that have run for very
//! long drop below all others as in PCT, since programs here need not end under every schedule; the memory model sees to
//! it that loads do not read old stores for ever.
//!
//! Cannot reach: loads that see neither the oldest store nor one of the last few.

#[cfg(test)]
mod tests;

use super::common::{Common, Wish, unread};
use super::priorities::Priorities;
use super::{Question, Seen, Strategy};
use crate::access::{Access, AccessKind};
use crate::log::Event;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;

/// Executions from whose communications the next one's are estimated.
const REMEMBERED: usize = 16;
/// The last so many stores at the most can be seen by a thread that was put off: `h` of the paper.
const HISTORY: usize = 4;

/// Whether this can see what another thread has done.
fn communicates(access: Access) -> bool {
    use AccessKind::{Acquire, Io, Lock, Read, Update};
    matches!(access.kind, Read | Update | Lock | Acquire | Io)
}

/// How far an operation that communicates is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pending {
    /// Not looked at yet, or not one that communicates.
    #[default]
    New,
    /// It has been counted.
    Counted,
    /// It was drawn, and its thread put off.
    PutOff,
}

/// Probabilistic concurrency testing for weak memory.
#[derive(Clone, Debug)]
pub struct Pctwm {
    common: Common,
    /// `d`, `k` and `h`, where they are given.
    fixed: Option<(usize, usize, usize)>,
    priorities: Priorities,
    /// Which operations that communicate are drawn, by their number, and to which level their threads drop; the next one
    /// last.
    drawn: Vec<(usize, usize)>,
    /// Operations met in this execution that communicate.
    met: usize,
    /// By thread number, what each is about to do.
    pending: Vec<Pending>,
    /// Entries of the log that have been looked at.
    read: usize,
    /// How many of the last stores a load of this execution may see that was put off, and whether the running thread's
    /// operation is one.
    history: usize,
    sees_others: bool,
    /// Operations that communicate in the last executions.
    counts: [usize; REMEMBERED],
    ended: usize,
}

impl Pctwm {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Pctwm {
            common: Common::new(seed, "pctwm"),
            fixed: None,
            priorities: Priorities::default(),
            drawn: Vec::new(),
            met: 0,
            pending: Vec::new(),
            read: 0,
            history: 1,
            sees_others: false,
            counts: [0; REMEMBERED],
            ended: 0,
        }
    }

    /// The algorithm of the paper: so many communications of at most so many, with this depth of history.
    #[must_use]
    pub fn with(seed: u64, communications: usize, of: usize, history: usize) -> Self {
        Pctwm { fixed: Some((communications, of, history)), ..Pctwm::new(seed) }
    }

    fn pending(&mut self, thread: ThreadId) -> &mut Pending {
        let at = thread as usize;
        if at >= self.pending.len() {
            self.pending.resize(at + 1, Pending::New);
        }
        &mut self.pending[at]
    }

    /// Takes account of what has been performed since the last question.
    fn catch_up(&mut self, question: &Question<'_>) {
        let steps = unread(question.steps, &mut self.read);
        for step in steps.iter().filter(|step| step.event == Event::Performed) {
            *self.pending(step.thread) = Pending::New;
        }
    }

    /// Whether this answer's operation is to be put off: it is the next that was drawn. Counts it.
    fn is_drawn(&mut self, question: &Question<'_>, answer: usize) -> Option<usize> {
        let thread = question.thread(answer);
        if !communicates(question.pending(answer)) || *self.pending(thread) != Pending::New {
            return None;
        }
        *self.pending(thread) = Pending::Counted;
        self.met += 1;
        let level = self.drawn.last().filter(|(number, _)| *number < self.met)?.1;
        self.drawn.pop();
        *self.pending(thread) = Pending::PutOff;
        Some(level)
    }
}

impl Strategy for Pctwm {
    fn begin(&mut self, execution: u64) {
        self.common.begin(execution);
        self.priorities.clear();
        self.drawn.clear();
        self.pending.clear();
        (self.met, self.read, self.sees_others) = (0, 0, false);
        if execution == 0 {
            return;
        }
        let random = &mut self.common.random;
        let (communications, of, history) = self.fixed.unwrap_or_else(|| {
            let most = self.counts.iter().copied().max().unwrap_or(0);
            let deep = random.bits().trailing_ones() as usize;
            (deep + random.below(2), most, 1 + random.below(HISTORY))
        });
        self.history = history;
        self.drawn.extend((0..communications).map(|level| (random.below(of.max(1)), level)));
        self.drawn.sort_unstable_by(|one, other| other.cmp(one));
        self.drawn.dedup_by_key(|(number, _)| *number);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind == ChoiceKind::ReadsFrom && self.common.is_open() {
            let last = question.options - 1;
            let sees_others = std::mem::take(&mut self.sees_others);
            return if sees_others { self.common.random.below(self.history.min(last + 1)) } else { last };
        }
        if let Some(answer) = self.common.settled(question) {
            return answer;
        }
        self.catch_up(question);
        if self.common.wish(question) == Wish::Leave {
            self.priorities.put_last(question.thread(0), &mut self.common.random);
        }
        let mut answer = self.priorities.highest(question, &mut self.common.random);
        while let Some(level) = self.is_drawn(question, answer) {
            self.priorities.drop_to(question.thread(answer), level);
            answer = self.priorities.highest(question, &mut self.common.random);
        }
        if self.common.turn_is_over(question.thread(answer)) {
            self.priorities.put_last(question.thread(answer), &mut self.common.random);
            answer = self.priorities.highest(question, &mut self.common.random);
        }
        self.sees_others = *self.pending(question.thread(answer)) == Pending::PutOff;
        answer
    }

    fn end(&mut self, seen: &Seen<'_>) {
        let performed = seen.steps.iter().filter(|step| step.event == Event::Performed && communicates(step.access));
        self.counts[self.ended % REMEMBERED] = performed.count();
        self.ended += 1;
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
