//! Locks that one thread comes by again and again, and nobody else in between.
//!
//! Libraries take some locks again and again for the case that other threads are there: OpenSSL takes three a million
//! times while it reads the certificates of a machine. Of a thread's operations on a lock since anybody else has come by it, only
//! the first are schedule points and are recorded, and every so many of the later ones, so that whoever waits in such a
//! loop lets others run.

use crate::state::{hindered, recording, rt};
use crate::{record, sched};
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::message::Obstacle;
use raddle_protocol::trace::PosixLock;

/// Who has come by a lock last, and how often in a row. Zero is nobody.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Visits {
    /// The thread's number plus one.
    thread: u32,
    times: u32,
}

/// Operations in a row that are schedule points.
const FIRST: u32 = 128;

/// Of later ones, every so many. Odd, so that others find a lock that is taken and given back by turns in either state.
const SELDOM: u32 = 61;

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
            && before.thread != thread
            && !before.is_seen()
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
        if self.thread != thread {
            *self = Visits { thread, times: 0 };
        }
        self.times = self.times.wrapping_add(1);
        self.is_seen()
    }

    /// Whether others get to see the latest operation.
    fn is_seen(self) -> bool {
        self.times <= FIRST || self.times.is_multiple_of(SELDOM)
    }
}
