//! What is remembered of one location: its latest stores in modification order, and who has read them.
//!
//! Coherence needs no more than this. A store, or a read of it, that happens before an access keeps all older stores
//! away from it (the four coherence conditions of C++20 [intro.races]/14 to 17, in one). Because the accesses of one
//! thread follow modification order, the first read of a store by each thread is all that need be kept for that; the
//! last one is kept too, since what a fence orders before a read it orders before everything newer than what was read.
//!
//! Bounded: of more than [`Bounds::window`](super::Bounds::window) stores the oldest fall off in batches. Threads then
//! cannot read them any more, nor place stores among them, although the model would let them.

use super::clock::{Clock, ClockId, Epoch};
use super::versions::Version;
use raddle_protocol::trace::ThreadId;

/// Several threads.
const SHARED: ThreadId = ThreadId::MAX;

/// A thread that has read a store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) thread: ThreadId,
    /// Its time at the first read and at the last.
    pub(super) first: u64,
    pub(super) last: u64,
    /// Its clock at the last.
    pub(super) version: Version,
}

/// One store.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) value: u128,
    /// When it was written; [`Epoch::NEVER`] when nobody knows.
    pub(super) writer: Epoch,
    /// The writer's clock then.
    pub(super) version: Version,
    /// What an acquiring read of this store learns of: the heads of the release sequences it belongs to.
    pub(super) release: ClockId,
    /// Names the store, whatever its place in modification order.
    pub(super) id: u32,
    /// When it was written, on the clock of the whole execution, and not before its last access that was noted with
    /// what its thread knew.
    pub(super) tick: u64,
    pub(super) used: u64,
    /// Whether it was written by a read-modify-write, which read the store before it.
    pub(super) rmw: bool,
    /// Whether a sequentially consistent access to it has left the order that is still open.
    pub(super) settled: bool,
    /// Who has read it, in ascending order.
    pub(super) readers: Vec<Reader>,
}

impl Store {
    /// A store of which nothing is known but its value.
    pub(super) fn unknown(value: u128) -> Self {
        Store {
            value,
            writer: Epoch::NEVER,
            version: Version::NONE,
            release: ClockId::NONE,
            id: 0,
            tick: 0,
            used: 0,
            rmw: false,
            settled: false,
            readers: Vec::new(),
        }
    }

    /// Whether this store, or a read of it, lies in the past of the clock's holder.
    #[inline]
    pub(super) fn is_seen(&self, clock: &Clock) -> bool {
        clock.covers(self.writer) || self.is_read_before(clock)
    }

    fn is_read_before(&self, clock: &Clock) -> bool {
        let own = clock.now().thread();
        self.place_of(own).is_ok()
            || self.readers.iter().any(|reader| clock.covers(Epoch::new(reader.thread, reader.first)))
    }

    #[inline]
    fn place_of(&self, thread: ThreadId) -> Result<usize, usize> {
        match self.readers.last() {
            Some(last) if last.thread == thread => Ok(self.readers.len() - 1),
            Some(last) if last.thread < thread => Err(self.readers.len()),
            None => Err(0),
            _ => self.readers.binary_search_by_key(&thread, |reader| reader.thread),
        }
    }

    /// Notes a read by `now`'s thread.
    #[inline]
    pub(super) fn read(&mut self, now: Epoch, version: Version) {
        match self.place_of(now.thread()) {
            Ok(place) => {
                let reader = &mut self.readers[place];
                reader.last = now.time();
                reader.version = version;
            }
            Err(place) => {
                let reader = Reader { thread: now.thread(), first: now.time(), last: now.time(), version };
                self.readers.insert(place, reader);
            }
        }
    }
}

/// Lists of readers that are out of use: their storage is kept.
#[derive(Debug, Default)]
pub(super) struct Spares(Vec<Vec<Reader>>);

impl Spares {
    #[inline]
    pub(super) fn take(&mut self) -> Vec<Reader> {
        self.0.pop().unwrap_or_default()
    }

    #[inline]
    pub(super) fn give(&mut self, mut readers: Vec<Reader>) {
        if readers.capacity() > 0 {
            readers.clear();
            self.0.push(readers);
        }
    }
}

/// A thread that has not seen the newest store for a while.
#[derive(Clone, Copy, Debug)]
struct Behind {
    thread: ThreadId,
    times: u32,
    /// The store it saw or wrote last.
    store: u32,
}

/// One location.
#[derive(Debug)]
pub(super) struct History {
    pub(super) address: u64,
    pub(super) size: u8,
    /// False for a slot that is not in use.
    pub(super) alive: bool,
    /// Whether all accesses so far saw the newest store and took no part in the order of sequentially consistent
    /// operations: then that store is all there is to remember.
    pub(super) light: bool,
    /// Never empty while alive; in modification order.
    pub(super) stores: Vec<Store>,
    /// How many stores but the oldest were not written by read-modify-writes.
    apart: usize,
    ids: u32,
    /// The one thread that has been here, or [`SHARED`].
    user: ThreadId,
    behind: Vec<Behind>,
    /// Not before the last access that was noted with what its thread knew, on the clock of the whole execution.
    pub(super) used: u64,
    /// Whether the location stands in the list of shared ones.
    pub(super) listed: bool,
    /// Next location in the same granule.
    pub(super) next: u32,
}

impl History {
    pub(super) fn empty() -> Self {
        History {
            address: 0,
            size: 0,
            alive: false,
            light: false,
            stores: Vec::new(),
            apart: 0,
            ids: 0,
            user: SHARED,
            behind: Vec::new(),
            used: 0,
            listed: false,
            next: 0,
        }
    }

    /// Begins anew, with one store of this value. The caller has let go of the clocks of the stores that were here.
    pub(super) fn start(&mut self, address: u64, size: u8, user: ThreadId, value: u128, spares: &mut Spares) {
        self.address = address;
        self.size = size;
        self.alive = true;
        self.light = true;
        self.ids = 0;
        self.user = user;
        self.used = 0;
        self.restart(value, spares);
    }

    /// One store of this value in place of all there were, whose clocks the caller has let go of.
    pub(super) fn restart(&mut self, value: u128, spares: &mut Spares) {
        self.behind.clear();
        self.apart = 0;
        if let [only] = &mut self.stores[..] {
            self.ids += 1;
            only.readers.clear();
            let readers = std::mem::take(&mut only.readers);
            *only = Store { id: self.ids, readers, ..Store::unknown(value) };
            return;
        }
        self.stores.drain(..).for_each(|store| spares.give(store.readers));
        self.insert(0, Store { readers: spares.take(), ..Store::unknown(value) });
    }

    /// The oldest stores have been taken away.
    pub(super) fn shortened(&mut self) {
        self.apart = self.stores.iter().skip(1).filter(|store| !store.rmw).count();
    }

    /// Whether nothing can come after any store but the newest: read-modify-writes have read all others.
    #[inline]
    pub(super) fn is_chain(&self) -> bool {
        self.apart == 0
    }

    /// Index of the newest store.
    #[inline]
    pub(super) fn newest(&self) -> usize {
        self.stores.len() - 1
    }

    /// Whether nobody but `thread` has ever been here.
    #[inline]
    pub(super) fn is_private_to(&self, thread: ThreadId) -> bool {
        self.user == thread
    }

    /// Notes who comes. Tells whether this makes the location a shared one.
    #[inline]
    pub(super) fn visit(&mut self, thread: ThreadId) -> bool {
        if self.user == thread || self.user == SHARED {
            return false;
        }
        self.user = SHARED;
        true
    }

    /// Index of the oldest store that coherence and patience leave to the clock's holder.
    pub(super) fn floor(&self, clock: &Clock, patience: u32) -> usize {
        let mut floor = self.newest();
        while floor > 0 && !self.stores[floor].is_seen(clock) {
            floor -= 1;
        }
        let thread = clock.now().thread();
        match self.behind.iter().find(|behind| behind.thread == thread) {
            Some(behind) if behind.times >= patience => {
                let next = self.index_of(behind.store).map_or(0, |index| index + 1);
                floor.max(next).min(self.newest())
            }
            _ => floor,
        }
    }

    /// Whether a thread is only offered ever newer stores.
    pub(super) fn is_out_of_patience(&self, thread: ThreadId, patience: u32) -> bool {
        self.behind.iter().any(|behind| behind.thread == thread && behind.times >= patience)
    }

    /// Notes which store a thread has seen or written, and whether that was the newest.
    #[inline]
    pub(super) fn note_progress(&mut self, thread: ThreadId, store: u32, is_newest: bool) {
        if !(is_newest && self.behind.is_empty()) {
            self.note_behind(thread, store, is_newest);
        }
    }

    #[cold]
    fn note_behind(&mut self, thread: ThreadId, store: u32, is_newest: bool) {
        match self.behind.iter().position(|behind| behind.thread == thread) {
            Some(place) if is_newest => {
                self.behind.swap_remove(place);
            }
            Some(place) => {
                self.behind[place].times += 1;
                self.behind[place].store = store;
            }
            None if is_newest => {}
            None => self.behind.push(Behind { thread, times: 1, store }),
        }
    }

    /// Index of a store by its name; `None` when it has fallen off.
    #[inline]
    pub(super) fn index_of(&self, id: u32) -> Option<usize> {
        // As long as stores only come at the end their names are consecutive.
        let newest = self.newest();
        let guess = newest.wrapping_add(id.wrapping_sub(self.stores[newest].id) as i32 as usize);
        match self.stores.get(guess) {
            Some(store) if store.id == id => Some(guess),
            _ => self.stores.iter().rposition(|store| store.id == id),
        }
    }

    /// Places a store at this index, and gives it its name.
    #[inline]
    pub(super) fn insert(&mut self, index: usize, mut store: Store) -> u32 {
        self.ids += 1;
        store.id = self.ids;
        self.apart += usize::from(index > 0 && !store.rmw);
        if index == self.stores.len() {
            self.stores.push(store);
        } else {
            self.stores.insert(index, store);
        }
        self.ids
    }
}

/// Places in the coherence order of one location, so that an access is coherence-ordered before another (C++20
/// [atomics.order]/3) exactly if its place is smaller: stores, the reads of each, and a store yet to come between two.
pub(super) mod place {
    /// The store at this index.
    #[inline]
    pub(in super::super) fn store(index: usize) -> u32 {
        index as u32 * 4
    }

    /// A read of the store at this index.
    #[inline]
    pub(in super::super) fn read(index: usize) -> u32 {
        index as u32 * 4 + 1
    }

    /// A store that is to come directly after the one at this index.
    #[inline]
    pub(in super::super) fn after(index: usize) -> u32 {
        index as u32 * 4 + 2
    }
}
