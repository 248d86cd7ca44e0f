//! Read-modify-writes as fences.
//!
//! On x86-64 each is a locked instruction, which orders all before it with all after it, whatever order its author has
//! written. Of what fails only where that is not so it can be said that the processor rules it out. Asked for, each
//! read-modify-write stands between two sequentially consistent fences that order, but make nothing known to other threads:
//! what races still does.
//!
//! Not the whole of what x86-64 rules out: loads may still come before others, and stores before others. Compilers do
//! that too, on any processor.

use super::state::{Memory, Model};
use raddle_protocol::trace::ThreadId;

impl Memory {
    /// From now on, and in executions to come, each read-modify-write is a fence, or none.
    pub fn let_exchanges_fence(&mut self, fence: bool) {
        self.fencing = fence && self.model == Model::Rc11;
    }

    /// Whether each read-modify-write is a fence.
    #[must_use]
    pub fn exchanges_fence(&self) -> bool {
        self.fencing
    }

    /// What a thread performs is a read-modify-write.
    #[inline(always)]
    pub(super) fn as_exchange<T>(&mut self, thread: ThreadId, perform: impl FnOnce(&mut Self) -> T) -> T {
        if self.fencing {
            self.fence_in_order(thread);
        }
        let result = perform(self);
        if self.fencing {
            self.fence_in_order(thread);
        }
        result
    }

    #[cold]
    fn fence_in_order(&mut self, thread: ThreadId) {
        self.arrive(thread);
        if self.is_concurrent() {
            self.enter_in_order(thread, &[]);
            self.threads[thread as usize].clock.tick();
        }
    }
}
