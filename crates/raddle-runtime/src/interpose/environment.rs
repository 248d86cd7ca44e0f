//! The environment of the process: functions that change it while others look into it.
//!
//! POSIX lets nobody read the environment while it is changed. Who reads it is not always told by the name: whatever deals
//! with local time looks for the time zone there. Rust's own functions do it under a lock of the standard library, which a C
//! library does not take and does not know of; hence the unsoundness of `chrono` before 0.4.20 and `time` before 0.2.23.
//!
//! The pointer to the environment stands for all of it: looking into it reads that pointer, changing it writes it. Changes
//! are ordered among themselves, by a lock of the C library's.
//!
//! Not seen: what the C library looks up for itself on other occasions (names of hosts, languages, programs to be started).

use crate::order;
use crate::state::executing;
use crate::sys::Real;
use crate::watch;
use core::ffi::{c_char, c_void};
use raddle_engine::race::Kind;

/// Stands for the C library's lock around changes.
const CHANGES: u64 = 2;

unsafe extern "C" {
    static environ: *const *const c_char;
}

fn place() -> u64 {
    (&raw const environ) as u64
}

/// The running thread looks into the environment.
pub fn looked_into() {
    if executing() {
        watch::access(place(), size_of::<*const c_void>() as u64, Kind::Read);
    }
}

fn changed() {
    if executing() {
        order::acquired(CHANGES);
        watch::access(place(), size_of::<*const c_void>() as u64, Kind::Write);
        order::released(CHANGES);
    }
}

macro_rules! environment {
    ($($what:ident: $name:literal $function:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        /// As the C function of this name, after it has been noted what it does to the environment.
        ///
        /// # Safety
        /// As the C function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function($($argument: $type),*) $(-> $result)? {
            static REAL: Real<unsafe extern "C" fn($($type),*) $(-> $result)?> = Real::new($name);
            $what();
            // SAFETY: the caller's.
            unsafe { REAL.get()($($argument),*) }
        }
    )*};
}

environment! {
    looked_into: c"getenv" getenv(name: *const c_char) -> *mut c_char;
    looked_into: c"secure_getenv" secure_getenv(name: *const c_char) -> *mut c_char;
    looked_into: c"localtime_r" localtime_r(time: *const c_void, parts: *mut c_void) -> *mut c_void;
    looked_into: c"mktime" mktime(parts: *mut c_void) -> i64;
    looked_into: c"tzset" tzset();
    changed: c"setenv" setenv(name: *const c_char, value: *const c_char, replace: i32) -> i32;
    changed: c"putenv" putenv(entry: *mut c_char) -> i32;
    changed: c"unsetenv" unsetenv(name: *const c_char) -> i32;
    changed: c"clearenv" clearenv() -> i32;
}
