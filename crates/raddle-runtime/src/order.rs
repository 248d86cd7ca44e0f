//! What happens before what, beyond atomic operations: threads, the objects of the thread library, input and output.

use crate::state::rt;
use crate::watch;
use raddle_engine::memory::Memory;
use raddle_protocol::trace::ThreadId;

/// Stands for everything that goes through the kernel: whoever reads anything has seen all that was written to anything.
/// That is more order than there is, so that no order is missed.
pub const INPUT_OUTPUT: u64 = 1;

/// Of the two objects that a read-write lock at an address is: what readers give back, writers take.
pub fn readers_of(lock: u64) -> u64 {
    lock | 1
}

/// The running thread lets go of an object: all that it has done happens before what is done by whoever takes it.
pub fn released(object: u64) {
    tell(|memory, me, _| memory.release(me, object));
}

/// The running thread takes an object.
pub fn acquired(object: u64) {
    tell(|memory, me, _| memory.acquire(me, object));
}

/// The running thread has created another.
pub fn spawned(child: ThreadId) {
    tell(|memory, me, number| memory.spawn(me, number(child)));
}

/// The running thread has seen the end of another.
pub fn joined(ended: ThreadId) {
    tell(|memory, me, number| memory.join(me, number(ended)));
}

fn tell(what: impl FnOnce(&mut Memory, ThreadId, &dyn Fn(ThreadId) -> ThreadId)) {
    if watch::watching() {
        let runtime = rt();
        let execution = &runtime.execution;
        what(&mut runtime.memory, execution.number(), &|id| execution.number_of(id));
        watch::refresh();
    }
}
