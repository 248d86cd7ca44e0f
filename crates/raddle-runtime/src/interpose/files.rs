//! Files: opening one to read is undone by closing it; whatever changes the file system is not undone.

use super::output::answer;
use crate::arch;
use crate::effects::irreversible;
use crate::state::{executing, rt};
use crate::sys::Real;
use core::ffi::{CStr, c_char};

/// Devices that keep nothing of what is written to them.
const HARMLESS: [&[u8]; 2] = [b"/dev/null", b"/dev/zero"];

unsafe fn before_open(path: *const c_char, flags: i32) {
    if !executing() {
        return;
    }
    // SAFETY: the caller's.
    let path = unsafe { CStr::from_ptr(path) };
    let changes = flags & libc::O_ACCMODE != libc::O_RDONLY || flags & (libc::O_CREAT | libc::O_TRUNC) != 0;
    if changes && !HARMLESS.contains(&path.to_bytes()) {
        irreversible(&format!("it opens `{}` for writing", path.to_string_lossy()));
    }
}

/// `openat`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat(directory: i32, path: *const c_char, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        before_open(path, flags);
        let args = [directory as u64, path as u64, flags as u64, mode.into(), 0, 0];
        let result = answer(arch::syscall(libc::SYS_openat, args)) as i32;
        if executing() && result >= 0 {
            rt().execution.effects.opened(result);
        }
        result
    }
}

/// `open`.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open(path: *const c_char, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// `open64`.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn open64(path: *const c_char, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { openat(libc::AT_FDCWD, path, flags, mode) }
}

/// `openat64`.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn openat64(directory: i32, path: *const c_char, flags: i32, mode: u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { openat(directory, path, flags, mode) }
}

/// `creat`.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn creat(path: *const c_char, mode: u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { open(path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode) }
}

macro_rules! changes {
    ($($name:ident($($argument:ident: $kind:ty),*) $symbol:literal $what:literal;)*) => {$(
        /// Changes the file system.
        ///
        /// # Safety
        /// See [`openat`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> i32 {
            static REAL: Real<unsafe extern "C" fn($($kind),*) -> i32> = Real::new($symbol);
            irreversible($what);
            // SAFETY: the caller's.
            unsafe { REAL.get()($($argument),*) }
        }
    )*};
}

changes! {
    mkdir(path: *const c_char, mode: u32) c"mkdir" "it makes a directory";
    mkdirat(directory: i32, path: *const c_char, mode: u32) c"mkdirat" "it makes a directory";
    rmdir(path: *const c_char) c"rmdir" "it removes a directory";
    unlink(path: *const c_char) c"unlink" "it removes a file";
    unlinkat(directory: i32, path: *const c_char, flags: i32) c"unlinkat" "it removes a file";
    rename(from: *const c_char, to: *const c_char) c"rename" "it renames a file";
    renameat(d1: i32, from: *const c_char, d2: i32, to: *const c_char) c"renameat" "it renames a file";
    link(from: *const c_char, to: *const c_char) c"link" "it links a file";
    linkat(d1: i32, from: *const c_char, d2: i32, to: *const c_char, flags: i32) c"linkat" "it links a file";
    symlink(from: *const c_char, to: *const c_char) c"symlink" "it makes a symbolic link";
    symlinkat(from: *const c_char, directory: i32, to: *const c_char) c"symlinkat" "it makes a symbolic link";
    truncate64(path: *const c_char, size: i64) c"truncate64" "it changes a file's size";
    chmod(path: *const c_char, mode: u32) c"chmod" "it changes a file's mode";
    chdir(path: *const c_char) c"chdir" "it changes the working directory";
    fchdir(directory: i32) c"fchdir" "it changes the working directory";
    mkfifo(path: *const c_char, mode: u32) c"mkfifo" "it makes a named pipe";
}
