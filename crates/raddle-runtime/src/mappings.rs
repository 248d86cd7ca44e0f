//! Memory that the program maps itself (`mmap` and its kin), at the same addresses in every execution and run.

use crate::arch::syscall;

/// First address at which the program's mappings are put.
pub const START: u64 = 0x3c00_0000_0000;

/// Mappings made in this execution, and where the next one goes.
#[derive(Default, Debug)]
pub struct Mappings {
    next: u64,
    made: Vec<(u64, u64)>,
}

impl Clone for Mappings {
    fn clone(&self) -> Self {
        Mappings { next: self.next, made: self.made.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.next = other.next;
        self.made.clone_from(&other.made);
    }
}

impl Mappings {
    /// An address for a new mapping of this size: the lowest never used in this execution, with a page between
    /// neighbours so that the kernel does not merge them.
    pub fn place(&mut self, size: u64) -> u64 {
        let address = START + self.next;
        self.next += size.next_multiple_of(4096) + 4096;
        address
    }

    /// Remembers a mapping.
    pub fn add(&mut self, address: u64, size: u64) {
        self.made.push((address, size.next_multiple_of(4096)));
    }

    /// Whether this range lies inside mappings made since the entry.
    pub fn covers(&self, address: u64, size: u64) -> bool {
        self.made.iter().any(|(start, length)| *start <= address && address + size <= start + length)
    }

    /// Forgets a range that has been unmapped.
    pub fn remove(&mut self, address: u64, size: u64) {
        let end = address + size.next_multiple_of(4096);
        let mut kept = Vec::with_capacity(self.made.len() + 1);
        for &(start, length) in &self.made {
            if start < address.min(start + length) {
                kept.push((start, (start + length).min(address) - start));
            }
            if start + length > end.max(start) {
                kept.push((end.max(start), start + length - end.max(start)));
            }
        }
        self.made = kept;
    }

    /// Unmaps all that was made after `saved` was.
    pub fn undo(&mut self, saved: &Mappings) {
        for &(start, length) in &self.made {
            if !saved.made.contains(&(start, length)) {
                // SAFETY: the program made this mapping in an execution that has ended.
                unsafe { syscall(libc::SYS_munmap, [start, length, 0, 0, 0, 0]) };
            }
        }
    }
}
