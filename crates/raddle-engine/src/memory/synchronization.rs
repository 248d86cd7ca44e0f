//! Happens-before: what threads learn from each other by stores that they see, threads, objects of the thread library, and fences.

use super::clock::{ClockId, Epoch};
use super::idioms::{self, Just};
use super::state::{Memory, Model};
use super::table::NOTHING;
use super::versions::Version;
use raddle_protocol::trace::{Order, ThreadId};

/// Whether an operation of this order acquires.
#[inline]
pub(super) fn acquires(order: Order) -> bool {
    matches!(order, Order::Acquire | Order::AcqRel | Order::SeqCst)
}

/// Whether an operation of this order releases.
#[inline]
pub(super) fn releases(order: Order) -> bool {
    matches!(order, Order::Release | Order::AcqRel | Order::SeqCst)
}

impl Memory {
    /// `parent` has created `child`: all that came before lies in the child's past.
    pub fn spawn(&mut self, parent: ThreadId, child: ThreadId) {
        self.arrive(parent);
        self.add_threads(child);
        self.learn_from_thread(child, parent);
        self.threads[parent as usize].clock.tick();
    }

    /// `joiner` has seen the end of `ended`: all that it did lies in the joiner's past.
    pub fn join(&mut self, joiner: ThreadId, ended: ThreadId) {
        self.arrive(joiner);
        self.arrive(ended);
        self.learn_from_thread(joiner, ended);
    }

    fn learn_from_thread(&mut self, learner: ThreadId, teacher: ThreadId) {
        let clock = std::mem::take(&mut self.threads[teacher as usize].clock);
        let thread = &mut self.threads[learner as usize];
        if thread.clock.learn_all(&clock) {
            thread.version = Version::NONE;
        }
        self.threads[teacher as usize].clock = clock;
    }

    /// All that `thread` has done so far happens before whoever acquires `object` from now on. An object is whatever
    /// orders threads and is no atomic location: a lock at an address, a pipe.
    pub fn release(&mut self, thread: ThreadId, object: u64) {
        self.arrive(thread);
        let clock = &mut self.threads[thread as usize].clock;
        match self.objects.get(object) {
            NOTHING => self.objects.set(object, self.pool.copy_of(clock).number()),
            known => self.pool.add(ClockId::of(known), clock),
        }
        clock.tick();
    }

    /// All that threads had done before they released `object` happens before what `thread` does from now on.
    pub fn acquire(&mut self, thread: ThreadId, object: u64) {
        self.arrive(thread);
        let known = self.objects.get(object);
        if known != NOTHING {
            self.learn(thread, ClockId::of(known));
        }
    }

    /// The object is gone; one of the same number orders nothing by what went before.
    pub fn retire(&mut self, object: u64) {
        let known = self.objects.get(object);
        if known != NOTHING {
            self.pool.release(ClockId::of(known));
            self.objects.set(object, NOTHING);
        }
    }

    /// A fence between threads.
    pub fn fence(&mut self, thread: ThreadId, order: Order) {
        self.fence_behind(thread, order, &[]);
    }

    /// `thread` makes every thread perform a sequentially consistent fence where it stands, between two of its own (Linux's
    /// `membarrier`). That they come in this order is all that they order: nobody acquires anything by it.
    pub fn fence_everywhere(&mut self, thread: ThreadId) {
        self.arrive(thread);
        let mut fences = vec![self.epoch(thread)];
        self.fence(thread, Order::SeqCst);
        for other in (0..self.known as ThreadId).filter(|other| *other != thread) {
            fences.push(self.epoch(other));
            self.fence_behind(other, Order::SeqCst, &fences[..1]);
        }
        self.fence_behind(thread, Order::SeqCst, &fences);
    }

    /// As [`Memory::fence`], and a sequentially consistent one comes behind these earlier ones in their order.
    fn fence_behind(&mut self, thread: ThreadId, order: Order, earlier: &[Epoch]) {
        self.arrive(thread);
        self.threads[thread as usize].just = Just::Other;
        let learns_nothing = order == Order::Acquire && self.threads[thread as usize].pending.is_empty();
        if !self.is_concurrent() || learns_nothing {
            return;
        }
        let ordered = order == Order::SeqCst && self.model == Model::Rc11;
        let state = &mut self.threads[thread as usize];
        state.exchanged &= order != Order::SeqCst;
        if acquires(order) {
            for clock in state.pending.drain(..) {
                if state.clock.learn_all(self.pool.get(clock)) {
                    state.version = Version::NONE;
                }
                self.pool.release(clock);
            }
        }
        if releases(order) {
            self.pool.release(state.fence);
            state.fence = self.pool.copy_of(&state.clock);
        }
        if ordered {
            self.enter_in_order(thread, earlier);
        }
        if releases(order) {
            self.threads[thread as usize].clock.tick();
        }
    }

    /// Gives a thread's fence its place in the order of sequentially consistent operations, behind these earlier ones.
    pub(super) fn enter_in_order(&mut self, thread: ThreadId, earlier: &[Epoch]) {
        let version = if earlier.is_empty() { self.version(thread) } else { self.version_behind(thread, earlier) };
        let at = self.threads[thread as usize].clock.now();
        self.order.fence(at, version, &mut self.locations.histories);
    }

    /// A fence between a thread and its own signal handlers. It orders nothing between threads, but may tell what its
    /// author means by the operation before it.
    pub fn signal_fence(&mut self, thread: ThreadId, order: Order) {
        self.arrive(thread);
        if self.idioms && idioms::makes_fence(order, self.threads[thread as usize].just) {
            self.fence(thread, Order::SeqCst);
        }
    }

    /// A thread does something.
    #[inline]
    pub(super) fn arrive(&mut self, thread: ThreadId) {
        if thread as usize >= self.known {
            self.meet(thread);
        }
    }

    /// Makes what a clock covers the thread's past.
    #[inline]
    pub(super) fn learn(&mut self, thread: ThreadId, clock: ClockId) {
        let thread = &mut self.threads[thread as usize];
        if thread.clock.learn_all(self.pool.get(clock)) {
            thread.version = Version::NONE;
        }
    }

    /// Notes what a clock covers for the thread's next acquire fence.
    pub(super) fn learn_later(&mut self, thread: ThreadId, clock: ClockId) {
        /// Clocks that are noted one by one.
        const MOST: usize = 8;
        let thread = &mut self.threads[thread as usize];
        if thread.pending.contains(&clock) || thread.clock.knows(self.pool.get(clock)) {
            return;
        }
        if thread.pending.len() < MOST {
            thread.pending.push(self.pool.hold(clock));
        } else {
            let last = &mut thread.pending[MOST - 1];
            let both = self.pool.joined(*last, clock);
            self.pool.release(std::mem::replace(last, both));
        }
    }

    /// Learns what a store that was read has released.
    #[inline]
    pub(super) fn take_over(&mut self, thread: ThreadId, release: ClockId, order: Order) {
        if release.is_some() {
            if acquires(order) {
                self.learn(thread, release);
            } else {
                self.learn_later(thread, release);
            }
        }
    }

    /// What a store releases, which has read what `read` has released if it is a read-modify-write; and its time.
    #[inline]
    pub(super) fn released(&mut self, thread: ThreadId, read: Option<ClockId>, order: Order) -> (ClockId, Epoch) {
        let read = read.filter(|read| read.is_some());
        if let Some(read) = read {
            self.take_over(thread, read, order);
        }
        let state = &self.threads[thread as usize];
        let now = state.clock.now();
        // The new store continues the release sequences of the one that is read. If it has acquired and releases in its
        // turn, then what it releases covers them.
        let release = match read {
            Some(read) if releases(order) && !acquires(order) => self.pool.joined_with(&state.clock, read),
            _ if releases(order) => self.pool.copy_of(&state.clock),
            read => {
                let fence = self.pool.hold(state.fence);
                let read = read.map_or(ClockId::NONE, |read| self.pool.hold(read));
                self.both(read, fence)
            }
        };
        (release, now)
    }

    /// A clock that covers what both do, in place of both.
    #[inline]
    pub(super) fn both(&mut self, one: ClockId, other: ClockId) -> ClockId {
        if !one.is_some() {
            return other;
        }
        if !other.is_some() {
            return one;
        }
        let both = self.pool.joined(one, other);
        self.pool.release(one);
        self.pool.release(other);
        both
    }

    /// What the thread would know now if it had learned of these operations.
    #[cold]
    fn version_behind(&mut self, thread: ThreadId, earlier: &[Epoch]) -> Version {
        let mut clock = self.threads[thread as usize].clock.clone();
        for operation in earlier {
            clock.learn(operation.thread(), operation.time());
        }
        self.order.versions.keep(&clock)
    }

    /// What the thread knows now, by name.
    #[inline]
    pub(super) fn version(&mut self, thread: ThreadId) -> Version {
        let thread = &mut self.threads[thread as usize];
        if !self.order.versions.holds(thread.version) {
            thread.version = self.order.versions.keep(&thread.clock);
        }
        thread.version
    }
}
