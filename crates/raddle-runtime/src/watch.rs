//! Watching accesses: each goes past the detector ([`raddle_engine::race`]), and the first that must not happen ends the
//! execution as a conflict.
//!
//! The common case, an access to what no other thread has touched, is decided in the hook ([`own`]). All else comes here.
//!
//! What lies on other threads' stacks is a matter of [`crate::frames`] too.

use crate::shadow::{self, GRANULE};
use crate::stacks;
use crate::state::{recording, rt};
use raddle_engine::memory::Clock;
use raddle_engine::race::{self, Detector, Granule, Kind};
use raddle_protocol::Op;
use raddle_protocol::trace::{Access, Conflict, ConflictKind, Outcome, ThreadId};

/// The running thread and its time as [`race::whole`] writes them; 0 while nothing is watched, and [`ALWAYS`] while every
/// access has to be looked at.
pub static mut NOW: u64 = 0;

/// Equals no granule's word: it would be a record with an index that no detector reaches.
const ALWAYS: u64 = u64::MAX;

/// No time of the present execution is as small.
static mut BASE: u64 = 0;

/// Where the running thread's stack begins, and its size.
static mut STACK: (u64, u64) = (0, 0);

/// Bytes whose accesses are recorded.
static mut RECORDED: (u64, u64) = (0, 0);

/// Whether accesses are watched.
#[inline(always)]
pub fn watching() -> bool {
    // SAFETY: one thread.
    unsafe { NOW != 0 }
}

/// Takes note of a plain access, of aligned bytes within one granule, if nobody but the running thread has touched them in
/// this execution and nothing else need be done. What others have lent of their stacks is never so simple.
#[inline(always)]
pub fn own(address: u64, mask: u64, writes: bool) -> bool {
    // SAFETY: one thread; granules are always there.
    unsafe {
        let granule = &mut *shadow::granule(address);
        let bits = !0xff | mask;
        if (granule.write ^ NOW) & bits == 0 || (!writes && (granule.read ^ NOW) & bits == 0) {
            return true;
        }
        let lent = address.wrapping_sub(stacks::START) < stacks::END - stacks::START
            && address.wrapping_sub(STACK.0) >= STACK.1;
        NOW != ALWAYS && !lent && granule.own_access(race::Entry(NOW & bits), BASE, writes)
    }
}

/// An execution begins, or ends its part that is watched.
pub fn set(on: bool) {
    // SAFETY: one thread.
    unsafe {
        NOW = u64::from(on);
        BASE = rt().detector.base();
    }
    if on {
        refresh();
    }
}

/// Another thread runs, or the running thread's clock has moved.
#[inline]
pub fn refresh() {
    // SAFETY: one thread.
    unsafe {
        if NOW == 0 {
            return;
        }
        let runtime = rt();
        let me = runtime.execution.number();
        NOW = if RECORDED.1 != 0 { ALWAYS } else { race::whole(me, runtime.memory.epoch(me).time()) };
        let (low, high) = runtime.execution.threads[runtime.execution.running as usize].stack_extent;
        STACK = (low, high - low);
    }
}

/// Which bytes the next recorded execution keeps all accesses of; none by default.
pub fn record_accesses_of(bytes: Option<(u64, u64)>) {
    // SAFETY: one thread.
    unsafe { RECORDED = bytes.map_or((0, 0), |(start, size)| (start, start + size)) };
}

fn named(kind: Kind) -> Access {
    match kind {
        Kind::Read => Access::Read,
        Kind::Write => Access::Write,
        Kind::AtomicRead => Access::AtomicRead,
        Kind::AtomicWrite => Access::AtomicWrite,
    }
}

/// Bytes of a granule that a range covers.
fn mask_of(granule: u64, start: u64, end: u64) -> u8 {
    let low = start.max(granule) - granule;
    let high = end.min(granule + GRANULE) - granule;
    ((0xffu16 >> (8 - (high - low))) << low) as u8
}

/// A plain or volatile access of the running thread.
#[inline(never)]
pub fn access(address: u64, size: u64, kind: Kind) {
    if watching() && size > 0 {
        if recording() {
            record(address, size, named(kind));
        }
        check(address, size, kind);
    }
}

/// A volatile read of the running thread: whoever spells it so throws the value away when it has changed meanwhile, so it
/// races with nothing. But the memory must be there.
#[inline(never)]
pub fn volatile_read(address: u64, size: u64) {
    const ACCESS: Access = Access::AtomicRead;
    if !watching() {
        return;
    }
    if (stacks::START..stacks::END).contains(&address) {
        crate::frames::accessed(address, size, ACCESS);
    }
    let end = address.saturating_add(size);
    for at in (address & !(GRANULE - 1)..end).step_by(GRANULE as usize) {
        // SAFETY: one thread; granules are always readable.
        let granule = unsafe { *shadow::granule(at) };
        if let Some(thread) = rt().detector.freed_by(&granule) {
            conflict(race::Conflict::Freed { thread, time: 0 }, at.max(address), end, ACCESS);
        }
    }
    if recording() {
        record(address, size, ACCESS);
    }
}

/// An atomic access of the running thread, which the caller records.
#[inline]
pub fn atomic(address: u64, size: u8, kind: Kind) {
    check(address, size.into(), kind);
}

fn check(address: u64, size: u64, kind: Kind) {
    let end = address.saturating_add(size);
    if (stacks::START..stacks::END).contains(&address) {
        crate::frames::accessed(address, size, named(kind));
    }
    let plain = (!kind.atomic()).then_some(kind);
    each_granule((address, end), plain, |detector, granule, me, mask, clock| {
        let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
        detector.access(granule, me, mask, kind, covers, settled)
    })
    .unwrap_or_else(|(found, at)| conflict(found, at, end, named(kind)));
}

/// Whether all threads that are there know of what a thread did at a time; those still to come learn it from them.
fn settled(thread: u32, time: u64) -> bool {
    /// With more threads the answer costs more than it saves.
    const MOST: usize = 16;
    let runtime = rt();
    let execution = &runtime.execution;
    let first = execution.root as usize;
    let known = |id: usize| {
        let id = id as ThreadId;
        *execution.schedule.state(id) == raddle_protocol::trace::State::Ended
            || time <= runtime.memory.clock(execution.number_of(id)).time_of(thread)
    };
    execution.threads.len() - first <= MOST && (first..execution.threads.len()).all(known)
}

/// Calls `act` for each granule of a range with the detector, the granule, the running thread's number and time, the
/// bytes of the granule in question, and the thread's clock; up to the first conflict, with where that is. For a `plain`
/// access, granules in which nobody else has been are not asked about.
fn each_granule(
    (start, end): (u64, u64),
    plain: Option<Kind>,
    mut act: impl FnMut(&mut Detector, &mut Granule, (ThreadId, u64), u8, &Clock) -> Result<(), race::Conflict>,
) -> Result<(), (race::Conflict, u64)> {
    let runtime = rt();
    let me = runtime.execution.number();
    let (memory, detector) = (&runtime.memory, &mut runtime.detector);
    let time = memory.epoch(me).time();
    let whole = race::whole(me, time);
    let mut at = start & !(GRANULE - 1);
    while at < end {
        if let Some(kind) = plain
            && at >= start
        {
            at = shadow::whole_granules(at, end, |granule| granule.whole_access(whole, kind.writes()));
            if at >= end {
                break;
            }
        }
        // SAFETY: one thread; the reference ends with the call. Neighbours in memory have neighbouring granules, but for
        // the border of a GiB.
        let granule = unsafe { &mut *shadow::granule(at) };
        act(detector, granule, (me, time), mask_of(at, start, end), memory.clock(me))
            .map_err(|found| (found, at.max(start)))?;
        at += GRANULE;
    }
    Ok(())
}

/// The block at `address` is given back by the running thread.
pub fn free(address: u64, size: u64) {
    if !watching() {
        return;
    }
    if recording() {
        record(address, size, Access::Free);
    }
    let end = address + size;
    rt().memory.forget(address, end);
    each_granule((address, end), None, |detector, granule, me, mask, clock| {
        let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
        let found = detector.access(granule, me, mask, Kind::Write, covers, settled);
        detector.free(granule, me, mask);
        found
    })
    .unwrap_or_else(|(found, at)| conflict(found, at, end, Access::Free));
}

/// A block is given out again.
pub fn fresh(address: u64, size: u64) {
    let detector = &mut rt().detector;
    let mut at = address & !(GRANULE - 1);
    while at < address + size {
        // SAFETY: one thread.
        detector.fresh(unsafe { &mut *shadow::granule(at) });
        at += GRANULE;
    }
}

/// Something is freed that is no block, or no longer.
pub fn bad_free(address: u64, twice: bool) {
    if !watching() {
        return;
    }
    if recording() {
        record(address, 1, Access::Free);
    }
    let runtime = rt();
    let kind = if twice { ConflictKind::DoubleFree } else { ConflictKind::ForeignFree };
    // SAFETY: one thread.
    let granule = unsafe { *shadow::granule(address) };
    let earlier = runtime.detector.freed_by(&granule).filter(|_| twice).map(|thread| (thread, Access::Free));
    end(Conflict { kind, address, size: 1, thread: runtime.execution.number(), access: Access::Free, earlier });
}

#[cold]
fn conflict(found: race::Conflict, address: u64, end_address: u64, access: Access) {
    let (kind, earlier) = match found {
        race::Conflict::Race { earlier, kind } => (ConflictKind::Race, (earlier.thread(), named(kind))),
        race::Conflict::Freed { thread, .. } if access == Access::Free => {
            (ConflictKind::DoubleFree, (thread, Access::Free))
        }
        race::Conflict::Freed { thread, .. } => (ConflictKind::UseAfterFree, (thread, Access::Free)),
    };
    if kind == ConflictKind::Race {
        let place = place();
        if rt().ignored.contains(&place) {
            return;
        }
        if let Some(recorder) = rt().recorder.as_mut() {
            recorder.conflict_at(place);
        }
    }
    let thread = rt().execution.number();
    let size = end_address - address;
    if recording() && matches!(access, Access::AtomicRead | Access::AtomicWrite) {
        record(address, size, access);
    }
    end(Conflict { kind, address, size, thread, access, earlier: Some(earlier) });
}

/// Where the running thread is: the innermost call in the program's own code.
fn place() -> u64 {
    crate::record::unwind().first().map_or(0, |frame| frame.0)
}

/// The execution ends with this conflict.
#[cold]
pub fn end(conflict: Conflict) {
    crate::sched::finish(Outcome::Conflict(conflict));
}

/// Keeps an access for the record if it touches the bytes in question.
#[cold]
fn record(address: u64, size: u64, access: Access) {
    // SAFETY: one thread.
    let (start, end) = unsafe { RECORDED };
    if address < end && start < address + size {
        crate::record::step(Op::Access { address, size, access });
    }
}
