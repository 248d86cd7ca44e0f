//! The program's standard output and error: kept, not shown, while executions are explored; handed on in a replay.

use crate::arch;
use crate::record;
use crate::state::{executing, recording, rt};
use crate::sys::set_errno;

/// Whether writes to this descriptor are the program's own output.
fn is_output(descriptor: i32) -> bool {
    executing() && (descriptor == 1 || descriptor == 2) && !rt().execution.effects.owns(descriptor)
}

fn take(descriptor: i32, bytes: &[u8]) {
    crate::crash::progress();
    if recording() {
        record::output(bytes);
        if rt().live_output {
            crate::sys::write_all(descriptor, bytes);
        }
    }
}

/// `write`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(descriptor: i32, buffer: *const u8, size: usize) -> isize {
    // SAFETY: the caller's.
    unsafe {
        if is_output(descriptor) {
            take(descriptor, core::slice::from_raw_parts(buffer, size));
            return size as isize;
        }
        if executing() {
            super::descriptors::before_write(descriptor);
        }
        answer(arch::syscall(libc::SYS_write, [descriptor as u64, buffer as u64, size as u64, 0, 0, 0]))
    }
}

/// `writev`.
///
/// # Safety
/// See [`write`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn writev(descriptor: i32, parts: *const libc::iovec, count: i32) -> isize {
    // SAFETY: the caller's.
    unsafe {
        if is_output(descriptor) {
            let mut total = 0;
            for part in core::slice::from_raw_parts(parts, count.max(0) as usize) {
                if part.iov_len > 0 {
                    take(descriptor, core::slice::from_raw_parts(part.iov_base as *const u8, part.iov_len));
                }
                total += part.iov_len;
            }
            return total as isize;
        }
        if executing() {
            super::descriptors::before_write(descriptor);
        }
        answer(arch::syscall(libc::SYS_writev, [descriptor as u64, parts as u64, count as u64, 0, 0, 0]))
    }
}

/// The C library's form of a system call's answer.
pub fn answer(result: i64) -> isize {
    if (-4095..0).contains(&result) {
        set_errno(-result as i32);
        return -1;
    }
    result as isize
}
