//! `sem_*`: unnamed POSIX semaphores.

use crate::interpose::clock;
use crate::interpose::signals::Interrupt;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::{Real, set_errno};
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

const KIND: PosixLock = PosixLock::Semaphore;

unsafe fn take(semaphore: *mut u32, deadline_ns: Option<u64>, may_wait: bool) -> i32 {
    let address = semaphore as u64;
    sched::point_at(AccessKind::Acquire, address);
    // SAFETY: the program vouches for the semaphore.
    unsafe {
        if *semaphore == 0 && may_wait && recording() {
            record::step(Op::LockRequest { address, kind: KIND });
        }
        while *semaphore == 0 {
            let mut error = if may_wait { 0 } else { libc::EAGAIN };
            if may_wait {
                let interrupt = sched::wait(Wait::Semaphore(address), deadline_ns, !0);
                error = match interrupt {
                    _ if rt().execution.schedule.timed_out() => libc::ETIMEDOUT,
                    Interrupt::Fail if *semaphore == 0 => libc::EINTR,
                    _ => 0,
                };
            }
            if error != 0 {
                if recording() {
                    record::step(Op::LockAcquired { address, kind: KIND, ok: false });
                }
                set_errno(error);
                return -1;
            }
        }
        *semaphore -= 1;
    }
    order::acquired(address);
    if recording() {
        record::step(Op::LockAcquired { address, kind: KIND, ok: true });
    }
    0
}

/// `sem_init`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_init(semaphore: *mut u32, shared: i32, value: u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32, i32, u32) -> i32> = Real::new(c"sem_init");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(semaphore, shared, value);
        }
        *semaphore = value;
    }
    0
}

/// `sem_destroy`.
///
/// # Safety
/// See [`sem_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_destroy(_semaphore: *mut u32) -> i32 {
    0
}

/// `sem_wait`.
///
/// # Safety
/// See [`sem_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_wait(semaphore: *mut u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32) -> i32> = Real::new(c"sem_wait");
    // SAFETY: the caller's.
    unsafe { if live() { take(semaphore, None, true) } else { REAL.get()(semaphore) } }
}

/// `sem_trywait`.
///
/// # Safety
/// See [`sem_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_trywait(semaphore: *mut u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32) -> i32> = Real::new(c"sem_trywait");
    // SAFETY: the caller's.
    unsafe { if live() { take(semaphore, None, false) } else { REAL.get()(semaphore) } }
}

/// `sem_timedwait`.
///
/// # Safety
/// See [`sem_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_timedwait(semaphore: *mut u32, time: *const libc::timespec) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32, *const libc::timespec) -> i32> = Real::new(c"sem_timedwait");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(semaphore, time);
        }
        take(semaphore, Some(clock::deadline(&*time, true, true)), true)
    }
}

/// `sem_post`.
///
/// # Safety
/// See [`sem_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_post(semaphore: *mut u32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32) -> i32> = Real::new(c"sem_post");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(semaphore);
        }
        sched::point_at(AccessKind::Release, semaphore as u64);
        let address = semaphore as u64;
        order::released(address);
        *semaphore += 1;
        if recording() {
            record::step(Op::LockReleased { address, kind: KIND });
        }
        rt().execution.schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Semaphore(address));
    }
    0
}

/// `sem_getvalue`.
///
/// # Safety
/// See [`sem_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sem_getvalue(semaphore: *mut u32, value: *mut i32) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut u32, *mut i32) -> i32> = Real::new(c"sem_getvalue");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(semaphore, value);
        }
        *value = *semaphore as i32;
    }
    0
}
