//! The input of the judgement: what threads did to locks and other objects that can be waited on.
//!
//! Objects and threads are plain numbers; `at` is the place of an event in the recorded execution and is only ever
//! copied into the answer and compared.

/// A thread, by its number in the execution.
pub type Thread = u32;

/// A lock, condition, channel or other object, by a number of the caller's choosing.
pub type Object = u32;

/// How a lock is held or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Alone: a mutex, the write side of a read-write lock, the run of a one-time initialisation.
    Exclusive,
    /// Together with other holders of the same mode: the read side of a read-write lock.
    Shared,
}

/// One event, in the order in which they happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the recorded execution; `None` when it happened before the record begins.
    pub at: Option<usize>,
    /// Who.
    pub thread: Thread,
    /// On what.
    pub object: Object,
    /// What.
    pub kind: Kind,
}

/// What happened to an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The thread has asked for the lock and does not have it yet.
    Requested(Mode),
    /// The thread holds the lock from here on. A thread may hold the same lock several times.
    Acquired(Mode),
    /// The lock is given back, in whichever mode it was held. Where the thread does not hold it itself, the last holder's
    /// claim ends: guards may be sent to other threads.
    Released,
    /// The thread keeps the lock, but shares it from here on.
    Downgraded,
    /// The thread begins to wait for a notification.
    WaitBegun,
    /// It goes on.
    WaitEnded,
    /// The thread sends a notification.
    Notified {
        /// Who was waiting and goes on because of it.
        woken: Vec<Thread>,
        /// Whether it stays when nobody waits (a message in a queue, a permit), so that a later wait finds it.
        remembered: bool,
    },
}

/// What a thread was doing when nothing could run any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Final {
    /// It has ended.
    Ended,
    /// It could have run, or nothing is known about it.
    Runnable,
    /// It waits, since the event at this place.
    Waiting(WaitFor, Option<usize>),
}

/// What a thread waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// A lock.
    Lock(Object, Mode),
    /// A notification, message or permit.
    Notification(Object),
    /// The end of all these threads.
    Ends(Vec<Thread>),
}
