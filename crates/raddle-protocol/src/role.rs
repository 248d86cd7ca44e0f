//! What a call site means to a programmer.
//!
//! The runtime sees a compare-exchange at an address; the programmer wrote `mutex.lock()`. A role is that meaning,
//! derived from the chain of inlined functions at the site.

use serde::{Deserialize, Serialize};

/// The meaning of an operation, by the library function it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Role {
    /// An atomic operation that user code (or an unknown library) performs itself.
    Atomic,
    MutexLock,
    MutexTryLock,
    MutexUnlock,
    RwLockRead,
    RwLockTryRead,
    RwLockReadUnlock,
    RwLockWrite,
    RwLockTryWrite,
    RwLockWriteUnlock,
    CondvarWait,
    CondvarNotify,
    OnceWait,
    OnceRun,
    BarrierWait,
    ChannelSend,
    ChannelReceive,
    ChannelClose,
    Park,
    Unpark,
    Spawn,
    Join,
    /// `Arc` and `Weak` counts.
    ReferenceCount,
    /// Inside a library, of no meaning of its own to the user.
    Internal,
}
