//! Everything stands still, just when a thread has begun to wait; or one thread does, and all others go on.
//!
//! A machine is suspended, a process is stopped, a network is cut off: nothing says how much time passes between two steps
//! of a program. When it goes on, deadlines have passed that nobody had thought would. Whoever waits with a time limit
//! gives up then, and what was under way is cancelled where it was. So a stall at each such wait in turn shows what each
//! cancellation leaves behind. What is cancelled by other threads, without a time limit, shows as [`super::held`] says.
//! Every one of these executions is possible.
//!
//! Departure from [`super::lateness`]: a stall is as long as it has to be, and is asked for only where the user wants to
//! see cancellations. A thread that merely sleeps is no reason for one.

use super::Schedule;
use crate::Next;
use crate::strategy::Question;
use crate::tape::Tape;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{State, ThreadId, Wait};

/// How long a stall is that outlasts every deadline there may be. Deadlines of timers that a program keeps itself are not
/// known: an event loop waits for the next one only.
const OUTLASTS_NS: u64 = 3600 * 1_000_000_000;

/// What has stood still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stalled {
    /// Everything, for so many nanoseconds.
    All(u64),
    /// This thread, from now on.
    One(ThreadId),
}

impl Schedule {
    /// Whether there may be stalls.
    pub fn allow_stalls(&mut self, allowed: bool) {
        self.stalls = allowed;
        if !allowed {
            self.release_held();
        }
    }

    /// Whether there may be stalls.
    #[must_use]
    pub fn allows_stalls(&self) -> bool {
        self.stalls
    }

    /// The stall that has just ended, or begun; told once.
    pub fn take_stall(&mut self) -> Option<Stalled> {
        self.stalled.take()
    }

    /// The running thread may just have begun to wait. If everything stands still meanwhile and its deadline passes, it goes
    /// on.
    ///
    /// The answers: nothing stands still; where there is a deadline, everything does until then, or until long after;
    /// one of the threads that can run does, in ascending order.
    #[cold]
    pub(super) fn stall(&mut self, tape: &mut Tape) -> Option<Next> {
        let current = &self.threads[self.current as usize];
        let State::Waiting(wait) = current.state else { return None };
        let deadline = current.deadline.filter(|deadline| *deadline > self.clock.now_ns);
        let all = if deadline.is_some() && wait != Wait::Sleep { 2 } else { 0 };
        let is_loop = matches!(wait, Wait::Futex(_) | Wait::Descriptor(_));
        let one = if is_loop && self.may_hold() { self.ready.len() } else { 0 };
        if all + one == 0 {
            return None;
        }
        let answer = tape.ask(&Question::plain(ChoiceKind::Stall, 1 + all + one));
        if answer > all {
            let thread = self.hold(answer - all - 1, OUTLASTS_NS);
            self.stalled = Some(Stalled::One(thread));
        }
        let deadline = deadline.filter(|_| (1..=all).contains(&answer))?;
        let until = if answer == 1 { deadline } else { deadline.saturating_add(OUTLASTS_NS) };
        self.stalled = Some(Stalled::All(until - self.clock.now_ns));
        self.clock.now_ns = until;
        self.fire_deadlines();
        self.current_place = self.ready.binary_search(&self.current).unwrap_or(0);
        Some(self.run(self.current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::{Hint, StallAt};

    /// A thread waits with a deadline while another could run. Who runs next, when, and what has stood still.
    fn after(wait: Wait, allowed: bool, answer: usize) -> (Next, u64, Option<Stalled>, usize) {
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
        assert_eq!(after(wait, true, 1), (Next::Run(0), 500, Some(Stalled::All(500)), 1));
        let long = 500 + OUTLASTS_NS;
        assert_eq!(after(wait, true, 2), (Next::Run(0), long, Some(Stalled::All(long)), 1));
    }

    #[test]
    fn nothing_is_asked_where_nothing_is_wanted() {
        assert_eq!(after(Wait::Futex(64), false, 1), (Next::Run(1), 0, None, 0));
        assert_eq!(after(Wait::Sleep, true, 1), (Next::Run(1), 0, None, 0));
    }

    /// Thread 0 waits, with no deadline, while threads 1 and 2 could run, and thread 1 stands still.
    fn held() -> (Schedule, Tape) {
        let mut schedule = Schedule::new();
        schedule.spawn();
        schedule.spawn();
        schedule.allow_stalls(true);
        let mut tape = Tape::new(Box::new(StallAt::new(0, 1)));
        tape.begin(0);
        schedule.wait(Wait::Futex(64), None, !0);
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(2));
        assert_eq!(schedule.take_stall(), Some(Stalled::One(1)));
        (schedule, tape)
    }

    #[test]
    fn a_thread_stands_still_while_others_get_anywhere() {
        let (mut schedule, mut tape) = held();
        // Time is let pass for thread 2, and thread 0 goes on once it is woken; then nobody is left.
        schedule.wait(Wait::Sleep, Some(1_000_000), !0);
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(2));
        assert_eq!(schedule.now_ns(), 1_000_000);
        schedule.wake(0);
        schedule.end_current();
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(0));
        schedule.end_current();
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(1));
        schedule.end_current();
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Stuck);
    }

    #[test]
    fn it_goes_on_when_it_has_been_long_or_nothing_stands_still_any_more() {
        let (mut schedule, mut tape) = held();
        schedule.wait(Wait::Sleep, Some(2 * OUTLASTS_NS), !0);
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(1));
        let (mut schedule, mut tape) = held();
        schedule.allow_stalls(false);
        schedule.end_current();
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(1));
    }

    #[test]
    fn nobody_stands_still_where_that_would_change_nothing() {
        let mut schedule = Schedule::new();
        schedule.spawn();
        schedule.allow_stalls(true);
        let mut tape = Tape::new(Box::new(StallAt::new(0, 1)));
        tape.begin(0);
        schedule.wait(Wait::Futex(64), None, !0);
        assert_eq!(schedule.next(&mut tape, Hint::None), Next::Run(1));
        assert_eq!((schedule.take_stall(), tape.record().len()), (None, 0));
    }
}
