//! What is known of eight bytes, and how an access changes it.

use super::entry::{Entry, MARKS};

/// Eight bytes of memory as the detector knows them. All zero: never touched.
///
/// `write` and `read` are the last plain accesses of each kind, or `write` is a mark: the granule has a record, or has
/// been freed. What a mark or an entry says counts only when it is of the present execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Granule {
    /// Last write, or a mark.
    pub write: u64,
    /// Last read; for a mark, whose it is and when it was made.
    pub read: u64,
}

impl Granule {
    /// Whether there is nothing to take note of: `now`, [`super::whole`] for this thread and time, has accessed these bytes
    /// in this way.
    #[inline(always)]
    #[must_use]
    pub fn knows(&self, now: u64, mask: u8, writes: bool) -> bool {
        let bits = !0xff | u64::from(mask);
        (self.write ^ now) & bits == 0 || (!writes && (self.read ^ now) & bits == 0)
    }

    /// Whether a mark is of an earlier execution than that whose times lie above `base`.
    #[inline(always)]
    fn mark_is_gone(&self, base: u64) -> bool {
        if self.write >= HAS_RECORD { self.read != base } else { Entry(self.read).time() <= base }
    }

    /// A plain access in an execution whose times lie above `base`, to a granule that no other thread has touched in it, or
    /// to read what this thread has read of it already. Takes note of it if that is so and it fits into the short form,
    /// and tells whether it did.
    #[inline(always)]
    pub fn own_access(&mut self, now: Entry, base: u64, writes: bool) -> bool {
        // None, or of an earlier execution.
        let gone = |word: u64| Entry(word).time() <= base;
        let mine = |word: u64| (word ^ now.0) >> 48 == 0;
        if self.write >= FREED {
            if !self.mark_is_gone(base) {
                return false;
            }
            *self = Granule::default();
        }
        let (write_gone, read_gone) = (gone(self.write), gone(self.read));
        if !(read_gone || mine(self.read)) {
            return false;
        }
        if !(write_gone || mine(self.write)) {
            // A byte that this thread has read since it was written: the write happens before this thread's present, and
            // so it does for the bytes that were written with it.
            let known = !writes && Entry(self.read).alike(now) && self.read & self.write & 0xff != 0;
            self.read |= if known { now.0 } else { 0 };
            return known;
        }
        let write = if write_gone { 0 } else { self.write };
        let read = if read_gone { 0 } else { self.read };
        // Bytes of an older access of the same kind must be among those of the new one, which then stands for both.
        let old = if writes { write } else { read };
        let alike = (old ^ now.0) & !0xff == 0;
        if !alike && old & !now.0 & 0xff != 0 {
            return false;
        }
        let merged = if alike { old | now.0 } else { now.0 };
        *self = if writes {
            Granule { write: merged, read: rest(Entry(read), now.mask()) }
        } else {
            Granule { write, read: merged }
        };
        true
    }

    /// Memory is given back by a thread in an execution whose times lie above `base`; `now` says by whom, when and which bytes.
    /// Takes note of it if nobody but this thread has touched it in the execution, and tells whether it did.
    #[inline(always)]
    pub fn own_free(&mut self, now: Entry, base: u64) -> bool {
        let is_untouched = if self.write >= FREED {
            self.mark_is_gone(base)
        } else {
            is_own(self.write, now, base) && is_own(self.read, now, base)
        };
        if is_untouched {
            *self = Granule { write: FREED | u64::from(now.mask()), read: now.0 | 0xff };
        }
        is_untouched
    }
}

/// Whether a word is a plain access of this thread, or none, in an execution whose times lie above `base`.
#[inline(always)]
fn is_own(word: u64, now: Entry, base: u64) -> bool {
    Entry(word).time() <= base || (word ^ now.0) >> 48 == 0
}

/// The word of what is left of an access without these bytes.
#[inline(always)]
fn rest(entry: Entry, mask: u8) -> u64 {
    let rest = entry.without(mask);
    if rest.mask() == 0 { 0 } else { rest.0 }
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Read,
    Write,
    AtomicRead,
    /// Also a read-modify-write.
    AtomicWrite,
}

impl Kind {
    /// Whether it changes memory.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Kind::Write | Kind::AtomicWrite)
    }

    /// Whether it is atomic.
    #[must_use]
    pub fn atomic(self) -> bool {
        matches!(self, Kind::AtomicRead | Kind::AtomicWrite)
    }
}

/// What an access is in conflict with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// An earlier access of another thread, with which nothing orders it.
    Race {
        /// The earlier access.
        earlier: Entry,
        /// What it did.
        kind: Kind,
    },
    /// The memory had been freed, by this thread at this time.
    Freed {
        /// Who freed it.
        thread: u32,
        /// When.
        time: u64,
    },
}

/// Accesses that do not fit into a granule.
#[derive(Clone, Debug, Default)]
struct Record {
    writes: Vec<Entry>,
    reads: Vec<Entry>,
    /// Whether there may be plain accesses among them.
    plain: bool,
    /// Atomic accesses so far.
    unsettled: u32,
}

/// After so many atomic accesses a record is looked through for what is settled.
const SELDOM: u32 = 8;

const HAS_RECORD: u64 = (MARKS + 1) << 48;
const FREED: u64 = MARKS << 48;

/// The records of an execution, and its base of time.
#[derive(Debug, Default)]
pub struct Detector {
    base: u64,
    records: Vec<Record>,
    used: usize,
    spare: Vec<u32>,
}

impl Detector {
    /// An execution begins. All its times lie above `base`, all earlier ones at or below.
    pub fn begin(&mut self, base: u64) {
        self.base = base;
        self.used = 0;
        self.spare.clear();
    }

    /// All times of the present execution lie above this.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// An access of `thread` at `time` to the bytes of `mask`. `covers(thread, time)` tells whether what that thread did
    /// at that time happens before this; `settled(thread, time)`, whether it happens before all that any thread will do
    /// from now on (it may say no when it does not know).
    ///
    /// # Errors
    /// The conflict, if there is one. The granule has then taken note of the access all the same.
    #[inline(always)]
    pub fn access(
        &mut self,
        granule: &mut Granule,
        me: (u32, u64),
        mask: u8,
        kind: Kind,
        covers: impl Fn(u32, u64) -> bool,
        settled: impl Fn(u32, u64) -> bool,
    ) -> Result<(), Conflict> {
        let now = Entry::new(me.0, me.1, kind.atomic(), mask);
        if !kind.atomic() && granule.own_access(now, self.base, kind.writes()) {
            return Ok(());
        }
        self.shared_access(granule, me, mask, kind, covers, settled)
    }

    /// An atomic access where only atomic ones can matter any more, by a thread that has made one like it before. Takes note
    /// of it if that is so, and tells whether it did.
    #[inline(always)]
    pub fn atomic_again(&mut self, granule: &Granule, now: Entry, writes: bool) -> bool {
        let Some(index) = self.record(granule) else { return false };
        let record = &mut self.records[index as usize];
        !record.plain && record.replace(now, writes)
    }

    /// As [`Detector::access`], of what other threads have touched too, or of bytes of different ages: where
    /// [`Granule::own_access`] has said no.
    ///
    /// # Errors
    /// As [`Detector::access`].
    #[inline(never)]
    pub fn shared_access(
        &mut self,
        granule: &mut Granule,
        (thread, time): (u32, u64),
        mask: u8,
        kind: Kind,
        covers: impl Fn(u32, u64) -> bool,
        settled: impl Fn(u32, u64) -> bool,
    ) -> Result<(), Conflict> {
        let now = Entry::new(thread, time, kind.atomic(), mask);
        if granule.write >= FREED {
            if self.freed(granule) & mask != 0 {
                let by = Entry(granule.read);
                return Err(Conflict::Freed { thread: by.thread(), time: by.time() });
            }
            if let Some(index) = self.record(granule) {
                let record = &mut self.records[index as usize];
                if kind == Kind::Read
                    && record.reads.iter().any(|entry| entry.0 | u64::from(mask) == entry.0 && entry.alike(now))
                {
                    return Ok(());
                }
                if kind == Kind::Read && !record.is_written(now, &covers) && record.replace(now, false) {
                    return Ok(());
                }
                if now.atomic() && (!record.plain || !record.races(now, kind, &covers)) {
                    record.atomic_access(now, kind);
                    record.settle(&settled);
                    return Ok(());
                }
                let outcome = record.access(now, kind, &covers);
                // Back to the short form where that says it all.
                if let (None | Some([]), None | Some([])) = (record.writes.get(1..), record.reads.get(1..))
                    && !record.writes.iter().chain(&record.reads).any(|entry| entry.atomic())
                {
                    let first = |list: &[Entry]| list.first().map_or(0, |entry| entry.0);
                    *granule = Granule { write: first(&record.writes), read: first(&record.reads) };
                    self.spare.push(index);
                }
                return outcome;
            }
        }
        let write = self.present(granule.write);
        let read = self.present(granule.read);
        if !kind.atomic() {
            let ordered = |entry: Entry| {
                entry.mask() & mask == 0 || entry.thread() == thread || covers(entry.thread(), entry.time())
            };
            let fits = |entry: Entry| entry.mask() & !mask == 0 || entry.alike(now);
            if ordered(write) && (!kind.writes() || ordered(read)) {
                if kind.writes() && fits(write) {
                    let kept = if write.alike(now) { write.mask() } else { 0 };
                    *granule = Granule { write: now.with(kept).0, read: rest(read, mask) };
                    return Ok(());
                }
                if !kind.writes() && fits(read) && (ordered(read) || read.mask() == 0) {
                    let kept = if read.alike(now) { read.mask() } else { 0 };
                    *granule = Granule { write: write.0, read: now.with(kept).0 };
                    return Ok(());
                }
            }
        }
        let index = self.new_record();
        let record = &mut self.records[index as usize];
        record.writes.extend((write.mask() != 0).then_some(write));
        record.reads.extend((read.mask() != 0).then_some(read));
        let outcome = record.access(now, kind, &covers);
        *granule = Granule { write: HAS_RECORD | u64::from(index) << 8, read: self.base };
        outcome
    }

    /// The bytes of `mask` are given back by `thread` at `time`. Check with [`Detector::access`] first, as a write.
    pub fn free(&mut self, granule: &mut Granule, (thread, time): (u32, u64), mask: u8) {
        if let Some(index) = self.record(granule) {
            self.spare.push(index);
        }
        let before = if granule.write & FREED == FREED { self.freed(granule) } else { 0 };
        *granule = Granule { write: FREED | u64::from(before | mask), read: Entry::new(thread, time, false, 0xff).0 };
    }

    /// Who has freed any of these bytes in this execution.
    #[must_use]
    pub fn freed_by(&self, granule: &Granule) -> Option<u32> {
        (granule.write >= FREED && self.freed(granule) != 0).then(|| Entry(granule.read).thread())
    }

    /// The memory is given out anew: whatever was done to it is forgotten.
    pub fn fresh(&mut self, granule: &mut Granule) {
        if let Some(index) = self.record(granule) {
            self.spare.push(index);
        }
        *granule = Granule::default();
    }

    /// Bytes that have been freed in this execution.
    fn freed(&self, granule: &Granule) -> u8 {
        let marked = granule.write >> 48 == MARKS && !granule.mark_is_gone(self.base);
        if marked { granule.write as u8 } else { 0 }
    }

    fn record(&self, granule: &Granule) -> Option<u32> {
        (granule.write >= HAS_RECORD && !granule.mark_is_gone(self.base)).then_some((granule.write >> 8) as u32)
    }

    /// The entry, unless it is of an earlier execution or a mark.
    fn present(&self, word: u64) -> Entry {
        let entry = Entry(word);
        if word < FREED && entry.time() > self.base { entry } else { Entry::default() }
    }

    fn new_record(&mut self) -> u32 {
        let index = self.spare.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used as u32 - 1
        });
        if index as usize == self.records.len() {
            self.records.push(Record::default());
        }
        let record = &mut self.records[index as usize];
        record.writes.clear();
        record.reads.clear();
        record.plain = true;
        record.unsettled = 0;
        index
    }
}

impl Record {
    /// An atomic access that is in conflict with no plain one: of each thread the last is enough.
    fn atomic_access(&mut self, now: Entry, kind: Kind) {
        if !self.replace(now, kind.writes()) {
            let list = if kind.writes() { &mut self.writes } else { &mut self.reads };
            list.push(now);
        }
    }

    /// Puts an atomic access in the place of the same thread's last to the same bytes, if there is one.
    #[inline(always)]
    fn replace(&mut self, now: Entry, writes: bool) -> bool {
        let list = if writes { &mut self.writes } else { &mut self.reads };
        let own = list.iter_mut().find(|entry| entry.same_but_time(now));
        own.map(|entry| *entry = now).is_some()
    }

    /// Whether a plain read is in conflict with a write.
    fn is_written(&self, now: Entry, covers: &impl Fn(u32, u64) -> bool) -> bool {
        self.writes.iter().any(|entry| {
            let apart = entry.mask() & now.mask() == 0 || entry.thread() == now.thread();
            !apart && !covers(entry.thread(), entry.time())
        })
    }

    /// Whether an atomic access is in conflict with a plain one.
    fn races(&self, now: Entry, kind: Kind, covers: &impl Fn(u32, u64) -> bool) -> bool {
        let others = if kind.writes() { &self.reads[..] } else { &[] };
        self.writes.iter().chain(others).any(|entry| {
            let apart = entry.atomic() || entry.mask() & now.mask() == 0 || entry.thread() == now.thread();
            !apart && !covers(entry.thread(), entry.time())
        })
    }

    /// Forgets plain accesses with which nothing can be in conflict any more, every so often.
    fn settle(&mut self, settled: &impl Fn(u32, u64) -> bool) {
        self.unsettled += 1;
        if !self.plain || !self.unsettled.is_multiple_of(SELDOM) {
            return;
        }
        let keep = |entry: &Entry| entry.atomic() || !settled(entry.thread(), entry.time());
        self.writes.retain(keep);
        self.reads.retain(keep);
        self.plain = self.writes.iter().chain(&self.reads).any(|entry| !entry.atomic());
    }

    fn access(&mut self, now: Entry, kind: Kind, covers: &impl Fn(u32, u64) -> bool) -> Result<(), Conflict> {
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
