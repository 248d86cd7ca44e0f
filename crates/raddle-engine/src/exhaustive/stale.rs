//! Which answers of the memory model need to be tried: an access may see an older store, or come before a newer one, and
//! often the same comes of performing it earlier.
//!
//! Let an access be about to see a store older than the last, *w*. If nothing that its thread has done depends on *w*, an
//! execution in which it comes before *w* is tried anyway, since the two are a race. There it sees the same, *w* still comes
//! after all that it came after, and who reads from whom is the same: in the axioms of the model (Lahav, Vafeiadis, Kang,
//! Hur and Dreyer, "Repairing sequential consistency in C/C++11", PLDI 2017) it is one execution. So older stores are only
//! tried where the order of steps does not allow the access to come earlier, as in store buffering. `tests/memory` holds
//! this to all executions of random programs.
//!
//! Departures: once a store has been put before a newer one, the last in the log is not the last in the order any more, and
//! all answers about that place are tried from then on.
//!
//! Cannot see: what is not in the log; where the access that asks is not the last step there, all answers are tried.

use crate::access::Access;
use crate::log::{Event, Logged};
use crate::strategy::{Hint, Question};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;

/// What has been answered in an execution so far, as far as it matters.
#[derive(Default)]
pub struct Stale {
    /// Places at which a store has been put before a newer one.
    moved: Vec<u64>,
    followed: Followed,
}

impl Stale {
    /// An execution begins.
    pub fn begin(&mut self) {
        self.moved.clear();
    }

    /// How many of the answers to a question that is not about threads must be tried; the first ones.
    pub fn tried(&mut self, question: &Question<'_>) -> usize {
        if question.hint != Hint::None {
            // Whether a look in vain is repeated, or an attempt to take a lock, makes no difference.
            return 1;
        }
        let is_about_stores = matches!(question.kind, ChoiceKind::ReadsFrom | ChoiceKind::ModificationOrder);
        let is_moved = question.steps.last().is_some_and(|last| self.moved.contains(&last.access.object));
        if is_about_stores && !is_moved && self.followed.can_come_earlier(question.steps) {
            1
        } else {
            question.options
        }
    }

    /// Takes account of an answer.
    pub fn given(&mut self, question: &Question<'_>, answer: usize) {
        if let (Some(last), true) = (question.steps.last(), answer != 0)
            && !last.access.only_reads()
        {
            self.moved.push(last.access.object);
        }
    }
}

/// What comes after a store, as far as it has been followed. Kept, so that following one allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    threads: Vec<ThreadId>,
    accesses: Vec<Access>,
}

impl Followed {
    /// Whether the last step can come before the last store to the same place.
    pub fn can_come_earlier(&mut self, steps: &[Logged]) -> bool {
        let Some((this, before)) = steps.split_last() else { return false };
        let stores = |step: &Logged| {
            step.event == Event::Performed && step.access.object == this.access.object && !step.access.only_reads()
        };
        let Some(at) = before.iter().rposition(stores) else { return false };
        let store = before[at];
        if !store.access.depends_on(&this.access) || store.thread == this.thread {
            return false;
        }
        let Followed { threads, accesses } = self;
        threads.clear();
        threads.push(store.thread);
        accesses.clear();
        accesses.push(store.access);
        for step in &before[at + 1..] {
            let other = step.access.object as u32;
            let (knows, learns) = match step.event {
                Event::Spawned => (threads.contains(&step.thread), other),
                Event::Woken => (threads.contains(&other), step.thread),
                // Time moves when nobody can run: all that has happened is before all that will.
                Event::TimedOut => return false,
                Event::Performed => {
                    let knows =
                        threads.contains(&step.thread) || accesses.iter().any(|access| access.depends_on(&step.access));
                    if knows && step.access.is_shared() {
                        accesses.push(step.access);
                    }
                    (knows, step.thread)
                }
            };
            if knows && learns == this.thread {
                return false;
            }
            if knows && !threads.contains(&learns) {
                threads.push(learns);
            }
        }
        true
    }
}
