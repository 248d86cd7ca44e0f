//! Vector clocks and epochs.
//!
//! Vector clocks after Mattern (1988) and Fidge (1988); epochs after Flanagan and Freund, "FastTrack", PLDI'09. Two
//! departures serve a program that is performed millions of times:
//!
//! - Time grows over all executions. Entries of a clock that were never set read as the execution's *base*, which is
//!   not below any time handed out before. So an epoch of an earlier execution lies in the past of every thread, and
//!   whoever keeps epochs in shadow memory need never clear it.
//! - A clock is only as long as the highest thread it has heard of; its owner's own time stands beside the others.
//!   Thousands of threads that know nothing of each other do not cost the square of their number.

use raddle_protocol::trace::ThreadId;

/// Bits of an [`Epoch`] that hold the time.
const TIME_BITS: u32 = 48;

/// A moment of one thread: its number and its time then, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

impl Epoch {
    /// Lies in the past of everything.
    pub const NEVER: Epoch = Epoch(0);

    /// One more than the highest thread number that an epoch can hold.
    pub const THREADS: usize = 1 << (64 - TIME_BITS);

    /// Thread `thread` at its time `time`, which is below 2^48.
    #[inline]
    #[must_use]
    pub fn new(thread: ThreadId, time: u64) -> Self {
        debug_assert!((thread as usize) < Self::THREADS && time >> TIME_BITS == 0);
        Epoch(u64::from(thread) << TIME_BITS | time)
    }

    /// The thread.
    #[inline]
    #[must_use]
    pub fn thread(self) -> ThreadId {
        (self.0 >> TIME_BITS) as ThreadId
    }

    /// The thread's time.
    #[inline]
    #[must_use]
    pub fn time(self) -> u64 {
        self.0 & ((1 << TIME_BITS) - 1)
    }

    /// The epoch as one word, as shadow memory keeps it.
    #[inline]
    #[must_use]
    pub fn bits(self) -> u64 {
        self.0
    }

    /// The epoch whose [`Epoch::bits`] these are.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u64) -> Self {
        Epoch(bits)
    }
}

/// Threads whose times stand in the clock itself: most programs have no more.
const FEW: usize = 8;

/// How much of every thread's past lies in the past of whoever holds the clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Times of the first threads.
    few: [u64; FEW],
    /// Times of the others, up to the highest thread heard of.
    more: Vec<u64>,
    /// What entries read as that were never set.
    base: u64,
    /// One more entry, which may lie past the end of the others; where it does not, the two agree.
    own: ThreadId,
    own_time: u64,
    /// A thread's clock, or a copy of one: it covers what `own` knew at `own_time` and nothing else.
    is_whole: bool,
}

impl Clock {
    /// Whether the moment lies in the past of whoever holds this clock (or is the present).
    #[inline]
    #[must_use]
    pub fn covers(&self, epoch: Epoch) -> bool {
        epoch.time() <= self.time_of(epoch.thread())
    }

    /// The latest time of `thread` that this clock covers.
    #[inline]
    #[must_use]
    pub fn time_of(&self, thread: ThreadId) -> u64 {
        match self.few.get(thread as usize) {
            Some(time) => *time,
            None => self.time_of_other(thread),
        }
    }

    fn time_of_other(&self, thread: ThreadId) -> u64 {
        match self.more.get(thread as usize - FEW) {
            Some(time) => *time,
            None if thread == self.own => self.own_time,
            None => self.base,
        }
    }

    /// Threads from this number on have the same entry, but for the holder.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        FEW + self.more.len()
    }

    /// Whether the clock was never put to use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.own_time == 0
    }

    /// Makes this the clock of `own` at `time`, who knows of nobody else. Keeps the storage.
    pub(super) fn reset(&mut self, base: u64, own: ThreadId, time: u64) {
        self.few = [base; FEW];
        self.more.clear();
        self.base = base;
        self.own = own;
        self.own_time = time;
        self.is_whole = true;
        self.write_own();
    }

    /// Makes this clock equal to `other`. Keeps the storage.
    #[inline]
    pub(super) fn copy(&mut self, other: &Clock) {
        self.few = other.few;
        if !(self.more.is_empty() && other.more.is_empty()) {
            self.more.clone_from(&other.more);
        }
        self.base = other.base;
        self.own = other.own;
        self.own_time = other.own_time;
        self.is_whole = other.is_whole;
    }

    /// The holder's own moment.
    #[inline]
    pub(super) fn now(&self) -> Epoch {
        Epoch::new(self.own, self.own_time)
    }

    /// The holder's time moves on by one.
    #[inline]
    pub(super) fn tick(&mut self) {
        self.own_time += 1;
        self.write_own();
    }

    #[inline]
    fn entry(&mut self, thread: ThreadId) -> Option<&mut u64> {
        let thread = thread as usize;
        if thread < FEW { Some(&mut self.few[thread]) } else { self.more.get_mut(thread - FEW) }
    }

    #[inline]
    fn write_own(&mut self) {
        let time = self.own_time;
        if let Some(entry) = self.entry(self.own) {
            *entry = time;
        }
    }

    /// Whether a thread whose clock this is knows all that `other` covers, as far as that can be told in no time. A copy of
    /// a thread's clock is taken where that thread releases something, and its time moves on then; so whoever knows that
    /// time knows what the thread knew at it.
    #[inline]
    pub(super) fn knows(&self, other: &Clock) -> bool {
        other.is_whole && other.own_time <= self.time_of(other.own)
    }

    /// As [`Clock::join`], for the clock of a thread.
    #[inline]
    pub(super) fn learn_all(&mut self, other: &Clock) -> bool {
        !self.knows(other) && self.join(other)
    }

    /// Takes over all that `other` covers. Tells whether anything was new.
    #[inline]
    pub(super) fn join(&mut self, other: &Clock) -> bool {
        let mut changed = false;
        for (mine, theirs) in self.few.iter_mut().zip(&other.few) {
            changed |= *theirs > *mine;
            *mine = (*mine).max(*theirs);
        }
        if !other.more.is_empty() {
            changed |= self.join_more(other);
        }
        if other.own as usize >= other.len() {
            changed |= self.learn(other.own, other.own_time);
        }
        // The clock's own entry may have moved if this is the clock of a release, which several threads add to.
        let own = self.own;
        if let Some(entry) = self.entry(own) {
            self.own_time = *entry;
        }
        changed
    }

    #[cold]
    fn join_more(&mut self, other: &Clock) -> bool {
        if other.more.len() > self.more.len() {
            self.grow(other.more.len());
        }
        // Times lie below 2^48, so the sign of a difference tells which is later; without branches or 64-bit comparisons
        // this takes several entries at a time on any processor.
        let mut later = 0;
        for (mine, theirs) in self.more.iter_mut().zip(&other.more) {
            let behind = (*mine as i64 - *theirs as i64) >> 63;
            later |= behind;
            *mine ^= (*mine ^ *theirs) & behind as u64;
        }
        later != 0
    }

    #[cold]
    pub(super) fn learn(&mut self, thread: ThreadId, time: u64) -> bool {
        if self.time_of(thread) >= time {
            return false;
        }
        if thread == self.own {
            self.own_time = time;
            self.write_own();
            return true;
        }
        if self.len() <= thread as usize {
            self.grow(thread as usize + 1 - FEW);
        }
        if let Some(entry) = self.entry(thread) {
            *entry = time;
        }
        true
    }

    /// Makes `more` so long.
    #[cold]
    fn grow(&mut self, length: usize) {
        let before = self.len();
        self.more.resize(length, self.base);
        if (before..self.len()).contains(&(self.own as usize)) {
            self.write_own();
        }
    }
}

/// Name of a clock in a [`Pool`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClockId(u32);

impl ClockId {
    /// No clock: a store that releases nothing.
    pub(super) const NONE: ClockId = ClockId(u32::MAX);

    #[inline]
    pub(super) fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// As a word for a table, which is below `u32::MAX` for a clock.
    pub(super) fn number(self) -> u32 {
        self.0
    }

    /// The clock of this number.
    pub(super) fn of(number: u32) -> Self {
        ClockId(number)
    }
}

/// Clocks of stores and objects, shared by counting. Their storage is kept from execution to execution.
#[derive(Debug, Default)]
pub(super) struct Pool {
    clocks: Vec<Clock>,
    holders: Vec<u32>,
    free: Vec<ClockId>,
    used: usize,
}

impl Pool {
    /// All clocks are free again; names handed out before mean nothing any more.
    pub(super) fn begin(&mut self) {
        self.free.clear();
        self.used = 0;
    }

    #[inline]
    pub(super) fn get(&self, id: ClockId) -> &Clock {
        &self.clocks[id.0 as usize]
    }

    /// A new clock equal to `clock`, held once.
    #[inline]
    pub(super) fn copy_of(&mut self, clock: &Clock) -> ClockId {
        let id = self.take();
        self.clocks[id.0 as usize].copy(clock);
        id
    }

    /// A new clock equal to `clock`, held once, in place of one that the caller holds.
    #[inline]
    pub(super) fn replaced_by(&mut self, old: ClockId, clock: &Clock) -> ClockId {
        if old.is_some() && self.holders[old.0 as usize] == 1 {
            self.clocks[old.0 as usize].copy(clock);
            return old;
        }
        let new = self.copy_of(clock);
        self.release(old);
        new
    }

    /// A new clock that covers what both cover, held once.
    pub(super) fn joined(&mut self, one: ClockId, other: ClockId) -> ClockId {
        let id = self.take();
        let mut clock = std::mem::take(&mut self.clocks[id.0 as usize]);
        clock.copy(self.get(one));
        clock.join(self.get(other));
        clock.is_whole = false;
        self.clocks[id.0 as usize] = clock;
        id
    }

    /// The same of a thread's clock and a clock that is held.
    pub(super) fn joined_with(&mut self, thread: &Clock, other: ClockId) -> ClockId {
        let id = self.copy_of(thread);
        if !thread.knows(self.get(other)) {
            let mut clock = std::mem::take(&mut self.clocks[id.0 as usize]);
            clock.is_whole = !clock.join(self.get(other));
            self.clocks[id.0 as usize] = clock;
        }
        id
    }

    /// Joins `clock` into a clock that only the caller holds.
    pub(super) fn add(&mut self, id: ClockId, clock: &Clock) {
        debug_assert_eq!(self.holders[id.0 as usize], 1);
        let known = &mut self.clocks[id.0 as usize];
        known.join(clock);
        known.is_whole = false;
    }

    /// One more holder.
    #[inline]
    pub(super) fn hold(&mut self, id: ClockId) -> ClockId {
        if id.is_some() {
            self.holders[id.0 as usize] += 1;
        }
        id
    }

    /// One holder less.
    #[inline]
    pub(super) fn release(&mut self, id: ClockId) {
        if id.is_some() {
            let holders = &mut self.holders[id.0 as usize];
            *holders -= 1;
            if *holders == 0 {
                self.free.push(id);
            }
        }
    }

    #[inline]
    fn take(&mut self) -> ClockId {
        if let Some(id) = self.free.pop() {
            self.holders[id.0 as usize] = 1;
            return id;
        }
        if self.used == self.clocks.len() {
            self.clocks.push(Clock::default());
            self.holders.push(0);
        }
        self.holders[self.used] = 1;
        self.used += 1;
        ClockId(self.used as u32 - 1)
    }
}
