//! Timers that are descriptors (timerfd_create(2)), in virtual time.
//!
//! Such a timer is, to the kernel, an event counter: a read gives how many times it has run out and sets that back to
//! zero, as with a real one. The runtime adds to it when virtual time has come so far. Threads that wait for descriptors
//! wait no longer than until the next timer runs out.
//!
//! Not seen: a timer's descriptor that was duplicated, when the original is closed; `TFD_TIMER_CANCEL_ON_SET`, since
//! nobody sets the clock.

use super::polling::{changed, ready};
use crate::arch::syscall;
use crate::interpose::clock;
use crate::interpose::output::answer;
use crate::state::{executing, rt};
use crate::sys::set_errno;
use core::ffi::c_void;
use libc::{itimerspec, timespec};
use raddle_protocol::trace::Wait;

#[derive(Clone, Copy, Debug)]
struct Timer {
    descriptor: i32,
    realtime: bool,
    /// Virtual time at which it runs out next.
    deadline: Option<u64>,
    /// After that again and again, if not 0.
    interval: u64,
}

/// The timers of an execution.
#[derive(Clone, Default, Debug)]
pub struct Timers(Vec<Timer>);

impl Timers {
    /// A descriptor is closed.
    pub fn closed(&mut self, descriptor: i32) {
        self.0.retain(|timer| timer.descriptor != descriptor);
    }

    fn find(&mut self, descriptor: i32) -> Option<&mut Timer> {
        self.0.iter_mut().find(|timer| timer.descriptor == descriptor)
    }
}

/// The earlier of a deadline and the next timer's.
pub fn before(deadline: Option<u64>) -> Option<u64> {
    let timers = rt().execution.io.timers.0.iter().filter_map(|timer| timer.deadline);
    timers.chain(deadline).min()
}

/// Adds to the timers that have run out.
pub fn ring() {
    let execution = &mut rt().execution;
    let now = execution.schedule.now_ns();
    for timer in &mut execution.io.timers.0 {
        let Some(deadline) = timer.deadline.filter(|deadline| *deadline <= now) else { continue };
        let times = match timer.interval {
            0 => 1,
            interval => 1 + (now - deadline) / interval,
        };
        timer.deadline = (timer.interval > 0).then(|| deadline + times * timer.interval);
        // SAFETY: eight bytes for an event counter.
        unsafe { syscall(libc::SYS_write, [timer.descriptor as u64, &raw const times as u64, 8, 0, 0, 0]) };
        changed();
    }
}

/// `timerfd_create`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_create(clock: i32, flags: i32) -> i32 {
    if !executing() {
        // SAFETY: plain system call.
        return answer(unsafe { syscall(libc::SYS_timerfd_create, [clock as u64, flags as u64, 0, 0, 0, 0]) }) as i32;
    }
    // The flags of the two calls have the same values.
    // SAFETY: plain system call.
    let made = answer(unsafe { syscall(libc::SYS_eventfd2, [0, flags as u64, 0, 0, 0, 0]) }) as i32;
    if made >= 0 {
        crate::effects::opened(made);
        let realtime = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_ALARM);
        rt().execution.io.timers.0.push(Timer { descriptor: made, realtime, deadline: None, interval: 0 });
    }
    made
}

/// What a timer shows: how long until it runs out, and how long from then on.
fn shows(timer: &Timer) -> itimerspec {
    const SECOND: u64 = 1_000_000_000;
    let time = |ns: u64| timespec { tv_sec: (ns / SECOND) as i64, tv_nsec: (ns % SECOND) as i64 };
    let left = timer.deadline.map_or(0, |deadline| deadline.saturating_sub(rt().execution.schedule.now_ns()).max(1));
    itimerspec { it_interval: time(timer.interval), it_value: time(left) }
}

/// `timerfd_settime`.
///
/// # Safety
/// See [`timerfd_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_settime(
    descriptor: i32,
    flags: i32,
    new: *const itimerspec,
    old: *mut itimerspec,
) -> i32 {
    if !executing() || rt().execution.io.timers.find(descriptor).is_none() {
        let args = [descriptor as u64, flags as u64, new as u64, old as u64, 0, 0];
        // SAFETY: the caller's.
        return answer(unsafe { syscall(libc::SYS_timerfd_settime, args) }) as i32;
    }
    super::announce();
    ring();
    // SAFETY: the caller's.
    let new = unsafe { new.read() };
    let interval = clock::nanoseconds(&new.it_interval);
    let Some(timer) = rt().execution.io.timers.find(descriptor) else {
        set_errno(libc::EBADF);
        return -1;
    };
    let armed = (new.it_value.tv_sec, new.it_value.tv_nsec) != (0, 0);
    let deadline = armed.then(|| clock::deadline(&new.it_value, flags & libc::TFD_TIMER_ABSTIME != 0, timer.realtime));
    // SAFETY: the caller's.
    if let Some(old) = unsafe { old.as_mut() } {
        *old = shows(timer);
    }
    (timer.deadline, timer.interval) = (deadline, interval);
    // What it has counted so far is forgotten.
    if ready(descriptor, libc::POLLIN) {
        let mut count = 0u64;
        // SAFETY: eight bytes from an event counter that is not zero.
        unsafe { syscall(libc::SYS_read, [descriptor as u64, &raw mut count as u64, 8, 0, 0, 0]) };
    }
    ring();
    // Those who wait may have to wait less long.
    rt().execution.schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::Descriptor(_)));
    0
}

/// `timerfd_gettime`.
///
/// # Safety
/// See [`timerfd_create`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timerfd_gettime(descriptor: i32, now: *mut itimerspec) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if executing()
            && let Some(timer) = rt().execution.io.timers.find(descriptor)
        {
            ring();
            super::polling::will_write(now as *mut c_void, size_of::<itimerspec>());
            *now = shows(timer);
            return 0;
        }
        answer(syscall(libc::SYS_timerfd_gettime, [descriptor as u64, now as u64, 0, 0, 0, 0])) as i32
    }
}
