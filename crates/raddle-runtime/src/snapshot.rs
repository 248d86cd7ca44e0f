//! Saving the process's memory where executions begin, and putting it back.
//!
//! Saved is every private writable mapping of the process, the heap up to its reach, and the live part of the stacks and
//! the thread-local storage of the threads that exist at the entry. Not saved is what belongs to the runtime itself: its
//! arena, its own data, the controller's stack. What lies below a stack pointer is dead and not saved either.

use crate::state::{Execution, rt};
use crate::{arena, heap, mappings, stacks, sys, tls};

/// One saved range.
struct Range {
    start: u64,
    copy: Vec<u8>,
}

/// The saved memory.
pub struct Snapshot {
    ranges: Vec<Range>,
}

/// A line of `/proc/self/maps`.
struct Mapping<'a> {
    start: u64,
    end: u64,
    writable: bool,
    private: bool,
    name: &'a str,
}

fn parse(line: &str) -> Option<Mapping<'_>> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let permissions = words.next()?.as_bytes();
    let name = words.nth(3).unwrap_or("").trim();
    Some(Mapping {
        start: u64::from_str_radix(start, 16).ok()?,
        end: u64::from_str_radix(end, 16).ok()?,
        writable: permissions.get(1) == Some(&b'w'),
        private: permissions.get(3) == Some(&b'p'),
        name,
    })
}

/// Whether a mapping at this address is of the parts of the address space that the runtime lays out itself.
fn ours(address: u64) -> bool {
    (arena::START..arena::START + arena::SIZE).contains(&address)
        || (heap::START..heap::START + heap::SIZE).contains(&address)
        || (stacks::START..stacks::END).contains(&address)
        || (tls::START..tls::START + tls::SIZE).contains(&address)
}

impl Snapshot {
    /// Saves everything. `controller_stack` and `own_data` are left out.
    pub fn take(execution: &Execution, leave_out: &[(u64, u64)]) -> Snapshot {
        let maps = sys::read_file(c"/proc/self/maps");
        let maps = String::from_utf8_lossy(&maps);
        let mut extents = vec![(heap::START, execution.heap.top)];
        let mut first_stack = None;
        for mapping in maps.lines().filter_map(parse) {
            if mapping.name == "[stack]" {
                first_stack = Some((mapping.start, mapping.end));
            } else if mapping.writable && mapping.private && !ours(mapping.start) {
                subtract((mapping.start, mapping.end), leave_out, &mut extents);
            }
        }
        for data in &execution.threads {
            if data.joined {
                continue;
            }
            let sp = data.sp - crate::arch::RED_ZONE;
            match first_stack {
                Some((low, high)) if (low..high).contains(&data.sp) => extents.push((sp, high)),
                _ => extents.push(data.live_stack()),
            }
            if data.tls != tls::Block::default() {
                extents.push(tls::extent(&data.tls));
            }
        }
        let ranges = extents
            .into_iter()
            .filter(|(start, end)| start < end)
            // SAFETY: mapped, readable, and not changed while the controller runs.
            .map(|(start, end)| unsafe {
                let copy = core::slice::from_raw_parts(start as *const u8, (end - start) as usize).to_vec();
                Range { start, copy }
            })
            .collect();
        Snapshot { ranges }
    }

    /// Bytes saved.
    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.copy.len() as u64).sum()
    }

    /// Puts everything back.
    pub fn restore(&self) {
        for range in &self.ranges {
            // SAFETY: the ranges are still mapped and writable: an execution that unmaps or protects memory older than
            // itself is not rewound.
            unsafe { core::ptr::copy_nonoverlapping(range.copy.as_ptr(), range.start as *mut u8, range.copy.len()) };
        }
    }
}

/// Adds what of `whole` lies in none of `holes` to `parts`.
fn subtract(whole: (u64, u64), holes: &[(u64, u64)], parts: &mut Vec<(u64, u64)>) {
    let mut start = whole.0;
    let mut holes: Vec<_> = holes.iter().filter(|hole| hole.0 < whole.1 && hole.1 > whole.0).collect();
    holes.sort();
    for hole in holes {
        if hole.0 > start {
            parts.push((start, hole.0));
        }
        start = start.max(hole.1);
    }
    if start < whole.1 {
        parts.push((start, whole.1));
    }
}

/// Puts the process back to where executions begin, except for the choice tape.
pub fn rewind(snapshot: &Snapshot) {
    let runtime = rt();
    let saved = runtime.saved.as_ref().expect("executions begin after the entry has been saved");
    runtime.execution.effects.undo(&saved.effects);
    runtime.execution.mappings.undo(&saved.mappings);
    heap::forget_above(saved.heap);
    snapshot.restore();
    runtime.execution.restore(saved);
}

/// Where the program maps memory itself lies outside `ours` on purpose: what existed at the entry is saved.
const _: () = assert!(mappings::START >= tls::START + tls::SIZE);
