//! `--leaks`: heap blocks of an execution to which nothing leads when the test function has returned.
//!
//! A block belongs to the execution if it was allocated after the entry. It is reachable if any aligned word of the roots,
//! or of another reachable block, is an address inside it: a conservative mark, as LeakSanitizer's. Roots are
//!
//! - the process's writable private memory: statics, what the C library keeps, what the program has mapped;
//! - the heap as far as it is older than the execution;
//! - of threads that have not ended, the stack from the stack pointer up (registers are saved there), thread-local storage,
//!   and the values of POSIX keys;
//! - what epoll sets were told to tell.
//!
//! A word that looks like an address by chance keeps a block from being reported. Reported in error is what is kept in a
//! form that is no address (the bits of two pointers in one), or in memory that is shared with other processes.

use crate::explore::{self, Explorer};
use crate::heap;
use crate::record;
use crate::snapshot::Writable;
use crate::state::{recording, rt};
use crate::tls;
use raddle_protocol::trace::State;
use raddle_protocol::{Choice, Leaks, Op};

/// Bytes of roots at the most. Where there is more (an address space reserved for later, say), nothing is looked for.
const MOST_BYTES: u64 = 1 << 30;

/// Blocks that a record names at the most, the largest first.
const MOST_NAMED: usize = 1000;

/// What is left over at the end of an execution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Whether it has been looked for.
    looked: bool,
    blocks: u64,
    bytes: u64,
}

/// What an exploration has seen of it.
#[derive(Default)]
pub struct Seen {
    counts: Leaks,
    /// The execution that leaves the most, with its choices.
    worst: Option<(u64, Vec<Choice>)>,
}

impl Seen {
    /// Takes in an execution that has passed.
    pub fn count(&mut self, execution: u64) {
        let Left { looked: true, blocks, bytes } = rt().left else { return };
        let Leaks { executions, of, least, most } = &mut self.counts;
        let now = (bytes, blocks);
        *least = if *of == 0 { now } else { (*least).min(now) };
        *of += 1;
        *executions += u64::from(blocks > 0);
        if now > *most {
            *most = now;
            self.worst = Some((execution, rt().tape.record().to_vec()));
        }
    }
}

impl Explorer {
    /// Reports what executions have left, once all have been performed.
    pub fn report_leaks(&mut self) {
        if !rt().plan.world.leaks {
            return;
        }
        self.summary.leaks = Some(self.left.counts);
        if let Some((execution, choices)) = self.left.worst.take() {
            rt().names_leaks = true;
            self.aside(|explorer| explorer.report_passed(execution, choices, 0, 0));
            rt().names_leaks = false;
        }
    }
}

/// The test function has returned, and other threads have had their turns.
pub fn look() {
    if !rt().plan.world.leaks {
        return;
    }
    let Some(lost) = lost() else { return };
    let bytes = lost.iter().map(|(_, size)| size).sum();
    rt().left = Left { looked: true, blocks: lost.len() as u64, bytes };
    if recording() && rt().names_leaks {
        for (address, size) in lost.into_iter().take(MOST_NAMED) {
            record::step(Op::LeftAllocated { address, size });
        }
    }
}

/// The blocks that nothing leads to, the largest first; `None` where that cannot be told.
fn lost() -> Option<Vec<(u64, u64)>> {
    let mut marks = Marks::new(heap::in_use(rt().execution.heap));
    let ranges = roots();
    if ranges.iter().map(|(start, end)| end - start).sum::<u64>() > MOST_BYTES {
        return None;
    }
    for (start, end) in ranges {
        // SAFETY: mapped and readable, and nothing else runs.
        unsafe { marks.scan(start, end) };
    }
    let execution = &rt().execution;
    for id in execution.alive() {
        let data = &execution.threads[id as usize];
        let arguments = data.destructors.iter().map(|(_, argument)| *argument as u64);
        data.specific.iter().copied().chain(arguments).chain([data.start.1]).for_each(|word| marks.mark(word));
    }
    execution.io.interest.told().for_each(|word| marks.mark(word));
    let mut lost = marks.unmarked();
    lost.sort_by_key(|(address, size)| (core::cmp::Reverse(*size), *address));
    Some(lost)
}

/// Memory that is reachable by itself.
fn roots() -> Vec<(u64, u64)> {
    let execution = &rt().execution;
    let mut writable = Writable::now(explore::left_out());
    let mut ranges = core::mem::take(&mut writable.extents);
    ranges.push((heap::START, execution.heap.top));
    for id in execution.alive() {
        let data = &execution.threads[id as usize];
        if id == execution.root {
            // It is back where it was at the entry. What lies below is left over from the test, or is the runtime's.
            let sp = rt().entry.sp;
            ranges.push((sp, writable.live_stack(data, sp).1));
        } else {
            ranges.push(writable.live_stack(data, data.sp));
        }
        if data.tls != tls::Block::default() {
            ranges.push(tls::extent(&data.tls));
        }
    }
    ranges.retain(|(start, end)| start < end);
    ranges
}

/// Blocks, and which of them have been reached.
struct Marks {
    /// Address, bytes and whether it has been reached, in order of address.
    blocks: Vec<(u64, u64, bool)>,
    /// From the first block to behind the last.
    extent: (u64, u64),
    /// Reached, and not yet looked into.
    waiting: Vec<(u64, u64)>,
}

impl Marks {
    fn new(blocks: Vec<(u64, u64)>) -> Marks {
        let end = |(address, size): &(u64, u64)| address + size.max(&1);
        let extent = (blocks.first().map_or(0, |block| block.0), blocks.last().map_or(0, end));
        let blocks = blocks.into_iter().map(|(address, size)| (address, size, false)).collect();
        Marks { blocks, extent, waiting: Vec::new() }
    }

    /// Marks what a word leads to, if it is an address, and all that can be reached from there.
    fn mark(&mut self, word: u64) {
        self.reach(word);
        while let Some((start, end)) = self.waiting.pop() {
            // SAFETY: a block in use; nothing else runs.
            unsafe { self.words(start, end) };
        }
    }

    #[inline(always)]
    fn reach(&mut self, word: u64) {
        if word >= self.extent.0 && word < self.extent.1 {
            self.reach_inside(word);
        }
    }

    fn reach_inside(&mut self, word: u64) {
        let after = self.blocks.partition_point(|(address, ..)| *address <= word);
        if let Some((address, size, reached)) = after.checked_sub(1).and_then(|at| self.blocks.get_mut(at))
            && word - *address < (*size).max(1)
            && !core::mem::replace(reached, true)
        {
            self.waiting.push((*address, *address + *size));
        }
    }

    /// Marks all that memory leads to.
    ///
    /// # Safety
    /// It is readable.
    unsafe fn scan(&mut self, start: u64, end: u64) {
        // SAFETY: the caller's.
        unsafe { self.words(start, end) };
        self.mark(0);
    }

    unsafe fn words(&mut self, start: u64, end: u64) {
        let mut at = start.next_multiple_of(8);
        while at + 8 <= end {
            // SAFETY: the caller's. Other threads do not run meanwhile, but for the compiler any of this may change.
            self.reach(unsafe { (at as *const u64).read_volatile() });
            at += 8;
        }
    }

    fn unmarked(self) -> Vec<(u64, u64)> {
        self.blocks.into_iter().filter(|block| !block.2).map(|(address, size, _)| (address, size)).collect()
    }
}

impl crate::state::Execution {
    /// Threads that have not ended.
    fn alive(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.threads.len() as u32).filter(|id| *self.schedule.state(*id) != State::Ended)
    }
}
