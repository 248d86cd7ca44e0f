//! Light locations, which most are: whoever has been there has seen the newest store without asking, and no order of
//! sequentially consistent operations concerns them. Such a location is one store, and an access to it takes few steps. It becomes an
//! ordinary one for good at the first access that is more than that.

use super::clock::ClockId;
use super::history::Store;
use super::idioms::Just;
use super::locations::Location;
use super::state::Memory;
use super::synchronization::{acquires, releases};
use super::versions::Version;
use raddle_protocol::trace::{Order, ThreadId};

impl Memory {
    /// Whether an access can be taken lightly: it sees the newest store without asking, as all did before it. One that
    /// cannot makes the location an ordinary one for good.
    #[inline]
    pub(super) fn is_light(&mut self, slot: u32, order: Order, newest: bool) -> bool {
        let history = &mut self.locations.histories[slot as usize];
        history.light &= newest && order != Order::SeqCst;
        history.light
    }

    /// A light location, if this is the place of one and it holds what memory holds.
    #[inline(always)]
    fn find_light(&mut self, thread: ThreadId, at: Location, in_memory: u128) -> Option<u32> {
        let slot = self.locations.find(at);
        let history = self.locations.histories.get_mut(slot as usize)?;
        if !history.light || history.stores[0].value != in_memory {
            return None;
        }
        if history.visit(thread) {
            self.locations.share(slot);
        }
        Some(slot)
    }

    /// A load from a light location, which remains one, in short: where nothing has to be noted for later. Tells whether it
    /// was that; otherwise nothing has been done.
    #[inline(never)]
    pub(super) fn load_light(&mut self, thread: ThreadId, at: Location, order: Order, in_memory: u128) -> bool {
        if order == Order::SeqCst {
            return false;
        }
        let Some(slot) = self.find_light(thread, at, in_memory) else { return false };
        let release = self.locations.histories[slot as usize].stores[0].release;
        let state = &mut self.threads[thread as usize];
        if release.is_some() && !state.clock.knows(self.pool.get(release)) {
            if !acquires(order) {
                return false;
            }
            if state.clock.join(self.pool.get(release)) {
                state.version = Version::NONE;
            }
        }
        state.just = Just::Other;
        true
    }

    /// A store, or a read-modify-write, to a light location, as [`Memory::load_light`].
    #[inline(never)]
    pub(super) fn store_light(
        &mut self,
        thread: ThreadId,
        at: Location,
        order: Order,
        in_memory: u128,
        new: (u128, bool),
    ) -> bool {
        self.store_lightly(thread, at, order, in_memory, new)
    }

    #[inline(always)]
    pub(super) fn store_lightly(
        &mut self,
        thread: ThreadId,
        at: Location,
        order: Order,
        in_memory: u128,
        (value, rmw): (u128, bool),
    ) -> bool {
        if order == Order::SeqCst {
            return false;
        }
        let Some(slot) = self.find_light(thread, at, in_memory) else { return false };
        let read = self.locations.histories[slot as usize].stores[0].release;
        let state = &mut self.threads[thread as usize];
        if !releases(order) && state.fence.is_some() {
            return false;
        }
        let mut unknown = rmw && read.is_some() && !state.clock.knows(self.pool.get(read));
        if unknown && acquires(order) {
            if state.clock.join(self.pool.get(read)) {
                state.version = Version::NONE;
            }
            unknown = false;
        } else if unknown {
            self.learn_later(thread, read);
        }
        let store = &mut self.locations.histories[slot as usize].stores[0];
        let state = &mut self.threads[thread as usize];
        let release = if releases(order) && unknown {
            let both = self.pool.joined_with(&state.clock, read);
            self.pool.release(read);
            both
        } else if releases(order) {
            // It covers what was read.
            self.pool.replaced_by(read, &state.clock)
        } else if rmw {
            read
        } else {
            self.pool.release(read);
            ClockId::NONE
        };
        let tick = self.order.tick();
        (store.value, store.writer, store.release, store.rmw) = (value, state.clock.now(), release, rmw);
        (store.tick, store.used) = (tick, tick);
        state.just = Just::Other;
        if releases(order) {
            state.clock.tick();
        }
        true
    }

    /// Sees the one store of a light location.
    #[inline]
    pub(super) fn read_light(&mut self, thread: ThreadId, slot: u32, order: Order) -> u128 {
        let Store { value, release, .. } = self.locations.histories[slot as usize].stores[0];
        self.take_over(thread, release, order);
        value
    }

    /// Replaces the one store of a light location.
    #[inline]
    pub(super) fn write_light(&mut self, thread: ThreadId, slot: u32, order: Order, (value, rmw): (u128, bool)) {
        let read = self.locations.histories[slot as usize].stores[0].release;
        let (release, now) = self.released(thread, rmw.then_some(read), order);
        let tick = self.order.tick();
        let store = &mut self.locations.histories[slot as usize].stores[0];
        (store.value, store.writer, store.release, store.rmw) = (value, now, release, rmw);
        (store.tick, store.used) = (tick, tick);
        self.pool.release(read);
        if releases(order) {
            self.threads[thread as usize].clock.tick();
        }
    }
}
