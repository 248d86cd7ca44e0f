//! Signals that the kernel delivers: from other processes, from the end of a child, and `SIGPIPE`, which it raises in the
//! middle of a call.

use super::actions::{self, Action};
use super::delivery::{Target, post};
use super::{Pending, Set, bit};
use crate::state::{executing, rt};
use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Signals that have come and have not been delivered, and what the kernel has told of each.
static ARRIVED: AtomicU64 = AtomicU64::new(0);
static mut TOLD: [Pending; 65] = [Pending { signal: 0, code: 0, words: [0; 2], value: 0 }; 65];

/// The handler that the kernel has for every signal for which the program has one.
pub extern "C" fn on_signal(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: one thread, and the kernel's own structures.
    unsafe {
        if !executing() {
            if let Some(action) = actions::kept(signal) {
                call(&action, signal, info, context);
            }
            return;
        }
        let pending = Pending::told(&*info);
        if signal == libc::SIGPIPE {
            // Raised by the running thread's own call, which is the runtime's at this moment.
            post(Target::Thread(rt().execution.running), pending);
            return;
        }
        TOLD[signal as usize] = pending;
        ARRIVED.fetch_or(bit(signal), Relaxed);
    }
}

/// Calls a handler.
///
/// # Safety
/// The program's own handler.
pub unsafe fn call(action: &Action, signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the caller's; the flag tells which of the two kinds of functions it is.
    unsafe {
        if action.flags & libc::SA_SIGINFO != 0 {
            let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = core::mem::transmute(action.handler);
            handler(signal, info, context);
        } else {
            let handler: extern "C" fn(i32) = core::mem::transmute(action.handler);
            handler(signal);
        }
    }
}

/// Sends on what has arrived from outside. Whether anything had.
pub fn pass_on() -> bool {
    let arrived: Set = ARRIVED.swap(0, Relaxed);
    for signal in (1..=64).filter(|signal| arrived & bit(*signal) != 0) {
        // SAFETY: one thread; what is told of a signal is written before it counts as arrived.
        post(Target::Process, unsafe { TOLD[signal as usize] });
    }
    arrived != 0
}

/// Whether anything has arrived that has not been sent on.
pub fn has_arrived() -> bool {
    ARRIVED.load(Relaxed) != 0
}

/// Forgets what has arrived: another execution begins.
pub fn forget() {
    ARRIVED.store(0, Relaxed);
}
