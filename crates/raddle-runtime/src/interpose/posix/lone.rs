//! Locks that only one thread has come by.
//!
//! Libraries take some locks again and again for the case that other threads are there: OpenSSL takes three a million
//! times while it reads the certificates of a machine. Where nobody else has ever come by a lock, only its first operations
//! are schedule points and are recorded, and every so many of the later ones, so that whoever waits in such a loop lets others
//! run.

use crate::state::{hindered, recording, rt};
use crate::{record, sched};
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::message::Obstacle;
use raddle_protocol::trace::PosixLock;

/// Who has come by a lock, and how often. Zero is nobody.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Visits {
    /// The only thread's number plus one.
    thread: u32,
    times: u32,
}

/// In place of a thread's number: there have been several.
const SEVERAL: u32 = u32::MAX;

/// Operations of a thread on a lock of its own that are schedule points.
const FIRST: u32 = 128;

/// Of later ones, every so many.
const SELDOM: u32 = 64;

impl Visits {
    /// Nobody has come by.
    pub const NONE: Visits = Visits { thread: 0, times: 0 };

    /// The schedule point before an operation of the running thread on a lock that somebody may have, if it is one. Tells
    /// whether it is; one that is none is not recorded either.
    ///
    /// # Safety
    /// These are the lock's, whose address is given.
    pub unsafe fn point(visits: *mut Visits, kind: AccessKind, address: u64, held: Option<PosixLock>) -> bool {
        let thread = rt().execution.running + 1;
        // SAFETY: the caller's.
        let (before, is_seen) = unsafe { (*visits, (*visits).count(thread)) };
        if let Some(kind) = held
            && before.is_one_beside(thread)
            && !before.are_seen()
            && recording()
        {
            record::step_of(before.thread - 1, Op::LockAcquired { address, kind, ok: true });
        }
        if is_seen {
            sched::point_at(kind, address);
        } else {
            hindered(Obstacle::Endless);
        }
        is_seen
    }

    /// Counts an operation of this thread. Tells whether others get to see it.
    fn count(&mut self, thread: u32) -> bool {
        if self.thread == 0 {
            self.thread = thread;
        } else if self.thread != thread {
            self.thread = SEVERAL;
        }
        self.times = self.times.wrapping_add(1);
        self.thread == SEVERAL || self.are_seen()
    }

    /// Whether there has been one thread, and not this one.
    fn is_one_beside(self, thread: u32) -> bool {
        ![0, SEVERAL, thread].contains(&self.thread)
    }

    /// Whether the latest operation of a lock's only thread is one that others get to see.
    fn are_seen(self) -> bool {
        self.times <= FIRST || self.times.is_multiple_of(SELDOM)
    }
}
