//! Idioms that hardware makes right and the letter of the model calls wrong.
//!
//! On x86 a locked instruction orders everything before it with everything after it, and is cheaper than `mfence`. So
//! authors write a sequentially consistent read-modify-write where they mean a fence. Two forms of it:
//!
//! - On a location that nobody else uses: `let a = AtomicUsize::new(0); a.swap(1, SeqCst);`. By the letter this orders
//!   nothing, since no other thread ever sees the location; so nobody writes it for anything but the fence. Found in
//!   several asynchronous libraries as `full_fence`.
//! - On a shared location, with a compiler fence directly behind it: `epoch.compare_exchange(.., SeqCst, ..);
//!   compiler_fence(SeqCst);`. The compiler fence says that the next accesses must not move before the instruction, for
//!   which there is no reason unless the instruction itself is to act as the fence. Found in epoch-based reclamation.
//!
//! The first two act as a sequentially consistent fence directly after the operation, which in the first form is as good as
//! one before it. What this hides: a mistake in portable code that uses one of these forms and would fail on a machine
//! where they are no fence. A compare-exchange that fails is a locked instruction all the same.
//!
//! The third is a queue and a flag: push with a sequentially consistent read-modify-write, then try to set the flag by a
//! compare-exchange that acquires when it fails. By the letter it may fail because of what the flag was long ago. On x86 it
//! is a locked instruction, which looks at memory as it is; on ARMv8 an acquiring load does not overtake an earlier
//! releasing store. So a compare-exchange that acquires either way is preceded by a fence if its thread has performed a
//! sequentially consistent read-modify-write since the last one. Found in executors of tasks.

use super::history::History;
use raddle_protocol::trace::{Order, ThreadId};

/// What a thread has just done, as far as idioms go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Just {
    /// Something else.
    #[default]
    Other,
    /// A sequentially consistent read-modify-write, which was not taken for a fence yet.
    Rmw,
}

/// Whether a read-modify-write of this order is a fence by itself: nobody else has been at its location.
#[inline]
pub(super) fn is_fence(order: Order, history: &History, thread: ThreadId) -> bool {
    order == Order::SeqCst && history.is_private_to(thread)
}

/// Whether a compiler fence makes one of what its thread has just done.
#[inline]
pub(super) fn makes_fence(order: Order, just: Just) -> bool {
    order == Order::SeqCst && just == Just::Rmw
}
