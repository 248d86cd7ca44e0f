//! The C library's functions that only read memory: comparing, searching and measuring.
//!
//! The pass turns copying into calls of hooks, but leaves these alone, and the C library has no hooks: that two strings
//! are compared would go unseen. The linker is told to put the functions here in their place in code under test
//! (`--wrap`); the runtime's own calls, and those within the C library, stay what they are.
//!
//! A comparison may look at all that it is given, whatever comes out of it; so the C standard has it, and so a slice is
//! read by Rust's rules. A search reads up to what it finds.

use crate::watch;
use core::ffi::{c_char, c_int, c_void};
use raddle_engine::race::Kind;

/// Both ranges are read.
fn compares(one: *const c_void, other: *const c_void, size: usize) {
    watch::access(one as u64, size as u64, Kind::Read);
    watch::access(other as u64, size as u64, Kind::Read);
}

/// `memcmp`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memcmp(one: *const c_void, other: *const c_void, size: usize) -> c_int {
    compares(one, other, size);
    // SAFETY: the caller's.
    unsafe { libc::memcmp(one, other, size) }
}

/// `bcmp`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_bcmp(one: *const c_void, other: *const c_void, size: usize) -> c_int {
    compares(one, other, size);
    // SAFETY: the caller's.
    unsafe { libc::memcmp(one, other, size) }
}

/// `memchr`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memchr(start: *const c_void, byte: c_int, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    let found = unsafe { libc::memchr(start, byte, size) };
    let read = if found.is_null() { size } else { found as usize - start as usize + 1 };
    watch::access(start as u64, read as u64, Kind::Read);
    found
}

/// `memrchr`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memrchr(start: *const c_void, byte: c_int, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    let found = unsafe { libc::memrchr(start, byte, size) };
    let first = if found.is_null() { start } else { found.cast_const() };
    watch::access(first as u64, (start as usize + size - first as usize) as u64, Kind::Read);
    found
}

/// A string and what ends it, or its first `most` bytes, are read. Returns the string's length, `most` if it is not shorter.
///
/// # Safety
/// The string ends somewhere, or has `most` bytes.
pub unsafe fn measures(start: *const c_char, most: usize) -> usize {
    // SAFETY: the caller's.
    let length = unsafe { if most == usize::MAX { libc::strlen(start) } else { libc::strnlen(start, most) } };
    watch::access(start as u64, most.min(length + 1) as u64, Kind::Read);
    length
}

/// `strlen`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strlen(start: *const c_char) -> usize {
    // SAFETY: the caller's.
    unsafe { measures(start, usize::MAX) }
}

/// `strnlen`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strnlen(start: *const c_char, most: usize) -> usize {
    // SAFETY: the caller's.
    unsafe { measures(start, most) }
}

/// Two strings are read as far as they are alike, the bytes that differ included.
unsafe fn reads_alike(one: *const c_char, other: *const c_char, most: usize, same: impl Fn(c_int, c_int) -> bool) {
    let mut size = 0;
    // SAFETY: both are strings, and neither is looked at beyond its end.
    unsafe {
        while size < most {
            size += 1;
            // As the C library's functions on characters want them.
            let (left, right) = (*one.add(size - 1) as u8, *other.add(size - 1) as u8);
            if left == 0 || !same(left.into(), right.into()) {
                break;
            }
        }
    }
    compares(one.cast(), other.cast(), size);
}

/// Whether two characters are the same but for their case.
fn same_letter(one: c_int, other: c_int) -> bool {
    // SAFETY: both are characters.
    unsafe { libc::tolower(one) == libc::tolower(other) }
}

/// `strcmp`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strcmp(one: *const c_char, other: *const c_char) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        reads_alike(one, other, usize::MAX, |one, other| one == other);
        libc::strcmp(one, other)
    }
}

/// `strncmp`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strncmp(one: *const c_char, other: *const c_char, most: usize) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        reads_alike(one, other, most, |one, other| one == other);
        libc::strncmp(one, other, most)
    }
}

/// `strcasecmp`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strcasecmp(one: *const c_char, other: *const c_char) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        reads_alike(one, other, usize::MAX, same_letter);
        libc::strcasecmp(one, other)
    }
}

/// `strncasecmp`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strncasecmp(one: *const c_char, other: *const c_char, most: usize) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        reads_alike(one, other, most, same_letter);
        libc::strncasecmp(one, other, most)
    }
}

/// The characters of a set, and a string's first `length` with the one behind them, are read.
unsafe fn reads_set(text: *const c_char, set: *const c_char, length: usize) {
    // SAFETY: the caller's: both are strings, and the first has no fewer characters.
    unsafe {
        measures(set, usize::MAX);
        measures(text, length + 1);
    }
}

/// `strspn`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strspn(text: *const c_char, set: *const c_char) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let length = libc::strspn(text, set);
        reads_set(text, set, length);
        length
    }
}

/// `strcspn`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strcspn(text: *const c_char, set: *const c_char) -> usize {
    // SAFETY: the caller's.
    unsafe {
        let length = libc::strcspn(text, set);
        reads_set(text, set, length);
        length
    }
}

/// `strpbrk`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strpbrk(text: *const c_char, set: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let found = libc::strpbrk(text, set);
        reads_set(text, set, libc::strcspn(text, set));
        found
    }
}

/// `strchr`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strchr(start: *const c_char, byte: c_int) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let found = libc::strchr(start, byte);
        let most = if found.is_null() { usize::MAX } else { found as usize - start as usize + 1 };
        measures(start, most);
        found
    }
}

/// `strrchr`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strrchr(start: *const c_char, byte: c_int) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        measures(start, usize::MAX);
        libc::strrchr(start, byte)
    }
}

/// `strstr`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_strstr(text: *const c_char, word: *const c_char) -> *mut c_char {
    // SAFETY: the caller's.
    unsafe {
        let found = libc::strstr(text, word);
        let length = measures(word, usize::MAX);
        measures(text, if found.is_null() { usize::MAX } else { found as usize - text as usize + length });
        found
    }
}

/// `memmem`.
///
/// # Safety
/// See [`__wrap_memcmp`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_memmem(
    bytes: *const c_void,
    size: usize,
    word: *const c_void,
    length: usize,
) -> *mut c_void {
    // SAFETY: the caller's.
    let found = unsafe { libc::memmem(bytes, size, word, length) };
    let read = if found.is_null() { size } else { found as usize - bytes as usize + length };
    watch::access(bytes as u64, read as u64, Kind::Read);
    watch::access(word as u64, length as u64, Kind::Read);
    found
}
