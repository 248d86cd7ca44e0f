//! Panics: that one was raised is noted, and the unwinder does the rest.

use crate::state::{executing, rt};
use crate::sys::Real;
use core::ffi::c_void;

/// Notes that a panic is raised; returns the unwinder's own function.
pub extern "C" fn raised() -> u64 {
    static REAL: Real<u64> = Real::new(c"_Unwind_RaiseException");
    if executing() {
        rt().execution.odd.raised = true;
    }
    REAL.get()
}

/// `_Unwind_Backtrace`. Once a panic has been raised the stack has no frames to show: a second panic, which ends the
/// process, prints them all with their names, whatever the environment asks for, and to look these up takes longer than
/// hundreds of executions. A finding has stacks of its own.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _Unwind_Backtrace(
    callback: extern "C" fn(*mut c_void, *mut c_void) -> i32,
    argument: *mut c_void,
) -> i32 {
    type Backtrace = unsafe extern "C" fn(extern "C" fn(*mut c_void, *mut c_void) -> i32, *mut c_void) -> i32;
    const END_OF_STACK: i32 = 5;
    static REAL: Real<Backtrace> = Real::new(c"_Unwind_Backtrace");
    if executing() && rt().execution.odd.raised {
        return END_OF_STACK;
    }
    // SAFETY: the caller's.
    unsafe { REAL.get()(callback, argument) }
}
