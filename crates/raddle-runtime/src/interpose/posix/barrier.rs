//! `pthread_barrier_*`.

use crate::order;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

/// The barrier's memory.
#[repr(C)]
pub struct Barrier {
    count: u32,
    arrived: u32,
    generation: u32,
}

/// `pthread_barrier_init`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_barrier_init(barrier: *mut Barrier, attributes: *const u8, count: u32) -> i32 {
    type Init = unsafe extern "C" fn(*mut Barrier, *const u8, u32) -> i32;
    static REAL: Real<Init> = Real::new(c"pthread_barrier_init");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(barrier, attributes, count);
        }
        *barrier = Barrier { count, arrived: 0, generation: 0 };
    }
    if count == 0 { libc::EINVAL } else { 0 }
}

/// `pthread_barrier_destroy`.
///
/// # Safety
/// See [`pthread_barrier_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_barrier_destroy(_barrier: *mut Barrier) -> i32 {
    0
}

/// `pthread_barrier_wait`.
///
/// # Safety
/// See [`pthread_barrier_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_barrier_wait(barrier: *mut Barrier) -> i32 {
    /// `PTHREAD_BARRIER_SERIAL_THREAD`.
    const SERIAL: i32 = -1;
    static REAL: Real<unsafe extern "C" fn(*mut Barrier) -> i32> = Real::new(c"pthread_barrier_wait");
    let address = barrier as u64;
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(barrier);
        }
        sched::point_at(AccessKind::Wait, address);
        if recording() {
            record::step(Op::LockRequest { address, kind: PosixLock::Barrier });
        }
        order::released(address);
        (*barrier).arrived += 1;
        let last = (*barrier).arrived == (*barrier).count;
        if last {
            (*barrier).arrived = 0;
            (*barrier).generation = (*barrier).generation.wrapping_add(1);
            rt().execution.schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Barrier(address));
        } else {
            let generation = (*barrier).generation;
            while (*barrier).generation == generation {
                sched::wait(Wait::Barrier(address), None, !0);
            }
        }
        order::acquired(address);
        if recording() {
            record::step(Op::LockAcquired { address, kind: PosixLock::Barrier, ok: true });
        }
        if last { SERIAL } else { 0 }
    }
}
