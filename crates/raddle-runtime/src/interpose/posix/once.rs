//! `pthread_once`.

use crate::order;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::Real;
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

const RUNNING: i32 = 1;
const DONE: i32 = 2;

/// `pthread_once`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pthread_once(once: *mut i32, routine: unsafe extern "C-unwind" fn()) -> i32 {
    type Once = unsafe extern "C-unwind" fn(*mut i32, unsafe extern "C-unwind" fn()) -> i32;
    static REAL: Real<Once> = Real::new(c"pthread_once");
    let address = once as u64;
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(once, routine);
        }
        // Once done it stays done: nothing depends on when this is seen. The C library's own support code asks often.
        if *once == DONE {
            order::acquired(address);
            return 0;
        }
        sched::point_at(AccessKind::Acquire, address);
        while *once == RUNNING {
            sched::wait(Wait::Once(address), None, !0);
        }
        if *once != DONE {
            *once = RUNNING;
            routine();
            *once = DONE;
            order::released(address);
            rt().execution.schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Once(address));
        }
    }
    order::acquired(address);
    if recording() {
        record::step(Op::LockAcquired { address, kind: PosixLock::Once, ok: true });
    }
    0
}
