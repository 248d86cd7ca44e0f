//! `pthread_mutex_*`: normal, recursive and error-checking mutexes.

use super::lone::Visits;
use crate::interpose::clock;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use core::ffi::c_void;
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

const NORMAL: i32 = 0;
const RECURSIVE: i32 = 1;

/// The mutex's memory. The kind stands where the C library's static initialisers put it.
#[repr(C)]
pub struct Mutex {
    /// Owner's number plus one; 0 when free.
    owner: u32,
    depth: u32,
    visits: Visits,
    kind: i32,
}

fn me() -> u32 {
    rt().execution.running + 1
}

/// How somebody has the mutex.
unsafe fn held(mutex: *const Mutex) -> Option<PosixLock> {
    // SAFETY: the caller's.
    unsafe { ((*mutex).owner != 0).then_some(PosixLock::Mutex) }
}

/// Takes the mutex, waiting until `deadline_ns`.
unsafe fn acquire(mutex: *mut Mutex, deadline_ns: Option<u64>) -> i32 {
    let address = mutex as u64;
    // SAFETY: the program vouches for the mutex. Fields are read afresh after every wait.
    let is_seen = unsafe {
        let is_seen = Visits::point(&raw mut (*mutex).visits, AccessKind::Lock, address, held(mutex));
        if (*mutex).owner == me() && (*mutex).kind & 3 != NORMAL {
            if (*mutex).kind & 3 == RECURSIVE {
                (*mutex).depth += 1;
                return 0;
            }
            return libc::EDEADLK;
        }
        if (*mutex).owner != 0 && recording() {
            record::step(Op::LockRequest { address, kind: PosixLock::Mutex });
        }
        while (*mutex).owner != 0 {
            sched::wait(Wait::Mutex(address, Some((*mutex).owner - 1)), deadline_ns, !0);
            if rt().execution.schedule.timed_out() {
                if recording() {
                    record::step(Op::LockAcquired { address, kind: PosixLock::Mutex, ok: false });
                }
                return libc::ETIMEDOUT;
            }
        }
        (*mutex).owner = me();
        (*mutex).depth = 1;
        is_seen
    };
    order::acquired(address);
    if is_seen && recording() {
        record::step(Op::LockAcquired { address, kind: PosixLock::Mutex, ok: true });
    }
    0
}

/// Takes the mutex again after a wait on a condition.
///
/// # Safety
/// As `pthread_mutex_lock`.
pub unsafe fn reacquire(mutex: *mut Mutex) {
    // SAFETY: the caller's.
    unsafe {
        sched::point_at(AccessKind::Lock, mutex as u64);
        while (*mutex).owner != 0 {
            sched::wait(Wait::Mutex(mutex as u64, Some((*mutex).owner - 1)), None, !0);
        }
        (*mutex).owner = me();
        (*mutex).depth = 1;
    }
    order::acquired(mutex as u64);
}

/// Gives the mutex back, without a schedule point.
///
/// # Safety
/// As `pthread_mutex_unlock`.
pub unsafe fn give_back(mutex: *mut Mutex) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if (*mutex).owner != me() && (*mutex).kind & 3 != NORMAL {
            return libc::EPERM;
        }
        if (*mutex).depth > 1 {
            (*mutex).depth -= 1;
            return 0;
        }
        (*mutex).owner = 0;
        (*mutex).depth = 0;
    }
    let address = mutex as u64;
    order::released(address);
    rt().execution.schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::Mutex(at, _) if *at == address));
    0
}

/// `pthread_mutex_init`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_init(mutex: *mut Mutex, attributes: *const libc::pthread_mutexattr_t) -> i32 {
    type Init = unsafe extern "C" fn(*mut Mutex, *const libc::pthread_mutexattr_t) -> i32;
    type GetType = unsafe extern "C" fn(*const libc::pthread_mutexattr_t, *mut i32) -> i32;
    static REAL: Real<Init> = Real::new(c"pthread_mutex_init");
    static GET_TYPE: Real<GetType> = Real::new(c"pthread_mutexattr_gettype");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(mutex, attributes);
        }
        let mut kind = NORMAL;
        if !attributes.is_null() {
            GET_TYPE.get()(attributes, &mut kind);
        }
        *mutex = Mutex { owner: 0, depth: 0, visits: Visits::NONE, kind };
    }
    0
}

/// `pthread_mutex_destroy`.
///
/// # Safety
/// See [`pthread_mutex_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_destroy(mutex: *mut Mutex) -> i32 {
    // SAFETY: the caller's.
    if live() && unsafe { (*mutex).owner } != 0 { libc::EBUSY } else { 0 }
}

/// `pthread_mutex_lock`.
///
/// # Safety
/// See [`pthread_mutex_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_lock(mutex: *mut Mutex) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut Mutex) -> i32> = Real::new(c"pthread_mutex_lock");
    // SAFETY: the caller's.
    unsafe { if live() { acquire(mutex, None) } else { REAL.get()(mutex) } }
}

/// `pthread_mutex_timedlock`.
///
/// # Safety
/// See [`pthread_mutex_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_timedlock(mutex: *mut Mutex, time: *const libc::timespec) -> i32 {
    type Timedlock = unsafe extern "C" fn(*mut Mutex, *const libc::timespec) -> i32;
    static REAL: Real<Timedlock> = Real::new(c"pthread_mutex_timedlock");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(mutex, time);
        }
        acquire(mutex, Some(clock::deadline(&*time, true, true)))
    }
}

/// `pthread_mutex_trylock`.
///
/// # Safety
/// See [`pthread_mutex_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_trylock(mutex: *mut Mutex) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut Mutex) -> i32> = Real::new(c"pthread_mutex_trylock");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(mutex);
        }
        let is_seen = Visits::point(&raw mut (*mutex).visits, AccessKind::Update, mutex as u64, held(mutex));
        let free = (*mutex).owner == 0;
        if free {
            (*mutex).owner = me();
            (*mutex).depth = 1;
            order::acquired(mutex as u64);
        } else if (*mutex).owner == me() && (*mutex).kind & 3 == RECURSIVE {
            (*mutex).depth += 1;
            return 0;
        }
        if is_seen && recording() {
            record::step(Op::LockAcquired { address: mutex as u64, kind: PosixLock::Mutex, ok: free });
        }
        if free { 0 } else { libc::EBUSY }
    }
}

/// `pthread_mutex_unlock`.
///
/// # Safety
/// See [`pthread_mutex_init`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_mutex_unlock(mutex: *mut Mutex) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut Mutex) -> i32> = Real::new(c"pthread_mutex_unlock");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(mutex);
        }
        let is_seen = Visits::point(&raw mut (*mutex).visits, AccessKind::Unlock, mutex as u64, None);
        if is_seen && recording() {
            record::step(Op::LockReleased { address: mutex as *mut c_void as u64, kind: PosixLock::Mutex });
        }
        give_back(mutex)
    }
}
