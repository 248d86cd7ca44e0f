//! What is known of eight bytes, and how an access changes it.

use super::entry::{Entry, MARKS, floor};
use super::record::Record;

/// Eight bytes of memory as the detector knows them. All zero: never touched.
///
/// `write` and `read` are the last plain accesses of each kind, or `write` is a mark: the granule has a record, or has
/// been freed. What a mark or an entry says counts only when it is of the present execution, as its time tells; a word of
/// an earlier one is as good as none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Granule {
    /// Last write, or a mark.
    pub write: u64,
    /// Last read; for a mark, which record, or who has freed it and when.
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

    /// Whether nobody has touched it in the execution that begins at `floor` ([`super::floor`]).
    #[inline(always)]
    #[must_use]
    pub fn is_untouched(&self, floor: u64) -> bool {
        self.write < floor && self.read < floor
    }

    /// Takes note of the first access to it in an execution.
    #[inline(always)]
    pub fn touch(&mut self, now: Entry, writes: bool) {
        *self = if writes { Granule { write: now.0, read: 0 } } else { Granule { write: 0, read: now.0 } };
    }

    /// A plain access in the execution that begins at `floor`, to a granule that no other thread has touched in it, or
    /// to read what this thread has read of it already. Takes note of it if that is so and it fits into the short form,
    /// and tells whether it did.
    #[inline(always)]
    pub fn own_access(&mut self, now: Entry, floor: u64, writes: bool) -> bool {
        if self.is_untouched(floor) {
            self.touch(now, writes);
            return true;
        }
        let read = if self.read < floor {
            0
        } else if Entry(self.read).same_thread(now) {
            self.read
        } else {
            return false;
        };
        // A mark is nobody's.
        let write = if self.write < floor {
            0
        } else if Entry(self.write).same_thread(now) {
            self.write
        } else {
            return !writes && self.read_again(now, floor);
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

    /// A read of what another thread has written, after a read by this one of a byte that was written with it: a write takes
    /// away the reads before it, so that read came after it. Then the write happens before this thread's present.
    #[inline(always)]
    fn read_again(&mut self, now: Entry, floor: u64) -> bool {
        let read = Entry(self.read);
        // What tells who has freed it is atomic.
        if self.read < floor || !read.same_kind(now) || self.read & self.write & 0xff == 0 {
            return false;
        }
        self.read = if read.alike(now) {
            self.read | now.0
        } else if read.mask() & !now.mask() == 0 {
            now.0
        } else {
            return false;
        };
        true
    }

    /// As [`Granule::own_access`], of all eight bytes: `now` is [`super::whole`] for the thread and its time.
    #[inline(always)]
    pub fn own_whole_access(&mut self, now: u64, floor: u64, writes: bool) -> bool {
        if self.is_untouched(floor) {
            self.touch(Entry(now), writes);
            return true;
        }
        let mine = |word: u64| Entry(word).same_thread(Entry(now));
        let (no_read, no_write) = (self.read < floor, self.write < floor);
        if !(no_read || mine(self.read)) {
            return false;
        }
        if !(no_write || mine(self.write)) {
            return !writes && self.read_again(Entry(now), floor);
        }
        *self = if writes {
            Granule { write: now, read: 0 }
        } else {
            Granule { write: if no_write { 0 } else { self.write }, read: now }
        };
        true
    }

    /// Whether it is marked in the execution that begins at `floor`: it is no pair of entries.
    #[inline(always)]
    #[must_use]
    pub fn is_marked(&self, floor: u64) -> bool {
        self.write >= floor && Entry(self.write).marks().is_some()
    }

    /// A plain access that comes after all that is known of the granule, where the short form says it all before and after.
    /// Takes note of it if that is so, and tells whether it did.
    #[inline(always)]
    pub fn ordered_access(&mut self, now: Entry, floor: u64, writes: bool, covers: impl Fn(u32, u64) -> bool) -> bool {
        if self.is_marked(floor) {
            return false;
        }
        let present = |word: u64| if word >= floor { word } else { 0 };
        let ordered = |word: u64| {
            let entry = Entry(word);
            word == 0 || entry.same_thread(now) || covers(entry.thread(), entry.time())
        };
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

    /// Memory is given back by a thread, `now` says by whom, when and which bytes, in the execution that begins at
    /// `floor`. Takes note of it if it has been accessed plainly at the most, and only by the thread itself or so that it
    /// knows of it, and tells whether it did.
    #[inline(always)]
    pub fn give_back(&mut self, now: Entry, floor: u64, covers: impl Fn(u32, u64) -> bool) -> bool {
        let known = |word: u64| {
            let entry = Entry(word);
            word < floor || entry.same_thread(now) || covers(entry.thread(), entry.time())
        };
        let fits = !self.is_marked(floor) && known(self.write) && known(self.read);
        if fits {
            *self = Granule::given_back(now, now.mask());
        }
        fits
    }

    /// As [`Granule::give_back`], where no other thread has touched it in this execution.
    #[inline(always)]
    pub fn give_back_own(&mut self, now: Entry, floor: u64) -> bool {
        let mine = |word: u64| word < floor || Entry(word).same_thread(now);
        // A mark is nobody's.
        let fits = mine(self.write) && mine(self.read);
        if fits {
            *self = Granule::given_back(now, now.mask());
        }
        fits
    }

    /// What stands for these bytes having been freed, and by whom and when. Who has is written as an atomic access, so that
    /// nobody takes it for a read of his own.
    #[inline(always)]
    fn given_back(now: Entry, freed: u8) -> Self {
        Granule { write: now.mark(FREED, freed.into()), read: now.atomic_of(0xff).0 }
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

const HAS_RECORD: u64 = MARKS + 1;
const FREED: u64 = MARKS;

/// Bits of a record's number that stand in the granule's second word, where they are less than any floor; the rest stands
/// in the mark.
const LOW: u32 = 25;

/// The records of an execution, and its base of time.
#[derive(Debug, Default)]
pub struct Detector {
    base: u64,
    floor: u64,
    records: Vec<Record>,
    used: usize,
    spare: Vec<usize>,
}

impl Detector {
    /// An execution begins. All its times lie above `base`, all earlier ones at or below.
    pub fn begin(&mut self, base: u64) {
        self.base = base;
        self.floor = floor(base);
        self.used = 0;
        self.spare.clear();
    }

    /// All times of the present execution lie above this.
    #[must_use]
    pub fn base(&self) -> u64 {
        self.base
    }

    /// Words of the present execution are no less: [`floor`] of its base.
    #[inline]
    #[must_use]
    pub fn floor(&self) -> u64 {
        self.floor
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
        if !kind.atomic() && granule.own_access(now, self.floor, kind.writes()) {
            return Ok(());
        }
        self.shared_access(granule, me, mask, kind, covers, settled)
    }

    /// A plain read by a thread that has read the same bytes before, of what other threads read too. Takes note of it if it
    /// comes after all writes, and tells whether it did.
    #[inline(always)]
    pub fn read_among_reads(&mut self, granule: &Granule, now: Entry, covers: impl Fn(u32, u64) -> bool) -> bool {
        let Some(index) = self.record(granule) else { return false };
        let record = &mut self.records[index];
        !record.is_written(now, &covers) && record.replace(now, false)
    }

    /// An atomic access where only atomic ones can matter any more. Takes note of it if that is so, and tells whether it did.
    #[inline(always)]
    pub fn atomic_among_atomic(&mut self, granule: &Granule, now: Entry, writes: bool) -> bool {
        let Some(index) = self.record(granule) else { return false };
        let record = &mut self.records[index];
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
            let record = &mut self.records[index];
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
                let record = &mut self.records[index];
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
        if granule.is_marked(self.floor) {
            if self.freed(granule) & mask != 0 {
                let by = Entry(granule.read);
                return Err(Conflict::Freed { thread: by.thread(), time: by.time() });
            }
            if let Some(index) = self.record(granule) {
                let record = &mut self.records[index];
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
        let record = &mut self.records[index];
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
            let record = &self.records[index];
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
        let freed = self.freed(granule) | mask;
        *granule = Granule::given_back(Entry::new(thread, time, false, mask), freed);
    }

    /// Who has freed any of these bytes in this execution.
    #[must_use]
    pub fn freed_by(&self, granule: &Granule) -> Option<u32> {
        (self.freed(granule) != 0).then(|| Entry(granule.read).thread())
    }

    /// The memory is given out anew: whatever was done to it is forgotten.
    pub fn fresh(&mut self, granule: &mut Granule) {
        if let Some(index) = self.record(granule) {
            self.spare.push(index);
        }
        *granule = Granule::default();
    }

    /// Bytes that have been freed in this execution.
    #[inline]
    fn freed(&self, granule: &Granule) -> u8 {
        let write = Entry(granule.write);
        if granule.write >= self.floor && write.marks() == Some(FREED) { write.mask() } else { 0 }
    }

    #[inline]
    fn record(&self, granule: &Granule) -> Option<usize> {
        let write = Entry(granule.write);
        let index = (granule.write & 0x1ff) << LOW | granule.read;
        (granule.write >= self.floor && write.marks() == Some(HAS_RECORD)).then_some(index as usize)
    }

    /// Says that a granule has this record.
    #[inline]
    fn mark(&self, index: usize) -> Granule {
        // The time is one of the present execution, whoever's.
        let (high, low) = (index as u64 >> LOW, index as u64 & ((1 << LOW) - 1));
        Granule { write: Entry(self.floor).mark(HAS_RECORD, high), read: low }
    }

    /// The entry, unless it is of an earlier execution or a mark.
    #[inline]
    fn present(&self, word: u64) -> Entry {
        let entry = Entry(word);
        if word >= self.floor && entry.marks().is_none() { entry } else { Entry::default() }
    }

    fn new_record(&mut self) -> usize {
        let index = self.spare.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        });
        if index == self.records.len() {
            self.records.push(Record::default());
        }
        self.records[index].begin();
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
