//! The ways in which a process ends itself.
//!
//! Functions registered with `atexit` are not run at the end of an execution: the process goes on with the next one.

use crate::sched::finish;
use crate::state::{executing, live, rt};
use crate::sys::Real;
use raddle_protocol::trace::{Crash, Outcome};

/// Writes out what the C library's standard streams hold back.
pub fn flush() {
    // SAFETY: null asks for all streams.
    unsafe { libc::fflush(core::ptr::null_mut()) };
}

/// Ends the execution as the process would have ended.
pub fn end_process(status: i32) -> ! {
    if !executing() {
        crate::explore::ended_before_entry(&Outcome::Exited(status));
    }
    finish(if status & 0xff == 0 { Outcome::Passed } else { Outcome::Exited(status & 0xff) })
}

macro_rules! exits {
    ($($name:ident $symbol:literal $flush:literal;)*) => {$(
        /// Ends the process.
        ///
        /// # Safety
        /// As the C function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(status: i32) -> ! {
            static REAL: Real<unsafe extern "C" fn(i32) -> !> = Real::new($symbol);
            if !live() {
                // SAFETY: the caller's.
                unsafe { REAL.get()(status) }
            }
            if $flush {
                flush();
            }
            end_process(status)
        }
    )*};
}

exits! {
    exit c"exit" true;
    _exit c"_exit" false;
    _Exit c"_Exit" false;
    quick_exit c"quick_exit" false;
}

/// `abort`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn abort() -> ! {
    static REAL: Real<unsafe extern "C" fn() -> !> = Real::new(c"abort");
    if !executing() {
        // SAFETY: no arguments.
        unsafe { REAL.get()() }
    }
    let thread = rt().execution.running;
    finish(Outcome::Crashed { thread, signal: libc::SIGABRT, address: 0, cause: Crash::Abort })
}
