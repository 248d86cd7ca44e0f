//! Watching accesses: each goes past the detector ([`raddle_engine::race`]), and the first that must not happen ends the
//! execution as a conflict.
//!
//! The common cases are decided in the hook ([`short`]), and for ranges in [`own`]. The detector would say the same of them.
//!
//! What lies on other threads' stacks is a matter of [`crate::frames`] too.

mod short;

use crate::shadow::{self, GRANULE};
use crate::stacks;
use crate::state::{recording, rt};
use raddle_engine::memory::Clock;
use raddle_engine::race::{self, Detector, Granule, Kind};
use raddle_protocol::Op;
use raddle_protocol::trace::{Access, Conflict, ConflictKind, Outcome, ThreadId};

pub use short::{Taken, shared, short_access, taken};

/// The running thread and its time as [`race::whole`] writes them; 0 while nothing is watched, and [`ALWAYS`] while every
/// access has to be looked at.
pub static mut NOW: u64 = 0;

/// Equals no granule's word: it would be a record with an index that no detector reaches.
const ALWAYS: u64 = u64::MAX;

/// Words of granules that are less are of earlier executions ([`race::floor`]).
static mut FLOOR: u64 = 0;

/// The same for the hooks; 0 while nothing is watched, or every access has to be looked at.
static mut HOOKS_FLOOR: u64 = 0;

/// Where the running thread's stack begins, and its size.
static mut STACK: (u64, u64) = (0, 0);

/// Bytes whose accesses are recorded.
static mut RECORDED: (u64, u64) = (0, 0);

/// How many accesses of a thread make up a step of its own; 0 while they are not counted.
static mut SHARE: u64 = 0;

/// Whether accesses are watched.
#[inline(always)]
pub fn watching() -> bool {
    // SAFETY: one thread.
    unsafe { NOW != 0 }
}

/// Whether an address lies where stacks do, but not on the running thread's.
#[inline(always)]
fn is_on_another_stack(address: u64) -> bool {
    // SAFETY: one thread.
    let (start, size) = unsafe { STACK };
    address.wrapping_sub(start) >= size && address.wrapping_sub(stacks::START) < stacks::END - stacks::START
}

/// Whether accesses to what lies here can never be decided without others: every access is to be looked at, or other
/// threads may have lent it of their stacks.
#[inline(always)]
fn never_own(address: u64) -> bool {
    // SAFETY: one thread.
    unsafe { NOW == ALWAYS || is_on_another_stack(address) }
}

/// The rest of [`short_access`] and [`shared`], which is neither a recorded access nor one to another thread's stack.
#[inline(never)]
fn disordered(address: u64, size: u64, mask: u8, kind: Kind) {
    let runtime = rt();
    let me = runtime.execution.number();
    let (memory, detector) = (&runtime.memory, &mut runtime.detector);
    let clock = memory.clock(me);
    let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
    // SAFETY: one thread; the reference ends with the call.
    let granule = unsafe { &mut *shadow::granule(address) };
    let now = (me, memory.epoch(me).time());
    if kind == Kind::Read && detector.read_among_reads(granule, race::Entry::new(me, now.1, false, mask), covers) {
        return;
    }
    let found = detector.shared_access(granule, now, mask, kind, covers, settled);
    found.unwrap_or_else(|found| conflict(found, address, address + size, named(kind)));
}

/// Takes note of a plain access to a range as far as nobody but the running thread has touched it in this execution and
/// nothing else need be done. Tells where that ends.
#[inline(always)]
fn own(start: u64, end: u64, writes: bool) -> u64 {
    if never_own(start) {
        return start;
    }
    // SAFETY: one thread.
    let (now, floor) = unsafe { (NOW, FLOOR) };
    let takes = |granule: &mut Granule, mask: u8| {
        granule.own_access(race::Entry(now & (!0xff | u64::from(mask))), floor, writes)
    };
    let part = |at: u64| {
        // SAFETY: one thread; granules are always there.
        unsafe { takes(&mut *shadow::granule(at), mask_of(at & !(GRANULE - 1), start, end)) }
    };
    let mut at = start;
    if !at.is_multiple_of(GRANULE) || end - at < GRANULE {
        if !part(at) {
            return at;
        }
        at = (at & !(GRANULE - 1)) + GRANULE;
    }
    let last = end & !(GRANULE - 1);
    while at < last {
        let until = shadow::whole_granules(at, last, |granule| granule.own_whole_access(now, floor, writes));
        if until == at {
            return at;
        }
        at = until;
    }
    if at < end && !part(at) { at } else { end }
}

/// An execution begins, or ends its part that is watched.
pub fn set(on: bool) {
    // SAFETY: one thread.
    unsafe {
        NOW = u64::from(on);
        FLOOR = rt().detector.floor();
        HOOKS_FLOOR = 0;
    }
    if on {
        refresh();
    }
}

/// Another thread runs, or accesses are looked at in another way.
#[inline]
pub fn refresh() {
    // SAFETY: one thread.
    unsafe {
        if NOW == 0 {
            return;
        }
        let runtime = rt();
        let me = runtime.execution.number();
        let always = RECORDED.1 != 0 || SHARE != 0;
        NOW = if always { ALWAYS } else { race::whole(me, runtime.memory.epoch(me).time()) };
        HOOKS_FLOOR = if always { 0 } else { FLOOR };
        let (low, high) = runtime.execution.threads[runtime.execution.running as usize].stack_extent;
        STACK = (low, high - low);
    }
}

/// The running thread's clock may have moved.
#[inline(always)]
pub fn ticked(me: ThreadId) {
    // SAFETY: one thread.
    unsafe {
        if NOW != 0 && NOW != ALWAYS {
            NOW = race::whole(me, rt().memory.epoch(me).time());
        }
    }
}

/// Which bytes the next recorded execution keeps all accesses of; none by default.
pub fn record_accesses_of(bytes: Option<(u64, u64)>) {
    // SAFETY: one thread.
    unsafe { RECORDED = bytes.map_or((0, 0), |(start, size)| (start, start + size)) };
}

/// Of how many accesses the next recorded execution takes note as one step; 0 for none.
pub fn count_accesses_by(share: u64) {
    // SAFETY: one thread.
    unsafe { SHARE = share };
}

/// Counts an access of the running thread, where accesses are counted.
fn count() {
    count_of(1);
}

/// Whether accesses are counted.
pub fn counts() -> bool {
    // SAFETY: one thread.
    unsafe { SHARE != 0 }
}

/// As many accesses of the running thread, or what is to count as such.
pub fn count_of(accesses: u64) {
    // SAFETY: one thread.
    let share = unsafe { SHARE };
    if share == 0 {
        return;
    }
    let execution = &mut rt().execution;
    let thread = &mut execution.threads[execution.running as usize];
    let before = thread.accesses / share;
    thread.accesses += accesses;
    for _ in before..thread.accesses / share {
        crate::record::step(Op::Computed { accesses: share });
    }
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

/// A plain access, or a volatile write, of the running thread.
#[inline(always)]
pub fn access(address: u64, size: u64, kind: Kind) {
    match kind {
        Kind::Read => range::<false>(address, size),
        Kind::Write => range::<true>(address, size),
        Kind::AtomicRead | Kind::AtomicWrite => any_access(address, size, kind),
    }
}

/// Plain accesses of the running thread to two ranges: as many bytes are read at one as are written at the other.
#[inline(never)]
pub fn copy(from: u64, to: u64, size: u64) {
    range_here::<false>(from, size);
    range_here::<true>(to, size);
}

/// As [`access`], of a plain one.
#[inline(never)]
fn range<const WRITES: bool>(address: u64, size: u64) {
    range_here::<WRITES>(address, size);
}

/// As [`range`], for where it is worth the code. The short ways are for whole granules and for a few bytes.
#[inline(always)]
fn range_here<const WRITES: bool>(address: u64, size: u64) {
    let end = address.wrapping_add(size);
    let kind = if WRITES { Kind::Write } else { Kind::Read };
    let whole = (address | size) & (GRANULE - 1) == 0 && shadow::side_by_side(address, end);
    let few = (1..=GRANULE).contains(&size);
    if !((whole || few) && watching()) || never_own(address) {
        return any_access(address, size, kind);
    }
    if few {
        return few_bytes::<WRITES>(address, size);
    }
    // SAFETY: granules of one GiB lie side by side, and are always there; one thread.
    let until = unsafe {
        let (first, now, floor) = (shadow::granule(address), NOW, FLOOR);
        let (mut granule, last) = (first, first.add((size / GRANULE) as usize));
        while granule < last && ((*granule).knows(now, 0xff, WRITES) || (*granule).own_whole_access(now, floor, WRITES))
        {
            granule = granule.add(1);
        }
        address + granule.offset_from(first) as u64 * GRANULE
    };
    if until < end {
        others(address, until, end, kind);
    }
}

/// As [`range_here`], of up to eight bytes, which lie in one granule or in two.
#[inline(always)]
fn few_bytes<const WRITES: bool>(address: u64, size: u64) {
    // A bit for each byte from the first granule on.
    let bytes = ((1u32 << size) - 1) << (address & (GRANULE - 1));
    let takes = |at: u64, bytes: u8| {
        // SAFETY: one thread; granules are always there.
        let (granule, now, floor) = unsafe { (&mut *shadow::granule(at), NOW, FLOOR) };
        let these = race::Entry(now & (!0xff | u64::from(bytes)));
        granule.knows(now, bytes, WRITES) || granule.own_access(these, floor, WRITES)
    };
    let second = (address & !(GRANULE - 1)) + GRANULE;
    let until = match (takes(address, bytes as u8), (bytes >> 8) as u8) {
        (false, _) => address,
        (true, rest) if rest != 0 && !takes(second, rest) => second,
        _ => return,
    };
    others(address, until, address + size, if WRITES { Kind::Write } else { Kind::Read });
}

/// As [`access`], of any shape.
#[inline(never)]
fn any_access(address: u64, size: u64, kind: Kind) {
    if watching() && size > 0 {
        let end = address.saturating_add(size);
        let at = if kind.atomic() { address } else { own(address, end, kind.writes()) };
        if at < end {
            others(address, at, end, kind);
        }
    }
}

/// The part from `at` on of an access: others may have been there.
#[inline(never)]
fn others(address: u64, at: u64, end: u64, kind: Kind) {
    if recording() {
        record(address, end - address, named(kind));
        count();
    }
    check(address, at, end, kind);
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
#[inline(never)]
pub fn atomic(address: u64, size: u8, kind: Kind) {
    atomic_here(address, size, kind);
}

/// As [`atomic`], for where it is worth the code.
#[inline(always)]
pub fn atomic_here(address: u64, size: u8, kind: Kind) {
    // SAFETY: one thread.
    let now = unsafe { NOW };
    let first = address & (GRANULE - 1);
    if now != ALWAYS && first + u64::from(size) <= GRANULE && !(stacks::START..stacks::END).contains(&address) {
        let mask = (((1u16 << size) - 1) << first) as u8;
        // SAFETY: one thread; granules are always there.
        let granule = unsafe { &*shadow::granule(address) };
        if !rt().detector.atomic_among_atomic(granule, race::Entry(now).atomic_of(mask), kind.writes()) {
            atomic_beside_plain(address, size, mask, kind);
        }
        return;
    }
    check(address, address, address.saturating_add(size.into()), kind);
}

/// The rest of [`atomic`], within one granule.
#[inline(never)]
fn atomic_beside_plain(address: u64, size: u8, mask: u8, kind: Kind) {
    let runtime = rt();
    let me = runtime.execution.number();
    let clock = runtime.memory.clock(me);
    let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
    let now = (me, runtime.memory.epoch(me).time());
    // SAFETY: one thread; the reference ends with the call.
    let granule = unsafe { &mut *shadow::granule(address) };
    let found = runtime.detector.atomic_access(granule, now, mask, kind, covers, settled);
    found.unwrap_or_else(|found| conflict(found, address, address + u64::from(size), named(kind)));
}

/// The part from `at` on of an access that begins at `address`.
fn check(address: u64, mut at: u64, end: u64, kind: Kind) {
    if (stacks::START..stacks::END).contains(&address) {
        crate::frames::accessed(address, end - address, named(kind));
    }
    while at < end {
        // After one granule that others have touched may come many that they have not.
        let next = if kind.atomic() { end } else { ((at & !(GRANULE - 1)) + GRANULE).min(end) };
        each_granule((at, next), |detector, granule, me, mask, clock| {
            let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
            detector.access(granule, me, mask, kind, covers, settled)
        })
        .unwrap_or_else(|(found, at)| conflict(found, at, end, named(kind)));
        at = if next < end { own(next, end, kind.writes()) } else { end };
    }
}

/// Whether all threads that are there know of what a thread did at a time; those still to come learn it from them.
fn settled(thread: u32, time: u64) -> bool {
    let runtime = rt();
    let execution = &runtime.execution;
    let first = execution.root as usize;
    let known = |id: usize| {
        let id = id as ThreadId;
        *execution.schedule.state(id) == raddle_protocol::trace::State::Ended
            || time <= runtime.memory.clock(execution.number_of(id)).time_of(thread)
    };
    (first..execution.threads.len()).all(known)
}

/// Calls `act` for each granule of a range with the detector, the granule, the running thread's number and time, the
/// bytes of the granule in question, and the thread's clock; up to the first conflict, with where that is.
fn each_granule(
    (start, end): (u64, u64),
    mut act: impl FnMut(&mut Detector, &mut Granule, (ThreadId, u64), u8, &Clock) -> Result<(), race::Conflict>,
) -> Result<(), (race::Conflict, u64)> {
    let runtime = rt();
    let me = runtime.execution.number();
    let (memory, detector) = (&runtime.memory, &mut runtime.detector);
    let (time, clock) = (memory.epoch(me).time(), memory.clock(me));
    for at in (start & !(GRANULE - 1)..end).step_by(GRANULE as usize) {
        // SAFETY: one thread; the reference ends with the call.
        let granule = unsafe { &mut *shadow::granule(at) };
        act(detector, granule, (me, time), mask_of(at, start, end), clock).map_err(|found| (found, at.max(start)))?;
    }
    Ok(())
}

/// The block at `address` is given back by the running thread. What is known of atomic locations in it is of no use any
/// more, but is cleared away only when the block is given out again ([`fresh`]), which few executions live to see, or when
/// there is much of it.
pub fn free(address: u64, size: u64) {
    if !watching() {
        return;
    }
    if recording() {
        record(address, size, Access::Free);
    }
    let end = address + size;
    let runtime = rt();
    if runtime.memory.is_crowded() {
        runtime.memory.forget(address, end);
    }
    let me = runtime.execution.number();
    let clock = runtime.memory.clock(me);
    let time = runtime.memory.epoch(me).time();
    let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
    let (now, floor, detector) = (race::whole(me, time), runtime.detector.floor(), &mut runtime.detector);
    let mut found = Ok(());
    shadow::each_granule(address, end, |granule, at| {
        let mask = if end - at >= GRANULE { 0xff } else { mask_of(at, at, end) };
        let by = race::Entry(now & (!0xff | u64::from(mask)));
        if !granule.give_back_own(by, floor) && !granule.give_back(by, floor, covers) {
            let outcome = detector.give_back(granule, (me, time), mask, covers);
            if found.is_ok() {
                found = outcome.map_err(|found| (found, at));
            }
        }
    });
    found.unwrap_or_else(|(found, at)| conflict(found, at, end, Access::Free));
}

/// The running thread ends, and what lies here with it. Earlier accesses of others are not asked what orders them with
/// that: who waits for another by looking at a variable of its own need not acquire anything to know that it is done.
pub fn gone(start: u64, end: u64) {
    if !watching() || start == end {
        return;
    }
    let runtime = rt();
    runtime.memory.forget(start, end);
    let me = runtime.execution.number();
    let time = runtime.memory.epoch(me).time();
    shadow::each_granule(start & !(GRANULE - 1), end, |granule, at| {
        runtime.detector.free(granule, (me, time), mask_of(at, start, end));
    });
}

/// A block is given out again.
pub fn fresh(address: u64, size: u64) {
    let runtime = rt();
    runtime.memory.forget(address, address + size);
    let detector = &mut runtime.detector;
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
        race::Conflict::Freed { thread, .. } if crate::tls::holds(address) => {
            (ConflictKind::DeadStorage, (thread, Access::Free))
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
