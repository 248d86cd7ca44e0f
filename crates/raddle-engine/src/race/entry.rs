//! One access as a word: who, when, which of the eight bytes, and whether it was atomic.
//!
//! | bits | |
//! |---|---|
//! | 25 to 63 | time |
//! | 9 to 24 | thread |
//! | 8 | atomic |
//! | 0 to 7 | mask of bytes |
//!
//! The time comes first, so that one comparison tells whether a word is of the present execution: see [`floor`].

/// An access. The word 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry(pub u64);

const TIME_SHIFT: u32 = 25;
const TIME: u64 = (1 << 39) - 1;
const THREAD_SHIFT: u32 = 9;
const THREAD: u64 = 0xffff << THREAD_SHIFT;
const ATOMIC: u64 = 1 << 8;

/// Thread numbers from here on mark a granule that is no plain pair of entries.
pub(super) const MARKS: u64 = 0xfffe;

/// All bits of a thread's number but the lowest, which tells the two marks apart.
const MARK: u64 = MARKS << THREAD_SHIFT;

/// The word of a plain access to all eight bytes.
#[inline]
#[must_use]
pub fn whole(thread: u32, time: u64) -> u64 {
    Entry::new(thread, time, false, 0xff).0
}

/// The least word of an execution whose times lie above `base`: words of earlier ones are less.
#[inline]
#[must_use]
pub fn floor(base: u64) -> u64 {
    (base + 1) << TIME_SHIFT
}

impl Entry {
    /// An access. `thread` lies below 65,534 and `time` below 2^39.
    #[inline]
    #[must_use]
    pub fn new(thread: u32, time: u64, atomic: bool, mask: u8) -> Self {
        debug_assert!(u64::from(thread) < MARKS && time <= TIME);
        Entry(time << TIME_SHIFT | u64::from(thread) << THREAD_SHIFT | u64::from(atomic) << 8 | u64::from(mask))
    }

    /// A mark made when this access was, with nine bits of its own.
    #[inline]
    #[must_use]
    pub(super) fn mark(self, mark: u64, bits: u64) -> u64 {
        self.0 >> TIME_SHIFT << TIME_SHIFT | mark << THREAD_SHIFT | bits
    }

    /// Which mark this is, if it is one.
    #[inline]
    #[must_use]
    pub(super) fn marks(self) -> Option<u64> {
        (self.0 & MARK == MARK).then_some(self.0 >> THREAD_SHIFT & 0xffff)
    }

    /// Who.
    #[inline]
    #[must_use]
    pub fn thread(self) -> u32 {
        (self.0 >> THREAD_SHIFT) as u32 & 0xffff
    }

    /// When.
    #[inline]
    #[must_use]
    pub fn time(self) -> u64 {
        self.0 >> TIME_SHIFT
    }

    /// Whether it was atomic.
    #[inline]
    #[must_use]
    pub fn atomic(self) -> bool {
        self.0 & ATOMIC != 0
    }

    /// Which bytes.
    #[inline]
    #[must_use]
    pub fn mask(self) -> u8 {
        self.0 as u8
    }

    /// Whether both are of one thread.
    #[inline]
    #[must_use]
    pub fn same_thread(self, other: Entry) -> bool {
        (self.0 ^ other.0) & THREAD == 0
    }

    /// Whether both are of one thread and one kind.
    #[inline]
    #[must_use]
    pub fn same_kind(self, other: Entry) -> bool {
        (self.0 ^ other.0) & (THREAD | ATOMIC) == 0
    }

    /// Whether both are of one thread, one time and one kind, so that only their bytes differ.
    #[inline]
    #[must_use]
    pub fn alike(self, other: Entry) -> bool {
        (self.0 ^ other.0) & !0xff == 0
    }

    /// Whether both are of one thread and one kind, to the same bytes.
    #[inline]
    #[must_use]
    pub fn same_but_time(self, other: Entry) -> bool {
        self.source() == other.source()
    }

    /// What two accesses of one thread and one kind to the same bytes have in common.
    #[inline]
    #[must_use]
    pub fn source(self) -> u64 {
        self.0 & !(TIME << TIME_SHIFT)
    }

    /// The same access, but atomic and to these bytes.
    #[inline]
    #[must_use]
    pub fn atomic_of(self, mask: u8) -> Entry {
        Entry(self.0 & !0xff | ATOMIC | u64::from(mask))
    }

    /// The same access without these bytes.
    #[inline]
    #[must_use]
    pub fn without(self, mask: u8) -> Entry {
        Entry(self.0 & !u64::from(mask))
    }

    /// The same access to these bytes too.
    #[inline]
    #[must_use]
    pub fn with(self, mask: u8) -> Entry {
        Entry(self.0 | u64::from(mask))
    }
}
