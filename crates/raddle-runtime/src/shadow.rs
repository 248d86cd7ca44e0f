//! Shadow memory: where what is known of an address is kept.
//!
//! Each eight bytes of the program's memory have a granule of sixteen bytes. A table, one entry for each GiB of address
//! space, says where the granules of that GiB lie; they get address space when they are first asked for, and pages when
//! they are first written. Nothing here is put back between executions: what a granule says is out of date by itself
//! (see `raddle_engine::race`). A forked execution has a copy of its own.

use crate::sys;
use raddle_engine::race::Granule;

/// First address of the shadow's part of the address space.
pub const START: u64 = 0x4000_0000_0000;
/// Bytes of it.
pub const SIZE: u64 = 1 << 44;

/// Bytes of memory that one granule stands for.
pub const GRANULE: u64 = 8;

const GIB_SHIFT: u64 = 30;
const SHADOW_OF_GIB: u64 = (1 << GIB_SHIFT) / GRANULE * size_of::<Granule>() as u64;
/// User space on x86-64, and on aarch64 with three levels of page tables, ends at 2^47.
const GIBS: usize = 1 << (47 - GIB_SHIFT);

/// Where the granules of each GiB begin; 0 for nowhere yet.
static mut TABLE: [u64; GIBS] = [0; GIBS];
/// GiBs that have granules.
static mut MAPPED: u64 = 0;

/// The granule of an address.
#[inline(always)]
pub fn granule(address: u64) -> *mut Granule {
    let gib = (address >> GIB_SHIFT) as usize & (GIBS - 1);
    // SAFETY: one thread; the index is masked.
    let mut base = unsafe { TABLE[gib] };
    if base == 0 {
        base = map(gib);
    }
    within(base, address)
}

/// The granule of an address, if its GiB has any.
#[inline(always)]
pub fn granule_if_any(address: u64) -> Option<*mut Granule> {
    let gib = (address >> GIB_SHIFT) as usize & (GIBS - 1);
    // SAFETY: one thread; the index is masked.
    let base = unsafe { TABLE[gib] };
    (base != 0).then(|| within(base, address))
}

#[inline(always)]
fn within(base: u64, address: u64) -> *mut Granule {
    let offset = address & ((1 << GIB_SHIFT) - 1);
    (base + offset / GRANULE * size_of::<Granule>() as u64) as *mut Granule
}

/// Whether the granules of a range, which is not empty, lie side by side.
#[inline(always)]
pub fn side_by_side(start: u64, end: u64) -> bool {
    start < end && (start ^ (end - 1)) >> GIB_SHIFT == 0
}

/// Calls `take` for the granules of a range that lie in it as a whole, in order, until it says no. Returns where it
/// stopped; `start` is a multiple of [`GRANULE`].
#[inline(always)]
pub fn whole_granules(start: u64, end: u64, mut take: impl FnMut(&mut Granule) -> bool) -> u64 {
    let border = ((start >> GIB_SHIFT) + 1) << GIB_SHIFT;
    let count = (end.min(border) - start) / GRANULE;
    let first = granule(start);
    for index in 0..count {
        // SAFETY: granules of one GiB lie side by side; one thread.
        if !take(unsafe { &mut *first.add(index as usize) }) {
            return start + index * GRANULE;
        }
    }
    start + count * GRANULE
}

/// Calls `act` for each granule that a range has a byte in, with its address; `start` is a multiple of [`GRANULE`].
#[inline(always)]
pub fn each_granule(start: u64, end: u64, mut act: impl FnMut(&mut Granule, u64)) {
    let mut at = start;
    while at < end {
        let border = (((at >> GIB_SHIFT) + 1) << GIB_SHIFT).min(end);
        let mut next = granule(at);
        while at < border {
            // SAFETY: granules of one GiB lie side by side; one thread.
            unsafe {
                act(&mut *next, at);
                next = next.add(1);
            }
            at += GRANULE;
        }
    }
}

#[cold]
fn map(gib: usize) -> u64 {
    // SAFETY: one thread; each GiB gets a range of its own, which nothing else uses.
    unsafe {
        let base = START + MAPPED * SHADOW_OF_GIB;
        if base + SHADOW_OF_GIB > START + SIZE {
            crate::fault::die("the program uses more address space than there is shadow memory for");
        }
        MAPPED += 1;
        sys::map_fixed(base, SHADOW_OF_GIB, libc::MAP_PRIVATE);
        TABLE[gib] = base;
        base
    }
}

/// Forgets all that is known of a range, whole granules of it, by giving the pages back.
pub fn forget(start: u64, end: u64) {
    const PAGE: u64 = 4096;
    let mut at = start;
    while at < end {
        let next = (((at >> GIB_SHIFT) + 1) << GIB_SHIFT).min(end);
        let first = granule(at) as u64;
        let last = granule(next - 1) as u64 + size_of::<Granule>() as u64;
        let (low, high) = (first.next_multiple_of(PAGE).min(last), (last & !(PAGE - 1)).max(first));
        // SAFETY: granules of the range alone: the edges are cleared, the whole pages between are given back.
        unsafe {
            if low < high {
                core::ptr::write_bytes(first as *mut u8, 0, (low - first) as usize);
                core::ptr::write_bytes(high as *mut u8, 0, (last - high) as usize);
                crate::arch::syscall(libc::SYS_madvise, [low, high - low, libc::MADV_DONTNEED as u64, 0, 0, 0]);
            } else {
                core::ptr::write_bytes(first as *mut u8, 0, (last - first) as usize);
            }
        }
        at = next;
    }
}
