//! Stacks for fibers, at the same addresses in every run.
//!
//! Below each stack lies unmapped address space, so that an overflow faults there and can be told from other faults.

use crate::sys;

/// First address of the stacks' part of the address space; each class has [`CLASS_SPAN`] of it.
pub const START: u64 = 0x3000_0000_0000;
/// One past the last.
pub const END: u64 = START + CLASSES as u64 * CLASS_SPAN;
const CLASS_SPAN: u64 = 1 << 40;
const CLASSES: usize = 4;
/// Stacks of the smallest class are this far apart; each further class is 16 times larger.
const SMALLEST: u64 = 16 << 20;
/// Room left free below a stack at the least.
const MARGIN: u64 = 1 << 20;

/// A stack in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    /// Lowest usable address.
    pub low: u64,
    /// One past the highest.
    pub high: u64,
    class: u8,
    index: u32,
}

/// Which stacks are in use. Part of an execution's state.
#[derive(Default, Debug)]
pub struct Pool {
    next: [u32; CLASSES],
    free: [Vec<u32>; CLASSES],
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        Pool { next: self.next, free: self.free.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.next = other.next;
        for (mine, theirs) in self.free.iter_mut().zip(&other.free) {
            mine.clone_from(theirs);
        }
    }
}

/// So many stacks are left alone after their threads have ended, so that who still uses them is found out.
const KEPT: usize = 64;

/// Stacks of one class at the most.
const MOST: usize = 8192;

/// How far down each stack has been mapped already, 0 for not at all. Mappings outlive executions, and a forked
/// execution has its own: hence a plain static, not shared memory.
static mut MAPPED: [[u64; MOST]; CLASSES] = [[0; MOST]; CLASSES];

impl Pool {
    /// A stack of at least `size` bytes; `None` when there are no more.
    pub fn take(&mut self, size: u64) -> Option<Stack> {
        // Room for the offset of the top, below.
        let size = (size.max(64 << 10) + (128 << 10)).next_multiple_of(4096);
        let class = (0..CLASSES).find(|class| size + 2 * MARGIN <= stride(*class))?;
        let again = self.free[class].len() >= KEPT || self.next[class] as usize >= MOST;
        let index = match self.free[class].first().filter(|_| again) {
            Some(_) => self.free[class].remove(0),
            None => {
                self.next[class] += 1;
                self.next[class] - 1
            }
        };
        let base = START + class as u64 * CLASS_SPAN + u64::from(index) * stride(class);
        if index as usize >= MOST || base + stride(class) > START + (class as u64 + 1) * CLASS_SPAN {
            return None;
        }
        // Tops at different offsets keep the stacks from competing for the same cache lines.
        let high = base + stride(class) - MARGIN / 2 - u64::from(index % 61) * 1088;
        let top_page = base + stride(class) - MARGIN / 2;
        let low = top_page - size;
        map_down(class, index as usize, top_page, low);
        if again {
            crate::shadow::forget(low, top_page);
        }
        Some(Stack { low, high, class: class as u8, index })
    }

    /// Gives a stack back.
    pub fn give(&mut self, stack: Stack) {
        if stack.high != 0 {
            self.free[usize::from(stack.class)].push(stack.index);
        }
    }
}

fn stride(class: usize) -> u64 {
    SMALLEST << (4 * class)
}

fn map_down(class: usize, index: usize, top: u64, low: u64) {
    // SAFETY: one thread; the ranges belong to this slot alone.
    unsafe {
        let mapped = &mut MAPPED[class][index];
        let from = if *mapped == 0 { top } else { *mapped };
        if low < from {
            sys::map_fixed(low, from - low, libc::MAP_PRIVATE);
            *mapped = low;
        }
    }
}
