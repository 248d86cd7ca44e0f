//! Accesses of up to sixteen bytes, which the hooks decide as far as they can: those that the running thread has made before,
//! those to what nobody has touched yet in this execution or nobody else, and those that come after all others.

use super::{FLOOR, HOOKS_FLOOR, NOW, access, disordered, is_on_another_stack, never_own, watching};
use crate::shadow::{self, GRANULE};
use crate::state::rt;
use raddle_engine::race::{self, Granule, Kind};

/// What a hook has come to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Nothing more is to be done.
    Yes,
    /// Others may have touched this granule, of which the access is to all bytes: [`shared`] goes on.
    Others(*mut Granule),
    /// It cannot be told.
    No,
}

/// A plain access to the `N` bytes at an address, `ALIGNED` to their number or to eight, as far as it can be decided in the
/// hook: the running thread has accessed them since its clock last moved, or nobody else has touched what lies there in this
/// execution.
#[inline(always)]
pub fn taken<const N: u64, const ALIGNED: bool, const WRITES: bool>(address: u64) -> Taken {
    // A bit for each byte from the first granule on.
    let bytes = ((1u32 << N) - 1) << if ALIGNED && N >= GRANULE { 0 } else { address & (GRANULE - 1) };
    if (ALIGNED && N <= GRANULE) || bytes <= 0xff {
        let Some(granule) = shadow::granule_if_any(address) else { return Taken::No };
        // SAFETY: one thread; granules of a GiB that has any can be written.
        return unsafe {
            if ALIGNED && N == GRANULE {
                taken_within::<true>(&mut *granule, address, 0xff, WRITES)
            } else {
                taken_within::<false>(&mut *granule, address, bytes as u8, WRITES)
            }
        };
    }
    let known = if N == 2 * GRANULE && bytes == 0xffff && shadow::side_by_side(address, address + N) {
        // SAFETY: as above; granules of one GiB lie side by side.
        shadow::granule_if_any(address).is_some_and(|granule| unsafe {
            taken_within::<true>(&mut *granule, address, 0xff, WRITES) == Taken::Yes
                && taken_within::<true>(&mut *granule.add(1), address + GRANULE, 0xff, WRITES) == Taken::Yes
        })
    } else {
        let knows = |granules: u64| {
            let bytes = (bytes >> (8 * granules)) as u8;
            bytes == 0
                || shadow::granule_if_any(address + granules * GRANULE)
                    // SAFETY: one thread.
                    .is_some_and(|granule| unsafe { (*granule).knows(NOW, bytes, WRITES) })
        };
        knows(0) && knows(1) && (N <= GRANULE || knows(2))
    };
    if known { Taken::Yes } else { Taken::No }
}

/// As [`taken`], of these bytes of one granule, which are all of it if `WHOLE` says so.
#[inline(always)]
fn taken_within<const WHOLE: bool>(granule: &mut Granule, address: u64, bytes: u8, writes: bool) -> Taken {
    // SAFETY: one thread.
    let (now, floor) = unsafe { (NOW, HOOKS_FLOOR) };
    if granule.knows(now, bytes, writes) {
        return Taken::Yes;
    }
    if is_on_another_stack(address) {
        return Taken::No;
    }
    let these = race::Entry(now & (!0xff | u64::from(bytes)));
    if granule.is_untouched(floor) {
        granule.touch(these, writes);
        return Taken::Yes;
    }
    if floor == 0 {
        return Taken::No;
    }
    let takes =
        if WHOLE { granule.own_whole_access(now, floor, writes) } else { granule.own_access(these, floor, writes) };
    match takes {
        true => Taken::Yes,
        false if WHOLE => Taken::Others(granule),
        false => Taken::No,
    }
}

/// A plain access to all of a granule, where [`taken`] has said that others may have been there.
#[inline(never)]
pub extern "C" fn shared<const WRITES: bool>(address: u64, granule: *mut Granule) {
    // SAFETY: one thread; the reference ends with the call.
    let (granule, now, floor) = unsafe { (&mut *granule, race::Entry(NOW), FLOOR) };
    let clock = rt().memory.clock(now.thread());
    let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
    if !granule.ordered_access(now, floor, WRITES, covers) {
        disordered(address, GRANULE, 0xff, if WRITES { Kind::Write } else { Kind::Read });
    }
}

/// [`access`] for `N` bytes, `ALIGNED` to their number; the shortest way is for those within one granule.
#[inline(always)]
pub fn short_access<const N: u64, const ALIGNED: bool>(address: u64, kind: Kind) {
    let first = if ALIGNED && N >= GRANULE { 0 } else { address & (GRANULE - 1) };
    if watching() && (ALIGNED && N <= GRANULE || first + N <= GRANULE) && !never_own(address) {
        let bytes = ((1u64 << N) - 1) << first;
        // SAFETY: one thread; granules are always there.
        let (granule, now, floor) = unsafe { (&mut *shadow::granule(address), NOW, FLOOR) };
        // All of a granule's bytes are the thread's own only where they are ordered, so one question is enough.
        let now = race::Entry(now & (!0xff | bytes));
        if ALIGNED && N == GRANULE || !granule.own_access(now, floor, kind.writes()) {
            let clock = rt().memory.clock(now.thread());
            let covers = |thread: u32, time: u64| time <= clock.time_of(thread);
            if !granule.ordered_access(now, floor, kind.writes(), covers) {
                disordered(address, N, bytes as u8, kind);
            }
        }
        return;
    }
    access(address, N, kind);
}
