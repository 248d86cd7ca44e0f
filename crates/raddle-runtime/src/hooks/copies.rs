//! The C library's functions that copy strings, and its sort.
//!
//! As for those that only read ([`super::scans`]), the pass knows nothing of them and the linker puts the functions here
//! in their place. What they touch is announced before they touch it.
//!
//! Not here: functions that take any number of arguments (`snprintf`, `sscanf`), which stable Rust cannot define. What
//! they read and write goes unseen.

use super::scans::measures;
use crate::watch;
use core::ffi::{c_char, c_int, c_void};
use raddle_engine::race::Kind;

fn writes(start: *mut c_char, size: usize) {
    watch::access(start as u64, size as u64, Kind::Write);
}

/// `strcpy`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strcpy(to: *mut c_char, from: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        writes(to, measures(from, usize::MAX) + 1);
        libc::strcpy(to, from)
    }
}

/// `stpcpy`.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_stpcpy(to: *mut c_char, from: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let length = measures(from, usize::MAX);
        writes(to, length + 1);
        libc::strcpy(to, from).add(length)
    }
}

/// `strncpy`: it fills up with zeros.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strncpy(to: *mut c_char, from: *const c_char, size: usize) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        measures(from, size);
        writes(to, size);
        libc::strncpy(to, from, size)
    }
}

/// `strcat`.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strcat(to: *mut c_char, from: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let end = to.add(measures(to, usize::MAX));
        writes(end, measures(from, usize::MAX) + 1);
        libc::strcat(to, from)
    }
}

/// `strncat`: it always ends with a zero.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strncat(to: *mut c_char, from: *const c_char, most: usize) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let end = to.add(measures(to, usize::MAX));
        writes(end, measures(from, most) + 1);
        libc::strncat(to, from, most)
    }
}

type Compare = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;

/// `qsort`: it may move all items, in what order is its own business. What the comparison reads is announced by the
/// comparison.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_qsort(items: *mut c_void, count: usize, size: usize, compare: Option<Compare>) {
    if count > 1 {
        writes(items.cast(), count.saturating_mul(size));
    }
    // SAFETY: the caller's.
    unsafe { libc::qsort(items, count, size, compare) }
}
