//! Another process's memory.

use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;
use std::io::IoSliceMut;

const PAGE: usize = 4096;

/// Reads memory of a process up to the first page that is not there. Returns how much was read.
pub fn read(pid: i32, address: u64, bytes: &mut [u8]) -> usize {
    // A transfer is not split within a piece, so pieces end where pages do.
    let mut remote = Vec::new();
    let mut at = address as usize;
    let end = at.saturating_add(bytes.len());
    while at < end {
        let next = ((at / PAGE) + 1).saturating_mul(PAGE).min(end);
        remote.push(RemoteIoVec { base: at, len: next - at });
        at = next;
    }
    process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(bytes)], &remote).unwrap_or(0)
}

/// Where a stack's words are read from.
pub trait Words {
    /// The word at an address.
    fn word(&mut self, address: u64) -> Option<u64>;
}

/// Memory of a process, read page by page as it is needed.
#[derive(Debug)]
pub struct Paged {
    pid: i32,
    pages: Vec<(u64, Vec<u8>)>,
}

/// Pages that one stack may take.
const MOST_PAGES: usize = 64;

impl Paged {
    /// Nothing read yet.
    pub fn new(pid: i32) -> Self {
        Self { pid, pages: Vec::new() }
    }
}

impl Words for Paged {
    fn word(&mut self, address: u64) -> Option<u64> {
        let page = address / PAGE as u64 * PAGE as u64;
        let offset = (address - page) as usize;
        let index = match self.pages.iter().position(|(start, _)| *start == page) {
            Some(index) => index,
            None if self.pages.len() >= MOST_PAGES => return None,
            None => {
                let mut bytes = vec![0; PAGE];
                let length = read(self.pid, page, &mut bytes);
                bytes.truncate(length);
                self.pages.push((page, bytes));
                self.pages.len() - 1
            }
        };
        let bytes = self.pages[index].1.get(offset..offset + 8)?;
        Some(u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
    }
}

/// A copy of the top of a stack.
#[derive(Debug)]
pub struct Copied {
    /// Address of the first byte.
    pub start: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Words for Copied {
    fn word(&mut self, address: u64) -> Option<u64> {
        let offset = usize::try_from(address.checked_sub(self.start)?).ok()?;
        let bytes = self.bytes.get(offset..offset.checked_add(8)?)?;
        Some(u64::from_ne_bytes(bytes.try_into().expect("eight bytes")))
    }
}
