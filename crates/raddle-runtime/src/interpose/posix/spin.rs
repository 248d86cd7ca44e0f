//! `pthread_spin_*`. Waiting is waiting here too: nothing is gained by spinning on one processor.

use crate::order;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

/// `pthread_spin_init`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_init(lock: *mut u32, shared: i32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32, i32) -> i32> = Real::new(c"pthread_spin_init");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(lock, shared);
        }
        *lock = 0;
    }
    0
}

/// `pthread_spin_destroy`.
///
/// # Safety
/// See [`pthread_spin_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_destroy(_lock: *mut u32) -> i32 {
    0
}

/// `pthread_spin_lock`.
///
/// # Safety
/// See [`pthread_spin_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_lock(lock: *mut u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32) -> i32> = Real::new(c"pthread_spin_lock");
    let address = lock as u64;
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(lock);
        }
        sched::point_at(AccessKind::Lock, lock as u64);
        if *lock != 0 && recording() {
            record::step(Op::LockRequest { address, kind: PosixLock::Spin });
        }
        while *lock != 0 {
            sched::wait(Wait::Mutex(address, Some(*lock - 1)), None, !0);
        }
        *lock = rt().execution.running + 1;
    }
    order::acquired(address);
    if recording() {
        record::step(Op::LockAcquired { address, kind: PosixLock::Spin, ok: true });
    }
    0
}

/// `pthread_spin_trylock`.
///
/// # Safety
/// See [`pthread_spin_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_trylock(lock: *mut u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32) -> i32> = Real::new(c"pthread_spin_trylock");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(lock);
        }
        sched::point_at(AccessKind::Update, lock as u64);
        let ok = *lock == 0;
        if ok {
            *lock = rt().execution.running + 1;
            order::acquired(lock as u64);
        }
        if recording() {
            record::step(Op::LockAcquired { address: lock as u64, kind: PosixLock::Spin, ok });
        }
        if ok { 0 } else { libc::EBUSY }
    }
}

/// `pthread_spin_unlock`.
///
/// # Safety
/// See [`pthread_spin_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_spin_unlock(lock: *mut u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32) -> i32> = Real::new(c"pthread_spin_unlock");
    let address = lock as u64;
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(lock);
        }
        sched::point_at(AccessKind::Unlock, lock as u64);
        *lock = 0;
    }
    order::released(address);
    if recording() {
        record::step(Op::LockReleased { address, kind: PosixLock::Spin });
    }
    rt().execution.schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::Mutex(at, _) if *at == address));
    0
}
