//! What a visible operation touches, as plain data: enough to tell which operations depend on each other.
//!
//! Two operations are independent when neither can tell the order in which they happened (Mazurkiewicz, "Trace theory",
//! 1987): they touch different objects, or both only read. Memory is an object for each address at which operations
//! begin. Not seen: operations of different sizes that overlap without beginning at the same address are taken to be
//! independent.

use raddle_protocol::trace::ThreadId;

/// How an operation touches its object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum AccessKind {
    /// Not known yet: the thread has not come to its first operation, or runs on from a wait. The object is the creator
    /// of a thread that has not begun.
    #[default]
    Begins,
    /// Nothing that another thread could tell: a yield, a sleep.
    Local,
    /// A load.
    Read,
    /// A store.
    Write,
    /// A read-modify-write or compare-exchange.
    Update,
    /// Giving back one of several references, not the last: others do the same, and none can tell in which order.
    CountDown,
    /// Taking a lock that one thread at a time has, waiting for it if need be.
    Lock,
    /// Giving it back.
    Unlock,
    /// Taking what several may have at once (a permit, a lock to read) or what is there once, waiting if need be.
    Acquire,
    /// Giving it back.
    Release,
    /// Beginning to wait on a futex, condition or barrier.
    Wait,
    /// Waking those who wait.
    Notify,
    /// Creating a thread.
    Spawn,
    /// Waiting for the end of a thread.
    Join,
    /// The end of a thread.
    End,
    /// Input or output on a descriptor, and waiting for another process.
    Io,
}

/// One operation: what it touches and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// Address of the memory or lock; for other things a number of their own, with high bits that no address has.
    pub object: u64,
    /// How it is touched.
    pub kind: AccessKind,
    /// Bytes, where it is memory.
    pub size: u8,
}

/// Marks an object that is a thread as a whole.
const THREAD: u64 = 1 << 63;

impl Access {
    /// An operation on memory or on what lies there.
    #[inline(always)]
    #[must_use]
    pub const fn new(kind: AccessKind, object: u64, size: u8) -> Self {
        Access { object, kind, size }
    }

    /// One that no other thread can tell of.
    #[inline]
    #[must_use]
    pub const fn local() -> Self {
        Access { object: 0, kind: AccessKind::Local, size: 0 }
    }

    /// What a thread that was created by `parent` does until its first operation.
    #[inline]
    #[must_use]
    pub const fn begins(parent: ThreadId) -> Self {
        Access { object: parent as u64, kind: AccessKind::Begins, size: 0 }
    }

    /// An operation on a thread as a whole: its end, or waiting for that.
    #[inline]
    #[must_use]
    pub const fn on_thread(kind: AccessKind, thread: ThreadId) -> Self {
        Access { object: THREAD | thread as u64, kind, size: 0 }
    }

    /// Whether an object is a thread as a whole.
    #[inline]
    #[must_use]
    pub const fn is_thread(object: u64) -> bool {
        object & THREAD != 0
    }

    /// Input or output, on whatever descriptor: the two ends of a connection have different ones, and a set of
    /// descriptors stands for all of its members, so any two such operations are taken to depend on each other.
    #[inline]
    #[must_use]
    pub const fn input_output() -> Self {
        Access { object: 1 << 62, kind: AccessKind::Io, size: 0 }
    }

    /// A fence that all threads are made to perform.
    #[inline]
    #[must_use]
    pub const fn fence_everywhere() -> Self {
        Access { object: 1 << 62 | 1, kind: AccessKind::Update, size: 0 }
    }

    /// Whether this touches an object that others can touch too.
    #[inline]
    #[must_use]
    pub fn is_shared(&self) -> bool {
        !matches!(self.kind, AccessKind::Begins | AccessKind::Local | AccessKind::Spawn)
    }

    /// Whether this leaves its object as it was.
    #[inline]
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(self.kind, AccessKind::Read | AccessKind::Join)
    }

    /// Whether others like this commute with it.
    #[inline]
    #[must_use]
    pub fn commutes(&self) -> bool {
        self.only_reads() || self.kind == AccessKind::CountDown
    }

    /// Whether the order of the two can be told.
    #[inline]
    #[must_use]
    pub fn depends_on(&self, other: &Access) -> bool {
        self.object == other.object
            && self.is_shared()
            && other.is_shared()
            && !(self.only_reads() && other.only_reads())
            && !(self.kind == AccessKind::CountDown && other.kind == AccessKind::CountDown)
    }
}
