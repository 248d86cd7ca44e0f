//! Finds the location of an access, and keeps locations apart.
//!
//! Locations never overlap: each byte belongs to one at the most. They are found by the 16-byte granule that holds their
//! first byte; aligned accesses of up to 16 bytes lie in one granule. Filters over pages and granules tell where in a range
//! of memory that is given back there may be any. Everything is kept in place for the next execution, and emptied by generation.

use super::history::{History, Spares};
use super::table::{NOTHING, Table};
use raddle_protocol::trace::ThreadId;
use std::ops::RangeInclusive;

/// Bits of an address within a granule and within a page.
const GRANULE: u32 = 4;
const PAGE: u32 = 12;

/// Ranges of up to this many granules are searched granule by granule.
const FEW_GRANULES: u64 = 16;

/// Words of the filter over pages.
const FILTER: usize = 64;

/// Where an access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Address of the first byte.
    pub address: u64,
    /// Bytes: 1 to 16.
    pub size: u8,
}

impl Location {
    fn last(self) -> u64 {
        self.address.saturating_add(u64::from(self.size) - 1)
    }
}

/// All locations of an execution.
#[derive(Debug)]
pub(super) struct Locations {
    pub(super) histories: Vec<History>,
    used: usize,
    free: Vec<u32>,
    granules: Table,
    /// A bit for each page, and for each granule (by their hashes), in which a location may be.
    filter: [u64; FILTER],
    fine_filter: [u64; FILTER],
    /// Whether a location reaches from one granule into the next.
    straddles: bool,
    /// Locations that several threads have used (and some that are no more).
    pub(super) shared: Vec<u32>,
    pub(super) spares: Spares,
    /// Locations found by the last search.
    pub(super) found: Vec<u32>,
}

impl Locations {
    pub(super) fn new() -> Self {
        Locations {
            histories: Vec::new(),
            used: 0,
            free: Vec::new(),
            granules: Table::new(),
            filter: [0; FILTER],
            fine_filter: [0; FILTER],
            straddles: false,
            shared: Vec::new(),
            spares: Spares::default(),
            found: Vec::new(),
        }
    }

    pub(super) fn begin(&mut self) {
        self.used = 0;
        self.free.clear();
        self.granules.begin();
        self.filter = [0; FILTER];
        self.fine_filter = [0; FILTER];
        self.straddles = false;
        self.shared.clear();
    }

    /// How many there are.
    #[inline]
    pub(super) fn in_use(&self) -> usize {
        self.used - self.free.len()
    }

    /// The location of exactly this shape, or [`NOTHING`].
    #[inline]
    pub(super) fn find(&self, at: Location) -> u32 {
        let mut slot = self.granules.get(at.address >> GRANULE);
        while slot != NOTHING {
            let history = &self.histories[slot as usize];
            if history.address == at.address && history.size == at.size {
                return slot;
            }
            slot = history.next;
        }
        NOTHING
    }

    /// Whether no location can have a byte in common with this one, as far as that can be told in no time.
    #[inline]
    pub(super) fn is_apart(&self, at: Location) -> bool {
        let granule = at.address >> GRANULE;
        !self.straddles && granule == at.last() >> GRANULE && self.granules.get(granule) == NOTHING
    }

    /// Locations that have a byte in common with this one, in ascending order of creation.
    pub(super) fn overlapping(&mut self, at: Location) {
        let last = at.last();
        let from = (at.address >> GRANULE).saturating_sub(u64::from(self.straddles));
        self.found.clear();
        for granule in from..=last >> GRANULE {
            self.search_granule(granule, at.address, last);
        }
    }

    /// Locations that have a byte between `start` and `end` (exclusive).
    pub(super) fn within(&mut self, start: u64, end: u64) {
        self.found.clear();
        if start >= end {
            return;
        }
        let last = end - 1;
        let granules = (start >> GRANULE).saturating_sub(u64::from(self.straddles))..=last >> GRANULE;
        let pages = *granules.start() >> (PAGE - GRANULE)..=last >> PAGE;
        if pages.end() - pages.start() >= self.used as u64 {
            for slot in 0..self.used as u32 {
                self.search(slot, start, last);
            }
        } else if granules.end() - granules.start() < FEW_GRANULES {
            if self.may_hold(*pages.start()) || self.may_hold(*pages.end()) {
                self.search_granules(granules, start, last);
            }
        } else {
            for page in pages {
                if self.may_hold(page) {
                    let (first, end) = (page << (PAGE - GRANULE), (page + 1) << (PAGE - GRANULE));
                    self.search_granules(first.max(*granules.start())..=(end - 1).min(*granules.end()), start, last);
                }
            }
        }
    }

    fn search_granules(&mut self, granules: RangeInclusive<u64>, start: u64, last: u64) {
        for granule in granules {
            let (word, bit) = Self::bit(granule);
            if self.fine_filter[word] & bit != 0 {
                self.search_granule(granule, start, last);
            }
        }
    }

    fn search_granule(&mut self, granule: u64, start: u64, last: u64) {
        let mut slot = self.granules.get(granule);
        while slot != NOTHING {
            self.search(slot, start, last);
            slot = self.histories[slot as usize].next;
        }
    }

    #[inline]
    fn search(&mut self, slot: u32, start: u64, last: u64) {
        let history = &self.histories[slot as usize];
        let at = Location { address: history.address, size: history.size };
        if history.alive && at.address <= last && at.last() >= start {
            self.found.push(slot);
        }
    }

    #[inline]
    fn bit(number: u64) -> (usize, u64) {
        let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52;
        (hash as usize / 64, 1 << (hash % 64))
    }

    /// False only if no location is in this page.
    #[inline]
    fn may_hold(&self, page: u64) -> bool {
        let (word, bit) = Self::bit(page);
        self.filter[word] & bit != 0
    }

    /// A new location, which overlaps none, with one store of this value.
    pub(super) fn create(&mut self, at: Location, user: ThreadId, value: u128) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.used == self.histories.len() {
                self.histories.push(History::empty());
            }
            self.histories[self.used].listed = false;
            self.used += 1;
            self.used as u32 - 1
        });
        let (granule, page) = (at.address >> GRANULE, at.address >> PAGE);
        let history = &mut self.histories[slot as usize];
        history.start(at.address, at.size, user, value, &mut self.spares);
        history.next = self.granules.get(granule);
        self.granules.set(granule, slot);
        let (word, bit) = Self::bit(page);
        self.filter[word] |= bit;
        let (word, bit) = Self::bit(granule);
        self.fine_filter[word] |= bit;
        self.straddles |= granule != at.last() >> GRANULE;
        slot
    }

    /// Takes a location out of the indices; its slot may be used again.
    pub(super) fn remove(&mut self, slot: u32) {
        let history = &mut self.histories[slot as usize];
        history.alive = false;
        let (address, next) = (history.address, history.next);
        let granule = address >> GRANULE;
        let first = self.granules.get(granule);
        if first == slot {
            self.granules.set(granule, next);
        } else {
            let mut before = first;
            while self.histories[before as usize].next != slot {
                before = self.histories[before as usize].next;
            }
            self.histories[before as usize].next = next;
        }
        self.free.push(slot);
    }

    /// Lists a location among the shared ones.
    #[cold]
    pub(super) fn share(&mut self, slot: u32) {
        let history = &mut self.histories[slot as usize];
        if !history.listed {
            history.listed = true;
            self.shared.push(slot);
        }
    }
}
