//! Memory that the program maps itself (`mmap(2)` and kin).

use crate::arch;
use crate::effects::irreversible;
use crate::state::{executing, rt};
use core::ffi::c_void;

fn pointer(result: i64) -> *mut c_void {
    if (-4095..0).contains(&result) {
        crate::sys::set_errno(-result as i32);
        return libc::MAP_FAILED;
    }
    result as *mut c_void
}

/// `mmap`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap(
    address: *mut c_void,
    size: usize,
    protection: i32,
    flags: i32,
    descriptor: i32,
    offset: i64,
) -> *mut c_void {
    let mut args = [address as u64, size as u64, protection as u64, flags as u64, descriptor as u64, offset as u64];
    if executing() {
        let fixed = flags & (libc::MAP_FIXED | libc::MAP_FIXED_NOREPLACE) != 0;
        let mappings = &mut rt().execution.mappings;
        if flags & libc::MAP_FIXED != 0 && !mappings.covers(address as u64, size as u64) {
            irreversible("it maps memory over what was there before the test began");
        }
        if !fixed && size > 0 {
            args[0] = mappings.place(size as u64);
        }
        if flags & libc::MAP_SHARED != 0 && flags & libc::MAP_ANONYMOUS == 0 && protection & libc::PROT_WRITE != 0 {
            irreversible("it maps a file for writing");
        }
    }
    // SAFETY: the caller's.
    let result = unsafe { arch::syscall(libc::SYS_mmap, args) };
    if executing() && result > 0 {
        rt().execution.mappings.add(result as u64, size as u64);
    }
    pointer(result)
}

/// `mmap64`.
///
/// # Safety
/// See [`mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mmap64(
    address: *mut c_void,
    size: usize,
    protection: i32,
    flags: i32,
    descriptor: i32,
    offset: i64,
) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { mmap(address, size, protection, flags, descriptor, offset) }
}

/// What is about to be done to memory older than the execution cannot be undone.
fn only_own(address: *mut c_void, size: usize, what: &str) {
    if executing() && !rt().execution.mappings.covers(address as u64, size as u64) {
        irreversible(what);
    }
}

/// `munmap`.
///
/// # Safety
/// See [`mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn munmap(address: *mut c_void, size: usize) -> i32 {
    only_own(address, size, "it unmaps memory that was there before the test began");
    // SAFETY: the caller's.
    let result = unsafe { arch::syscall(libc::SYS_munmap, [address as u64, size as u64, 0, 0, 0, 0]) };
    if executing() && result == 0 {
        rt().execution.mappings.remove(address as u64, size as u64);
    }
    super::output::answer(result) as i32
}

/// `mprotect`.
///
/// # Safety
/// See [`mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mprotect(address: *mut c_void, size: usize, protection: i32) -> i32 {
    only_own(address, size, "it changes the protection of memory that was there before the test began");
    let args = [address as u64, size as u64, protection as u64, 0, 0, 0];
    // SAFETY: the caller's.
    super::output::answer(unsafe { arch::syscall(libc::SYS_mprotect, args) }) as i32
}

/// `mremap`.
///
/// # Safety
/// See [`mmap`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mremap(
    address: *mut c_void,
    old: usize,
    new: usize,
    flags: i32,
    target: *mut c_void,
) -> *mut c_void {
    only_own(address, old, "it moves memory that was there before the test began");
    let (mut flags, mut target) = (flags as u64, target as u64);
    const FIXED: u64 = libc::MREMAP_FIXED as u64;
    if executing() && flags & libc::MREMAP_MAYMOVE as u64 != 0 && flags & FIXED == 0 && new > old {
        // Where the kernel would move it depends on what else is mapped; a place of our own does not.
        flags |= FIXED;
        target = rt().execution.mappings.place(new as u64);
    }
    // SAFETY: the caller's.
    let result = unsafe { arch::syscall(libc::SYS_mremap, [address as u64, old as u64, new as u64, flags, target, 0]) };
    if executing() && result > 0 {
        rt().execution.mappings.remove(address as u64, old as u64);
        rt().execution.mappings.add(result as u64, new as u64);
    }
    pointer(result)
}
