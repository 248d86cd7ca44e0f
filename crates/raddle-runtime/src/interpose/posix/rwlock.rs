//! `pthread_rwlock_*`. Readers are let in while other readers hold the lock, as the C library's default does.

use super::lone::Visits;
use crate::interpose::clock;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

/// The lock's memory.
#[repr(C)]
pub struct RwLock {
    /// Writer's number plus one; 0 when there is none.
    writer: u32,
    readers: u32,
    visits: Visits,
}

/// How somebody has the lock.
unsafe fn held(lock: *const RwLock) -> Option<PosixLock> {
    // SAFETY: the caller's.
    unsafe {
        if (*lock).writer != 0 { Some(PosixLock::Write) } else { ((*lock).readers > 0).then_some(PosixLock::Read) }
    }
}

unsafe fn free_for(lock: *const RwLock, write: bool) -> bool {
    // SAFETY: the caller's.
    unsafe { (*lock).writer == 0 && (!write || (*lock).readers == 0) }
}

unsafe fn acquire(lock: *mut RwLock, write: bool, deadline_ns: Option<u64>, may_wait: bool) -> i32 {
    let address = lock as u64;
    let kind = if write { PosixLock::Write } else { PosixLock::Read };
    // SAFETY: the program vouches for the lock.
    let is_seen = unsafe {
        let is_seen = Visits::point(&raw mut (*lock).visits, AccessKind::Acquire, address, held(lock));
        if !free_for(lock, write) {
            if !may_wait {
                if recording() {
                    record::step(Op::LockAcquired { address, kind, ok: false });
                }
                return libc::EBUSY;
            }
            if (*lock).writer == rt().execution.running + 1 {
                return libc::EDEADLK;
            }
            if recording() {
                record::step(Op::LockRequest { address, kind });
            }
        }
        while !free_for(lock, write) {
            sched::wait(Wait::RwLock(address, write), deadline_ns, !0);
            if rt().execution.schedule.timed_out() {
                if recording() {
                    record::step(Op::LockAcquired { address, kind, ok: false });
                }
                return libc::ETIMEDOUT;
            }
        }
        if write {
            (*lock).writer = rt().execution.running + 1;
        } else {
            (*lock).readers += 1;
        }
        is_seen
    };
    order::acquired(address);
    if write {
        order::acquired(order::readers_of(address));
    }
    if is_seen && recording() {
        record::step(Op::LockAcquired { address, kind, ok: true });
    }
    0
}

macro_rules! acquires {
    ($($name:ident $symbol:literal $write:literal $wait:literal;)*) => {$(
        /// Takes the lock.
        ///
        /// # Safety
        /// As the C function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(lock: *mut RwLock) -> i32 {
            static REAL: Real<unsafe extern "C" fn(*mut RwLock) -> i32> = Real::new($symbol);
            // SAFETY: the caller's.
            unsafe { if live() { acquire(lock, $write, None, $wait) } else { REAL.get()(lock) } }
        }
    )*};
}

acquires! {
    pthread_rwlock_rdlock c"pthread_rwlock_rdlock" false true;
    pthread_rwlock_wrlock c"pthread_rwlock_wrlock" true true;
    pthread_rwlock_tryrdlock c"pthread_rwlock_tryrdlock" false false;
    pthread_rwlock_trywrlock c"pthread_rwlock_trywrlock" true false;
}

macro_rules! timed {
    ($($name:ident $symbol:literal $write:literal;)*) => {$(
        /// Takes the lock, or gives up at a time of the real-time clock.
        ///
        /// # Safety
        /// As the C function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(lock: *mut RwLock, time: *const libc::timespec) -> i32 {
            static REAL: Real<unsafe extern "C" fn(*mut RwLock, *const libc::timespec) -> i32> = Real::new($symbol);
            // SAFETY: the caller's.
            unsafe {
                if !live() {
                    return REAL.get()(lock, time);
                }
                acquire(lock, $write, Some(clock::deadline(&*time, true, true)), true)
            }
        }
    )*};
}

timed! {
    pthread_rwlock_timedrdlock c"pthread_rwlock_timedrdlock" false;
    pthread_rwlock_timedwrlock c"pthread_rwlock_timedwrlock" true;
}

/// `pthread_rwlock_init`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_init(lock: *mut RwLock, attributes: *const libc::pthread_rwlockattr_t) -> i32 {
    type Init = unsafe extern "C" fn(*mut RwLock, *const libc::pthread_rwlockattr_t) -> i32;
    static REAL: Real<Init> = Real::new(c"pthread_rwlock_init");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(lock, attributes);
        }
        *lock = RwLock { writer: 0, readers: 0, visits: Visits::NONE };
    }
    0
}

/// `pthread_rwlock_destroy`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_destroy(_lock: *mut RwLock) -> i32 {
    0
}

/// `pthread_rwlock_unlock`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_rwlock_unlock(lock: *mut RwLock) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut RwLock) -> i32> = Real::new(c"pthread_rwlock_unlock");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(lock);
        }
        let address = lock as u64;
        let is_seen = Visits::point(&raw mut (*lock).visits, AccessKind::Release, address, None);
        let write = (*lock).writer != 0;
        order::released(if write { address } else { order::readers_of(address) });
        if write {
            (*lock).writer = 0;
        } else {
            (*lock).readers = (*lock).readers.saturating_sub(1);
        }
        if is_seen && recording() {
            let kind = if write { PosixLock::Write } else { PosixLock::Read };
            record::step(Op::LockReleased { address, kind });
        }
        if (*lock).readers == 0 {
            let schedule = &mut rt().execution.schedule;
            schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::RwLock(at, _) if *at == address));
        }
    }
    0
}
