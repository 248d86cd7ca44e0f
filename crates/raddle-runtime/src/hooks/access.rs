//! Plain accesses. They are not schedule points: while there is no data race, no other thread can tell when between two
//! visible operations they happened.

use core::ffi::c_void;

macro_rules! ignored {
    ($($name:ident)*) => {$(
        /// A plain access; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(_address: *const c_void) {}
    )*};
}

ignored! {
    __tsan_read1 __tsan_read2 __tsan_read4 __tsan_read8 __tsan_read16
    __tsan_write1 __tsan_write2 __tsan_write4 __tsan_write8 __tsan_write16
    __tsan_unaligned_read2 __tsan_unaligned_read4 __tsan_unaligned_read8 __tsan_unaligned_read16
    __tsan_unaligned_write2 __tsan_unaligned_write4 __tsan_unaligned_write8 __tsan_unaligned_write16
    __tsan_read_write1 __tsan_read_write2 __tsan_read_write4 __tsan_read_write8 __tsan_read_write16
    __tsan_unaligned_read_write2 __tsan_unaligned_read_write4 __tsan_unaligned_read_write8
    __tsan_unaligned_read_write16
    __tsan_volatile_read1 __tsan_volatile_read2 __tsan_volatile_read4 __tsan_volatile_read8 __tsan_volatile_read16
    __tsan_volatile_write1 __tsan_volatile_write2 __tsan_volatile_write4 __tsan_volatile_write8
    __tsan_volatile_write16
    __tsan_unaligned_volatile_read2 __tsan_unaligned_volatile_read4 __tsan_unaligned_volatile_read8
    __tsan_unaligned_volatile_read16
    __tsan_unaligned_volatile_write2 __tsan_unaligned_volatile_write4 __tsan_unaligned_volatile_write8
    __tsan_unaligned_volatile_write16
    __tsan_vptr_read __tsan_func_entry
}

/// Function exit; not needed, since stacks are unwound when they are wanted.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_func_exit() {}

/// Called once a compilation unit, before `main`.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_init() {}

/// A virtual-table pointer is written.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_vptr_update(_slot: *mut *mut c_void, _new: *mut c_void) {}

macro_rules! ignored_range {
    ($($name:ident)*) => {$(
        /// A plain access to a range; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(_address: *const c_void, _size: usize) {}
    )*};
}

ignored_range! { __tsan_read_range __tsan_write_range }

macro_rules! ignored_with_pc {
    ($($name:ident)*) => {$(
        /// A plain access on behalf of other code; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(_address: *const c_void, _pc: *const c_void) {}
    )*};
}

ignored_with_pc! {
    __tsan_read1_pc __tsan_read2_pc __tsan_read4_pc __tsan_read8_pc __tsan_read16_pc
    __tsan_write1_pc __tsan_write2_pc __tsan_write4_pc __tsan_write8_pc __tsan_write16_pc
}

/// `memcpy`.
///
/// # Safety
/// As `memcpy`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_memcpy(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { libc::memcpy(to, from, size) }
}

/// `memmove`.
///
/// # Safety
/// As `memmove`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_memmove(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { libc::memmove(to, from, size) }
}

/// `memset`.
///
/// # Safety
/// As `memset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_memset(to: *mut c_void, byte: i32, size: usize) -> *mut c_void {
    // SAFETY: the caller's.
    unsafe { libc::memset(to, byte, size) }
}
