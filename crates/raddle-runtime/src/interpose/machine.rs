//! What the program is told of the machine: the same everywhere, so that pools have the same size in every run.

use crate::state::{live, rt};
use crate::sys::Real;

/// The processors that the program may use, as the system call fills them in: returns the bytes written.
///
/// # Safety
/// The mask is writable.
pub unsafe fn affinity(size: usize, mask: *mut u8) -> i64 {
    let processors = rt().plan.processors.max(1) as usize;
    if size * 8 < processors || size < 8 {
        return -i64::from(libc::EINVAL);
    }
    // SAFETY: the caller's.
    unsafe {
        core::ptr::write_bytes(mask, 0, size);
        for processor in 0..processors {
            *mask.add(processor / 8) |= 1 << (processor % 8);
        }
    }
    size.min(128) as i64
}

/// `sched_getaffinity`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_getaffinity(process: i32, size: usize, mask: *mut u8) -> i32 {
    type GetAffinity = unsafe extern "C" fn(i32, usize, *mut u8) -> i32;
    static REAL: Real<GetAffinity> = Real::new(c"sched_getaffinity");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(process, size, mask);
        }
        if affinity(size, mask) < 0 {
            crate::sys::set_errno(libc::EINVAL);
            return -1;
        }
    }
    0
}

/// `sysconf`.
///
/// # Safety
/// See [`sched_getaffinity`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sysconf(name: i32) -> i64 {
    type Sysconf = unsafe extern "C" fn(i32) -> i64;
    static REAL: Real<Sysconf> = Real::new(c"sysconf");
    if live() && matches!(name, libc::_SC_NPROCESSORS_ONLN | libc::_SC_NPROCESSORS_CONF) {
        return i64::from(rt().plan.processors.max(1));
    }
    // SAFETY: the caller's.
    unsafe { REAL.get()(name) }
}

/// The system call `getcpu`: always the first processor, of the first node.
///
/// # Safety
/// As the system call.
pub unsafe fn getcpu(processor: *mut u32, node: *mut u32) -> i64 {
    for place in [processor, node] {
        if !place.is_null() {
            // SAFETY: the caller's.
            unsafe { *place = 0 };
        }
    }
    0
}

/// `sched_getcpu`: always the first.
#[unsafe(no_mangle)]
pub extern "C" fn sched_getcpu() -> i32 {
    type GetCpu = unsafe extern "C" fn() -> i32;
    static REAL: Real<GetCpu> = Real::new(c"sched_getcpu");
    // SAFETY: no arguments.
    if live() { 0 } else { unsafe { REAL.get()() } }
}
