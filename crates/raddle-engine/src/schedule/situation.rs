//! Whether two moments of an execution are the same as far as the book knows: then what could happen after the one can
//! happen after the other.
//!
//! Time itself is left out, and with it how long ago something was: what counts of a deadline is how far ahead it lies. The
//! answers of clocks do not repeat, so looks at them are counted. So is what the log holds, for it only grows.

use super::{Schedule, spinning::Spinner};
use raddle_protocol::trace::{State, ThreadId};

/// A moment, to be compared with another one of the same execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Situation {
    /// What each thread does, and how far ahead its deadline lies.
    threads: Vec<(State, Option<u64>, u32, bool)>,
    spinners: Vec<Spinner>,
    /// In order of arrival.
    waiting: Vec<ThreadId>,
    current: ThreadId,
    clock_reads: u64,
}

impl Schedule {
    /// The present moment.
    #[must_use]
    pub fn situation(&self) -> Situation {
        let thread = |thread: &super::Thread| {
            let ahead = thread.deadline.map(|deadline| deadline.saturating_sub(self.clock.now_ns));
            (thread.state.clone(), ahead, thread.mask, thread.retries)
        };
        Situation {
            threads: self.threads.iter().map(thread).collect(),
            spinners: self.spinners.clone(),
            waiting: self.waiting.clone(),
            current: self.current,
            clock_reads: self.clock.reads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strategy::Hint;
    use crate::{Tape, strategy::First};
    use raddle_protocol::trace::Wait;

    #[test]
    fn sleeping_for_as_long_again_is_the_same_and_for_longer_is_not() {
        let mut schedule = Schedule::new();
        let mut tape = Tape::new(Box::new(First::default()));
        let mut sleeps = |ns: u64| {
            schedule.wait(Wait::Sleep, Some(schedule.now_ns() + ns), !0);
            let asleep = schedule.situation();
            schedule.next(&mut tape, Hint::None);
            (asleep, schedule.situation())
        };
        let (first, second, longer) = (sleeps(10), sleeps(10), sleeps(11));
        assert_eq!(first, second);
        assert_eq!(first.1, longer.1);
        assert_ne!(first.0, longer.0);
    }

    #[test]
    fn whoever_has_looked_at_a_clock_may_know_more() {
        let mut schedule = Schedule::new();
        let before = schedule.situation();
        assert_eq!(before, schedule.situation());
        schedule.read_clock(0);
        assert_ne!(before, schedule.situation());
    }
}
