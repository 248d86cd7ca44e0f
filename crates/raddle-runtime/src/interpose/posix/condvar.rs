//! `pthread_cond_*`.

use super::mutex::{Mutex, give_back, reacquire};
use crate::interpose::clock;
use crate::record;
use crate::sched;
use crate::spurious;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use raddle_engine::{Access, AccessKind};
use raddle_protocol::Op;
use raddle_protocol::trace::{Wait, WaitEnd};

/// The condition variable's memory. Zero, as the static initialiser has it, means the real-time clock.
#[repr(C)]
pub struct Condvar {
    clock: i32,
}

unsafe fn wait_until(condvar: *mut Condvar, mutex: *mut Mutex, deadline_ns: Option<u64>) -> i32 {
    let (address, mutex_address) = (condvar as u64, mutex as u64);
    sched::point_at(AccessKind::Wait, address);
    if recording() {
        record::step(Op::CondvarWait { address, mutex: mutex_address, timed: deadline_ns.is_some() });
    }
    // SAFETY: the caller's.
    unsafe {
        rt().execution.schedule.perform(Access::new(AccessKind::Unlock, mutex_address, 0));
        let refused = give_back(mutex);
        if refused != 0 {
            return refused;
        }
        let end = if spurious::wakes() {
            sched::point_at(AccessKind::Wait, address);
            WaitEnd::Spurious
        } else {
            sched::wait(Wait::Condvar(address), deadline_ns, !0);
            if rt().execution.schedule.timed_out() { WaitEnd::TimedOut } else { WaitEnd::Woken }
        };
        reacquire(mutex);
        if recording() {
            record::step(Op::CondvarReturn { address, mutex: mutex_address, end });
        }
        if end == WaitEnd::TimedOut { libc::ETIMEDOUT } else { 0 }
    }
}

fn notify(condvar: *mut Condvar, all: bool) {
    sched::point_at(AccessKind::Notify, condvar as u64);
    let address = condvar as u64;
    spurious::noted();
    let most = if all { usize::MAX } else { 1 };
    let woken = rt().execution.schedule.wake_matching(most, |wait| *wait == Wait::Condvar(address));
    if recording() {
        record::step(Op::CondvarNotify { address, all, woken });
    }
}

/// `pthread_cond_init`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_init(condvar: *mut Condvar, attributes: *const libc::pthread_condattr_t) -> i32 {
    type Init = unsafe extern "C" fn(*mut Condvar, *const libc::pthread_condattr_t) -> i32;
    type GetClock = unsafe extern "C" fn(*const libc::pthread_condattr_t, *mut i32) -> i32;
    static REAL: Real<Init> = Real::new(c"pthread_cond_init");
    static GET_CLOCK: Real<GetClock> = Real::new(c"pthread_condattr_getclock");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(condvar, attributes);
        }
        let mut clock = libc::CLOCK_REALTIME;
        if !attributes.is_null() {
            GET_CLOCK.get()(attributes, &mut clock);
        }
        *condvar = Condvar { clock };
    }
    0
}

/// `pthread_cond_destroy`.
///
/// # Safety
/// See [`pthread_cond_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_destroy(_condvar: *mut Condvar) -> i32 {
    0
}

/// `pthread_cond_wait`.
///
/// # Safety
/// See [`pthread_cond_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_wait(condvar: *mut Condvar, mutex: *mut Mutex) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut Condvar, *mut Mutex) -> i32> = Real::new(c"pthread_cond_wait");
    // SAFETY: the caller's.
    unsafe { if live() { wait_until(condvar, mutex, None) } else { REAL.get()(condvar, mutex) } }
}

/// `pthread_cond_timedwait`.
///
/// # Safety
/// See [`pthread_cond_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_timedwait(
    condvar: *mut Condvar,
    mutex: *mut Mutex,
    time: *const libc::timespec,
) -> i32 {
    type Timedwait = unsafe extern "C" fn(*mut Condvar, *mut Mutex, *const libc::timespec) -> i32;
    static REAL: Real<Timedwait> = Real::new(c"pthread_cond_timedwait");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(condvar, mutex, time);
        }
        let realtime = (*condvar).clock == libc::CLOCK_REALTIME;
        wait_until(condvar, mutex, Some(clock::deadline(&*time, true, realtime)))
    }
}

/// `pthread_cond_clockwait`.
///
/// # Safety
/// See [`pthread_cond_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_clockwait(
    condvar: *mut Condvar,
    mutex: *mut Mutex,
    clock: i32,
    time: *const libc::timespec,
) -> i32 {
    type Clockwait = unsafe extern "C" fn(*mut Condvar, *mut Mutex, i32, *const libc::timespec) -> i32;
    static REAL: Real<Clockwait> = Real::new(c"pthread_cond_clockwait");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(condvar, mutex, clock, time);
        }
        wait_until(condvar, mutex, Some(clock::deadline(&*time, true, clock == libc::CLOCK_REALTIME)))
    }
}

/// `pthread_cond_signal`.
///
/// # Safety
/// See [`pthread_cond_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_signal(condvar: *mut Condvar) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut Condvar) -> i32> = Real::new(c"pthread_cond_signal");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(condvar) };
    }
    notify(condvar, false);
    0
}

/// `pthread_cond_broadcast`.
///
/// # Safety
/// See [`pthread_cond_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_cond_broadcast(condvar: *mut Condvar) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut Condvar) -> i32> = Real::new(c"pthread_cond_broadcast");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(condvar) };
    }
    notify(condvar, true);
    0
}
