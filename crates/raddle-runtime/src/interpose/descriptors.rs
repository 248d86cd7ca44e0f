//! Descriptors: which belong to the present execution, and which calls a rewind could not undo.
//!
//! Objects that live inside the process (pipes, event counters, socket pairs, epoll sets) vanish when their descriptors
//! are closed, which a rewind does. Writing to anything older than the execution cannot be undone.

use super::io::{self, part_locks};
use super::output::answer;
use crate::arch;
use crate::effects::irreversible;
use crate::state::{executing, rt};

fn note(result: isize) -> isize {
    if executing() && result >= 0 {
        crate::effects::opened(result as i32);
    }
    result
}

/// About to close a descriptor.
pub fn closing(descriptor: i32) {
    if !executing() {
        return;
    }
    if rt().execution.effects.owns(descriptor) {
        // Whoever is at the other end can tell.
        io::announce();
        io::closing(descriptor);
        io::polling::changed();
        rt().execution.effects.closed(descriptor);
    } else if (0..3).contains(&descriptor) {
        irreversible("it closes a standard stream");
    } else {
        irreversible("it closes a descriptor that was open before the test began");
    }
}

/// `close`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close(descriptor: i32) -> i32 {
    if descriptor >= 0 && descriptor == crate::state::report_descriptor() {
        crate::sys::set_errno(libc::EBADF);
        return -1;
    }
    // SAFETY: the caller's. A descriptor that is not open is only told so.
    unsafe {
        let open = arch::syscall(libc::SYS_fcntl, [descriptor as u64, libc::F_GETFD as u64, 0, 0, 0, 0]) >= 0;
        if open {
            closing(descriptor);
        }
        answer(arch::syscall(libc::SYS_close, [descriptor as u64, 0, 0, 0, 0, 0])) as i32
    }
}

/// `close_range`: leaves the runtime's own descriptor open.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn close_range(first: u32, last: u32, flags: i32) -> i32 {
    irreversible("it closes a range of descriptors");
    let own = crate::state::report_descriptor();
    let call = |from: u32, to: u32| {
        // SAFETY: the caller's.
        answer(unsafe { arch::syscall(libc::SYS_close_range, [from.into(), to.into(), flags as u64, 0, 0, 0]) }) as i32
    };
    match u32::try_from(own) {
        Ok(own) if (first..=last).contains(&own) => {
            let below = if own > first { call(first, own - 1) } else { 0 };
            let above = if own < last { call(own + 1, last) } else { 0 };
            below.min(above)
        }
        _ => call(first, last),
    }
}

macro_rules! internal_objects {
    ($($name:ident($($argument:ident),*) = $number:expr, [$($value:expr),*];)*) => {$(
        /// Makes an object inside the process.
        ///
        /// # Safety
        /// See [`close`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: u64),*) -> i32 {
            let mut args = [0u64; 6];
            let values: &[u64] = &[$($value),*];
            args[..values.len()].copy_from_slice(values);
            // SAFETY: the caller's.
            note(answer(unsafe { arch::syscall($number, args) })) as i32
        }
    )*};
}

internal_objects! {
    eventfd(initial, flags) = libc::SYS_eventfd2, [initial & 0xffff_ffff, flags & 0xffff_ffff];
    epoll_create1(flags) = libc::SYS_epoll_create1, [flags];
    epoll_create(_size) = libc::SYS_epoll_create1, [0];
    memfd_create(name, flags) = libc::SYS_memfd_create, [name, flags & 0xffff_ffff];
    dup(descriptor) = libc::SYS_dup, [descriptor];
    socket(domain, kind, protocol) = libc::SYS_socket, [domain, kind, protocol];
}

/// A call that makes two descriptors at `pair`.
unsafe fn two(number: i64, args: [u64; 6], pair: *const i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        let result = answer(arch::syscall(number, args)) as i32;
        if result == 0 {
            note(*pair as isize);
            note(*pair.add(1) as isize);
        }
        result
    }
}

/// `pipe2`.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pipe2(pair: *mut i32, flags: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        let result = two(libc::SYS_pipe2, [pair as u64, flags as u64, 0, 0, 0, 0], pair);
        if result == 0 && executing() {
            usual_size(*pair);
        }
        result
    }
}

/// The kernel gives a user who has many pipes smaller ones. How many there are is no business of the program's, so a pipe
/// is made as large as usual, where the kernel allows it.
fn usual_size(pipe: i32) {
    const USUAL: u64 = 64 << 10;
    // SAFETY: plain fcntl.
    let fcntl =
        |what: i32, size: u64| unsafe { arch::syscall(libc::SYS_fcntl, [pipe as u64, what as u64, size, 0, 0, 0]) };
    if fcntl(libc::F_GETPIPE_SZ, 0) < USUAL as i64 {
        fcntl(libc::F_SETPIPE_SZ, USUAL);
    }
}

/// `pipe`.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pipe(pair: *mut i32) -> i32 {
    // SAFETY: the caller's.
    unsafe { pipe2(pair, 0) }
}

/// `socketpair`.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socketpair(domain: i32, kind: i32, protocol: i32, pair: *mut i32) -> i32 {
    let args = [domain as u64, kind as u64, protocol as u64, pair as u64, 0, 0];
    // SAFETY: the caller's.
    unsafe { two(libc::SYS_socketpair, args, pair) }
}

/// `dup2` and `dup3` can replace a descriptor that is older than the execution.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup3(from: i32, to: i32, flags: i32) -> i32 {
    if executing() && !rt().execution.effects.owns(to) {
        // SAFETY: plain fcntl.
        let open = unsafe { arch::syscall(libc::SYS_fcntl, [to as u64, libc::F_GETFD as u64, 0, 0, 0, 0]) } >= 0;
        if open {
            irreversible("it puts another file in the place of a descriptor that was open before the test began");
        }
    }
    // SAFETY: the caller's.
    note(answer(unsafe { arch::syscall(libc::SYS_dup3, [from as u64, to as u64, flags as u64, 0, 0, 0]) })) as i32
}

/// `dup2`.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dup2(from: i32, to: i32) -> i32 {
    if from == to {
        return to;
    }
    // SAFETY: the caller's.
    unsafe { dup3(from, to, 0) }
}

/// `fcntl`: the forms that make descriptors are noted, and those that lock parts of files wait as fibers.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl(descriptor: i32, command: i32, argument: u64) -> i32 {
    // SAFETY: the caller's.
    if let Some(result) = unsafe { part_locks::fcntl(descriptor, command, argument) } {
        return answer(result) as i32;
    }
    let call = [descriptor as u64, command as u64, argument, 0, 0, 0];
    // SAFETY: the caller's.
    let result = answer(unsafe { arch::syscall(libc::SYS_fcntl, call) });
    if matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
        note(result);
    }
    result as i32
}

/// `fcntl64`.
///
/// # Safety
/// See [`close`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fcntl64(descriptor: i32, command: i32, argument: u64) -> i32 {
    // SAFETY: the caller's.
    unsafe { fcntl(descriptor, command, argument) }
}
