//! Memory of the runtime's own: outside the program's heap, outside what is rewound, and shared with forked executions,
//! so that what an execution in a child process records is there for the parent to read.
//!
//! A bump allocator with one free list for each power of two. There is only ever one running thread.

use crate::sys;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

/// First address of the arena.
pub const START: u64 = 0x1000_0000_0000;
/// Bytes of address space for it. Pages are taken when touched.
pub const SIZE: u64 = 64 << 30;

/// The allocator.
pub struct Arena;

/// Lies at the beginning of the arena itself, so that parent and child agree on it.
struct Head {
    next: u64,
    free: [*mut u8; 64],
}

static mut MAPPED: bool = false;

fn head() -> *mut Head {
    // SAFETY: one thread; the mapping is made before the head is touched.
    unsafe {
        if !MAPPED {
            MAPPED = true;
            sys::map_fixed(START, SIZE, libc::MAP_SHARED);
            let head = START as *mut Head;
            (*head).next = START + 4096;
            (*head).free = [null_mut(); 64];
        }
    }
    START as *mut Head
}

fn class(layout: &Layout) -> u32 {
    layout.size().max(layout.align()).max(16).next_power_of_two().trailing_zeros()
}

// SAFETY: blocks are powers of two in size and aligned to the smaller of that and a page; a block is on a free list or
// handed out, never both.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let class = class(&layout);
        let head = head();
        // SAFETY: see above.
        unsafe {
            let free = (*head).free[class as usize];
            if !free.is_null() {
                (*head).free[class as usize] = *(free as *mut *mut u8);
                return free;
            }
            let size = 1u64 << class;
            let start = (*head).next.next_multiple_of(size.min(4096));
            if start + size > START + SIZE {
                return null_mut();
            }
            (*head).next = start + size;
            start as *mut u8
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let class = class(&layout) as usize;
        let head = head();
        // SAFETY: the block is of this class and no longer in use.
        unsafe {
            *(block as *mut *mut u8) = (*head).free[class];
            (*head).free[class] = block;
        }
    }
}
