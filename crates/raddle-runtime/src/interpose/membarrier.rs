//! `membarrier`: one thread has the kernel make all others perform a fence, so that these need none of their own. What
//! reclaims memory is often written so: readers are many and quick, and pay nothing.
//!
//! The kernel is asked, since it knows what it offers and who has registered; what a barrier does to threads of one
//! process, of which the kernel sees only one, happens in the memory model.

use crate::arch;
use crate::hooks::atomic::model;
use crate::record;
use crate::sched;
use crate::state::{executing, hindered, recording};
use raddle_engine::Access;
use raddle_protocol::Op;
use raddle_protocol::message::Obstacle;
use raddle_protocol::trace::Order;

/// The system call `membarrier`.
///
/// # Safety
/// As the system call.
pub unsafe fn membarrier(args: [u64; 6]) -> i64 {
    let command = args[0] as i32;
    if !executing() || !is_barrier(command) {
        // SAFETY: the caller's.
        return unsafe { arch::syscall(libc::SYS_membarrier, args) };
    }
    sched::point(Access::fence_everywhere());
    hindered(Obstacle::FenceEverywhere);
    // This one waits for all processors of the machine, and has nobody to wait for here.
    let answered = command == libc::MEMBARRIER_CMD_GLOBAL && args[1] == 0;
    // SAFETY: the caller's.
    let answer = if answered { 0 } else { unsafe { arch::syscall(libc::SYS_membarrier, args) } };
    if answer == 0 {
        model::fence_everywhere();
        if recording() {
            record::step(Op::Fence { order: Order::SeqCst });
        }
    }
    answer
}

/// Whether a command is not a question or a registration.
fn is_barrier(command: i32) -> bool {
    matches!(
        command,
        libc::MEMBARRIER_CMD_GLOBAL
            | libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED
            | libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED
            | libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE
            | libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ
    )
}
