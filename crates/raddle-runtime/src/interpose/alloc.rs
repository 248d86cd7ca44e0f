//! The allocator family (`malloc`, `free` and kin, C17 7.22.3 and POSIX).
//!
//! Blocks from before the runtime took charge are the C library's and go back to it.

use crate::heap;
use crate::state::live;
use crate::sys::set_errno;
use core::ffi::c_void;
use core::ptr::null_mut;

unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(align: usize, size: usize) -> *mut c_void;
    fn __libc_free(block: *mut c_void);
}

fn give(block: *mut u8) -> *mut c_void {
    if block.is_null() {
        set_errno(libc::ENOMEM);
    }
    block as *mut c_void
}

/// `malloc`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    if !live() {
        // SAFETY: the caller's.
        return unsafe { __libc_malloc(size) };
    }
    give(heap::allocate(size as u64, 16, false))
}

/// `calloc`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    if !live() {
        // SAFETY: the caller's.
        return unsafe { __libc_calloc(count, size) };
    }
    match count.checked_mul(size) {
        Some(bytes) => give(heap::allocate(bytes as u64, 16, true)),
        None => give(null_mut()),
    }
}

/// `realloc`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's; sizes are checked against what the blocks hold.
    unsafe {
        if block.is_null() {
            return malloc(size);
        }
        if !live() && !heap::owns(block as u64) {
            return __libc_realloc(block, size);
        }
        if size == 0 {
            free(block);
            return null_mut();
        }
        let old = if heap::owns(block as u64) {
            let capacity = heap::capacity(block as *const u8);
            // Shrinking by more than half moves, so that memory comes back.
            if size as u64 <= capacity && (size as u64) * 2 + 64 >= capacity {
                heap::set_asked(block as *mut u8, size as u64);
                if crate::state::recording() {
                    crate::record::freed(block as u64);
                    crate::record::allocated(block as u64, size as u64);
                }
                return block;
            }
            heap::asked(block as *const u8) as usize
        } else {
            libc_usable(block)
        };
        let new = malloc(size);
        if !new.is_null() {
            crate::watch::access(block as u64, old.min(size) as u64, raddle_engine::race::Kind::Read);
            core::ptr::copy_nonoverlapping(block as *const u8, new as *mut u8, old.min(size));
            crate::watch::access(new as u64, old.min(size) as u64, raddle_engine::race::Kind::Write);
            free(block);
        }
        new
    }
}

/// `reallocarray`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn reallocarray(block: *mut c_void, count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        // SAFETY: the caller's.
        Some(bytes) => unsafe { realloc(block, bytes) },
        None => give(null_mut()),
    }
}

/// `free`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    // SAFETY: the caller's.
    unsafe {
        if heap::owns(block as u64) {
            heap::release(block as *mut u8);
        } else {
            __libc_free(block);
        }
    }
}

/// `cfree`, as old programs call `free`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn cfree(block: *mut c_void) {
    // SAFETY: the caller's.
    unsafe { free(block) }
}

/// `memalign`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memalign(align: usize, size: usize) -> *mut c_void {
    if !live() {
        // SAFETY: the caller's.
        return unsafe { __libc_memalign(align, size) };
    }
    match align.checked_next_power_of_two() {
        Some(align) => give(heap::allocate(size as u64, align as u64, false)),
        None => give(null_mut()),
    }
}

/// `aligned_alloc`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { memalign(align, size) }
}

/// `posix_memalign`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(block: *mut *mut c_void, align: usize, size: usize) -> i32 {
    if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
        return libc::EINVAL;
    }
    // SAFETY: the caller's.
    unsafe {
        let got = memalign(align, size);
        if got.is_null() {
            return libc::ENOMEM;
        }
        *block = got;
    }
    0
}

/// `valloc`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn valloc(size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { memalign(4096, size) }
}

/// `pvalloc`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pvalloc(size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { memalign(4096, size.next_multiple_of(4096)) }
}

unsafe fn libc_usable(block: *mut c_void) -> usize {
    type Usable = unsafe extern "C" fn(*mut c_void) -> usize;
    static REAL: crate::sys::Real<Usable> = crate::sys::Real::new(c"malloc_usable_size");
    // SAFETY: the caller's.
    unsafe { REAL.get()(block) }
}

/// `malloc_usable_size`.
///
/// # Safety
/// See [`malloc`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    // SAFETY: the caller's.
    unsafe {
        if block.is_null() {
            0
        } else if heap::owns(block as u64) {
            heap::capacity(block as *const u8) as usize
        } else {
            libc_usable(block)
        }
    }
}

/// `malloc_trim`: nothing to give back.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_keep: usize) -> i32 {
    0
}
