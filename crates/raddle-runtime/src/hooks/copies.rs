//! The C library's functions that copy strings, and its sort.
//!
//! As for those that only read ([`super::scans`]), the pass knows nothing of them and the linker puts the functions here
//! in their place. What they touch is announced before they touch it, or after, where only the result tells how much that is.
//!
//! Not seen: the string that `strtok` keeps for its next call; and `memcpy`, `memmove` and `memset` where code calls them by
//! these names and the compiler has not taken them for its own, as in C compiled by gcc.

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

/// `stpncpy`: as `strncpy`, but for what it returns.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_stpncpy(to: *mut c_char, from: *const c_char, size: usize) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        measures(from, size);
        writes(to, size);
        libc::stpncpy(to, from, size)
    }
}

/// `memccpy`: it ends behind the byte that it is told.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memccpy(to: *mut c_void, from: *const c_void, end: c_int, most: usize) -> *mut c_void {
    // SAFETY: the caller's.
    let behind = unsafe { libc::memccpy(to, from, end, most) };
    let size = if behind.is_null() { most } else { behind as usize - to as usize };
    watch::access(from as u64, size as u64, Kind::Read);
    writes(to.cast(), size);
    behind
}

/// `mempcpy`.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_mempcpy(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    watch::access(from as u64, size as u64, Kind::Read);
    writes(to.cast(), size);
    // SAFETY: the caller's.
    unsafe { libc::mempcpy(to, from, size) }
}

/// `strdup`.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strdup(from: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let length = measures(from, usize::MAX);
        let copy = libc::strdup(from);
        if !copy.is_null() {
            writes(copy, length + 1);
        }
        copy
    }
}

/// `strndup`.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strndup(from: *const c_char, most: usize) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let length = measures(from, most);
        let copy = libc::strndup(from, most);
        if !copy.is_null() {
            writes(copy, length + 1);
        }
        copy
    }
}

/// `strtok_r`: it puts a zero behind the word that it finds, and keeps where the rest of the string begins.
///
/// # Safety
/// See [`__wrap_strcpy`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strtok_r(
    text: *mut c_char,
    between: *const c_char,
    kept: *mut *mut c_char,
) -> *mut c_char {
    const POINTER: u64 = size_of::<*mut c_char>() as u64;
    // SAFETY: the caller's.
    unsafe {
        measures(between, usize::MAX);
        if text.is_null() {
            watch::access(kept as u64, POINTER, Kind::Read);
        }
        let start = if text.is_null() { *kept } else { text };
        let word = libc::strtok_r(text, between, kept);
        watch::access(kept as u64, POINTER, Kind::Write);
        if word.is_null() {
            if !start.is_null() {
                measures(start, usize::MAX);
            }
            return word;
        }
        let end = word.add(libc::strlen(word));
        watch::access(start as u64, (end as u64 - start as u64) + 1, Kind::Read);
        // Where the string ends with the word, there is a zero already.
        if *kept != end {
            writes(end, 1);
        }
        word
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
