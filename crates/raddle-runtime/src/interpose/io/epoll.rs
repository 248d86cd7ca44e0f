//! Sets of descriptors (epoll(7)).
//!
//! The kernel reports as many ready descriptors as the caller has room for, in an order of its own. Nothing promises
//! that: the next one could have become ready a moment later. So which one is reported next, and whether there is a next
//! one, are choices. What is not reported this time is still due: changing an entry to what it is already makes the kernel
//! look at it again, and report it if it is ready, also where it reports changes only, or only once.

use super::polling::{changed, milliseconds, wait_until, will_write};
use crate::arch::syscall;
use crate::interpose::children::{self, Awaits};
use crate::interpose::output::answer;
use crate::interpose::signals::masks;
use crate::state::{executing, rt};
use crate::sys::uninterrupted;
use core::ffi::c_void;
use libc::epoll_event;
use raddle_engine::Question;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::Wait;

/// Descriptors whose order is chosen; of more, the rest keep theirs.
const MOST_CHOSEN: usize = 8;

/// One entry of a set.
#[derive(Clone, Copy, Debug)]
struct Entry {
    set: i32,
    descriptor: i32,
    events: u32,
    data: u64,
}

/// All entries of all sets, in the order in which they were made.
#[derive(Clone, Default, Debug)]
pub struct Interest(Vec<Entry>);

impl Interest {
    /// Whether any set has a member.
    pub fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What the program is to be told of each member.
    pub fn told(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|entry| entry.data)
    }

    /// A set or a member of one is closed.
    pub fn closed(&mut self, descriptor: i32) {
        self.0.retain(|entry| entry.set != descriptor && entry.descriptor != descriptor);
    }

    fn changes(&mut self, operation: i32, new: Entry) {
        let at = self.0.iter().position(|entry| (entry.set, entry.descriptor) == (new.set, new.descriptor));
        match (operation, at) {
            (libc::EPOLL_CTL_DEL, Some(at)) => drop(self.0.remove(at)),
            (libc::EPOLL_CTL_ADD, None) => self.0.push(new),
            (libc::EPOLL_CTL_MOD, Some(at)) => self.0[at] = new,
            _ => {}
        }
    }

    /// Where an event comes from; `None` where that cannot be told.
    fn place(&self, set: i32, data: u64) -> Option<usize> {
        let mut found = self.0.iter().enumerate().filter(|(_, entry)| entry.set == set && entry.data == data);
        let (place, _) = found.next()?;
        found.next().is_none().then_some(place)
    }

    /// What is ready at this descriptor is reported again to every set that it is in.
    pub fn report_again(&self, descriptor: i32) {
        self.0.iter().filter(|entry| entry.descriptor == descriptor).for_each(Entry::report_again);
        changed();
    }
}

impl Entry {
    /// The kernel does not let entries of this kind be changed.
    fn is_fixed(&self) -> bool {
        self.events & libc::EPOLLEXCLUSIVE as u32 != 0
    }

    fn report_again(&self) {
        if self.is_fixed() {
            return;
        }
        let mut event = epoll_event { events: self.events, u64: self.data };
        let args = [self.set as u64, libc::EPOLL_CTL_MOD as u64, self.descriptor as u64, &raw mut event as u64, 0, 0];
        // SAFETY: puts what is there already.
        unsafe { syscall(libc::SYS_epoll_ctl, args) };
    }
}

/// `epoll_ctl`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_ctl(set: i32, operation: i32, descriptor: i32, event: *mut epoll_event) -> i32 {
    let args = [set as u64, operation as u64, descriptor as u64, event as u64, 0, 0];
    if executing() {
        super::announce();
    }
    // SAFETY: the caller's.
    let result = answer(unsafe { syscall(libc::SYS_epoll_ctl, args) }) as i32;
    if executing() && result == 0 {
        // SAFETY: the kernel has just read it, where the operation has one.
        let (events, data) = unsafe { event.as_ref() }.map_or((0, 0), |event| (event.events, event.u64));
        rt().execution.odd.looped = true;
        rt().execution.io.interest.changes(operation, Entry { set, descriptor, events, data });
        changed();
    }
    result
}

/// `epoll_wait`.
///
/// # Safety
/// See [`epoll_ctl`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(set: i32, events: *mut epoll_event, most: i32, timeout_ms: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe { epoll_until(set, events, most, milliseconds(timeout_ms), timeout_ms) }
}

/// `epoll_pwait`.
///
/// # Safety
/// See [`epoll_ctl`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_pwait(
    set: i32,
    events: *mut epoll_event,
    most: i32,
    timeout_ms: i32,
    mask: *const c_void,
) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        masks::under(mask as *const libc::sigset_t, || {
            epoll_until(set, events, most, milliseconds(timeout_ms), timeout_ms)
        })
    }
}

/// `epoll_pwait2`.
///
/// # Safety
/// See [`epoll_ctl`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_pwait2(
    set: i32,
    events: *mut epoll_event,
    most: i32,
    timeout: *const libc::timespec,
    mask: *const c_void,
) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        let timeout = super::select::duration(timeout);
        let milliseconds = timeout.map_or(-1, |ns| i32::try_from(ns.div_ceil(1_000_000)).unwrap_or(i32::MAX));
        masks::under(mask as *const libc::sigset_t, || epoll_until(set, events, most, timeout, milliseconds))
    }
}

unsafe fn epoll_until(set: i32, events: *mut epoll_event, most: i32, timeout_ns: Option<u64>, timeout_ms: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [set as u64, events as u64, most as u64, timeout_ms as u64, 0, 0];
            return answer(syscall(libc::SYS_epoll_wait, args)) as i32;
        }
        // A set of descriptors can itself be looked at like a descriptor.
        wait_until(timeout_ns, Wait::Descriptor(set << 1), Awaits::Nothing, || {
            will_write(events as *mut c_void, most.max(0) as usize * size_of::<epoll_event>());
            let args = [set as u64, events as u64, most as u64, 0, 0, 0];
            let found = answer(uninterrupted(libc::SYS_epoll_wait, args)) as i32;
            if found < 2 || rt().epilogue {
                return found;
            }
            let events = core::slice::from_raw_parts_mut(events, found as usize);
            let interest = &rt().execution.io.interest;
            // The kernel's order is that in which they became ready, which is not always the program's doing.
            events.sort_by_key(|event| interest.place(set, event.u64).unwrap_or(usize::MAX));
            // Which answers of other processes are there by now may not be its doing either.
            if children::any() { found } else { choose(set, events) as i32 }
        })
    }
}

/// Puts ready descriptors, in order of registration, in the order in which they are reported; returns how many are.
fn choose(set: i32, events: &mut [epoll_event]) -> usize {
    let runtime = rt();
    let interest = &runtime.execution.io.interest;
    let place = |event: &epoll_event| interest.place(set, event.u64);
    let can_wait = events.iter().all(|event| place(event).is_some_and(|at| !interest.0[at].is_fixed()));
    let count = events.len();
    for at in 0..count.min(MOST_CHOSEN) {
        let left = count - at;
        let options = left + usize::from(at > 0 && can_wait);
        if options < 2 {
            break;
        }
        let taken = runtime.tape.ask(&Question::plain(ChoiceKind::Readiness, options));
        if taken == left {
            events[at..].iter().filter_map(place).for_each(|at| interest.0[at].report_again());
            return at;
        }
        events[at..=at + taken].rotate_right(1);
    }
    count
}
