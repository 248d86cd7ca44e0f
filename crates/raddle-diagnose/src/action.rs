//! What a thread did, in terms of the library interface it used: the result of reading a trace.

use crate::paths::PathUse;
use raddle_engine::waits::{self, Mode};
use raddle_protocol::Role;
use raddle_protocol::trace::{Access, StackId, ThreadId, WaitEnd};

/// One action.
#[derive(Clone, Debug)]
pub struct Action {
    /// Step at which it took effect.
    pub at: usize,
    /// Who.
    pub thread: ThreadId,
    /// From where.
    pub stack: StackId,
    /// What.
    pub what: What,
    /// On what.
    pub object: Option<waits::Object>,
    /// Number of the call in user code that it belongs to.
    pub call: usize,
    /// What the user asked for, when that is an interface built on this action: a barrier's own mutex, for one.
    pub within: Option<Role>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum What {
    /// Begins to wait for a lock.
    Requested(Mode),
    Acquired(Mode),
    /// Tried for a lock, in vain.
    Refused(Mode),
    Released,
    Downgraded,
    /// Begins to wait for a notification.
    WaitBegun,
    WaitEnded(WaitEnd),
    /// Sends a notification, a message or a permit.
    Notified {
        woken: Vec<ThreadId>,
        all: bool,
        remembered: bool,
    },
    /// Takes a message; this makes room for senders.
    Received {
        woken: Vec<ThreadId>,
    },
    /// Closes its end of a channel.
    Closed {
        woken: Vec<ThreadId>,
    },
    /// Passed a call that might have waited, without waiting and without a result that is known.
    Passed,
    Read {
        size: u8,
        value: u64,
    },
    Wrote {
        size: u8,
        value: u64,
    },
    Updated {
        size: u8,
        old: u64,
        new: u64,
    },
    Compared {
        size: u8,
        expected: u64,
        old: u64,
        new: u64,
        done: bool,
    },
    /// A plain access to bytes that the finding is about.
    Accessed(Access),
    /// Calls a function of a dependency.
    Called,
    /// Goes on in that function, after others have done something.
    WentOn,
    Began,
    Ended,
    Spawned(ThreadId),
    JoinBegun(Vec<ThreadId>),
    Joined(Vec<ThreadId>),
    Yielded,
    Slept(u64),
    /// Waited with a deadline while everything stood still.
    Stalled(u64),
    /// Waited while this thread stood still.
    HeldBack(ThreadId),
    /// Dropped a future where it waited, because it was told to.
    Cancelled,
    Io {
        call: String,
        blocked: bool,
    },
    /// Called something on a path.
    Path(PathUse),
    /// Opened a descriptor. Told only where the finding is about that one.
    Opened(i32),
    /// The test has ended, and a descriptor has not been closed.
    LeftOpen(i32),
}

impl Action {
    /// The call on a path, if it is one.
    pub fn path(&self) -> Option<&PathUse> {
        match &self.what {
            What::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The same as an event of the wait judgement, if it is one.
    pub fn event(&self) -> Option<waits::Event> {
        let kind = match &self.what {
            What::Requested(mode) => waits::Kind::Requested(*mode),
            What::Acquired(mode) => waits::Kind::Acquired(*mode),
            What::Released => waits::Kind::Released,
            What::Downgraded => waits::Kind::Downgraded,
            What::WaitBegun => waits::Kind::WaitBegun,
            What::WaitEnded(_) => waits::Kind::WaitEnded,
            What::Notified { woken, remembered, .. } => {
                waits::Kind::Notified { woken: woken.clone(), remembered: *remembered }
            }
            What::Closed { woken } => waits::Kind::Notified { woken: woken.clone(), remembered: true },
            _ => return None,
        };
        Some(waits::Event { at: Some(self.at), thread: self.thread, object: self.object?, kind })
    }
}
