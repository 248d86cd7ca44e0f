//! Waiting for signals: `pause`, `sigsuspend`, `sigwait` and its kin, and `signalfd`.
//!
//! A descriptor of `signalfd` is the kernel's: signals that it may take and that all threads block are sent to the kernel,
//! which has them blocked. `sigwait` does not see them from then on.

use super::delivery::{deliver, take};
use super::{Interrupt, Pending, Set, masks, set_at};
use crate::arch::syscall;
use crate::interpose::children::{AWAITS, Awaits};
use crate::interpose::clock;
use crate::interpose::output::answer;
use crate::order;
use crate::sched;
use crate::state::{executing, rt};
use crate::sys::{Real, set_errno};
use raddle_engine::Access;

/// Waits for a signal, or until a deadline.
fn wait(deadline_ns: Option<u64>) -> Interrupt {
    let execution = &mut rt().execution;
    execution.threads[execution.running as usize].awaits = Awaits::Signal;
    sched::wait(AWAITS, deadline_ns, !0)
}

/// Waits until a handler has run.
fn until_handled() -> i32 {
    while deliver() == Interrupt::No && wait(None) == Interrupt::No {}
    set_errno(libc::EINTR);
    -1
}

/// `pause`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pause() -> i32 {
    static REAL: Real<unsafe extern "C" fn() -> i32> = Real::new(c"pause");
    if !executing() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()() };
    }
    // What is delivered at the point has come before the call.
    sched::point(Access::input_output());
    while wait(None) == Interrupt::No {}
    set_errno(libc::EINTR);
    -1
}

/// `sigsuspend`.
///
/// # Safety
/// See [`pause`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigsuspend(mask: *const libc::sigset_t) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*const libc::sigset_t) -> i32> = Real::new(c"sigsuspend");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(mask);
        }
        sched::point(Access::input_output());
        masks::under(mask, until_handled)
    }
}

/// Waits for one of these signals; a signal, or a negative error number.
fn wait_for(set: Set, timeout_ns: Option<u64>) -> Result<Pending, i32> {
    sched::point(Access::input_output());
    let mine = || {
        let execution = &mut rt().execution;
        &mut execution.threads[execution.running as usize].signals
    };
    let deadline = timeout_ns.map(|timeout| rt().execution.schedule.now_ns().saturating_add(timeout));
    loop {
        if let Some(pending) = take(|_, _| set) {
            order::acquired(order::INPUT_OUTPUT);
            return Ok(pending);
        }
        if deadline.is_some_and(|deadline| deadline <= rt().execution.schedule.now_ns()) {
            return Err(libc::EAGAIN);
        }
        mine().awaits = masks::allowed(set);
        let interrupt = wait(deadline);
        mine().awaits = 0;
        if interrupt != Interrupt::No {
            return Err(libc::EINTR);
        }
    }
}

/// `sigtimedwait`; the system call's answer.
///
/// # Safety
/// See [`pause`].
pub unsafe fn timed(set: Set, info: *mut libc::siginfo_t, timeout: *const libc::timespec) -> i64 {
    // SAFETY: the caller's.
    unsafe {
        match wait_for(set, timeout.as_ref().map(clock::nanoseconds)) {
            Ok(pending) => {
                if let Some(info) = info.as_mut() {
                    *info = pending.info();
                }
                pending.signal.into()
            }
            Err(error) => -i64::from(error),
        }
    }
}

/// `sigtimedwait`.
///
/// # Safety
/// See [`pause`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigtimedwait(
    set: *const libc::sigset_t,
    info: *mut libc::siginfo_t,
    timeout: *const libc::timespec,
) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [set as u64, info as u64, timeout as u64, 8, 0, 0];
            return answer(syscall(libc::SYS_rt_sigtimedwait, args)) as i32;
        }
        answer(timed(set_at(set), info, timeout)) as i32
    }
}

/// `sigwaitinfo`.
///
/// # Safety
/// See [`pause`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigwaitinfo(set: *const libc::sigset_t, info: *mut libc::siginfo_t) -> i32 {
    // SAFETY: the caller's.
    unsafe { sigtimedwait(set, info, core::ptr::null()) }
}

/// `sigwait`: not interrupted by handlers.
///
/// # Safety
/// See [`pause`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigwait(set: *const libc::sigset_t, signal: *mut i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        loop {
            match sigwaitinfo(set, core::ptr::null_mut()) {
                -1 if *libc::__errno_location() == libc::EINTR => {}
                -1 => return *libc::__errno_location(),
                taken => {
                    *signal = taken;
                    return 0;
                }
            }
        }
    }
}

/// `signalfd`; the system call's answer.
///
/// # Safety
/// See [`pause`].
pub unsafe fn descriptor(existing: i32, set: *const Set, flags: i32) -> i64 {
    // SAFETY: the caller's.
    unsafe {
        let args = [existing as u64, set as u64, 8, flags as u64, 0, 0];
        let made = syscall(libc::SYS_signalfd4, args);
        if made >= 0 && executing() {
            let wanted = masks::allowed(set.read());
            crate::effects::opened(made as i32);
            rt().execution.signals.in_kernel |= wanted;
            change_kernel(libc::SIG_BLOCK, wanted);
            // What is pending already is the descriptor's too.
            while let Some(pending) = take(|mask, _| mask & wanted) {
                super::delivery::to_kernel(&pending);
            }
        }
        made
    }
}

/// `signalfd`.
///
/// # Safety
/// See [`pause`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signalfd(existing: i32, set: *const libc::sigset_t, flags: i32) -> i32 {
    // SAFETY: the caller's.
    answer(unsafe { descriptor(existing, set as *const Set, flags) }) as i32
}

fn change_kernel(how: i32, set: Set) {
    // SAFETY: the kernel's own set.
    unsafe { syscall(libc::SYS_rt_sigprocmask, [how as u64, &raw const set as u64, 0, 8, 0, 0]) };
}

/// Takes out of the kernel what an execution has left there, and unblocks it.
pub fn undo(signals: &super::Signals) {
    let set = signals.in_kernel;
    if set == 0 {
        return;
    }
    let at_once = [0u64; 2];
    let args = [&raw const set as u64, 0, at_once.as_ptr() as u64, 8, 0, 0];
    // SAFETY: the kernel's own set and a timespec; nothing is told of what is taken.
    while unsafe { syscall(libc::SYS_rt_sigtimedwait, args) } > 0 {}
    change_kernel(libc::SIG_UNBLOCK, set);
}
