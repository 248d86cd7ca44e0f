//! What is known of eight bytes, and how an access changes it.

use super::entry::{Entry, MARKS};
use super::record::Record;

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

    /// Whether a mark, or the read that stands here, is of an earlier execution than that whose times lie above `base`.
    #[inline(always)]
    fn is_gone(&self, base: u64) -> bool {
        Entry(self.read).time() <= base
    }

    /// A plain access in an execution whose times lie above `base`, to a granule that no other thread has touched in it, or
    /// to read what this thread has read of it already. Takes note of it if that is so and it fits into the short form,
    /// and tells whether it did.
    #[inline(always)]
    pub fn own_access(&mut self, now: Entry, base: u64, writes: bool) -> bool {
        let mine = |word: u64| (word ^ now.0) >> 48 == 0;
        let marked = self.write >= FREED;
        let read = if self.is_gone(base) {
            0
        } else if mine(self.read) && !marked {
            self.read
        } else {
            return false;
        };
        // A mark as old as this is none.
        let write = if marked || Entry(self.write).time() <= base {
            0
        } else if mine(self.write) {
            self.write
        } else {
            // A byte that this thread has read since it was written: the write happens before this thread's present, and
            // so it does for the bytes that were written with it.
            let known = !writes && Entry(read).alike(now) && read & self.write & 0xff != 0;
            self.read |= if known { now.0 } else { 0 };
            return known;
        };
        // Bytes of an older access of the same kind must be among those of the new one, which then stands for both.
        let old = if writes { write } else { read };
        let merged = if old & !now.0 & 0xff == 0 {
            now.0
        } else if (old ^ now.0) & !0xff == 0 {
            old | now.0
        } else {
            return false;
        };
        *self = if writes {
            Granule { write: merged, read: rest(Entry(read), now.mask()) }
        } else {
            Granule { write, read: merged }
        };
        true
    }

    /// As [`Granule::own_access`], of all eight bytes: `now` is [`super::whole`] for the thread and its time.
    #[inline(always)]
    pub fn own_whole_access(&mut self, now: u64, base: u64, writes: bool) -> bool {
        let mine = |word: u64| (word ^ now) >> 48 == 0;
        let marked = self.write >= FREED;
        let no_read = self.is_gone(base);
        let no_write = marked || Entry(self.write).time() <= base;
        if !(no_read || mine(self.read) && !marked) {
            return false;
        }
        if !(no_write || mine(self.write)) {
            let known = !writes && !no_read && Entry(self.read).alike(Entry(now)) && self.read & self.write & 0xff != 0;
            self.read |= if known { now } else { 0 };
            return known;
        }
        *self = if writes {
            Granule { write: now, read: 0 }
        } else {
            Granule { write: if no_write { 0 } else { self.write }, read: now }
        };
        true
    }

    /// Whether it is a plain pair of entries.
    #[inline(always)]
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.write < FREED
    }

    /// A plain access that comes after all that is known of the granule, where the short form says it all before and after.
    /// Takes note of it if that is so, and tells whether it did.
    #[inline(always)]
    pub fn ordered_access(&mut self, now: Entry, base: u64, writes: bool, covers: impl Fn(u32, u64) -> bool) -> bool {
        if self.write >= FREED {
            return false;
        }
        let present = |word: u64| if Entry(word).time() > base { word } else { 0 };
        let ordered =
            |word: u64| word == 0 || (word ^ now.0) >> 48 == 0 || covers(Entry(word).thread(), Entry(word).time());
        let (write, read) = (present(self.write), present(self.read));
        let old = if writes { write } else { read };
        // What is noted in its place must cover it.
        if old & !now.0 & 0xff != 0 || !ordered(write) || !ordered(read) {
            return false;
        }
        *self = if writes {
            Granule { write: now.0, read: rest(Entry(read), now.mask()) }
        } else {
            Granule { write, read: now.0 }
        };
        true
    }

    /// Memory is given back by a thread, `now` says by whom, when and which bytes, in an execution whose times lie above
    /// `base`. Takes note of it if it has been accessed plainly at the most, and only by the thread itself or so that it
    /// knows of it, and tells whether it did.
    #[inline(always)]
    pub fn give_back(&mut self, now: Entry, base: u64, covers: impl Fn(u32, u64) -> bool) -> bool {
        let known = |word: u64| {
            let entry = Entry(word);
            entry.time() <= base || (word ^ now.0) >> 48 == 0 || covers(entry.thread(), entry.time())
        };
        let fits = if self.write >= FREED { self.is_gone(base) } else { known(self.write) && known(self.read) };
        if fits {
            *self = Granule { write: FREED | u64::from(now.mask()), read: now.0 | 0xff };
        }
        fits
    }
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

    /// A plain read by a thread that has read the same bytes before, of what other threads read too. Takes note of it if it
    /// comes after all writes, and tells whether it did.
    #[inline(always)]
    pub fn read_among_reads(&mut self, granule: &Granule, now: Entry, covers: impl Fn(u32, u64) -> bool) -> bool {
        let Some(index) = self.record(granule) else { return false };
        let record = &mut self.records[index as usize];
        !record.is_written(now, &covers) && record.replace(now, false)
    }

    /// An atomic access where only atomic ones can matter any more. Takes note of it if that is so, and tells whether it did.
    #[inline(always)]
    pub fn atomic_among_atomic(&mut self, granule: &Granule, now: Entry, writes: bool) -> bool {
        let Some(index) = self.record(granule) else { return false };
        let record = &mut self.records[index as usize];
        if record.plain {
            return false;
        }
        record.atomic_access(now, writes);
        true
    }

    /// As [`Detector::access`], of an atomic access. The common cases come first: there is a record already, or the first
    /// one is made.
    ///
    /// # Errors
    /// As [`Detector::access`].
    #[inline(always)]
    pub fn atomic_access(
        &mut self,
        granule: &mut Granule,
        (thread, time): (u32, u64),
        mask: u8,
        kind: Kind,
        covers: impl Fn(u32, u64) -> bool,
        settled: impl Fn(u32, u64) -> bool,
    ) -> Result<(), Conflict> {
        let now = Entry::new(thread, time, true, mask);
        if let Some(index) = self.record(granule) {
            let record = &mut self.records[index as usize];
            if !record.plain || !record.races(now, kind, &covers) {
                record.atomic_access(now, kind.writes());
                record.settle(&settled);
                return Ok(());
            }
        } else if self.freed(granule) == 0 {
            let (write, read) = (self.present(granule.write), self.present(granule.read));
            let races = |plain: Entry| {
                plain.mask() & mask != 0 && plain.thread() != thread && !covers(plain.thread(), plain.time())
            };
            if !(races(write) || kind.writes() && races(read)) {
                let index = self.new_record();
                let record = &mut self.records[index as usize];
                // What all know of already nothing can be in conflict with.
                let matters = |plain: Entry| plain.mask() != 0 && !settled(plain.thread(), plain.time());
                record.writes.extend(matters(write).then_some(write));
                record.reads.extend(matters(read).then_some(read));
                record.plain = !(record.writes.is_empty() && record.reads.is_empty());
                (if kind.writes() { &mut record.writes } else { &mut record.reads }).push(now);
                *granule = self.mark(index);
                return Ok(());
            }
        }
        self.shared_access(granule, (thread, time), mask, kind, covers, settled)
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
                    record.atomic_access(now, kind.writes());
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
        *granule = self.mark(index);
        outcome
    }

    /// The bytes of `mask` are given back by `thread` at `time`: a write of them all, after which they are no more. As
    /// [`Detector::access`] and [`Detector::free`] together.
    ///
    /// # Errors
    /// As [`Detector::access`]. The granule is marked all the same.
    #[inline]
    pub fn give_back(
        &mut self,
        granule: &mut Granule,
        (thread, time): (u32, u64),
        mask: u8,
        covers: impl Fn(u32, u64) -> bool,
    ) -> Result<(), Conflict> {
        let races = |entry: &Entry| {
            entry.mask() & mask != 0 && entry.thread() != thread && !covers(entry.thread(), entry.time())
        };
        let found = if self.freed(granule) & mask != 0 {
            let by = Entry(granule.read);
            Err(Conflict::Freed { thread: by.thread(), time: by.time() })
        } else if let Some(index) = self.record(granule) {
            let record = &self.records[index as usize];
            first_race(record.writes.iter().find(|entry| races(entry)), record.reads.iter().find(|entry| races(entry)))
        } else {
            let (write, read) = (self.present(granule.write), self.present(granule.read));
            first_race(Some(&write).filter(|entry| races(entry)), Some(&read).filter(|entry| races(entry)))
        };
        self.free(granule, (thread, time), mask);
        found
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
        let marked = granule.write >> 48 == MARKS && !granule.is_gone(self.base);
        if marked { granule.write as u8 } else { 0 }
    }

    fn record(&self, granule: &Granule) -> Option<u32> {
        (granule.write >= HAS_RECORD && !granule.is_gone(self.base)).then_some((granule.write >> 8) as u32)
    }

    /// Says that a granule has this record.
    #[inline]
    fn mark(&self, index: u32) -> Granule {
        // The time is one of the present execution, whoever's.
        Granule { write: HAS_RECORD | u64::from(index) << 8, read: (self.base + 1) << 8 }
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
        self.records[index as usize].begin();
        index
    }
}

/// The conflict of a write with the first write, or else the first read, that it races with.
fn first_race(write: Option<&Entry>, read: Option<&Entry>) -> Result<(), Conflict> {
    let of_kind = |entry: &Entry, plain, atomic| if entry.atomic() { atomic } else { plain };
    let (earlier, kind) = match (write, read) {
        (Some(write), _) => (*write, of_kind(write, Kind::Write, Kind::AtomicWrite)),
        (None, Some(read)) => (*read, of_kind(read, Kind::Read, Kind::AtomicRead)),
        (None, None) => return Ok(()),
    };
    Err(Conflict::Race { earlier, kind })
}
