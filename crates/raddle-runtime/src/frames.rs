//! Variables on a thread's stack that other threads use: whether the frame that they lie in is still there.
//!
//! Two ways to be wrong. The frame has been left already: the address lies below its owner's stack pointer, or the owner
//! has ended. Or the frame is there, but nothing keeps its owner from leaving it meanwhile: when the owner is found to have
//! left it and does not know of the access, the access might as well have come later. The second is the rule that a frame's
//! end writes all of it, applied where an end can be noticed: at the owner's next schedule point, and when it ends. What
//! the owner has learnt since it left makes it miss some; it never makes it see what is not there.
//!
//! Cannot see: a frame that was left and whose place another one has taken.

use crate::arch::RED_ZONE;
use crate::state::rt;
use crate::thread::ThreadData;
use crate::watch;
use raddle_engine::memory::Epoch;
use raddle_protocol::trace::{Access, Conflict, ConflictKind, State, ThreadId};

/// Accesses remembered of one stack at the most.
const MOST: usize = 4096;

/// An access to another thread's stack.
#[derive(Clone, Copy, Debug)]
struct Use {
    address: u64,
    size: u64,
    by: Epoch,
    access: Access,
}

/// What other threads have used of a thread's stack.
#[derive(Clone, Debug)]
pub struct Lent {
    uses: Vec<Use>,
    /// No use lies lower.
    lowest: u64,
}

impl Default for Lent {
    fn default() -> Self {
        Lent { uses: Vec::new(), lowest: u64::MAX }
    }
}

/// The running thread accesses a stack.
pub fn accessed(address: u64, size: u64, access: Access) {
    let runtime = rt();
    let execution = &mut runtime.execution;
    let running = execution.running as usize;
    let holds = |data: &ThreadData| (data.stack_extent.0..data.stack_extent.1).contains(&address);
    if holds(&execution.threads[running]) {
        return;
    }
    // A stack that is used again belongs to the last thread that got it.
    let Some(owner) = execution.threads.iter().rposition(holds) else { return };
    let ended = *execution.schedule.state(owner as ThreadId) == State::Ended;
    let thread = execution.number();
    if ended || address + size <= execution.threads[owner].sp - RED_ZONE {
        let earlier = Some((execution.number_of(owner as ThreadId), Access::Free));
        return watch::end(Conflict { kind: ConflictKind::DeadStack, address, size, thread, access, earlier });
    }
    let by = runtime.memory.epoch(thread);
    let lent = &mut execution.threads[owner].lent;
    let again = |known: &&mut Use| known.address == address && known.by.thread() == thread && known.access == access;
    let room = lent.uses.len() < MOST;
    match lent.uses.iter_mut().find(again) {
        Some(known) => known.by = by,
        None if room => lent.uses.push(Use { address, size, by, access }),
        None => {}
    }
    lent.lowest = lent.lowest.min(address);
}

/// The running thread is at a schedule point: looks whether it has left frames that others use.
#[inline(always)]
pub fn check() {
    let runtime = rt();
    let data = &runtime.execution.threads[runtime.execution.running as usize];
    let here = 0u8;
    let sp = &raw const here as u64;
    // A program that switches stacks by itself may be elsewhere.
    if data.lent.lowest < sp - RED_ZONE && (data.stack_extent.0..data.stack_extent.1).contains(&sp) {
        left_up_to(sp - RED_ZONE);
    }
}

/// The running thread ends: it has left all its frames.
pub fn end() {
    left_up_to(u64::MAX);
}

/// The running thread has left all frames below this address.
#[cold]
fn left_up_to(limit: u64) {
    if !watch::watching() {
        return;
    }
    let runtime = rt();
    let thread = runtime.execution.number();
    let clock = runtime.memory.clock(thread);
    let lent = &mut runtime.execution.threads[runtime.execution.running as usize].lent;
    let unknown = lent.uses.iter().find(|known| known.address < limit && !clock.covers(known.by)).copied();
    lent.uses.retain(|known| known.address >= limit);
    lent.lowest = lent.uses.iter().map(|known| known.address).min().unwrap_or(u64::MAX);
    if let Some(Use { address, size, by, access }) = unknown {
        let earlier = Some((by.thread(), access));
        let kind = ConflictKind::DeadStack;
        watch::end(Conflict { kind, address, size, thread, access: Access::Free, earlier });
    }
}
