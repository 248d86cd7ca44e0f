//! The single total order S of sequentially consistent operations.
//!
//! By C++20 [atomics.order]/4 (Lahav et al., PLDI'17, and Batty et al., POPL'16, say why it is as it is): S must agree
//! with strongly-happens-before, and with coherence order between two accesses where each end is either sequentially
//! consistent itself or lies next to a sequentially consistent fence (the fence happens before the first, or the second
//! happens before the fence). An execution is consistent if such an order exists.
//!
//! One witness is kept: the operations in an order that agrees with all these conditions. It begins as the order of
//! execution, since an operation that sees the newest store, or appends one, only has to come after others. An access
//! that does otherwise has to come before some. Then what must follow it is worked out, and moved behind it; if it
//! would have to follow itself, there is no order, and the access may not do so. The method is that of incremental
//! topological sorting (Pearce and Kelly, JEA 2006), with the edges computed from the histories of locations instead of
//! stored.
//!
//! Bounded, in ways that only take possibilities away:
//! - The witness is open for [`Bounds::open`] operations at the most. Older ones are settled: nothing is moved before
//!   them.
//! - When stores fall off a location's history, operations that must come before others because of them are settled.
//! - A search takes [`Bounds::search`] steps at the most, and all of an execution some [`PER_SEARCH`] for each on
//!   average. What would take longer to find consistent counts as inconsistent.

use super::clock::{Clock, Epoch};
use super::history::{History, place};
use super::state::Bounds;
use super::versions::{Version, Versions};
use raddle_protocol::trace::ThreadId;

/// Steps that searches may take in an execution from the beginning, and more for each search. A step looks at one store
/// or at one operation.
const AT_FIRST: u64 = 1 << 16;
const PER_SEARCH: u64 = 256;

/// What an operation of the order is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Site {
    Fence,
    /// A write, or a read, of this store of this location.
    Access {
        slot: u32,
        store: u32,
        write: bool,
    },
}

/// A sequentially consistent operation.
#[derive(Clone, Copy, Debug)]
struct Node {
    at: Epoch,
    /// When it happened, on the clock of the whole execution.
    tick: u64,
    /// The latest `tick` up to here in the order, so that the first operation since a tick is found by bisection.
    latest: u64,
    /// What its thread knew: before it for an access, with what it learned itself for a fence. The first is what
    /// strongly-happens-before asks for. For a fence that makes no difference: whatever has to come before something that
    /// happens before a fence, on account of coherence, has to come before the fence as well.
    version: Version,
    site: Site,
}

/// An access that is about to happen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe<'a> {
    /// Its thread's clock before it.
    pub(super) clock: &'a Clock,
    pub(super) slot: u32,
    /// Where in coherence order it would come.
    pub(super) place: u32,
    pub(super) seq_cst: bool,
}

/// The order.
#[derive(Debug, Default)]
pub(super) struct TotalOrder {
    pub(super) versions: Versions,
    bounds: Bounds,
    /// The clock of the whole execution: stores and operations of the order move it.
    now: u64,
    /// The open part, in order.
    open: Vec<Node>,
    /// Fences among them.
    fences: usize,
    /// What happens before a settled fence.
    settled: Clock,
    settled_fences: bool,
    /// Steps that searches may still take in this execution, and in the present search.
    allowance: u64,
    steps: u64,
    /// Where the present search begins.
    start: usize,
    /// What the present search has found to come after the access: which of `open` from there on, the earliest of each thread, the
    /// earliest fence of each thread, and the earliest place in each location.
    moved: Vec<bool>,
    threads: Vec<(ThreadId, u64)>,
    fenced: Vec<Epoch>,
    /// When the first of `fenced` happened, and when the first store that has to come after the access.
    fenced_since: u64,
    since: u64,
    places: Vec<(u32, u32)>,
    scratch: Vec<Node>,
    /// Whether an order was ruled out in this execution because operations were settled, or a search was cut short.
    curtailed: bool,
}

impl TotalOrder {
    pub(super) fn begin(&mut self, base: u64) {
        self.versions.begin();
        self.open.clear();
        self.fences = 0;
        self.settled.reset(base, 0, base);
        self.settled_fences = false;
        self.now = 0;
        self.allowance = AT_FIRST;
        self.curtailed = false;
    }

    /// Whether the bounds may have taken an order away.
    pub(super) fn is_curtailed(&self) -> bool {
        self.curtailed
    }

    pub(super) fn bound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Moves the clock of the whole execution.
    #[inline]
    pub(super) fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// The time of the whole execution.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Whether accesses must be noted with what their thread knew.
    #[inline]
    pub(super) fn has_fences(&self) -> bool {
        self.fences > 0
    }

    /// Whether S may forbid an access something at all.
    #[inline]
    pub(super) fn concerns(&self, seq_cst: bool) -> bool {
        seq_cst || self.fences > 0 || self.settled_fences
    }

    /// Adds a fence at the end.
    pub(super) fn fence(&mut self, at: Epoch, version: Version, histories: &mut [History]) {
        self.fences += 1;
        self.add(None, at, version, Site::Fence);
        self.keep_bounds(histories);
    }

    /// Adds an access at a position that [`TotalOrder::make_way`] has told, or at the end.
    pub(super) fn access(
        &mut self,
        (position, at, version): (Option<usize>, Epoch, Version),
        (slot, store, write): (u32, u32, bool),
        histories: &mut [History],
    ) {
        self.add(position, at, version, Site::Access { slot, store, write });
        self.keep_bounds(histories);
    }

    #[inline]
    fn add(&mut self, position: Option<usize>, at: Epoch, version: Version, site: Site) {
        let tick = self.tick();
        let node = Node { at, tick, latest: tick, version, site };
        match position {
            Some(position) => {
                self.open.insert(position, node);
                self.note_latest(position);
            }
            // Nothing is later than what comes now.
            None => self.open.push(node),
        }
    }

    /// Corrects [`Node::latest`] from this position on.
    fn note_latest(&mut self, from: usize) {
        let mut latest = from.checked_sub(1).map_or(0, |before| self.open[before].latest);
        for node in &mut self.open[from..] {
            latest = latest.max(node.tick);
            node.latest = latest;
        }
    }

    #[inline]
    fn keep_bounds(&mut self, histories: &mut [History]) {
        if self.open.len() > self.bounds.open {
            self.settle(self.bounds.open / 2, histories);
        }
        if self.versions.is_full() {
            self.settle(self.open.len(), histories);
            self.versions.forget();
        }
    }

    /// Settles the first so many operations.
    #[cold]
    fn settle(&mut self, count: usize, histories: &mut [History]) {
        for node in self.open.drain(..count) {
            match node.site {
                Site::Fence => {
                    self.fences -= 1;
                    self.settled_fences = true;
                    if let Some(clock) = self.versions.get(node.version) {
                        self.settled.join(clock);
                    }
                    self.settled.learn(node.at.thread(), node.at.time());
                }
                Site::Access { slot, store, .. } => {
                    let history = &mut histories[slot as usize];
                    if let Some(index) = history.index_of(store) {
                        history.stores[index].settled = true;
                    }
                }
            }
        }
        self.note_latest(0);
    }

    /// The first so many stores of a location are about to be forgotten: settles what comes before others on account
    /// of them.
    pub(super) fn forget(&mut self, slot: u32, stores: usize, histories: &mut [History]) {
        if self.open.is_empty() {
            return;
        }
        let gone = &histories[slot as usize].stores[..stores];
        let (newest, used) = (gone.iter().map(|store| store.id).max(), gone.iter().map(|store| store.used).max());
        let versions = &self.versions;
        let precedes = |node: &Node| match node.site {
            Site::Access { slot: at, store, .. } => {
                at == slot && Some(store) <= newest && gone.iter().any(|gone| gone.id == store)
            }
            // A fence comes before accesses that happen later.
            Site::Fence => {
                Some(node.tick) <= used
                    && gone.iter().any(|store| {
                        versions.follows(store.writer, store.version, node.at)
                            || store.readers.iter().any(|reader| {
                                versions.follows(Epoch::new(reader.thread, reader.last), reader.version, node.at)
                            })
                    })
            }
        };
        if let Some(last) = self.open.iter().rposition(precedes) {
            self.settle(last + 1, histories);
        }
    }

    /// Whether there is an order with this access in it. If it is not at the end of coherence order, all of its
    /// location's accesses at later places must come after it.
    pub(super) fn allows(&mut self, probe: Probe<'_>, histories: &[History], shared: &[u32]) -> bool {
        self.allowance += PER_SEARCH;
        self.steps = self.allowance.min(self.bounds.search);
        let begun = self.steps;
        let is_allowed = self.search(probe, histories, shared).is_some();
        self.allowance -= begun - self.steps;
        is_allowed
    }

    /// Reorders so that this access, which [`TotalOrder::allows`] has allowed, has its place. Tells its position if it
    /// is one of the order.
    pub(super) fn make_way(&mut self, probe: Probe<'_>, histories: &[History], shared: &[u32]) -> Option<usize> {
        self.steps = u64::MAX;
        let end = self.search(probe, histories, shared).expect("this access was found consistent a moment ago");
        let start = self.start;
        let first = start + self.moved.iter().position(|moved| *moved)?;
        self.scratch.clear();
        let mut to = first;
        for from in first..end {
            let node = self.open[from];
            if self.moved[from - start] {
                self.scratch.push(node);
            } else {
                self.open[to] = node;
                to += 1;
            }
        }
        self.open[to..end].copy_from_slice(&self.scratch);
        self.note_latest(first);
        probe.seq_cst.then_some(to)
    }

    /// Works out what must come after the access, up to the last operation that must come before it. Tells where that
    /// ends; `None` when there is no order, or none is found in time.
    fn search(&mut self, probe: Probe<'_>, histories: &[History], shared: &[u32]) -> Option<usize> {
        self.moved.clear();
        self.threads.clear();
        self.fenced.clear();
        self.places.clear();
        self.fenced_since = u64::MAX;
        let is_source = |node: &Node| node.site == Site::Fence && probe.clock.covers(node.at);
        let end = if probe.seq_cst {
            self.open.len()
        } else {
            self.open.iter().rposition(is_source).map_or(0, |last| last + 1)
        };
        let comes_after_all = probe.seq_cst || end > 0 || self.settled_fences;
        if comes_after_all && self.is_settled_beyond(probe.place, &histories[probe.slot as usize]) {
            self.curtailed = true;
            return None;
        }
        let later = histories[probe.slot as usize].stores.iter().skip(probe.place as usize / 4 + 1);
        self.since = later.map(|store| store.tick).min().unwrap_or(u64::MAX);
        self.start = self.open.partition_point(|node| node.latest < self.since).min(end);
        self.moved.resize(end - self.start, false);
        for position in self.start..end {
            let node = self.open[position];
            self.step(1)?;
            if self.comes_after(&node, probe, histories, shared)? {
                if is_source(&node) {
                    return None;
                }
                self.moved[position - self.start] = true;
                self.note(&node, histories);
            }
        }
        if probe.seq_cst && self.reaches(probe, histories)? {
            return None;
        }
        Some(end)
    }

    #[inline]
    fn step(&mut self, count: usize) -> Option<()> {
        let left = self.steps.checked_sub(count as u64);
        self.curtailed |= left.is_none();
        self.steps = left?;
        Some(())
    }

    /// Whether an operation that is settled already would have to come after an access at this place.
    fn is_settled_beyond(&self, beyond: u32, history: &History) -> bool {
        let later = history.stores.iter().enumerate().filter(|(index, _)| place::store(*index) > beyond);
        later.into_iter().any(|(_, store)| {
            let by_fence = |epoch: Epoch| self.settled_fences && self.settled.covers(epoch);
            store.settled
                || by_fence(store.writer)
                || store.readers.iter().any(|reader| by_fence(Epoch::new(reader.thread, reader.first)))
        })
    }

    /// Adds an operation to what has been found to come after the access.
    fn note(&mut self, node: &Node, histories: &[History]) {
        let (thread, time) = (node.at.thread(), node.at.time());
        if !self.threads.iter().any(|(known, _)| *known == thread) {
            self.threads.push((thread, time));
        }
        match node.site {
            Site::Fence => {
                self.fenced_since = self.fenced_since.min(node.tick);
                if !self.fenced.iter().any(|known| known.thread() == thread) {
                    self.fenced.push(node.at);
                }
            }
            Site::Access { slot, .. } => {
                let place = Self::place_of(node, histories);
                match self.places.iter_mut().find(|(known, _)| *known == slot) {
                    Some((_, least)) => *least = (*least).min(place),
                    None => self.places.push((slot, place)),
                }
            }
        }
    }

    fn place_of(node: &Node, histories: &[History]) -> u32 {
        let Site::Access { slot, store, write } = node.site else { unreachable!("only accesses have a place") };
        let index = histories[slot as usize].index_of(store).expect("an open access is to a store that is remembered");
        if write { place::store(index) } else { place::read(index) }
    }

    /// Whether an operation comes after one that was noted, or after the access itself.
    fn comes_after(&mut self, node: &Node, probe: Probe<'_>, histories: &[History], shared: &[u32]) -> Option<bool> {
        let (thread, before) = (node.at.thread(), self.versions.get(node.version));
        let by_thread = |&(earlier, time): &(ThreadId, u64)| {
            // Strongly happens before: something *after* the earlier operation happens before something before this
            // one. An operation ends its thread's time, so whatever is after it has a later one.
            earlier == thread || before.is_some_and(|clock| clock.time_of(earlier) > time)
        };
        if self.threads.iter().any(by_thread) {
            return Some(true);
        }
        match node.site {
            Site::Access { slot, .. } => {
                let is_concerned = probe.slot == slot || self.places.iter().any(|(at, _)| *at == slot);
                if !is_concerned && self.fenced.is_empty() {
                    return Some(false);
                }
                let place = Self::place_of(node, histories);
                if probe.slot == slot && probe.place < place {
                    return Some(true);
                }
                self.is_beyond(slot, place, histories)
            }
            Site::Fence => {
                if node.tick > self.since && self.happens_before_fence(node, probe.slot, probe.place, histories)? {
                    return Some(true);
                }
                for index in 0..self.places.len() {
                    let (slot, place) = self.places[index];
                    if self.happens_before_fence(node, slot, place, histories)? {
                        return Some(true);
                    }
                }
                if self.fenced.is_empty() {
                    return Some(false);
                }
                for &slot in shared {
                    let history = &histories[slot as usize];
                    if !history.alive || history.used < self.fenced_since {
                        continue;
                    }
                    self.step(1)?;
                    if let Some(place) = self.fenced_place(slot, histories)?
                        && self.happens_before_fence(node, slot, place, histories)?
                    {
                        return Some(true);
                    }
                }
                Some(false)
            }
        }
    }

    /// Whether a place in a location comes after that of an operation that was noted, or of an access that such a fence
    /// happens before.
    fn is_beyond(&mut self, slot: u32, place: u32, histories: &[History]) -> Option<bool> {
        if self.places.iter().any(|(at, earlier)| *at == slot && *earlier < place) {
            return Some(true);
        }
        Some(self.fenced_place(slot, histories)?.is_some_and(|earlier| earlier < place))
    }

    /// Whether the access itself, which is sequentially consistent, comes after an operation that was noted.
    fn reaches(&mut self, probe: Probe<'_>, histories: &[History]) -> Option<bool> {
        let thread = probe.clock.now().thread();
        let known = |&(earlier, time): &(ThreadId, u64)| earlier == thread || probe.clock.time_of(earlier) > time;
        if self.threads.iter().any(known) {
            return Some(true);
        }
        self.is_beyond(probe.slot, probe.place, histories)
    }

    /// The earliest place in a location of an access that a noted fence happens before.
    fn fenced_place(&mut self, slot: u32, histories: &[History]) -> Option<Option<u32>> {
        if self.fenced.is_empty() {
            return Some(None);
        }
        for (index, store) in histories[slot as usize].stores.iter().enumerate() {
            if store.used < self.fenced_since {
                continue;
            }
            self.step(self.fenced.len() * (1 + store.readers.len()))?;
            let after = |at: Epoch, version| self.fenced.iter().any(|fence| self.versions.follows(at, version, *fence));
            if after(store.writer, store.version) {
                return Some(Some(place::store(index)));
            }
            let mut readers = store.readers.iter();
            if readers.any(|reader| after(Epoch::new(reader.thread, reader.last), reader.version)) {
                return Some(Some(place::read(index)));
            }
        }
        Some(None)
    }

    /// Whether an access to a location at a later place than this one happens before a fence.
    fn happens_before_fence(&mut self, fence: &Node, slot: u32, beyond: u32, histories: &[History]) -> Option<bool> {
        let stores = &histories[slot as usize].stores;
        // A read of the very store whose place is given is later than it.
        for (index, store) in stores.iter().enumerate().skip(beyond as usize / 4) {
            if store.tick > fence.tick {
                continue;
            }
            self.step(1 + store.readers.len())?;
            let before = |epoch: Epoch| self.versions.covers(fence.at, fence.version, epoch);
            if place::store(index) > beyond && before(store.writer) {
                return Some(true);
            }
            let mut readers = store.readers.iter();
            if place::read(index) > beyond && readers.any(|reader| before(Epoch::new(reader.thread, reader.first))) {
                return Some(true);
            }
        }
        Some(false)
    }
}
