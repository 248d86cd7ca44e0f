//! Accesses to eight bytes that are too many, or too different, for a granule: of each thread the last of each kind.

use super::entry::Entry;
use super::granule::{Conflict, Kind};

/// Accesses that do not fit into a granule.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    pub(super) writes: Vec<Entry>,
    pub(super) reads: Vec<Entry>,
    /// Whether there may be plain accesses among them.
    pub(super) plain: bool,
    /// Atomic accesses so far.
    unsettled: u32,
    /// Whether both lists are in the order of [`Entry::source`].
    sorted: bool,
}

/// From this length on a list of atomic accesses is kept in order.
const MANY: usize = 16;

/// After so many atomic accesses a record is looked through for what is settled; sooner while there have been few.
const SELDOM: u32 = 8;

impl Record {
    /// Makes it one that may be about anything.
    pub(super) fn begin(&mut self) {
        self.writes.clear();
        self.reads.clear();
        self.plain = true;
        self.unsettled = 0;
        self.sorted = false;
    }

    /// An atomic access that is in conflict with no plain one: of each thread the last is enough.
    #[inline(always)]
    pub(super) fn atomic_access(&mut self, now: Entry, writes: bool) {
        if !self.replace(now, writes) {
            self.add(now, writes);
        }
    }

    #[inline(never)]
    fn add(&mut self, now: Entry, writes: bool) {
        let list = if writes { &mut self.writes } else { &mut self.reads };
        if list.len() < MANY {
            list.push(now);
            self.sorted = false;
            return;
        }
        if !self.sorted {
            self.writes.sort_unstable_by_key(|entry| entry.source());
            self.reads.sort_unstable_by_key(|entry| entry.source());
            self.sorted = true;
        }
        let list = if writes { &mut self.writes } else { &mut self.reads };
        list.insert(list.partition_point(|entry| entry.source() < now.source()), now);
    }

    /// Puts an atomic access in the place of the same thread's last to the same bytes, if there is one.
    #[inline(always)]
    pub(super) fn replace(&mut self, now: Entry, writes: bool) -> bool {
        let list = if writes { &mut self.writes } else { &mut self.reads };
        if list.len() >= MANY && self.sorted {
            // Where there is one of each thread, in the order of their numbers.
            let guess = (now.thread() as usize).wrapping_sub(list[0].thread() as usize);
            if let Some(entry) = list.get_mut(guess).filter(|entry| entry.same_but_time(now)) {
                *entry = now;
                return true;
            }
            let Ok(at) = list.binary_search_by_key(&now.source(), |entry| entry.source()) else { return false };
            list[at] = now;
            return true;
        }
        let own = list.iter_mut().find(|entry| entry.same_but_time(now));
        own.map(|entry| *entry = now).is_some()
    }

    /// Whether a plain read is in conflict with a write.
    #[inline(always)]
    pub(super) fn is_written(&self, now: Entry, covers: &impl Fn(u32, u64) -> bool) -> bool {
        self.writes.iter().any(|entry| {
            let apart = entry.mask() & now.mask() == 0 || entry.thread() == now.thread();
            !apart && !covers(entry.thread(), entry.time())
        })
    }

    /// Whether an atomic access is in conflict with a plain one.
    pub(super) fn races(&self, now: Entry, kind: Kind, covers: &impl Fn(u32, u64) -> bool) -> bool {
        let others = if kind.writes() { &self.reads[..] } else { &[] };
        self.writes.iter().chain(others).any(|entry| {
            let apart = entry.atomic() || entry.mask() & now.mask() == 0 || entry.thread() == now.thread();
            !apart && !covers(entry.thread(), entry.time())
        })
    }

    /// Forgets plain accesses with which nothing can be in conflict any more, every so often.
    pub(super) fn settle(&mut self, settled: &impl Fn(u32, u64) -> bool) {
        self.unsettled += 1;
        if !self.plain || !(self.unsettled.is_power_of_two() || self.unsettled.is_multiple_of(SELDOM)) {
            return;
        }
        let keep = |entry: &Entry| entry.atomic() || !settled(entry.thread(), entry.time());
        self.writes.retain(keep);
        self.reads.retain(keep);
        self.plain = self.writes.iter().chain(&self.reads).any(|entry| !entry.atomic());
    }

    pub(super) fn access(
        &mut self,
        now: Entry,
        kind: Kind,
        covers: &impl Fn(u32, u64) -> bool,
    ) -> Result<(), Conflict> {
        let mask = now.mask();
        let ordered = |entry: &Entry| entry.thread() == now.thread() || covers(entry.thread(), entry.time());
        let races = |entry: &&Entry| entry.mask() & mask != 0 && !(entry.atomic() && now.atomic()) && !ordered(entry);
        let of_kind = |entry: &Entry, plain, atomic| if entry.atomic() { atomic } else { plain };
        let conflict = self
            .writes
            .iter()
            .find(races)
            .map(|entry| (*entry, of_kind(entry, Kind::Write, Kind::AtomicWrite)))
            .or_else(|| {
                let read = self.reads.iter().filter(|_| kind.writes()).find(races)?;
                Some((*read, of_kind(read, Kind::Read, Kind::AtomicRead)))
            });
        // What happens before this access and is checked against no more than it need not be remembered.
        let replaced = |entry: &Entry| (entry.atomic() || !now.atomic()) && ordered(entry);
        let forget = |list: &mut Vec<Entry>| {
            for entry in list.iter_mut().filter(|entry| replaced(entry)) {
                *entry = entry.without(mask);
            }
            list.retain(|entry| entry.mask() != 0);
        };
        self.plain |= !now.atomic();
        self.sorted = false;
        let list = if kind.writes() {
            forget(&mut self.writes);
            forget(&mut self.reads);
            &mut self.writes
        } else {
            forget(&mut self.reads);
            &mut self.reads
        };
        match list.iter_mut().find(|entry| entry.alike(now)) {
            Some(entry) => *entry = entry.with(mask),
            None => list.push(now),
        }
        match conflict {
            Some((earlier, kind)) => Err(Conflict::Race { earlier, kind }),
            None => Ok(()),
        }
    }
}
