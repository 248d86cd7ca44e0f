//! Deadlines that pass while others are kept waiting.
//!
//! Nothing says how fast a thread that can run does run: on a loaded machine a timeout ends while the one who was to
//! prevent it stands in the run queue, and two sleepers may rise in the wrong order. So a thread whose deadline is near
//! is offered among those that can run; when it is chosen, time moves to its deadline, and the others were delayed by as
//! much. (Coyote lets timers fire at any moment in the same way; Deligiannis et al., "Industrial-strength controlled
//! concurrency testing for C# programs with Coyote", TACAS 2023.)
//!
//! In the same way a thread that looks at a clock may have been kept waiting before. Time stands still while anybody can
//! run, so without this no lock would be handed over to whoever has waited for half a millisecond, and no loop would give
//! up spinning after a while. In executions with delays time may move by [`SLOW_NS`] at a look, a few times.
//!
//! Departure: bounded, since programs rely on it, and rightly, that a thread is not kept from running for ever. All such
//! delays of an execution together come to no more than [`Schedule::allow_delay`] says, so ten seconds are as much as
//! ever where milliseconds are allowed. And whether an execution has any is one question, asked when the first deadline
//! comes near or a clock is looked at first: most executions have none.

use super::Schedule;
use crate::Next;
use crate::strategy::{Hint, Question};
use crate::tape::Tape;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;

/// How long a thread has been kept waiting that looks at a clock late.
const SLOW_NS: u64 = 1_000_000;
/// Such delays have this part of what deadlines have, beside it.
const SLOW_PART: u64 = 10;

/// What is left of the delay that an execution may have.
#[derive(Clone, Debug, Default)]
pub(super) struct Delay {
    left_ns: u64,
    /// Of delays before a look at a clock.
    slow_ns: u64,
    /// It has been decided that this execution has any.
    agreed: bool,
    /// Room to work in.
    offered: Vec<ThreadId>,
}

/// Which comes first, where a thread has input before it and a deadline near.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The input, and the deadline still lies ahead.
    InTime,
    /// The deadline: the input is still on its way.
    TooLate,
    /// Both: the thread was delayed until the deadline.
    Both,
}

impl Schedule {
    /// Threads that could run may be kept waiting for so long, in all, while deadlines pass.
    pub fn allow_delay(&mut self, ns: u64) {
        self.delay.left_ns = ns;
        self.delay.slow_ns = ns / SLOW_PART;
    }

    /// Whether a thread that waits could be chosen to run because its deadline is near, or has been reached.
    #[inline]
    #[must_use]
    pub fn deadline_near(&self) -> bool {
        let near =
            || self.ready.is_empty() || self.next_deadline <= self.clock.now_ns.saturating_add(self.delay.left_ns);
        self.next_deadline <= self.clock.now_ns || self.next_deadline != u64::MAX && self.delay.left_ns != 0 && near()
    }

    /// Whether this execution has delays at all: asked once, when there is something to be late for.
    fn agrees(&mut self, tape: &mut Tape) -> bool {
        if !self.delay.agreed {
            if tape.ask(&Question::plain(ChoiceKind::Lateness, 2)) == 0 {
                (self.delay.left_ns, self.delay.slow_ns) = (0, 0);
                return false;
            }
            self.delay.agreed = true;
        }
        true
    }

    /// As [`Schedule::next`], with those whose deadline is near among the threads offered; `None` when there are no such
    /// threads, or this execution has no delays.
    #[cold]
    pub(super) fn next_or_deadline(&mut self, tape: &mut Tape, hint: Hint) -> Option<Next> {
        if self.ready.is_empty() {
            self.resume_spinners();
        }
        if self.next_deadline <= self.clock.now_ns {
            self.fire_deadlines();
        }
        // What passes before anybody could have run delays nobody.
        let base = if self.ready.is_empty() { self.earliest_deadline()? } else { self.clock.now_ns };
        let last = base.saturating_add(self.delay.left_ns);
        let deadline = |id: ThreadId| self.threads[id as usize].deadline;
        let near = |id: &&ThreadId| deadline(**id).is_some_and(|deadline| deadline <= last);
        let later = |id: &&ThreadId| near(id) && deadline(**id) != Some(base);
        if !self.waiting.iter().any(|id| later(&id)) {
            return None;
        }
        let mut offered = std::mem::take(&mut self.delay.offered);
        offered.clear();
        offered.extend(&self.ready);
        offered.extend(self.waiting.iter().filter(near));
        if offered.len() < 2 || !self.agrees(tape) {
            self.delay.offered = offered;
            return None;
        }
        offered.sort_unstable();
        let first = match offered.binary_search(&self.current) {
            Ok(at) => at,
            Err(at) if at < offered.len() => at,
            Err(_) => 0,
        };
        let question = Question {
            kind: ChoiceKind::Thread,
            options: offered.len(),
            threads: &offered,
            pending: &self.pending,
            steps: self.log.steps(),
            current: self.current,
            first,
            hint,
        };
        let chosen = offered[question.place(tape.ask(&question))];
        self.delay.offered = offered;
        if let Some(deadline) = self.threads[chosen as usize].deadline {
            self.pass(deadline.saturating_sub(base), deadline);
        }
        self.current_place = self.ready.binary_search(&chosen).unwrap_or(0);
        Some(self.run(chosen))
    }

    /// Whether a deadline that the running thread has set itself may be as near as what it waits for.
    #[must_use]
    pub fn could_be_late(&self, deadline_ns: u64) -> bool {
        let away = deadline_ns.saturating_sub(self.clock.now_ns);
        away > 0 && away <= self.delay.left_ns
    }

    /// The running thread has input before it, and gives up waiting at `deadline_ns`.
    pub fn arrival(&mut self, tape: &mut Tape, deadline_ns: u64) -> Arrival {
        if !self.could_be_late(deadline_ns) || !self.agrees(tape) {
            return Arrival::InTime;
        }
        let away = deadline_ns - self.clock.now_ns;
        let answer = tape.ask(&Question::plain(ChoiceKind::Lateness, 3));
        if answer == 0 {
            return Arrival::InTime;
        }
        self.pass(away, deadline_ns);
        if answer == 1 { Arrival::TooLate } else { Arrival::Both }
    }

    /// The running thread is about to look at a clock, and others are there: whether it has been kept waiting. If so,
    /// time has moved.
    pub fn slow_look(&mut self, tape: &mut Tape) -> bool {
        let is_slow = self.delay.slow_ns >= SLOW_NS
            && self.agrees(tape)
            && tape.ask(&Question::plain(ChoiceKind::Lateness, 2)) == 1;
        if is_slow {
            self.delay.slow_ns -= SLOW_NS;
            self.pass(0, self.clock.now_ns.saturating_add(SLOW_NS));
        }
        is_slow
    }

    /// Time moves to `until` while somebody could run.
    fn pass(&mut self, delayed_ns: u64, until: u64) {
        self.delay.left_ns -= delayed_ns;
        self.clock.now_ns = self.clock.now_ns.max(until);
        self.fire_deadlines();
    }
}
