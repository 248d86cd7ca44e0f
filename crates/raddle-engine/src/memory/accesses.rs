//! Atomic accesses.
//!
//! `in_memory` is what memory holds before the access. That is the value of the newest store; if it is another one,
//! then memory was changed by something that does not come here, and nothing is known of the location but this value.
//! The caller writes to memory what it is told to. Values are zero-extended.

use super::choices::Role;
use super::clock::ClockId;
use super::history::Store;
use super::idioms::{self, Just};
use super::locations::Location;
use super::state::{Ask, Attempt, Effect, Exchange, Memory, Model};
use super::synchronization::{acquires, releases};
use super::table::NOTHING;
use super::versions::Version;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{Order, ThreadId};

/// More locations than this are not kept for no use: they would be slower to find than to forget.
const CROWDED: usize = 1024;

impl Memory {
    /// A load: the value it sees.
    #[inline]
    pub fn load(&mut self, thread: ThreadId, at: Location, order: Order, in_memory: u128, ask: Ask<'_>) -> u128 {
        self.arrive(thread);
        self.threads[thread as usize].just = Just::Other;
        if !self.is_concurrent() || ask.is_none() && self.load_light(thread, at, order, in_memory) {
            return in_memory;
        }
        let slot = self.locate(thread, at, in_memory);
        if self.is_light(slot, order, ask.is_none()) {
            return self.read_light(thread, slot, order);
        }
        let index = self.choose((thread, slot), (Role::Reads, order), ChoiceKind::ReadsFrom, ask);
        self.read(thread, slot, index, order)
    }

    /// A store: what memory must hold then, or `None` if it stays as it is, because the store comes before others in
    /// modification order.
    #[inline]
    pub fn store(
        &mut self,
        thread: ThreadId,
        at: Location,
        order: Order,
        in_memory: u128,
        value: u128,
        ask: Ask<'_>,
    ) -> Option<u128> {
        self.arrive(thread);
        self.threads[thread as usize].just = Just::Other;
        if !self.is_concurrent() || ask.is_none() && self.store_light(thread, at, order, in_memory, (value, false)) {
            return Some(value);
        }
        let slot = self.locate(thread, at, in_memory);
        if self.is_light(slot, order, ask.is_none()) {
            self.write_light(thread, slot, order, (value, false));
            return Some(value);
        }
        let index = self.choose((thread, slot), (Role::Follows, order), ChoiceKind::ModificationOrder, ask);
        let is_newest = index == self.locations.histories[slot as usize].newest();
        self.write(thread, slot, index, order, (value, false));
        is_newest.then_some(value)
    }

    /// A read-modify-write that stores `change` of what it reads.
    #[inline]
    pub fn rmw(
        &mut self,
        thread: ThreadId,
        at: Location,
        order: Order,
        in_memory: u128,
        change: impl Fn(u128) -> u128,
        ask: Ask<'_>,
    ) -> Effect {
        self.as_exchange(thread, |memory| {
            memory.arrive(thread);
            if !memory.is_concurrent() {
                return Effect { read: in_memory, memory: Some(change(in_memory)) };
            }
            if ask.is_none() {
                let value = change(in_memory);
                if memory.store_light(thread, at, order, in_memory, (value, true)) {
                    return Effect { read: in_memory, memory: Some(value) };
                }
            }
            memory.rmw_at_length(thread, at, order, in_memory, change, ask)
        })
    }

    /// As [`Memory::rmw`], of a thread that is known and not alone.
    #[inline]
    fn rmw_at_length(
        &mut self,
        thread: ThreadId,
        at: Location,
        order: Order,
        in_memory: u128,
        change: impl Fn(u128) -> u128,
        ask: Ask<'_>,
    ) -> Effect {
        let slot = self.locate(thread, at, in_memory);
        if self.is_light(slot, order, ask.is_none()) {
            let value = change(in_memory);
            self.write_light(thread, slot, order, (value, true));
            self.threads[thread as usize].just = Just::Other;
            return Effect { read: in_memory, memory: Some(value) };
        }
        let index = self.choose((thread, slot), (Role::Follows, order), ChoiceKind::ReadsFrom, ask);
        let history = &self.locations.histories[slot as usize];
        let (read, is_newest) = (history.stores[index].value, index == history.newest());
        let value = change(read);
        self.write(thread, slot, index, order, (value, true));
        self.after_rmw(thread, slot, order);
        Effect { read, memory: is_newest.then_some(value) }
    }

    /// As [`Memory::rmw`] of the newest store, which is not asked about: stores `value`.
    #[inline(always)]
    pub fn rmw_of_newest(&mut self, thread: ThreadId, at: Location, order: Order, in_memory: u128, value: u128) {
        self.as_exchange(thread, |memory| {
            memory.arrive(thread);
            if memory.is_concurrent() && !memory.store_lightly(thread, at, order, in_memory, (value, true)) {
                memory.rmw_at_length(thread, at, order, in_memory, |_| value, None);
            }
        });
    }

    /// As [`Memory::store`] after the newest store, which is not asked about.
    #[inline(always)]
    pub fn store_after_newest(&mut self, thread: ThreadId, at: Location, order: Order, in_memory: u128, value: u128) {
        let concurrent = (thread as usize) < self.known && self.is_concurrent();
        if !(concurrent && self.store_lightly(thread, at, order, in_memory, (value, false))) {
            self.store(thread, at, order, in_memory, value, None);
        }
    }

    /// A compare-exchange.
    #[inline]
    pub fn compare_exchange(
        &mut self,
        thread: ThreadId,
        at: Location,
        attempt: Attempt,
        in_memory: u128,
        ask: Ask<'_>,
    ) -> Exchange {
        self.as_exchange(thread, |memory| {
            memory.arrive(thread);
            if !memory.is_concurrent() {
                let equal = in_memory == attempt.expected;
                let done = equal && !(attempt.weak && ask.is_some_and(|ask| ask(ChoiceKind::WeakFailure, 2) == 1));
                return Exchange { read: in_memory, memory: done.then_some(attempt.new), done };
            }
            let done = in_memory == attempt.expected;
            let order = if done { attempt.success } else { attempt.failure };
            let light = ask.is_none()
                && if done {
                    memory.store_light(thread, at, order, in_memory, (attempt.new, true))
                } else {
                    memory.load_light(thread, at, order, in_memory)
                };
            if light {
                return Exchange { read: in_memory, memory: done.then_some(attempt.new), done };
            }
            let slot = memory.locate(thread, at, in_memory);
            if memory.is_light(slot, order, ask.is_none()) {
                if done {
                    memory.write_light(thread, slot, order, (attempt.new, true));
                } else {
                    memory.read_light(thread, slot, order);
                }
                memory.threads[thread as usize].just = Just::Other;
                return Exchange { read: in_memory, memory: done.then_some(attempt.new), done };
            }
            if memory.threads[thread as usize].exchanged && acquires(attempt.failure) {
                memory.fence(thread, Order::SeqCst);
            }
            let (index, done) = memory.choose_exchange(thread, slot, attempt, ask);
            let history = &memory.locations.histories[slot as usize];
            let (read, is_newest) = (history.stores[index].value, index == history.newest());
            if done {
                memory.write(thread, slot, index, attempt.success, (attempt.new, true));
            } else {
                memory.read(thread, slot, index, attempt.failure);
            }
            memory.after_rmw(thread, slot, if done { attempt.success } else { attempt.failure });
            Exchange { read, memory: (done && is_newest).then_some(attempt.new), done }
        })
    }

    /// Memory from `start` to `end` (exclusive) was freed, allocated or written by plain accesses: what was known of
    /// locations there is forgotten. Costs next to nothing where there are none.
    pub fn forget(&mut self, start: u64, end: u64) {
        self.locations.within(start, end);
        while let Some(slot) = self.locations.found.pop() {
            self.remove(slot);
        }
    }

    /// Whether so many locations are known that those in memory which is given back should be forgotten at once.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.locations.in_use() > CROWDED
    }

    fn after_rmw(&mut self, thread: ThreadId, slot: u32, order: Order) {
        self.threads[thread as usize].just = Just::Other;
        if !self.idioms || order != Order::SeqCst {
            return;
        }
        self.threads[thread as usize].exchanged = true;
        if idioms::is_fence(order, &self.locations.histories[slot as usize], thread) {
            self.fence(thread, Order::SeqCst);
        } else {
            self.threads[thread as usize].just = Just::Rmw;
        }
    }

    /// Sees a store.
    #[inline]
    fn read(&mut self, thread: ThreadId, slot: u32, index: usize, order: Order) -> u128 {
        let ordered = order == Order::SeqCst && self.model == Model::Rc11;
        let position = self.settle_order((thread, slot), Role::Reads, index, ordered);
        let before = self.version_if(thread, slot, ordered);
        let history = &mut self.locations.histories[slot as usize];
        let is_newest = index == history.newest();
        history.note_progress(thread, history.stores[index].id, is_newest);
        let store = &mut history.stores[index];
        let (value, release, id) = (store.value, store.release, store.id);
        let now = self.threads[thread as usize].clock.now();
        if self.model == Model::Rc11 {
            store.read(now, before);
            if before != Version::NONE {
                store.used = self.order.now();
            }
        }
        self.take_over(thread, release, order);
        if ordered {
            self.order.access((position, now, before), (slot, id, false), &mut self.locations.histories);
            self.threads[thread as usize].clock.tick();
        }
        value
    }

    /// Stores a value directly after the store at `index`, which is read if this is a read-modify-write.
    #[inline]
    fn write(&mut self, thread: ThreadId, slot: u32, index: usize, order: Order, (value, rmw): (u128, bool)) {
        let ordered = order == Order::SeqCst && self.model == Model::Rc11;
        let position = self.settle_order((thread, slot), Role::Follows, index, ordered);
        let before = self.version_if(thread, slot, ordered);
        let read = rmw.then(|| self.locations.histories[slot as usize].stores[index].release);
        let (release, now) = self.released(thread, read, order);
        let is_newest = index == self.locations.histories[slot as usize].newest();
        let readers = self.locations.spares.take();
        let tick = self.order.tick();
        let store = Store {
            value,
            writer: now,
            version: before,
            release,
            id: 0,
            tick,
            used: tick,
            rmw,
            settled: false,
            readers,
        };
        let id = if self.model == Model::Sc {
            self.replace(slot, store)
        } else {
            self.locations.histories[slot as usize].insert(index + 1, store)
        };
        self.locations.histories[slot as usize].note_progress(thread, id, is_newest);
        if ordered {
            self.order.access((position, now, before), (slot, id, true), &mut self.locations.histories);
        }
        if releases(order) {
            self.threads[thread as usize].clock.tick();
        }
        let batch = self.bounds.window.div_ceil(2);
        if self.locations.histories[slot as usize].stores.len() >= self.bounds.window + batch {
            self.curtailed |= self.model == Model::Rc11;
            self.drop_oldest(slot, batch);
        }
    }

    /// The name of what the thread knows, if it may matter later.
    #[inline]
    fn version_if(&mut self, thread: ThreadId, slot: u32, ordered: bool) -> Version {
        if !(ordered || self.order.has_fences()) {
            return Version::NONE;
        }
        self.locations.histories[slot as usize].used = self.order.tick();
        self.version(thread)
    }

    /// The only store of a location gives way to another.
    fn replace(&mut self, slot: u32, store: Store) -> u32 {
        let history = &mut self.locations.histories[slot as usize];
        if let Some(old) = history.stores.pop() {
            self.pool.release(old.release);
            self.locations.spares.give(old.readers);
        }
        history.insert(0, store)
    }

    /// The location of an access, with what it holds.
    #[inline]
    fn locate(&mut self, thread: ThreadId, at: Location, in_memory: u128) -> u32 {
        let slot = self.locations.find(at);
        if slot == NOTHING {
            return self.discover(thread, at, in_memory);
        }
        let history = &mut self.locations.histories[slot as usize];
        if history.visit(thread) {
            self.locations.share(slot);
        }
        let history = &self.locations.histories[slot as usize];
        if history.stores[history.newest()].value != in_memory {
            self.restart(thread, slot, in_memory);
        }
        slot
    }

    /// Memory holds another value than the newest store: nothing is known of the location any more. Whoever has changed
    /// it may have meant to pass on all that had happened by then, so that is what its one store does.
    #[cold]
    fn restart(&mut self, thread: ThreadId, slot: u32, in_memory: u128) {
        self.let_go(slot);
        let all = self.all_so_far();
        let history = &mut self.locations.histories[slot as usize];
        history.restart(in_memory, &mut self.locations.spares);
        history.stores[0].release = all;
        self.learn(thread, all);
    }

    /// A clock that covers all that any thread has done.
    fn all_so_far(&mut self) -> ClockId {
        let (first, others) = self.threads[..self.known].split_at_mut(1);
        let all = self.pool.copy_of(&first[0].clock);
        first[0].clock.tick();
        for other in others {
            self.pool.add(all, &other.clock);
            other.clock.tick();
        }
        all
    }

    /// A location that is seen for the first time, or in another shape than before. In the second case its one store
    /// stands for all that are known of the bytes in question: whoever reads it learns what each of them would have
    /// told.
    #[inline(never)]
    fn discover(&mut self, thread: ThreadId, at: Location, in_memory: u128) -> u32 {
        if self.locations.is_apart(at) {
            return self.locations.create(at, thread, in_memory);
        }
        self.rediscover(thread, at, in_memory)
    }

    #[cold]
    fn rediscover(&mut self, thread: ThreadId, at: Location, in_memory: u128) -> u32 {
        let mut release = ClockId::NONE;
        self.locations.overlapping(at);
        while let Some(slot) = self.locations.found.pop() {
            for index in 0..self.locations.histories[slot as usize].stores.len() {
                let known = self.locations.histories[slot as usize].stores[index].release;
                let known = self.pool.hold(known);
                release = self.both(release, known);
            }
            self.remove(slot);
        }
        let slot = self.locations.create(at, thread, in_memory);
        self.locations.histories[slot as usize].stores[0].release = release;
        slot
    }

    fn remove(&mut self, slot: u32) {
        self.let_go(slot);
        self.locations.remove(slot);
    }

    /// Gives back what the stores of a location hold, before they are forgotten.
    fn let_go(&mut self, slot: u32) {
        let history = &self.locations.histories[slot as usize];
        // A light location has no part in the order, but for what fences keep in place.
        if !history.light || self.order.has_fences() {
            let stores = history.stores.len();
            self.order.forget(slot, stores, &mut self.locations.histories);
        }
        for store in &mut self.locations.histories[slot as usize].stores {
            self.pool.release(std::mem::replace(&mut store.release, ClockId::NONE));
        }
    }

    #[cold]
    fn drop_oldest(&mut self, slot: u32, count: usize) {
        self.order.forget(slot, count, &mut self.locations.histories);
        for store in self.locations.histories[slot as usize].stores.drain(..count) {
            self.pool.release(store.release);
            self.locations.spares.give(store.readers);
        }
        self.locations.histories[slot as usize].shortened();
    }
}
