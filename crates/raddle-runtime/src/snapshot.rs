//! Saving the process's memory where executions begin, and putting it back.
//!
//! Saved is every private writable mapping of the process, the heap up to its reach, and the live part of the stacks and
//! the thread-local storage of the threads that exist at the entry. Not saved is what belongs to the runtime itself: its
//! arena, its own data, the controller's stack. What lies below a stack pointer is dead and not saved either. Nor are long
//! stretches of a mapping that nobody has touched yet, as allocators reserve them by the gigabyte: what an execution has put
//! there is handed back to the kernel, which then has them as they were.
//!
//! Most of that memory no execution ever writes. After [`LEARNING`] executions all whole pages that none of them has
//! changed are protected against writing and are no longer copied back; the first write to one faults, and from then on
//! the page is copied like the others ([`Snapshot::written`]). Stacks are never protected. [`Snapshot::restore`] is the fast way,
//! [`Snapshot::restore_everything`] the slow and obvious one; [`Snapshot::differs`] tells whether the fast way has put
//! back everything, and is asked after each execution when a run verifies itself.

use crate::arch::syscall;
use crate::state::{Execution, rt};
use crate::thread::ThreadData;
use crate::{arena, heap, mappings, shadow, stacks, sys, tls};
use raddle_engine::random::mix;

const PAGE: u64 = 4096;

/// Executions after which pages that have not changed are protected.
const LEARNING: u32 = 4;

/// Executions after which all of that is learnt once more: the first ones initialize what later ones find done, and run
/// the test harness's judgement, which later ones do not reach.
const LEARNING_AGAIN: u32 = 16;

/// Bytes of a stretch that nobody has touched, from which on it is not saved.
const STRETCH: u64 = 1 << 20;

/// One saved range.
struct Range {
    start: u64,
    copy: Vec<u8>,
}

/// A page (or the part of one at the edge of a range).
#[derive(Clone, Copy)]
struct Page {
    start: u64,
    size: u64,
    /// Its saved content.
    saved: *const u8,
    /// It is copied back after each execution; if not, it is protected.
    hot: bool,
    /// It is never protected: part of a live stack, or less than a page.
    pinned: bool,
}

/// The saved memory.
pub struct Snapshot {
    ranges: Vec<Range>,
    /// Stretches that nobody had touched.
    untouched: Vec<(u64, u64)>,
    /// All pages in order of address.
    pages: Vec<Page>,
    /// What is copied back: address, saved content, bytes. Neighbouring pages are one piece.
    hot: Vec<(u64, *const u8, usize)>,
    restores: u32,
    protecting: bool,
    /// Pages have become hot since `hot` was made.
    stale: bool,
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
        || (shadow::START..shadow::START + shadow::SIZE).contains(&address)
}

/// Memory that is the process's own as the kernel has it.
pub struct Writable {
    /// Writable private mappings, but for what the runtime lays out itself, what is to be left out, and stacks.
    pub extents: Vec<(u64, u64)>,
    /// The stack of the process's first thread.
    first_stack: Option<(u64, u64)>,
}

impl Writable {
    /// As it is now.
    pub fn now(leave_out: &[(u64, u64)]) -> Writable {
        let maps = sys::read_file(c"/proc/self/maps");
        let maps = String::from_utf8_lossy(&maps);
        let mut writable = Writable { extents: Vec::new(), first_stack: None };
        for mapping in maps.lines().filter_map(parse) {
            if mapping.name == "[stack]" {
                writable.first_stack = Some((mapping.start, mapping.end));
            } else if mapping.writable && mapping.private && !ours(mapping.start) {
                subtract((mapping.start, mapping.end), leave_out, &mut writable.extents);
            }
        }
        writable
    }

    /// The part of a thread's stack that is in use, if its stack pointer is this.
    pub fn live_stack(&self, data: &ThreadData, sp: u64) -> (u64, u64) {
        let high =
            self.first_stack.filter(|(low, high)| (*low..*high).contains(&sp)).map_or(data.stack.high, |it| it.1);
        (sp - crate::arch::RED_ZONE, high)
    }
}

/// A hash of all that the program has in memory now but for the stacks of its threads; `None` where there is too much to be
/// looked at.
pub fn digest(execution: &Execution, leave_out: &[(u64, u64)]) -> Option<u64> {
    /// Bytes hashed at the most.
    const MOST: u64 = 256 << 20;
    let mut extents = Writable::now(leave_out).extents;
    extents.push((heap::START, heap::end()));
    let with_storage = execution.threads.iter().filter(|data| !data.joined && data.tls != tls::Block::default());
    extents.extend(with_storage.map(|data| tls::extent(&data.tls)));
    if extents.iter().map(|(start, end)| end - start).sum::<u64>() > MOST {
        return None;
    }
    let hash = |(start, end): &(u64, u64)| {
        // SAFETY: mapped and readable, and not changed meanwhile: the program stands still.
        hash_of(unsafe { core::slice::from_raw_parts(*start as *const u8, (end - start) as usize) })
    };
    Some(extents.iter().fold(0, |all, extent| mix(all ^ extent.0 ^ hash(extent))))
}

/// A hash of bytes.
pub fn hash_of(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(8);
    let step = |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hash = words.by_ref().fold(0, |hash, word| step(hash, u64::from_ne_bytes(word.try_into().unwrap_or_default())));
    mix(words.remainder().iter().fold(hash, |hash, byte| step(hash, u64::from(*byte))))
}

impl Snapshot {
    /// Saves everything. `controller_stack` and `own_data` are left out.
    pub fn take(execution: &Execution, leave_out: &[(u64, u64)]) -> Snapshot {
        let mut writable = Writable::now(leave_out);
        let untouched = untouched(&writable.extents);
        let mut extents = Vec::new();
        writable.extents.drain(..).for_each(|extent| subtract(extent, &untouched, &mut extents));
        extents.push((heap::START, execution.heap.top));
        let mut live_stacks = Vec::new();
        for data in &execution.threads {
            if data.joined {
                continue;
            }
            let stack = writable.live_stack(data, data.sp);
            extents.push(stack);
            live_stacks.push(stack);
            if data.tls != tls::Block::default() {
                extents.push(tls::extent(&data.tls));
            }
        }
        let ranges: Vec<Range> = extents
            .into_iter()
            .filter(|(start, end)| start < end)
            // SAFETY: mapped, readable, and not changed while the controller runs.
            .map(|(start, end)| unsafe {
                let copy = core::slice::from_raw_parts(start as *const u8, (end - start) as usize).to_vec();
                Range { start, copy }
            })
            .collect();
        let mut pages = Vec::new();
        for range in &ranges {
            let end = range.start + range.copy.len() as u64;
            let mut start = range.start;
            while start < end {
                let next = ((start & !(PAGE - 1)) + PAGE).min(end);
                let saved = &raw const range.copy[(start - range.start) as usize];
                // The kernel must always be able to lay a signal's frame on a stack.
                let on_stack = live_stacks.iter().any(|stack: &(u64, u64)| (stack.0..stack.1).contains(&start));
                let pinned = on_stack || next - start < PAGE;
                pages.push(Page { start, size: next - start, saved, hot: pinned, pinned });
                start = next;
            }
        }
        pages.sort_by_key(|page| page.start);
        Snapshot { ranges, untouched, pages, hot: Vec::new(), restores: 0, protecting: false, stale: false }
    }

    /// Bytes saved.
    pub fn bytes(&self) -> u64 {
        self.ranges.iter().map(|range| range.copy.len() as u64).sum()
    }

    /// Hands back what has been put where nothing was.
    fn empty_untouched(&self) {
        self.untouched.iter().for_each(|stretch| {
            hand_back(*stretch);
        });
    }

    /// Puts everything back, copying all of it.
    pub fn restore_everything(&self) {
        self.empty_untouched();
        for range in &self.ranges {
            // SAFETY: the ranges are still mapped and writable: an execution that unmaps or protects memory older than
            // itself is not rewound.
            unsafe { core::ptr::copy_nonoverlapping(range.copy.as_ptr(), range.start as *mut u8, range.copy.len()) };
        }
    }

    /// Puts everything back.
    pub fn restore(&mut self) {
        if !self.protecting {
            self.restores += 1;
            if self.restores < LEARNING {
                self.learn();
                return self.restore_everything();
            }
            self.learn();
            self.restore_everything();
            return self.protect();
        }
        if self.stale {
            self.gather();
        }
        self.empty_untouched();
        for &(start, saved, size) in &self.hot {
            // SAFETY: as above.
            unsafe { core::ptr::copy_nonoverlapping(saved, start as *mut u8, size) };
        }
        if self.restores < LEARNING_AGAIN {
            self.restores += 1;
            if self.restores == LEARNING_AGAIN {
                self.pages.iter_mut().for_each(|page| page.hot = page.pinned);
                self.protect();
            }
        }
    }

    /// Whether memory is other than it was saved: the first address that differs.
    pub fn differs(&self) -> Option<u64> {
        let changed = |page: &&Page| changed(page);
        self.pages.iter().find(changed).map(|page| page.start)
    }

    /// Marks the pages that have changed.
    fn learn(&mut self) {
        for page in self.pages.iter_mut().filter(|page| !page.hot) {
            page.hot = changed(page);
        }
    }

    /// Protects all pages that are not hot.
    fn protect(&mut self) {
        self.protecting = true;
        self.set_protection(libc::PROT_READ);
        self.gather();
    }

    /// Makes all memory writable again; from now on nothing is learnt.
    pub fn unprotect(&mut self) {
        if core::mem::replace(&mut self.protecting, false) {
            self.set_protection(libc::PROT_READ | libc::PROT_WRITE);
        }
        self.restores = 0;
    }

    /// Sets the protection of all pages that are not hot.
    fn set_protection(&mut self, protection: i32) {
        let mut index = 0;
        while index < self.pages.len() {
            let first = self.pages[index];
            let mut end = first.start + first.size;
            index += 1;
            if first.hot {
                continue;
            }
            while let Some(next) = self.pages.get(index)
                && !next.hot
                && next.start == end
            {
                end += next.size;
                index += 1;
            }
            let args = [first.start, end - first.start, protection as u64, 0, 0, 0];
            // SAFETY: whole pages of the program's private memory. The kernel may refuse when there are too many
            // mappings: then the pages stay writable, and must be copied.
            let refused = unsafe { crate::arch::syscall(libc::SYS_mprotect, args) } != 0;
            if refused && protection == libc::PROT_READ {
                for page in self.pages.iter_mut().filter(|page| (first.start..end).contains(&page.start)) {
                    page.hot = true;
                }
            }
        }
    }

    /// A write to this address has faulted. If that is because the page is protected here, lets it through.
    pub fn written(&mut self, address: u64) -> bool {
        if !self.protecting {
            return false;
        }
        let index = self.pages.partition_point(|page| page.start + page.size <= address);
        let Some(page) = self.pages.get_mut(index).filter(|page| page.start <= address && !page.hot) else {
            return false;
        };
        page.hot = true;
        self.stale = true;
        let writable = (libc::PROT_READ | libc::PROT_WRITE) as u64;
        // SAFETY: a page that was writable before it was protected here.
        unsafe { crate::arch::syscall(libc::SYS_mprotect, [page.start, page.size, writable, 0, 0, 0]) };
        true
    }

    /// Puts the hot pages together.
    fn gather(&mut self) {
        self.stale = false;
        self.hot.clear();
        for page in self.pages.iter().filter(|page| page.hot) {
            match self.hot.last_mut() {
                Some((start, saved, size))
                    if *start + *size as u64 == page.start && saved.wrapping_add(*size) == page.saved =>
                {
                    *size += page.size as usize;
                }
                _ => self.hot.push((page.start, page.saved, page.size as usize)),
            }
        }
    }
}

/// Long stretches of these extents of which no page is there yet, and which the kernel would take back.
fn untouched(extents: &[(u64, u64)]) -> Vec<(u64, u64)> {
    /// An entry of pagemap(5): the page is in memory, or swapped out.
    const IS_THERE: u64 = 0b11 << 62;
    /// Entries read at once.
    const ENTRIES: u64 = 512;
    let is_long = |(start, end): &(u64, u64)| end - start >= STRETCH;
    if !extents.iter().any(is_long) {
        return Vec::new();
    }
    // SAFETY: opens, reads and closes a descriptor of its own.
    let file = unsafe { syscall(libc::SYS_open, [c"/proc/self/pagemap".as_ptr() as u64, 0, 0, 0, 0, 0]) };
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for &(start, end) in extents.iter().filter(|extent| file >= 0 && is_long(extent)) {
        for first in (start / PAGE..end / PAGE).step_by(ENTRIES as usize) {
            let mut entries = [IS_THERE; ENTRIES as usize];
            let wanted = ENTRIES.min(end / PAGE - first);
            // SAFETY: the entries are writable; what is not read counts as touched.
            unsafe {
                syscall(libc::SYS_pread64, [file as u64, entries.as_mut_ptr() as u64, wanted * 8, first * 8, 0, 0]);
            }
            let absent = (first..first + wanted).zip(entries).filter(|(_, entry)| entry & IS_THERE == 0);
            for page in absent.map(|(number, _)| number * PAGE) {
                match stretches.last_mut() {
                    Some(last) if last.1 == page && page != start => last.1 = page + PAGE,
                    _ => stretches.push((page, page + PAGE)),
                }
            }
        }
    }
    if file >= 0 {
        // SAFETY: see above.
        unsafe { syscall(libc::SYS_close, [file as u64, 0, 0, 0, 0, 0]) };
    }
    stretches.retain(|stretch| is_long(stretch) && hand_back(*stretch));
    stretches
}

/// Hands pages back to the kernel: they are as they were when nobody had touched them. Whether it takes them.
fn hand_back((start, end): (u64, u64)) -> bool {
    // SAFETY: private memory of the program's in which there was nothing where executions begin.
    unsafe { syscall(libc::SYS_madvise, [start, end - start, libc::MADV_DONTNEED as u64, 0, 0, 0]) == 0 }
}

fn changed(page: &Page) -> bool {
    // SAFETY: both are readable, and of this size.
    unsafe {
        let now = core::slice::from_raw_parts(page.start as *const u8, page.size as usize);
        let then = core::slice::from_raw_parts(page.saved, page.size as usize);
        now != then
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
pub fn rewind(snapshot: &mut Snapshot) {
    let runtime = rt();
    let saved = runtime.saved.as_ref().expect("executions begin after the entry has been saved");
    runtime.execution.effects.undo(&saved.effects);
    runtime.execution.io.held.undo(&saved.io.held);
    crate::interpose::signals::waiting::undo(&runtime.execution.signals);
    crate::interpose::signals::outside::forget();
    runtime.execution.mappings.undo(&saved.mappings);
    heap::forget_above(saved.heap);
    snapshot.restore();
    runtime.execution.restore(saved);
}

/// Where the program maps memory itself lies outside `ours` on purpose: what existed at the entry is saved.
const _: () = assert!(mappings::START >= tls::START + tls::SIZE);
