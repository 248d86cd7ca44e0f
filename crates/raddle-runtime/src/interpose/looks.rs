//! Calls that ask about a path and change nothing.

use super::io::file_times;
use super::io::polling::will_write;
use super::output::answer;
use super::paths;
use crate::arch::syscall;
use core::ffi::{c_char, c_void};
use libc::{AT_FDCWD, AT_SYMLINK_NOFOLLOW};
use raddle_protocol::trace::PathCall;

/// Asks about a path by a system call that takes directory and path first, and fills in `buffer`.
unsafe fn ask(number: i64, args: [u64; 6], buffer: *mut c_void, size: usize) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        // Without a path it is a question whether the kernel knows the call, with a buffer that is none.
        if args[1] != 0 {
            will_write(buffer, size);
        }
        let make = || syscall(number, args);
        answer(paths::call(args[0] as i32, args[1] as *const c_char, make, || PathCall::Looks)) as i32
    }
}

/// `fstatat`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fstatat(directory: i32, path: *const c_char, buffer: *mut libc::stat, flags: i32) -> i32 {
    let args = [directory as u64, path as u64, buffer as u64, flags as u64, 0, 0];
    // SAFETY: the caller's. The two structures are one on this platform.
    unsafe {
        let result = ask(libc::SYS_newfstatat, args, buffer as *mut c_void, size_of::<libc::stat>());
        if result == 0 {
            file_times::told(&mut *buffer);
        }
        result
    }
}

/// `fstatat64`.
///
/// # Safety
/// See [`fstatat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fstatat64(directory: i32, path: *const c_char, buffer: *mut libc::stat, flags: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe { fstatat(directory, path, buffer, flags) }
}

macro_rules! stats {
    ($($name:ident: $flags:expr;)*) => {$(
        /// Asks about a path.
        ///
        /// # Safety
        /// See [`fstatat`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(path: *const c_char, buffer: *mut libc::stat) -> i32 {
            // SAFETY: the caller's.
            unsafe { fstatat(AT_FDCWD, path, buffer, $flags) }
        }
    )*};
}

stats! {
    stat: 0;
    stat64: 0;
    lstat: AT_SYMLINK_NOFOLLOW;
    lstat64: AT_SYMLINK_NOFOLLOW;
}

/// `fstat`.
///
/// # Safety
/// See [`fstatat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fstat(descriptor: i32, buffer: *mut libc::stat) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        will_write(buffer as *mut c_void, size_of::<libc::stat>());
        let result = answer(syscall(libc::SYS_fstat, [descriptor as u64, buffer as u64, 0, 0, 0, 0])) as i32;
        if result == 0 {
            file_times::told(&mut *buffer);
        }
        result
    }
}

/// `fstat64`.
///
/// # Safety
/// See [`fstatat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fstat64(descriptor: i32, buffer: *mut libc::stat) -> i32 {
    // SAFETY: the caller's.
    unsafe { fstat(descriptor, buffer) }
}

/// `statx`.
///
/// # Safety
/// See [`fstatat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn statx(
    directory: i32,
    path: *const c_char,
    flags: i32,
    mask: u32,
    buffer: *mut libc::statx,
) -> i32 {
    let args = [directory as u64, path as u64, flags as u64, mask.into(), buffer as u64, 0];
    // SAFETY: the caller's.
    unsafe {
        let result = ask(libc::SYS_statx, args, buffer as *mut c_void, size_of::<libc::statx>());
        if result == 0 {
            file_times::told_at_length(&mut *buffer);
        }
        result
    }
}

/// `faccessat`.
///
/// # Safety
/// See [`fstatat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn faccessat(directory: i32, path: *const c_char, mode: i32, flags: i32) -> i32 {
    let number = if flags == 0 { libc::SYS_faccessat } else { libc::SYS_faccessat2 };
    let args = [directory as u64, path as u64, mode as u64, flags as u64, 0, 0];
    // SAFETY: the caller's.
    unsafe { ask(number, args, core::ptr::null_mut(), 0) }
}

/// `access`.
///
/// # Safety
/// See [`fstatat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn access(path: *const c_char, mode: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe { faccessat(AT_FDCWD, path, mode, 0) }
}
