//! Clocks and sleeping, in virtual time.
//!
//! Every execution begins at the same virtual moment: the plan's date on the real-time clocks, an arbitrary time since
//! boot on the monotonic ones.

use super::signals::Interrupt;
use crate::record;
use crate::sched;
use crate::state::{live, recording, rt};
use crate::sys::{Real, set_errno};
use libc::{timespec, timeval};
use raddle_protocol::Op;
use raddle_protocol::trace::Wait;

const SECOND: u64 = 1_000_000_000;
/// What the monotonic clocks show when an execution begins: an hour after boot.
const SINCE_BOOT_NS: u64 = 3600 * SECOND;

/// A time as nanoseconds; what lies before the beginning is 0.
pub fn nanoseconds(time: &timespec) -> u64 {
    (time.tv_sec.max(0) as u64).saturating_mul(SECOND).saturating_add(time.tv_nsec.max(0) as u64)
}

fn is_realtime(clock: i32) -> bool {
    matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE | libc::CLOCK_TAI)
}

fn base(clock: i32) -> u64 {
    match clock {
        clock if is_realtime(clock) => rt().plan.epoch_ns,
        libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID => 0,
        _ => SINCE_BOOT_NS,
    }
}

/// The virtual time, in nanoseconds since the execution began, at which a timeout ends.
pub fn deadline(time: &timespec, absolute: bool, realtime: bool) -> u64 {
    let time = nanoseconds(time);
    if absolute {
        time.saturating_sub(base(if realtime { libc::CLOCK_REALTIME } else { libc::CLOCK_MONOTONIC }))
    } else {
        rt().execution.schedule.now_ns().saturating_add(time)
    }
}

/// Real time at which the present execution began, under `--real-time`.
static mut BEGUN_NS: u64 = 0;

/// An execution begins.
pub fn begin() {
    if rt().plan.world.real_time {
        // SAFETY: one thread.
        unsafe { BEGUN_NS = crate::sys::real_time_ns() };
    }
}

/// Under `--real-time`: moves virtual time to the real one.
fn keep_pace() {
    if rt().plan.world.real_time {
        // SAFETY: one thread.
        rt().execution.schedule.move_to(crate::sys::real_time_ns() - unsafe { BEGUN_NS });
    }
}

/// Under `--real-time`, before a decision: if nobody can run, sleeps until the next deadline.
pub fn sleep_for_real() {
    keep_pace();
    let schedule = &rt().execution.schedule;
    if let Some(deadline) =
        schedule.earliest_deadline().filter(|_| schedule.runnable() == 0 && !schedule.has_spinners())
    {
        let begun = crate::sys::real_time_ns();
        let away = deadline.saturating_sub(schedule.now_ns());
        while crate::sys::real_time_ns() - begun < away {
            // In pieces, so that the watchdog sees that somebody is awake.
            super::children::pause((away - (crate::sys::real_time_ns() - begun).min(away)).min(10_000_000));
            crate::crash::progress();
        }
        keep_pace();
    }
}

/// Before a look at a clock: the running thread may have been kept waiting while others ran.
fn may_be_slow() {
    let runtime = rt();
    if !runtime.explores() || !runtime.execution.has_others() {
        return;
    }
    if runtime.execution.schedule.slow_look(&mut runtime.tape) {
        runtime.memory.time_passes();
    }
}

/// A look at a clock, one of those that there are, in nanoseconds.
pub fn look(clock: i32) -> u64 {
    before_look();
    base(clock) + rt().execution.schedule.read_clock(rt().points)
}

/// A look at the processor's counter, which goes by the monotonic clock, in nanoseconds.
pub fn counter() -> u64 {
    before_look();
    base(libc::CLOCK_MONOTONIC) + rt().execution.schedule.read_counter(rt().points)
}

/// What comes before each look.
fn before_look() {
    keep_pace();
    crate::state::hindered(raddle_protocol::message::Obstacle::Clock);
    may_be_slow();
}

/// Reads a clock into `time`: the system call's answer.
///
/// # Safety
/// `time` is writable or null.
pub unsafe fn gettime(clock: i32, time: *mut timespec) -> i64 {
    if !(0..=libc::CLOCK_TAI).contains(&clock) {
        return -i64::from(libc::EINVAL);
    }
    let now = look(clock);
    if !time.is_null() {
        // SAFETY: the caller's.
        unsafe { *time = timespec { tv_sec: (now / SECOND) as i64, tv_nsec: (now % SECOND) as i64 } };
    }
    0
}

/// Sleeps until a virtual time. How long it still had to sleep when a signal woke it.
fn sleep_until(deadline_ns: u64) -> Option<u64> {
    sched::point(raddle_engine::Access::local());
    let execution = &mut rt().execution;
    execution.odd.slept = true;
    let now = execution.schedule.now_ns();
    if recording() {
        record::step(Op::Sleep { ns: deadline_ns.saturating_sub(now) });
    }
    let interrupt = sched::wait(Wait::Sleep, Some(deadline_ns), !0);
    if recording() {
        record::step(Op::Woke);
    }
    let left = deadline_ns.saturating_sub(rt().execution.schedule.now_ns());
    (interrupt != Interrupt::No && left > 0).then_some(left)
}

fn sleep_for(ns: u64) -> Option<u64> {
    sleep_until(rt().execution.schedule.now_ns().saturating_add(ns))
}

/// Tells the rest of a sleep that a signal has ended.
unsafe fn tell_rest(rest: *mut timespec, left: u64) {
    // SAFETY: the caller's: null or writable.
    if let Some(rest) = unsafe { rest.as_mut() } {
        *rest = timespec { tv_sec: (left / SECOND) as i64, tv_nsec: (left % SECOND) as i64 };
    }
}

/// `clock_gettime`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: i32, time: *mut timespec) -> i32 {
    type Gettime = unsafe extern "C" fn(i32, *mut timespec) -> i32;
    static REAL: Real<Gettime> = Real::new(c"clock_gettime");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(clock, time);
        }
        if gettime(clock, time) < 0 {
            set_errno(libc::EINVAL);
            return -1;
        }
    }
    0
}

/// `clock_getres`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_getres(clock: i32, time: *mut timespec) -> i32 {
    type Getres = unsafe extern "C" fn(i32, *mut timespec) -> i32;
    static REAL: Real<Getres> = Real::new(c"clock_getres");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(clock, time);
        }
        if !time.is_null() {
            *time = timespec { tv_sec: 0, tv_nsec: 1 };
        }
    }
    0
}

/// `gettimeofday`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn gettimeofday(time: *mut timeval, zone: *mut core::ffi::c_void) -> i32 {
    type Gettimeofday = unsafe extern "C" fn(*mut timeval, *mut core::ffi::c_void) -> i32;
    static REAL: Real<Gettimeofday> = Real::new(c"gettimeofday");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(time, zone);
        }
        let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
        gettime(libc::CLOCK_REALTIME, &mut now);
        if !time.is_null() {
            *time = timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1000 };
        }
    }
    0
}

/// `time`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn time(seconds: *mut i64) -> i64 {
    type Time = unsafe extern "C" fn(*mut i64) -> i64;
    static REAL: Real<Time> = Real::new(c"time");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(seconds);
        }
        let mut now = timespec { tv_sec: 0, tv_nsec: 0 };
        gettime(libc::CLOCK_REALTIME, &mut now);
        if !seconds.is_null() {
            *seconds = now.tv_sec;
        }
        now.tv_sec
    }
}

/// `nanosleep`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nanosleep(time: *const timespec, rest: *mut timespec) -> i32 {
    type Nanosleep = unsafe extern "C" fn(*const timespec, *mut timespec) -> i32;
    static REAL: Real<Nanosleep> = Real::new(c"nanosleep");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(time, rest);
        }
        if let Some(left) = sleep_for(nanoseconds(&*time)) {
            tell_rest(rest, left);
            set_errno(libc::EINTR);
            return -1;
        }
    }
    0
}

/// `clock_nanosleep`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_nanosleep(clock: i32, flags: i32, time: *const timespec, rest: *mut timespec) -> i32 {
    type ClockNanosleep = unsafe extern "C" fn(i32, i32, *const timespec, *mut timespec) -> i32;
    static REAL: Real<ClockNanosleep> = Real::new(c"clock_nanosleep");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(clock, flags, time, rest);
        }
        let absolute = flags & libc::TIMER_ABSTIME != 0;
        if let Some(left) = sleep_until(deadline(&*time, absolute, is_realtime(clock))) {
            if !absolute {
                tell_rest(rest, left);
            }
            return libc::EINTR;
        }
    }
    0
}

/// `usleep`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn usleep(microseconds: u32) -> i32 {
    type Usleep = unsafe extern "C" fn(u32) -> i32;
    static REAL: Real<Usleep> = Real::new(c"usleep");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(microseconds) };
    }
    if sleep_for(u64::from(microseconds) * 1000).is_some() {
        set_errno(libc::EINTR);
        return -1;
    }
    0
}

/// `sleep`.
///
/// # Safety
/// See [`clock_gettime`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sleep(seconds: u32) -> u32 {
    type Sleep = unsafe extern "C" fn(u32) -> u32;
    static REAL: Real<Sleep> = Real::new(c"sleep");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(seconds) };
    }
    // What is left, to the nearest second.
    sleep_for(u64::from(seconds) * SECOND).map_or(0, |left| ((left + SECOND / 2) / SECOND) as u32)
}
