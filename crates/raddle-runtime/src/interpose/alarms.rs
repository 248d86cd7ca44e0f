//! Timers that send signals or start threads, in virtual time: `setitimer`, `alarm`, `timer_create` and their kin
//! (POSIX.1-2017; timer_create(2)).
//!
//! A thread of the runtime's own, which there is while any of them is set, sleeps until the next one runs out. So a timer
//! that has run out races with everything else as any sleeper does, and how late it is, is explored like it.
//!
//! What this cannot see: timers of processor time never run out, since virtual time stands still while the program
//! computes; how often a timer has run out while its signal was pending is not counted (`timer_getoverrun` gives 0).

use super::clock;
use super::output::answer;
use super::signals::Pending;
use super::signals::delivery::{Target, post};
use crate::arch::syscall;
use crate::record;
use crate::sched;
use crate::state::{executing, recording, rt};
use crate::sys::set_errno;
use crate::thread;
use libc::{itimerspec, timespec};
use raddle_engine::{Access, AccessKind};
use raddle_protocol::Op;
use raddle_protocol::trace::{ThreadId, Wait};

const SECOND: u64 = 1_000_000_000;

/// What a timer does when it runs out.
#[derive(Clone, Copy, Debug)]
enum Notice {
    Nothing,
    Signal(Target, Pending),
    /// Starts a thread with this function and argument.
    Thread(u64, u64),
}

#[derive(Clone, Copy, Debug)]
struct Alarm {
    notice: Notice,
    realtime: bool,
    /// Whether it goes by time at all, and not by the processor's.
    runs: bool,
    /// Virtual time at which it runs out next.
    deadline: Option<u64>,
    /// After that again and again, if not 0.
    interval: u64,
}

impl Alarm {
    /// How long until it runs out, and how long from then on; zeros when it is not set.
    fn shows(&self) -> (u64, u64) {
        let now = rt().execution.schedule.now_ns();
        match self.deadline {
            Some(deadline) => (deadline.saturating_sub(now).max(1), self.interval),
            None => (0, 0),
        }
    }
}

/// The three timers of `setitimer` come first, by their numbers.
const INTERVAL_TIMERS: usize = 3;

/// The timers of an execution.
#[derive(Clone, Default, Debug)]
pub struct Alarms {
    /// By number; those that were deleted are `None`.
    all: Vec<Option<Alarm>>,
    /// The thread that sleeps until the next one runs out, while there is one.
    keeper: Option<ThreadId>,
}

fn alarms() -> &'static mut Alarms {
    &mut rt().execution.signals.alarms
}

/// A timer by its number.
fn find(number: usize) -> Option<&'static mut Alarm> {
    alarms().all.get_mut(number)?.as_mut()
}

fn next_deadline() -> Option<u64> {
    alarms().all.iter().flatten().filter(|alarm| alarm.runs).filter_map(|alarm| alarm.deadline).min()
}

/// Sets a timer, and tells what it showed.
fn set(number: usize, deadline: Option<u64>, interval: u64) -> Option<(u64, u64)> {
    super::io::announce();
    let alarm = find(number)?;
    let before = alarm.shows();
    (alarm.deadline, alarm.interval) = (deadline, interval);
    match alarms().keeper {
        // It may have to sleep less long.
        Some(keeper) => rt().execution.schedule.wake(keeper),
        None if next_deadline().is_some() => start_keeper(),
        None => {}
    }
    Some(before)
}

fn start_keeper() {
    const STACK: u64 = 256 << 10;
    let Some(id) = start(keep as *const () as u64, 0, STACK) else { return };
    alarms().keeper = Some(id);
    let data = &mut rt().execution.threads[id as usize];
    data.name = *b"timers\0\0\0\0\0\0\0\0\0\0";
    data.signals.mask = !0;
    // Nobody can join it, so nobody has forgotten to.
    data.joined = true;
}

/// Starts a thread that nobody joins.
fn start(function: u64, argument: u64, stack: u64) -> Option<ThreadId> {
    sched::passed(Access::new(AccessKind::Spawn, 0, 0));
    let child = thread::create(function, argument, stack, true).ok()?;
    if recording() {
        record::step(Op::Spawn { child });
    }
    Some(child)
}

/// What the runtime's own thread does.
extern "C-unwind" fn keep(_: u64) -> u64 {
    /// The size of a thread's stack where nothing else is said.
    const STACK: u64 = 8 << 20;
    while let Some(deadline) = next_deadline() {
        let now = rt().execution.schedule.now_ns();
        if deadline > now {
            sched::wait(Wait::Sleep, Some(deadline), !0);
            continue;
        }
        super::io::announce();
        for number in 0..alarms().all.len() {
            let now = rt().execution.schedule.now_ns();
            let Some(alarm) = find(number).filter(|alarm| alarm.runs) else { continue };
            let Some(deadline) = alarm.deadline.filter(|deadline| *deadline <= now) else { continue };
            let behind = (now - deadline).checked_div(alarm.interval);
            alarm.deadline = behind.map(|times| deadline + (times + 1) * alarm.interval);
            match alarm.notice {
                Notice::Nothing => {}
                Notice::Signal(target, pending) => post(target, pending),
                Notice::Thread(function, argument) => drop(start(function, argument, STACK)),
            }
        }
    }
    alarms().keeper = None;
    0
}

/// A timer of `setitimer`, made when it is first used.
fn interval_timer(which: i32) -> Option<usize> {
    let number = usize::try_from(which).ok().filter(|which| *which < INTERVAL_TIMERS)?;
    reserve_interval_timers();
    Some(number)
}

fn reserve_interval_timers() {
    const SIGNALS: [i32; INTERVAL_TIMERS] = [libc::SIGALRM, libc::SIGVTALRM, libc::SIGPROF];
    if alarms().all.is_empty() {
        alarms().all.extend(SIGNALS.iter().enumerate().map(|(which, signal)| {
            let pending = Pending { signal: *signal, code: libc::SI_KERNEL, words: [0; 2], value: 0 };
            let notice = Notice::Signal(Target::Process, pending);
            Some(Alarm { notice, realtime: false, runs: which == 0, deadline: None, interval: 0 })
        }));
    }
}

fn from_microseconds(time: &libc::timeval) -> u64 {
    (time.tv_sec.max(0) as u64).saturating_mul(SECOND).saturating_add(time.tv_usec.max(0) as u64 * 1000)
}

fn in_microseconds(ns: u64) -> libc::timeval {
    let us = ns.div_ceil(1000);
    libc::timeval { tv_sec: (us / 1_000_000) as i64, tv_usec: (us % 1_000_000) as i64 }
}

fn from_now(ns: u64) -> Option<u64> {
    (ns > 0).then(|| rt().execution.schedule.now_ns().saturating_add(ns))
}

fn invalid() -> i32 {
    set_errno(libc::EINVAL);
    -1
}

/// `setitimer`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setitimer(which: i32, new: *const libc::itimerval, old: *mut libc::itimerval) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [which as u64, new as u64, old as u64, 0, 0, 0];
            return answer(syscall(libc::SYS_setitimer, args)) as i32;
        }
        let Some(number) = interval_timer(which) else { return invalid() };
        let (value, interval) =
            new.as_ref().map_or((0, 0), |new| (from_microseconds(&new.it_value), from_microseconds(&new.it_interval)));
        let Some((left, every)) = set(number, from_now(value), interval) else { return invalid() };
        if let Some(old) = old.as_mut() {
            (old.it_value, old.it_interval) = (in_microseconds(left), in_microseconds(every));
        }
    }
    0
}

/// `getitimer`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getitimer(which: i32, now: *mut libc::itimerval) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return answer(syscall(libc::SYS_getitimer, [which as u64, now as u64, 0, 0, 0, 0])) as i32;
        }
        let Some(alarm) = interval_timer(which).and_then(find) else { return invalid() };
        let (left, every) = alarm.shows();
        (*now).it_value = in_microseconds(left);
        (*now).it_interval = in_microseconds(every);
    }
    0
}

/// `alarm`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn alarm(seconds: u32) -> u32 {
    if !executing() {
        // SAFETY: plain system call.
        return unsafe { syscall(libc::SYS_alarm, [seconds.into(), 0, 0, 0, 0, 0]) as u32 };
    }
    reserve_interval_timers();
    let (left, _) = set(0, from_now(u64::from(seconds) * SECOND), 0).unwrap_or_default();
    // Never 0 while one is set, otherwise to the nearest second.
    if left == 0 { 0 } else { ((left + SECOND / 2) / SECOND).max(1) as u32 }
}

/// What the program asks for in a `sigevent`; the alarm's own number where it asks for nothing.
unsafe fn notice(event: *const libc::sigevent, number: usize) -> Option<Notice> {
    /// Where the function of `SIGEV_THREAD` stands, which shares its place with a thread's number.
    const FUNCTION: usize = 16;
    let signal = |target, signal, value| {
        let words = [number as u32, 0];
        Notice::Signal(target, Pending { signal, code: libc::SI_TIMER, words, value })
    };
    // SAFETY: the caller's.
    unsafe {
        let Some(event) = event.as_ref() else {
            return Some(signal(Target::Process, libc::SIGALRM, number as u64));
        };
        let value = event.sigev_value.sival_ptr as u64;
        Some(match event.sigev_notify {
            libc::SIGEV_NONE => Notice::Nothing,
            libc::SIGEV_SIGNAL => signal(Target::Process, event.sigev_signo, value),
            libc::SIGEV_THREAD_ID => {
                let id = super::signals::sending::thread_of(event.sigev_notify_thread_id)?;
                signal(Target::Thread(id), event.sigev_signo, value)
            }
            libc::SIGEV_THREAD => {
                let function = (event as *const libc::sigevent as *const u8).add(FUNCTION);
                Notice::Thread((function as *const u64).read_unaligned(), value)
            }
            _ => return None,
        })
    }
}

/// `timer_create`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_create(clock: i32, event: *const libc::sigevent, timer: *mut u64) -> i32 {
    type Create = unsafe extern "C" fn(i32, *const libc::sigevent, *mut u64) -> i32;
    static REAL: crate::sys::Real<Create> = crate::sys::Real::new(c"timer_create");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(clock, event, timer);
        }
        let Some(number) = create(clock, event) else { return invalid() };
        *timer = number as u64;
    }
    0
}

unsafe fn create(clock: i32, event: *const libc::sigevent) -> Option<usize> {
    reserve_interval_timers();
    let number = alarms().all.len();
    // SAFETY: the caller's.
    let notice = unsafe { notice(event, number)? };
    let realtime = matches!(clock, libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_ALARM | libc::CLOCK_TAI);
    let runs = !matches!(clock, libc::CLOCK_PROCESS_CPUTIME_ID | libc::CLOCK_THREAD_CPUTIME_ID) && clock >= 0;
    alarms().all.push(Some(Alarm { notice, realtime, runs, deadline: None, interval: 0 }));
    Some(number)
}

/// The number of a timer that `timer_create` has made.
fn made(timer: u64) -> Option<usize> {
    usize::try_from(timer).ok().filter(|number| *number >= INTERVAL_TIMERS && find(*number).is_some())
}

fn spec((left, every): (u64, u64)) -> itimerspec {
    let time = |ns: u64| timespec { tv_sec: (ns / SECOND) as i64, tv_nsec: (ns % SECOND) as i64 };
    itimerspec { it_value: time(left), it_interval: time(every) }
}

/// `timer_settime`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_settime(timer: u64, flags: i32, new: *const itimerspec, old: *mut itimerspec) -> i32 {
    type Settime = unsafe extern "C" fn(u64, i32, *const itimerspec, *mut itimerspec) -> i32;
    static REAL: crate::sys::Real<Settime> = crate::sys::Real::new(c"timer_settime");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(timer, flags, new, old);
        }
        let Some(number) = made(timer) else { return invalid() };
        let new = new.read();
        let armed = (new.it_value.tv_sec, new.it_value.tv_nsec) != (0, 0);
        let (absolute, realtime) = (flags & libc::TIMER_ABSTIME != 0, find(number).is_some_and(|alarm| alarm.realtime));
        let deadline = armed.then(|| clock::deadline(&new.it_value, absolute, realtime));
        let Some(before) = set(number, deadline, clock::nanoseconds(&new.it_interval)) else { return invalid() };
        if let Some(old) = old.as_mut() {
            *old = spec(before);
        }
    }
    0
}

/// `timer_gettime`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_gettime(timer: u64, now: *mut itimerspec) -> i32 {
    type Gettime = unsafe extern "C" fn(u64, *mut itimerspec) -> i32;
    static REAL: crate::sys::Real<Gettime> = crate::sys::Real::new(c"timer_gettime");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(timer, now);
        }
        let Some(alarm) = made(timer).and_then(find) else { return invalid() };
        *now = spec(alarm.shows());
    }
    0
}

/// `timer_getoverrun`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_getoverrun(timer: u64) -> i32 {
    type Overrun = unsafe extern "C" fn(u64) -> i32;
    static REAL: crate::sys::Real<Overrun> = crate::sys::Real::new(c"timer_getoverrun");
    if !executing() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(timer) };
    }
    if made(timer).is_some() { 0 } else { invalid() }
}

/// `timer_delete`.
///
/// # Safety
/// See [`setitimer`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn timer_delete(timer: u64) -> i32 {
    type Delete = unsafe extern "C" fn(u64) -> i32;
    static REAL: crate::sys::Real<Delete> = crate::sys::Real::new(c"timer_delete");
    if !executing() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(timer) };
    }
    let Some(number) = made(timer) else { return invalid() };
    set(number, None, 0);
    alarms().all[number] = None;
    0
}
