//! Signals: dispositions that a program sets, and signals that it sends to itself.
//!
//! The signals by which the runtime learns of faults stay its own: a program that installs handlers for them is told
//! that they are in place. Deadly signals that the program sends to itself end the execution, not the process.

use crate::arch::{self, thread_pointer};
use crate::crash::FAULTS;
use crate::effects::irreversible;
use crate::sched;
use crate::state::{executing, live, rt};
use crate::sys::Real;
use core::ffi::c_void;
use raddle_protocol::trace::{Crash, Outcome};

fn reserved(signal: i32) -> bool {
    FAULTS.contains(&signal) || matches!(signal, libc::SIGTRAP | libc::SIGSYS | 64)
}

/// What programs find as the handler of a reserved signal: something that is not the default, so that Rust's library
/// leaves overflow detection to the runtime.
extern "C" fn placeholder(_signal: i32) {}

/// `sigaction`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigaction(signal: i32, new: *const libc::sigaction, old: *mut libc::sigaction) -> i32 {
    type Sigaction = unsafe extern "C" fn(i32, *const libc::sigaction, *mut libc::sigaction) -> i32;
    static REAL: Real<Sigaction> = Real::new(c"sigaction");
    // SAFETY: the caller's.
    unsafe {
        if live() && reserved(signal) {
            if !old.is_null() {
                *old = core::mem::zeroed();
                (*old).sa_sigaction = placeholder as *const () as usize;
            }
            return 0;
        }
        if executing() && !new.is_null() {
            rt().execution.effects.disposition_changes(signal);
        }
        REAL.get()(signal, new, old)
    }
}

/// `signal`.
///
/// # Safety
/// See [`sigaction`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn signal(signal: i32, handler: usize) -> usize {
    // SAFETY: the caller's; two structures of the C library's own kind.
    unsafe {
        let (mut new, mut old): (libc::sigaction, libc::sigaction) = (core::mem::zeroed(), core::mem::zeroed());
        new.sa_sigaction = handler;
        new.sa_flags = libc::SA_RESTART;
        if sigaction(signal, &new, &mut old) != 0 {
            return libc::SIG_ERR;
        }
        old.sa_sigaction
    }
}

/// `sigaltstack`: each thread believes to have its own; the kernel's is the runtime's.
///
/// # Safety
/// See [`sigaction`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigaltstack(new: *const libc::stack_t, old: *mut libc::stack_t) -> i32 {
    type Sigaltstack = unsafe extern "C" fn(*const libc::stack_t, *mut libc::stack_t) -> i32;
    static REAL: Real<Sigaltstack> = Real::new(c"sigaltstack");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(new, old);
        }
        let execution = &mut rt().execution;
        let mine = &mut execution.threads[execution.running as usize].alternate_stack;
        if !old.is_null() {
            *old = libc::stack_t { ss_sp: mine.0 as *mut c_void, ss_flags: mine.1, ss_size: mine.2 as usize };
        }
        if !new.is_null() {
            *mine = ((*new).ss_sp as u64, (*new).ss_flags, (*new).ss_size as u64);
        }
    }
    0
}

/// Whether this signal, with its present disposition, ends the process.
fn ends_process(signal: i32) -> bool {
    if signal <= 0 || signal > 64 {
        return false;
    }
    if matches!(signal, libc::SIGKILL | libc::SIGSTOP) || reserved(signal) {
        return signal != libc::SIGSTOP;
    }
    if matches!(signal, libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT) {
        return false;
    }
    let mut action = [0u64; 4];
    // SAFETY: reads the kernel's structure.
    unsafe { arch::syscall(libc::SYS_rt_sigaction, [signal as u64, 0, action.as_mut_ptr() as u64, 8, 0, 0]) };
    action[0] == libc::SIG_DFL as u64
}

/// The program sends itself a signal.
fn to_self(signal: i32) {
    if executing() && ends_process(signal) {
        let thread = rt().execution.running;
        sched::finish(Outcome::Crashed { thread, signal, address: 0, cause: Crash::Raised });
    }
}

/// `raise`.
///
/// # Safety
/// See [`sigaction`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn raise(signal: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        to_self(signal);
        let process = arch::syscall(libc::SYS_getpid, [0; 6]) as u64;
        let thread = arch::syscall(libc::SYS_gettid, [0; 6]) as u64;
        super::output::answer(arch::syscall(libc::SYS_tgkill, [process, thread, signal as u64, 0, 0, 0])) as i32
    }
}

/// `kill`.
///
/// # Safety
/// See [`sigaction`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kill(process: i32, signal: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe {
        if i64::from(process) == arch::syscall(libc::SYS_getpid, [0; 6]) {
            to_self(signal);
        } else if signal != 0 {
            irreversible("it sends a signal to another process");
        }
        super::output::answer(arch::syscall(libc::SYS_kill, [process as u64, signal as u64, 0, 0, 0, 0])) as i32
    }
}

/// `pthread_kill`: all threads are one to the kernel.
///
/// # Safety
/// See [`sigaction`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_kill(thread: u64, signal: i32) -> i32 {
    type Kill = unsafe extern "C" fn(u64, i32) -> i32;
    static REAL: Real<Kill> = Real::new(c"pthread_kill");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(thread, signal);
        }
        if thread != thread_pointer() && crate::thread::find(thread).is_none() {
            return libc::ESRCH;
        }
        if signal == 0 { 0 } else { raise(signal) }
    }
}
