//! The program's heap: the C library's allocator family, at the same addresses in every execution and run.
//!
//! Size classes with free lists, on a region of address space of its own. The allocator's state lies at the beginning of
//! that region and is rewound with it. What an execution allocates lies above everything that is older, so that a rewind
//! only has to forget it; fresh memory is always zero.
//!
//! A block that is freed while accesses are watched is not used again until [`QUARANTINE`] bytes more have been freed, so
//! that whoever still touches it is found out. Where an address that comes back can deceive somebody, it is a choice whether
//! it does ([`crate::reuse`]).

use crate::state;
use core::ptr::null_mut;

/// First address of the heap.
pub const START: u64 = 0x2000_0000_0000;
/// Bytes of address space for it.
pub const SIZE: u64 = 1 << 40;

const CLASSES: usize = 32 + 4 * 32;
const HEADER: u64 = 16;

#[repr(C)]
struct Head {
    /// Next address never handed out in this execution.
    next: u64,
    /// Bytes handed out and not given back.
    used: u64,
    /// Heads of the free lists.
    free: [u64; CLASSES],
    /// Blocks freed and not yet to be used again: the first and the last of a list, and their bytes.
    quarantine: (u64, u64),
    quarantined: u64,
}

/// Bytes of freed blocks that are kept from use.
const QUARANTINE: u64 = 16 << 20;

/// Stands before each block.
#[repr(C)]
struct Header {
    /// Bytes asked for.
    size: u64,
    /// Size class of the underlying block.
    class: u16,
    /// [`IN_USE`] or [`FREED`].
    state: u16,
    /// Bytes from the underlying block's first byte to this header.
    shift: u32,
}

const IN_USE: u16 = 0x5ca1;
const FREED: u16 = 0xdead;
/// Where a block begins whose header does not stand there: `shift` says how much further on it is.
const SHIFTED: u16 = 0x5417;

/// The heap's extent where executions begin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    /// One past the last byte in use.
    pub top: u64,
}

static mut MAPPED: bool = false;

fn head() -> *mut Head {
    // SAFETY: one thread; mapped before it is touched.
    unsafe {
        if !MAPPED {
            MAPPED = true;
            crate::sys::map_fixed(START, SIZE, libc::MAP_PRIVATE);
            (*(START as *mut Head)).next = START + (size_of::<Head>() as u64).next_multiple_of(4096);
        }
    }
    START as *mut Head
}

/// Whether this address is of our heap (and not of the C library's own, from before we took charge).
#[inline]
pub fn owns(address: u64) -> bool {
    (START..START + SIZE).contains(&address)
}

/// Class of a block that holds `size` bytes and its header, and that class's size.
#[inline]
fn class_of(size: u64) -> Option<(usize, u64)> {
    let total = size.checked_add(HEADER)?;
    if total <= 512 {
        let class = total.div_ceil(16) as usize;
        return Some((class.min(32), (class.min(32) as u64) * 16));
    }
    // Four classes for each doubling.
    let log = 63 - (total - 1).leading_zeros();
    let step = 1u64 << (log - 2);
    let rounded = total.next_multiple_of(step);
    let quarter = (rounded - (1 << log)).div_ceil(step) as usize;
    let class = 32 + (log as usize - 9) * 4 + quarter;
    (class < CLASSES).then_some((class, rounded))
}

/// A block of `size` bytes, aligned to `align` (a power of two); null when the heap is used up. `zeroed` asks for zeros.
pub fn allocate(size: u64, align: u64, zeroed: bool) -> *mut u8 {
    let head = head();
    let extra = if align > 16 { align } else { 0 };
    let Some((class, bytes)) = size.checked_add(extra).and_then(class_of) else { return null_mut() };
    // SAFETY: the free lists hold blocks of their class, and what lies above `next` is unused and zero.
    unsafe {
        if (*head).used + bytes > state::rt().plan.heap_limit {
            return null_mut();
        }
        if let Some(again) = crate::reuse::again(class) {
            reuse(head, again);
        }
        let mut fresh = false;
        let block = match (*head).free[class] {
            0 => {
                let mut block = (*head).next;
                // Large blocks begin on a page of their own, so that their pages can be given back whole.
                if bytes >= 1 << 20 {
                    block = block.next_multiple_of(4096);
                }
                if block + bytes > START + SIZE {
                    return null_mut();
                }
                (*head).next = block + bytes;
                fresh = true;
                block
            }
            block => {
                let next = *((block + HEADER) as *const u64);
                (*head).free[class] = next;
                crate::arch::prefetch(next + HEADER);
                block
            }
        };
        (*head).used += bytes;
        if bytes >= 1 << 16 {
            crate::crash::progress();
        }
        let payload = if extra == 0 { block + HEADER } else { (block + HEADER).next_multiple_of(align) };
        let shift = (payload - HEADER - block) as u32;
        if shift != 0 {
            *(block as *mut Header) = Header { size, class: class as u16, state: SHIFTED, shift };
        }
        *((payload - HEADER) as *mut Header) = Header { size, class: class as u16, state: IN_USE, shift };
        if !fresh && crate::watch::watching() {
            // All of what it may grow to in place.
            crate::watch::fresh(payload, block + bytes - payload);
        }
        if zeroed && !fresh {
            core::ptr::write_bytes(payload as *mut u8, 0, size as usize);
        }
        if crate::state::recording() {
            crate::record::allocated(payload, size);
        }
        payload as *mut u8
    }
}

/// Gives a block back.
///
/// # Safety
/// The address lies in the heap's part of the address space.
pub unsafe fn release(payload: *mut u8) {
    let head = head();
    // SAFETY: the header is looked at before anything is believed of it.
    unsafe {
        let header = (payload as u64 - HEADER) as *mut Header;
        let inside = payload as u64 >= START + size_of::<Head>() as u64 && (payload as u64) < (*head).next;
        if !inside || !(payload as u64).is_multiple_of(16) || !matches!((*header).state, IN_USE | FREED) {
            return crate::watch::bad_free(payload as u64, false);
        }
        if (*header).state == FREED {
            return crate::watch::bad_free(payload as u64, true);
        }
        crate::watch::free(payload as u64, (*header).size);
        if crate::state::recording() {
            crate::record::freed(payload as u64);
        }
        (*header).state = FREED;
        let class = usize::from((*header).class);
        (*head).used = (*head).used.saturating_sub(class_size(class));
        if crate::watch::watching() {
            match crate::reuse::takes(class, payload as u64, (*header).size) {
                Ok(None) => {}
                Ok(Some(other)) => quarantine(head, other),
                Err(()) => quarantine(head, payload as u64),
            }
        } else {
            reuse(head, payload as u64);
        }
    }
}

/// Puts a block at the end of the quarantine, and lets the oldest ones out of it when there are too many.
unsafe fn quarantine(head: *mut Head, payload: u64) {
    // SAFETY: freed blocks are the heap's own; the first word of each holds the next.
    unsafe {
        *(payload as *mut u64) = 0;
        match (*head).quarantine.1 {
            0 => (*head).quarantine.0 = payload,
            last => *(last as *mut u64) = payload,
        }
        (*head).quarantine.1 = payload;
        (*head).quarantined += class_of_block(payload);
        while (*head).quarantined > QUARANTINE {
            let oldest = (*head).quarantine.0;
            let next = *(oldest as *const u64);
            (*head).quarantine.0 = next;
            // It is next in turn, and long out of the processor's caches.
            crate::arch::prefetch(next.saturating_sub(HEADER));
            if (*head).quarantine.0 == 0 {
                (*head).quarantine.1 = 0;
            }
            (*head).quarantined -= class_of_block(oldest);
            reuse(head, oldest);
        }
    }
}

/// Bytes of the block behind a payload.
unsafe fn class_of_block(payload: u64) -> u64 {
    // SAFETY: the caller vouches for the block.
    unsafe { class_size(usize::from((*((payload - HEADER) as *const Header)).class)) }
}

/// Puts a block on its free list.
unsafe fn reuse(head: *mut Head, payload: u64) {
    // SAFETY: the caller vouches for the block.
    unsafe {
        let header = (payload - HEADER) as *const Header;
        let class = usize::from((*header).class);
        let block = payload - HEADER - u64::from((*header).shift);
        *((block + HEADER) as *mut u64) = (*head).free[class];
        (*head).free[class] = block;
    }
}

fn class_size(class: usize) -> u64 {
    if class <= 32 {
        return class as u64 * 16;
    }
    let (log, quarter) = ((class - 33) / 4 + 9, (class - 33) % 4 + 1);
    (1u64 << log) + quarter as u64 * (1u64 << (log - 2))
}

/// Bytes that a block can hold.
///
/// # Safety
/// As [`release`].
pub unsafe fn capacity(payload: *const u8) -> u64 {
    // SAFETY: the caller vouches for the block.
    unsafe {
        let header = (payload as u64 - HEADER) as *const Header;
        class_size((*header).class as usize) - HEADER - u64::from((*header).shift)
    }
}

/// Bytes that were asked for.
///
/// # Safety
/// As [`release`].
pub unsafe fn asked(payload: *const u8) -> u64 {
    // SAFETY: the caller vouches for the block.
    unsafe { (*((payload as u64 - HEADER) as *const Header)).size }
}

/// Records a new size in place.
///
/// # Safety
/// As [`release`], and `size` is within [`capacity`].
pub unsafe fn set_asked(payload: *mut u8, size: u64) {
    // SAFETY: the caller vouches for the block.
    unsafe { (*((payload as u64 - HEADER) as *mut Header)).size = size }
}

/// Blocks in use that have been allocated above `reach`: address and bytes asked for, in order of address.
pub fn in_use(reach: Reach) -> Vec<(u64, u64)> {
    let head = head();
    let mut blocks = Vec::new();
    let mut at = reach.top;
    // SAFETY: blocks follow each other without a gap, but for zeros up to a page on which a large one begins; and each
    // begins with a header.
    unsafe {
        while at < (*head).next {
            let first = &*(at as *const Header);
            let header = match first.state {
                SHIFTED => &*((at + u64::from(first.shift)) as *const Header),
                IN_USE | FREED => first,
                _ => {
                    at = (at + 1).next_multiple_of(4096);
                    continue;
                }
            };
            if header.state == IN_USE {
                blocks.push((&raw const *header as u64 + HEADER, header.size));
            }
            at += class_size(usize::from(first.class));
        }
    }
    blocks
}

/// From here on, what is allocated lies above everything older: executions begin.
pub fn seal() -> Reach {
    let head = head();
    // SAFETY: one thread. Old free blocks are left unused from now on.
    unsafe {
        (*head).free = [0; CLASSES];
        (*head).quarantine = (0, 0);
        (*head).quarantined = 0;
        (*head).next = (*head).next.next_multiple_of(4096);
        Reach { top: (*head).next }
    }
}

/// One past the last byte that has been handed out in this execution.
pub fn end() -> u64 {
    // SAFETY: one thread.
    unsafe { (*head()).next }
}

/// Makes all memory above `reach` zero again. The allocator's own state is put back by the rewind.
pub fn forget_above(reach: Reach) {
    /// Up to here clearing is cheaper than giving pages back and taking them again.
    const CLEAR: u64 = 256 << 10;
    let head = head();
    // SAFETY: nothing above the reach is in use between executions.
    unsafe {
        let end = (*head).next.max(reach.top);
        let clear = (end - reach.top).min(CLEAR);
        core::ptr::write_bytes(reach.top as *mut u8, 0, clear as usize);
        let rest = (reach.top + clear).next_multiple_of(4096);
        if end > rest {
            let length = (end - rest).next_multiple_of(4096);
            crate::arch::syscall(libc::SYS_madvise, [rest, length, libc::MADV_DONTNEED as u64, 0, 0, 0]);
        }
    }
}
