//! One access as a word: who, when, which of the eight bytes, and whether it was atomic.
//!
//! | bits | |
//! |---|---|
//! | 48 to 63 | thread |
//! | 47 | atomic |
//! | 8 to 46 | time |
//! | 0 to 7 | mask of bytes |

/// An access. The word 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry(pub u64);

const ATOMIC: u64 = 1 << 47;
const TIME: u64 = (1 << 39) - 1;

/// Thread numbers from here on mark a granule that is no plain pair of entries.
pub(super) const MARKS: u64 = 0xfffe;

/// The word of a plain access to all eight bytes.
#[inline]
#[must_use]
pub fn whole(thread: u32, time: u64) -> u64 {
    Entry::new(thread, time, false, 0xff).0
}

impl Entry {
    /// An access. `thread` lies below 65,534 and `time` below 2^39.
    #[inline]
    #[must_use]
    pub fn new(thread: u32, time: u64, atomic: bool, mask: u8) -> Self {
        debug_assert!(u64::from(thread) < MARKS && time <= TIME);
        Entry(u64::from(thread) << 48 | u64::from(atomic) << 47 | (time & TIME) << 8 | u64::from(mask))
    }

    /// Who.
    #[must_use]
    pub fn thread(self) -> u32 {
        (self.0 >> 48) as u32
    }

    /// When.
    #[must_use]
    pub fn time(self) -> u64 {
        self.0 >> 8 & TIME
    }

    /// Whether it was atomic.
    #[must_use]
    pub fn atomic(self) -> bool {
        self.0 & ATOMIC != 0
    }

    /// Which bytes.
    #[must_use]
    pub fn mask(self) -> u8 {
        self.0 as u8
    }

    /// Whether both are of one thread, one time and one kind, so that only their bytes differ.
    #[must_use]
    pub fn alike(self, other: Entry) -> bool {
        (self.0 ^ other.0) & !0xff == 0
    }

    /// Whether both are of one thread and one kind, to the same bytes.
    #[must_use]
    pub fn same_but_time(self, other: Entry) -> bool {
        (self.0 ^ other.0) & !(TIME << 8) == 0
    }

    /// What two accesses of one thread and one kind to the same bytes have in common.
    #[inline]
    #[must_use]
    pub fn source(self) -> u64 {
        self.0 & !(TIME << 8)
    }

    /// The same access, but atomic and to these bytes.
    #[inline]
    #[must_use]
    pub fn atomic_of(self, mask: u8) -> Entry {
        Entry(self.0 & !0xff | ATOMIC | u64::from(mask))
    }

    /// The same access without these bytes.
    #[must_use]
    pub fn without(self, mask: u8) -> Entry {
        Entry(self.0 & !u64::from(mask))
    }

    /// The same access to these bytes too.
    #[must_use]
    pub fn with(self, mask: u8) -> Entry {
        Entry(self.0 | u64::from(mask))
    }
}
