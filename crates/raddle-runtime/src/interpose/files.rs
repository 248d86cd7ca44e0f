//! Files: opening one to read is undone by closing it; whatever changes the file system is not undone. What the calls on a
//! path have in common is in [`super::paths`].

use super::output::answer;
use super::paths;
use crate::arch;
use crate::effects::changes_files;
use crate::record;
use crate::state::{executing, recording};
use crate::sys::Real;
use core::ffi::{CStr, c_char};
use raddle_protocol::Op;
use raddle_protocol::trace::PathCall;

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
        changes_files(&format!("it opens `{}` for writing", path.to_string_lossy()));
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
        let make = || arch::syscall(libc::SYS_openat, args);
        let what = || match flags & (libc::O_CREAT | libc::O_EXCL) {
            0 | libc::O_EXCL if flags & libc::O_TRUNC != 0 => PathCall::Empties,
            0 | libc::O_EXCL => PathCall::Opens,
            libc::O_CREAT if !paths::is_there(CStr::from_ptr(path)) => PathCall::Makes,
            libc::O_CREAT => PathCall::Replaces,
            _ => PathCall::Makes,
        };
        let result = answer(paths::call(directory, path, make, what)) as i32;
        if executing() && result >= 0 {
            crate::effects::opened(result);
            super::io::file_times::opened(result, flags);
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

macro_rules! on_paths {
    ($($name:ident($($argument:ident: $kind:ty),*), $what:literal, $call:expr, $directory:expr, $path:ident,
        $number:ident, [$($value:expr),*];)*) => {$(
        /// Changes the file system, or how it is seen.
        ///
        /// # Safety
        /// See [`openat`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> i32 {
            changes_files($what);
            let mut args = [0u64; 6];
            let values: &[u64] = &[$($value as u64),*];
            args[..values.len()].copy_from_slice(values);
            // SAFETY: the caller's.
            unsafe { answer(paths::call($directory, $path, || arch::syscall(libc::$number, args), || $call)) as i32 }
        }
    )*};
}

/// The directory to which paths are relative.
const HERE: i32 = libc::AT_FDCWD;

on_paths! {
    mkdir(path: *const c_char, mode: u32), "it makes a directory", PathCall::Makes, HERE, path,
        SYS_mkdirat, [HERE, path, mode];
    mkdirat(directory: i32, path: *const c_char, mode: u32), "it makes a directory", PathCall::Makes, directory, path,
        SYS_mkdirat, [directory, path, mode];
    rmdir(path: *const c_char), "it removes a directory", PathCall::Removes, HERE, path,
        SYS_unlinkat, [HERE, path, libc::AT_REMOVEDIR];
    unlink(path: *const c_char), "it removes a file", PathCall::Removes, HERE, path,
        SYS_unlinkat, [HERE, path];
    unlinkat(directory: i32, path: *const c_char, flags: i32), "it removes a file", PathCall::Removes, directory, path,
        SYS_unlinkat, [directory, path, flags];
    link(from: *const c_char, to: *const c_char), "it links a file", PathCall::Makes, HERE, to,
        SYS_linkat, [HERE, from, HERE, to];
    linkat(old: i32, from: *const c_char, new: i32, to: *const c_char, flags: i32), "it links a file",
        PathCall::Makes, new, to, SYS_linkat, [old, from, new, to, flags];
    symlink(from: *const c_char, to: *const c_char), "it makes a symbolic link", PathCall::Makes, HERE, to,
        SYS_symlinkat, [from, HERE, to];
    symlinkat(from: *const c_char, directory: i32, to: *const c_char), "it makes a symbolic link", PathCall::Makes,
        directory, to, SYS_symlinkat, [from, directory, to];
    chdir(path: *const c_char), "it changes the working directory", PathCall::Enters, HERE, path, SYS_chdir, [path];
}

/// `renameat2`: with flags it does not replace, or exchanges; then it is not followed.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat2(old: i32, from: *const c_char, new: i32, to: *const c_char, flags: u32) -> i32 {
    changes_files("it renames a file");
    let args = [old as u64, from as u64, new as u64, to as u64, flags.into(), 0];
    // SAFETY: the caller's.
    unsafe {
        let make = || arch::syscall(libc::SYS_renameat2, args);
        answer(if flags == 0 { paths::renames((old, from), (new, to), make) } else { make() }) as i32
    }
}

/// `renameat`.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn renameat(old: i32, from: *const c_char, new: i32, to: *const c_char) -> i32 {
    // SAFETY: the caller's.
    unsafe { renameat2(old, from, new, to, 0) }
}

/// `rename`.
///
/// # Safety
/// See [`openat`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> i32 {
    // SAFETY: the caller's.
    unsafe { renameat2(HERE, from, HERE, to, 0) }
}

macro_rules! syncs {
    ($($name:ident $symbol:literal;)*) => {$(
        /// Waits until what has been written lies on the disk.
        ///
        /// # Safety
        /// See [`openat`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(descriptor: i32) -> i32 {
            static REAL: Real<unsafe extern "C" fn(i32) -> i32> = Real::new($symbol);
            if recording() {
                record::step(Op::Io { call: stringify!($name).to_owned(), descriptor, blocked: true });
            }
            // SAFETY: the caller's.
            unsafe { REAL.get()(descriptor) }
        }
    )*};
}

syncs! {
    fsync c"fsync";
    fdatasync c"fdatasync";
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
            changes_files($what);
            // SAFETY: the caller's.
            let answer = unsafe { REAL.get()($($argument),*) };
            super::io::polling::changed();
            answer
        }
    )*};
}

changes! {
    truncate64(path: *const c_char, size: i64) c"truncate64" "it changes a file's size";
    chmod(path: *const c_char, mode: u32) c"chmod" "it changes a file's mode";
    fchdir(directory: i32) c"fchdir" "it changes the working directory";
    mkfifo(path: *const c_char, mode: u32) c"mkfifo" "it makes a named pipe";
}
