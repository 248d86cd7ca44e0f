//! Plain and volatile accesses. They are not schedule points: while there is no data race, no other thread can tell when
//! between two visible operations they happened. Whether there is one is watched here.
//!
//! Volatile writes count as atomic, and volatile reads race with nothing: see `raddle_engine::race`.

use crate::watch::{self, Taken};
use core::ffi::c_void;
use raddle_engine::race::Kind;

/// What is not decided in the hook. A function of its own that the hook jumps to, so that the hook saves no registers.
#[inline(never)]
extern "C" fn read<const N: u64, const ALIGNED: bool>(address: u64) {
    watch::short_access::<N, ALIGNED>(address, Kind::Read);
}

/// As [`read`].
#[inline(never)]
extern "C" fn write<const N: u64, const ALIGNED: bool>(address: u64) {
    watch::short_access::<N, ALIGNED>(address, Kind::Write);
}

macro_rules! plain {
    ($($slow:ident $writes:literal $size:literal $aligned:literal: $($name:ident)*;)*) => {$($(
        /// A plain access; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(address: *const c_void) {
            match watch::taken::<$size, $aligned, $writes>(address as u64) {
                Taken::Yes => {}
                Taken::Others(granule) => watch::shared::<$writes>(address as u64, granule),
                Taken::No => $slow::<$size, $aligned>(address as u64),
            }
        }
    )*)*};
}

plain! {
    read false 1 true: __tsan_read1;
    read false 2 true: __tsan_read2;
    read false 4 true: __tsan_read4;
    read false 8 true: __tsan_read8 __tsan_vptr_read;
    read false 16 true: __tsan_read16;
    read false 2 false: __tsan_unaligned_read2;
    read false 4 false: __tsan_unaligned_read4;
    read false 8 false: __tsan_unaligned_read8;
    read false 16 false: __tsan_unaligned_read16;
    write true 1 true: __tsan_write1 __tsan_read_write1;
    write true 2 true: __tsan_write2 __tsan_read_write2;
    write true 4 true: __tsan_write4 __tsan_read_write4;
    write true 8 true: __tsan_write8 __tsan_read_write8;
    write true 16 true: __tsan_write16 __tsan_read_write16;
    write true 2 false: __tsan_unaligned_write2 __tsan_unaligned_read_write2;
    write true 4 false: __tsan_unaligned_write4 __tsan_unaligned_read_write4;
    write true 8 false: __tsan_unaligned_write8 __tsan_unaligned_read_write8;
    write true 16 false: __tsan_unaligned_write16 __tsan_unaligned_read_write16;
}

/// Volatile writes.
macro_rules! volatile_writes {
    ($($name:ident $size:literal;)*) => {$(
        /// A volatile write; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(address: *const c_void) {
            watch::access(address as u64, $size, Kind::AtomicWrite);
        }
    )*};
}

volatile_writes! {
    __tsan_volatile_write1 1; __tsan_volatile_write2 2; __tsan_volatile_write4 4; __tsan_volatile_write8 8;
    __tsan_volatile_write16 16;
    __tsan_unaligned_volatile_write2 2; __tsan_unaligned_volatile_write4 4; __tsan_unaligned_volatile_write8 8;
    __tsan_unaligned_volatile_write16 16;
}

/// Reads that may race.
macro_rules! volatile_reads {
    ($($name:ident $size:literal;)*) => {$(
        /// A volatile read; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(address: *const c_void) {
            watch::volatile_read(address as u64, $size);
        }
    )*};
}

volatile_reads! {
    __tsan_volatile_read1 1; __tsan_volatile_read2 2; __tsan_volatile_read4 4; __tsan_volatile_read8 8;
    __tsan_volatile_read16 16;
    __tsan_unaligned_volatile_read2 2; __tsan_unaligned_volatile_read4 4; __tsan_unaligned_volatile_read8 8;
    __tsan_unaligned_volatile_read16 16;
}

/// Function entry; not needed, since stacks are unwound when they are wanted.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_func_entry(_caller: *const c_void) {}

/// Function exit; see the entry.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_func_exit() {}

/// Called once a compilation unit, before `main`.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_init() {}

/// A virtual-table pointer is written. Destructors write the pointer that is there already: that is no change.
///
/// # Safety
/// The slot is readable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_vptr_update(slot: *mut *mut c_void, new: *mut c_void) {
    // SAFETY: the caller's.
    if unsafe { *slot } != new {
        watch::access(slot as u64, 8, Kind::Write);
    }
}

/// A read of a range.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_read_range(address: *const c_void, size: usize) {
    watch::access(address as u64, size as u64, Kind::Read);
}

/// A write of a range.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_write_range(address: *const c_void, size: usize) {
    watch::access(address as u64, size as u64, Kind::Write);
}

/// Accesses on behalf of other code, whose address is given.
macro_rules! with_pc {
    ($($name:ident $size:literal $kind:ident;)*) => {$(
        /// A plain access on behalf of other code; see the module.
        #[unsafe(no_mangle)]
        pub extern "C" fn $name(address: *const c_void, _pc: *const c_void) {
            watch::access(address as u64, $size, Kind::$kind);
        }
    )*};
}

with_pc! {
    __tsan_read1_pc 1 Read; __tsan_read2_pc 2 Read; __tsan_read4_pc 4 Read; __tsan_read8_pc 8 Read;
    __tsan_read16_pc 16 Read;
    __tsan_write1_pc 1 Write; __tsan_write2_pc 2 Write; __tsan_write4_pc 4 Write; __tsan_write8_pc 8 Write;
    __tsan_write16_pc 16 Write;
}

/// `memcpy`.
///
/// # Safety
/// As `memcpy`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_memcpy(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    watch::copy(from as u64, to as u64, size as u64);
    // SAFETY: the caller's.
    unsafe { libc::memcpy(to, from, size) }
}

/// `memmove`.
///
/// # Safety
/// As `memmove`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_memmove(to: *mut c_void, from: *const c_void, size: usize) -> *mut c_void {
    watch::copy(from as u64, to as u64, size as u64);
    // SAFETY: the caller's.
    unsafe { libc::memmove(to, from, size) }
}

/// `memset`.
///
/// # Safety
/// As `memset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tsan_memset(to: *mut c_void, byte: i32, size: usize) -> *mut c_void {
    watch::access(to as u64, size as u64, Kind::Write);
    // SAFETY: the caller's.
    unsafe { libc::memset(to, byte, size) }
}
