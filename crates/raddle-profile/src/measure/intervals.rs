//! What a thread did between two looks, from the scheduler's counters and what was seen at both ends.
//!
//! The counters are exact but late: the time of a running thread is added at the next clock tick (a few milliseconds),
//! the time in the run queue when it ends. So what the counters do not yet explain of a thread that is running or ready
//! is kept as *open* until a later look explains it. For a thread that sleeps all counters are settled: what they do not
//! explain was spent asleep.
//!
//! A thread that was ready at both looks and was never put on a processor in between was queueing, however late the
//! counter.
//!
//! What was taken for something else because a counter came too late is made up for: the counter's seconds are taken from
//! the time that follows, so that sums are right although their place in time is not.

use crate::state::State;

/// The scheduler's counters of a thread, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counters {
    /// On a processor.
    pub run: f64,
    /// In the run queue.
    pub queued: f64,
    /// Times it was put on a processor.
    pub slices: u64,
}

/// What a look sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Running, or ready to.
    Ready,
    /// Asleep, in one of the blocked states.
    Asleep(State),
}

/// A thread between its looks.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    at: f64,
    counters: Counters,
    seen: Seen,
    /// The state in which it was last seen asleep: a guess for sleeps that no look has met.
    slept: Option<State>,
    /// Seconds just past that are not explained yet.
    open: f64,
    /// Seconds already counted as queueing that the counter will bring again.
    foretold: f64,
    /// Seconds on a processor and in the run queue that are known and have not been taken from the time yet. No time was
    /// left for them because it was taken for something else while the counters were late.
    owed: (f64, f64),
}

/// Longest time that is left open: longer than a thread queues at once on a very busy machine, during which its counters
/// stand still.
const OPEN_AT_MOST: f64 = 0.5;

/// Amounts of one interval, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amounts {
    /// Begin of the time that they describe.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// On a processor.
    pub cpu: f64,
    /// In the run queue.
    pub queued: f64,
    /// Asleep, up to two states.
    pub asleep: [Option<(State, f64)>; 2],
}

impl Watch {
    /// A thread that is met at `at`. What its counters hold already is not counted.
    pub fn new(at: f64, counters: Counters) -> Self {
        Self { at, counters, seen: Seen::Ready, slept: None, open: 0.0, foretold: 0.0, owed: (0.0, 0.0) }
    }

    /// Whether the counters show that it has not run since the last look.
    pub fn is_unmoved(&self, counters: &Counters) -> bool {
        counters.slices == self.counters.slices && counters.run == self.counters.run
    }

    /// What it was seen in.
    pub fn seen(&self) -> Seen {
        self.seen
    }

    /// When it was last looked at.
    pub fn at(&self) -> f64 {
        self.at
    }

    /// The counters as they were last seen.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Raddle itself has stopped it for so many seconds, which no counter tells. It would have run, and had no processor.
    pub fn was_stopped(&mut self, seconds: f64) {
        self.owed.1 += seconds;
    }

    /// A look. The amounts add up to the time since the last look, but for what is left open.
    pub fn look(&mut self, at: f64, counters: Counters, seen: Seen) -> Amounts {
        let mut amounts = Amounts { from: self.at - self.open, to: at, ..Amounts::default() };
        let mut unexplained = (at - self.at).max(0.0) + self.open;
        let was = self.seen;
        let ran = (counters.run - self.counters.run).max(0.0);
        let due = ran + self.owed.0;
        amounts.cpu = due.min(unexplained);
        self.owed.0 = due - amounts.cpu;
        unexplained -= amounts.cpu;

        let due = (counters.queued - self.counters.queued).max(0.0) + self.owed.1;
        let known = due.min(self.foretold);
        self.foretold -= known;
        let queued = due - known;
        amounts.queued = queued.min(unexplained);
        self.owed.1 = queued - amounts.queued;
        unexplained -= amounts.queued;

        let never_ran = counters.slices == self.counters.slices && ran == 0.0;
        self.open = 0.0;
        match seen {
            Seen::Ready if was == Seen::Ready && never_ran => {
                // Of the time before the last look nothing new is known.
                let sure = (at - self.at).max(0.0).min(unexplained);
                amounts.queued += sure;
                self.foretold += sure;
                self.open = (unexplained - sure).min(OPEN_AT_MOST);
                // Laid down where the open time begins, so that nothing is laid twice.
                amounts.to = at - self.open;
            }
            Seen::Ready => {
                let state = match was {
                    Seen::Asleep(state) => Some(state),
                    Seen::Ready => self.slept,
                };
                // Late counters or a sleep? A later look will tell, so as much as counters can be late is left open.
                self.open = unexplained.min(OPEN_AT_MOST);
                let asleep = unexplained - self.open;
                if asleep > 0.0 {
                    amounts.asleep[0] = Some((state.unwrap_or(State::Other), asleep));
                }
                amounts.to = at - self.open;
            }
            Seen::Asleep(state) => {
                self.foretold = 0.0;
                match was {
                    Seen::Asleep(before) if before != state => {
                        amounts.asleep = [Some((before, unexplained / 2.0)), Some((state, unexplained / 2.0))];
                    }
                    _ => amounts.asleep[0] = Some((state, unexplained)),
                }
                self.slept = Some(state);
            }
        }
        if let Seen::Asleep(state) = was {
            self.slept.get_or_insert(state);
        }
        self.at = at;
        self.counters = counters;
        self.seen = seen;
        amounts
    }

    /// The last moment of a thread that has ended: what is still open. It ran or queued then.
    pub fn end(&mut self) -> f64 {
        std::mem::take(&mut self.open)
    }
}
