//! Everything stands still, just when a thread has begun to wait with a deadline.
//!
//! A machine is suspended, a process is stopped, a network is cut off: nothing says how much time passes between two steps
//! of a program. When it goes on, deadlines have passed that nobody had thought would. Whoever waits with a time limit
//! gives up then, and what was under way is cancelled where it was. So a stall at each such wait in turn shows what each
//! cancellation leaves behind; every one of these executions is possible.
//!
//! Departure from [`super::lateness`]: a stall is as long as it has to be, and is asked for only where the user wants to
//! see cancellations. A thread that merely sleeps is no reason for one.

use super::Schedule;
use crate::Next;
use crate::strategy::Question;
use crate::tape::Tape;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{State, Wait};

/// How long a stall is that outlasts every deadline there may be. Deadlines of timers that a program keeps itself are not
/// known: an event loop waits for the next one only.
const OUTLASTS_NS: u64 = 3600 * 1_000_000_000;

/// The answers: none, until the deadline, until long after.
const ANSWERS: usize = 3;

impl Schedule {
    /// Whether there may be stalls.
    pub fn allow_stalls(&mut self, allowed: bool) {
        self.stalls = allowed;
    }

    /// The stall that has just ended, in nanoseconds; told once.
    pub fn take_stall(&mut self) -> Option<u64> {
        self.stalled_ns.take()
    }

    /// If the running thread has just begun to wait with a deadline, and everything stands still meanwhile: it goes on.
    #[cold]
    pub(super) fn stall(&mut self, tape: &mut Tape) -> Option<Next> {
        let current = &self.threads[self.current as usize];
        let deadline = current.deadline?;
        if current.state == State::Waiting(Wait::Sleep) || deadline <= self.now_ns {
            return None;
        }
        let answer = tape.ask(&Question::plain(ChoiceKind::Stall, ANSWERS));
        if answer == 0 {
            return None;
        }
        let until = if answer == 1 { deadline } else { deadline.saturating_add(OUTLASTS_NS) };
        self.stalled_ns = Some(until - self.now_ns);
        self.now_ns = until;
        self.fire_deadlines();
        self.current_place = self.ready.binary_search(&self.current).unwrap_or(0);
        Some(self.run(self.current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::{Hint, StallAt};

    /// A thread waits with a deadline while another could run. Who runs next, and when.
    fn after(wait: Wait, allowed: bool, answer: usize) -> (Next, u64, Option<u64>, usize) {
        let mut schedule = Schedule::new();
        schedule.spawn();
        schedule.allow_stalls(allowed);
        let mut tape = Tape::new(Box::new(StallAt::new(0, answer)));
        tape.begin(0);
        schedule.wait(wait, Some(500), !0);
        let next = schedule.next(&mut tape, Hint::None);
        (next, schedule.now_ns(), schedule.take_stall(), tape.record().len())
    }

    #[test]
    fn the_deadline_passes_before_anybody_else_goes_on() {
        let wait = Wait::Futex(64);
        assert_eq!(after(wait, true, 0), (Next::Run(1), 0, None, 1));
        assert_eq!(after(wait, true, 1), (Next::Run(0), 500, Some(500), 1));
        assert_eq!(after(wait, true, 2), (Next::Run(0), 500 + OUTLASTS_NS, Some(500 + OUTLASTS_NS), 1));
    }

    #[test]
    fn nothing_is_asked_where_nothing_is_wanted() {
        assert_eq!(after(Wait::Futex(64), false, 1), (Next::Run(1), 0, None, 0));
        assert_eq!(after(Wait::Sleep, true, 1), (Next::Run(1), 0, None, 0));
    }
}
