//! Functions of the C library that answer into memory of its own: one place for all threads, which the next call of any of
//! them writes again (POSIX: they "need not be thread-safe"). What the library writes there is announced when the call
//! returns; a caller reads it by itself.
//!
//! Not here: functions whose answer glibc keeps for each thread (`strerror`, `inet_ntoa`) or for each stream (`readdir`).

use super::environment::looked_into;
use crate::state::executing;
use crate::sys::Real;
use crate::watch;
use core::ffi::{c_char, c_int, c_void};
use raddle_engine::race::Kind;

/// What `ctime` and `asctime` answer.
type DateText = [c_char; 26];

fn answered<T>(answer: *mut T) -> *mut T {
    if executing() && !answer.is_null() {
        watch::access(answer as u64, size_of::<T>() as u64, Kind::Write);
    }
    answer
}

fn nothing() {}

macro_rules! static_answers {
    ($($before:ident: $name:literal $function:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {$(
        /// As the C function of this name; what it has answered is announced.
        ///
        /// # Safety
        /// As the C function.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function($($argument: $type),*) -> *mut $answer {
            static REAL: Real<unsafe extern "C" fn($($type),*) -> *mut $answer> = Real::new($name);
            $before();
            // SAFETY: the caller's.
            answered(unsafe { REAL.get()($($argument),*) })
        }
    )*};
}

static_answers! {
    looked_into: c"localtime" localtime(time: *const c_void) -> libc::tm;
    nothing: c"gmtime" gmtime(time: *const c_void) -> libc::tm;
    looked_into: c"ctime" ctime(time: *const c_void) -> DateText;
    nothing: c"asctime" asctime(parts: *const c_void) -> DateText;
    nothing: c"getpwnam" getpwnam(name: *const c_char) -> libc::passwd;
    nothing: c"getpwuid" getpwuid(user: u32) -> libc::passwd;
    nothing: c"getgrnam" getgrnam(name: *const c_char) -> libc::group;
    nothing: c"getgrgid" getgrgid(group: u32) -> libc::group;
    nothing: c"gethostbyname" gethostbyname(name: *const c_char) -> libc::hostent;
    nothing: c"getservbyname" getservbyname(name: *const c_char, protocol: *const c_char) -> libc::servent;
    nothing: c"getservbyport" getservbyport(port: c_int, protocol: *const c_char) -> libc::servent;
    nothing: c"getprotobyname" getprotobyname(name: *const c_char) -> libc::protoent;
}
