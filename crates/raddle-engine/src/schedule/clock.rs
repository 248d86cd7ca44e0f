//! The virtual time, and what a look at it takes.
//!
//! Reading a clock moves it by [`CLOCK_READ_NS`], so that a loop that waits for a clock ends, and by [`STEP_NS`] for each step
//! that has been performed since the last look: who measures what has been done finds that it took some time. All threads
//! are taken to share one processor: what is measured then depends on how much was done, not on who did it.

use super::Schedule;
use crate::random::mix;

/// Nanoseconds by which a look at a clock moves it.
pub const CLOCK_READ_NS: u64 = 50;

/// Nanoseconds by which a look at a clock moves it for each step since the last one.
pub const STEP_NS: u64 = 20;

/// Looks at the clock between two decisions after which each further one takes twice as long, and how often that doubles: a
/// loop that waits for 200 ms, as the calibration of a clock does, is not to take four million looks. None takes more than a
/// fiftieth of the time that has passed since the decision.
const LOOKS: u64 = 128;
/// See [`LOOKS`].
const DOUBLINGS: u64 = 12;

/// Nanoseconds by which looks at a processor's counter may differ from each other in how far they move the time, and some
/// more.
const UNEVEN_NS: u64 = 64;

/// The time, and who has looked at it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// Virtual nanoseconds since the beginning.
    pub(super) now_ns: u64,
    /// Looks so far.
    pub(super) reads: u64,
    /// And how many of these since the last decision.
    looks: u64,
    /// Steps performed before the last of them.
    steps_seen: u64,
}

impl Clock {
    /// It has been decided who goes on.
    #[inline]
    pub(super) fn decided(&mut self) {
        self.looks = 0;
    }
}

/// How long a look at the clock takes, after so many since the last decision.
pub(super) fn look_ns(looks: u64) -> u64 {
    CLOCK_READ_NS << (looks / LOOKS).min(DOUBLINGS)
}

impl Schedule {
    /// Virtual nanoseconds since the beginning.
    #[inline]
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.clock.now_ns
    }

    /// Reads the clock, when so many steps have been performed in this execution: the time, which has moved a little by then
    /// (but never past its end), and more where nothing else is done for long.
    pub fn read_clock(&mut self, steps: u64) -> u64 {
        let clock = &mut self.clock;
        clock.reads += 1;
        let worked = steps.saturating_sub(std::mem::replace(&mut clock.steps_seen, steps));
        clock.now_ns = clock.now_ns.saturating_add(look_ns(clock.looks) + worked * STEP_NS);
        clock.looks += 1;
        clock.now_ns
    }

    /// Reads a processor's counter: as [`Schedule::read_clock`] does, but no two looks take the same time. Generators of random
    /// numbers live on that, and refuse to work where a counter goes too evenly. How long a look takes follows from the time
    /// alone.
    pub fn read_counter(&mut self, steps: u64) -> u64 {
        let now = self.read_clock(steps);
        self.clock.now_ns = now.saturating_add(mix(now) % UNEVEN_NS);
        self.clock.now_ns
    }

    /// Time has come so far by itself, where it is not virtual.
    pub fn move_to(&mut self, now_ns: u64) {
        self.clock.now_ns = self.clock.now_ns.max(now_ns);
    }
}
