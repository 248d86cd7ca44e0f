//! Functions of the C library that answer into memory of the caller: paths, what is known of a file, pairs of descriptors.
//!
//! As for strings ([`super::scans`]), the linker puts the functions here in their place in code under test. What a call has
//! answered is announced when it returns, and only if it has not failed; a path that it is given is read before.
//!
//! Not here: calls whose answer lies in a variable of the caller's alone, as a rule (clocks, addresses of sockets, lists of
//! descriptors to wait for).

use super::scans::measures;
use crate::watch;
use core::ffi::{c_char, c_int};
use raddle_engine::race::Kind;

/// Bytes have been answered.
fn answered<T>(place: *mut T, count: usize) {
    watch::access(place as u64, (count * size_of::<T>()) as u64, Kind::Write);
}

/// A text has been answered, if the call has not failed.
unsafe fn text(answer: *mut c_char) -> *mut c_char {
    if !answer.is_null() {
        // SAFETY: the caller's: it is a string.
        answered(answer, unsafe { libc::strlen(answer) } + 1);
    }
    answer
}

/// `getcwd`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_getcwd(to: *mut c_char, size: usize) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe { text(libc::getcwd(to, size)) }
}

/// `realpath`.
///
/// # Safety
/// See [`__wrap_getcwd`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_realpath(path: *const c_char, to: *mut c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        if !path.is_null() {
            measures(path, usize::MAX);
        }
        text(libc::realpath(path, to))
    }
}

/// `readlink`: no zero ends what it answers.
///
/// # Safety
/// See [`__wrap_getcwd`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_readlink(path: *const c_char, to: *mut c_char, size: usize) -> isize {
    // SAFETY: the caller's.
    unsafe {
        measures(path, usize::MAX);
        let length = libc::readlink(path, to, size);
        answered(to, usize::try_from(length).unwrap_or(0));
        length
    }
}

macro_rules! answers {
    ($($wrap:ident $name:ident($($argument:ident: $type:ty),*) $answer:ident $count:literal;)*) => {$(
        /// As the C function.
        ///
        /// # Safety
        /// See [`__wrap_getcwd`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $wrap($($argument: $type),*) -> c_int {
            // SAFETY: the caller's.
            let result = unsafe { libc::$name($($argument),*) };
            if result == 0 {
                answered($answer, $count);
            }
            result
        }
    )*};
}

answers! {
    __wrap_stat stat(path: *const c_char, answer: *mut libc::stat) answer 1;
    __wrap_stat64 stat64(path: *const c_char, answer: *mut libc::stat64) answer 1;
    __wrap_lstat lstat(path: *const c_char, answer: *mut libc::stat) answer 1;
    __wrap_lstat64 lstat64(path: *const c_char, answer: *mut libc::stat64) answer 1;
    __wrap_fstat fstat(descriptor: c_int, answer: *mut libc::stat) answer 1;
    __wrap_fstat64 fstat64(descriptor: c_int, answer: *mut libc::stat64) answer 1;
    __wrap_pipe pipe(answer: *mut c_int) answer 2;
    __wrap_pipe2 pipe2(answer: *mut c_int, flags: c_int) answer 2;
    __wrap_socketpair socketpair(family: c_int, kind: c_int, protocol: c_int, answer: *mut c_int) answer 2;
}
