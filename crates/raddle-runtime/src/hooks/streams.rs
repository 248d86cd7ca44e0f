//! The C library's functions that move bytes between a stream (`FILE`) and memory of the caller.
//!
//! As for descriptors ([`super::buffers`]), the linker puts the functions here in their place in code under test. A stream
//! has a lock inside that no hook announces: whoever uses it comes after whoever used it before. So a call takes and gives
//! back an object that stands for the stream.
//!
//! What is written to a stream is announced before the call: it may be received by others before the call returns. What is
//! read from one is announced after it, as much as has come.
//!
//! Not seen: `fscanf`, and the order that other functions bring about, such as `fseek`.

use super::scans::measures;
use crate::{order, watch};
use core::ffi::{c_char, c_int, c_void};
use libc::FILE;
use raddle_engine::race::Kind;

unsafe extern "C" {
    fn getline(line: *mut *mut c_char, size: *mut usize, stream: *mut FILE) -> isize;
    fn getdelim(line: *mut *mut c_char, size: *mut usize, end: c_int, stream: *mut FILE) -> isize;
    fn getc(stream: *mut FILE) -> c_int;
    fn putc(byte: c_int, stream: *mut FILE) -> c_int;
    static stdout: *mut FILE;
}

/// The program's standard output.
pub fn standard_output() -> *mut FILE {
    // SAFETY: set before the program runs.
    unsafe { stdout }
}

/// A call under the lock of a stream.
pub fn locked<R>(stream: *mut FILE, call: impl FnOnce() -> R) -> R {
    order::acquired(stream as u64);
    let result = call();
    order::released(stream as u64);
    result
}

/// `fread`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_fread(to: *mut c_void, size: usize, count: usize, stream: *mut FILE) -> usize {
    // SAFETY: the caller's.
    let got = locked(stream, || unsafe { libc::fread(to, size, count, stream) });
    watch::access(to as u64, (got * size) as u64, Kind::Write);
    got
}

/// `fwrite`.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_fwrite(from: *const c_void, size: usize, count: usize, stream: *mut FILE) -> usize {
    watch::access(from as u64, size.saturating_mul(count) as u64, Kind::Read);
    // SAFETY: the caller's.
    locked(stream, || unsafe { libc::fwrite(from, size, count, stream) })
}

/// `fgets`.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_fgets(to: *mut c_char, size: c_int, stream: *mut FILE) -> *mut c_char {
    // SAFETY: the caller's. A line may hold zeros, so it is as long as the last thing that has been written tells: what is
    // announced ends at the first, which is never too much.
    unsafe {
        let line = locked(stream, || libc::fgets(to, size, stream));
        if !line.is_null() {
            watch::access(line as u64, libc::strlen(line) as u64 + 1, Kind::Write);
        }
        line
    }
}

/// `fputs`.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_fputs(text: *const c_char, stream: *mut FILE) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        measures(text, usize::MAX);
        locked(stream, || libc::fputs(text, stream))
    }
}

/// `puts`.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_puts(text: *const c_char) -> c_int {
    // SAFETY: the caller's.
    unsafe {
        measures(text, usize::MAX);
        locked(standard_output(), || libc::puts(text))
    }
}

/// A call that has put a line of this length into a buffer that it may have made itself, and that says where and how large
/// that is.
unsafe fn has_line(line: *mut *mut c_char, size: *mut usize, length: isize) -> isize {
    watch::access(line as u64, size_of::<*mut c_char>() as u64, Kind::Write);
    watch::access(size as u64, size_of::<usize>() as u64, Kind::Write);
    if length >= 0 {
        // SAFETY: the call has not failed, so the buffer is there.
        watch::access(unsafe { *line } as u64, length as u64 + 1, Kind::Write);
    }
    length
}

/// `getline`.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_getline(line: *mut *mut c_char, size: *mut usize, stream: *mut FILE) -> isize {
    // SAFETY: the caller's.
    unsafe {
        let length = locked(stream, || getline(line, size, stream));
        has_line(line, size, length)
    }
}

/// `getdelim`.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_getdelim(
    line: *mut *mut c_char,
    size: *mut usize,
    end: c_int,
    stream: *mut FILE,
) -> isize {
    // SAFETY: the caller's.
    unsafe {
        let length = locked(stream, || getdelim(line, size, end, stream));
        has_line(line, size, length)
    }
}

/// Functions that touch no memory of the caller: but what they do to a stream comes after what others did to it.
macro_rules! of_a_stream {
    ($($wrap:ident |$($argument:ident: $type:ty),*| $stream:ident, $call:expr;)*) => {$(
        /// As the C function.
        ///
        /// # Safety
        /// See [`__wrap_fread`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $wrap($($argument: $type),*) -> c_int {
            // SAFETY: the caller's.
            locked($stream, || unsafe { $call })
        }
    )*};
}

of_a_stream! {
    __wrap_fgetc |stream: *mut FILE| stream, libc::fgetc(stream);
    __wrap_getc |stream: *mut FILE| stream, getc(stream);
    __wrap_fputc |byte: c_int, stream: *mut FILE| stream, libc::fputc(byte, stream);
    __wrap_putc |byte: c_int, stream: *mut FILE| stream, putc(byte, stream);
    __wrap_fflush |stream: *mut FILE| stream, libc::fflush(stream);
}

/// `fclose`: the stream is gone when it returns.
///
/// # Safety
/// See [`__wrap_fread`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __wrap_fclose(stream: *mut FILE) -> c_int {
    order::acquired(stream as u64);
    // SAFETY: the caller's.
    unsafe { libc::fclose(stream) }
}
