//! What the program wants done with signals: `sigaction` and `signal`.
//!
//! Handlers are kept here; the kernel has one of the runtime's in their place, which notes what comes from outside. The
//! signals by which the runtime learns of faults stay its own: a program that installs handlers for them is told that they
//! are in place.

use super::{Set, bit, outside, reserved, set_at};
use crate::arch::{self, syscall};
use crate::state::{executing, live, rt};
use crate::sys::{Real, set_errno};
use core::ffi::c_void;

/// What is to be done with a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Address of a handler, `SIG_DFL` or `SIG_IGN`.
    pub handler: usize,
    /// `sa_flags`.
    pub flags: i32,
    /// What is blocked while the handler runs.
    pub mask: Set,
}

impl Action {
    /// Whether it is the program's own function.
    pub fn is_function(&self) -> bool {
        self.handler != libc::SIG_DFL && self.handler != libc::SIG_IGN
    }
}

/// The program's handlers, by signal; for the others the kernel knows. Private to each process; what an execution has
/// changed is put back by [`crate::effects`].
static mut HANDLERS: [Option<Action>; 65] = [None; 65];

/// Whether the program has a handler for any signal, or waits for one that the kernel would not keep.
static mut ANY: bool = false;

/// See [`ANY`].
pub fn any() -> bool {
    // SAFETY: one thread.
    unsafe { ANY }
}

/// What is done with a signal.
pub fn of(signal: i32) -> Action {
    if let Some(action) = kept(signal) {
        return action;
    }
    // Handler, flags, restorer, mask.
    let kernel = kernel(signal);
    let ours = reserved(signal) || kernel[0] as usize == outside::on_signal as *const () as usize;
    let handler = if ours { libc::SIG_DFL } else { kernel[0] as usize };
    Action { handler, flags: kernel[1] as i32 & !arch::SA_RESTORER, mask: kernel[3] }
}

/// What the kernel knows of a signal.
pub fn kernel(signal: i32) -> [u64; 4] {
    let mut action = [0u64; 4];
    // SAFETY: the kernel's own structure, 32 bytes on this platform.
    unsafe { syscall(libc::SYS_rt_sigaction, [signal as u64, 0, action.as_mut_ptr() as u64, 8, 0, 0]) };
    action
}

/// The program's own handler of a signal, as it is kept here.
pub fn kept(signal: i32) -> Option<Action> {
    // SAFETY: one thread.
    unsafe { HANDLERS[signal as usize] }
}

/// Puts back what [`kernel`] and [`kept`] gave.
pub fn put_back(signal: i32, kernel: &[u64; 4], handler: Option<Action>) {
    // SAFETY: what the kernel gave out before.
    unsafe {
        syscall(libc::SYS_rt_sigaction, [signal as u64, kernel.as_ptr() as u64, 0, 8, 0, 0]);
    }
    keep(signal, handler);
}

/// Changes the program's own handler of a signal, as it is kept here.
fn keep(signal: i32, handler: Option<Action>) {
    // SAFETY: one thread.
    unsafe {
        HANDLERS[signal as usize] = handler;
        ANY = (1..=64).any(|signal| kept(signal).is_some());
    }
}

/// Sets what is done with a signal. The system call's answer.
pub fn set(signal: i32, action: Action) -> i64 {
    if executing() {
        rt().execution.effects.disposition_changes(signal);
    }
    let handler = if action.is_function() { outside::on_signal as *const () as usize } else { action.handler };
    let answer = to_kernel(signal, handler, action.flags);
    if answer == 0 {
        keep(signal, action.is_function().then_some(action));
    }
    answer
}

/// The kernel notes a signal that it would discard: a thread blocks it and may wait for it.
pub fn note(signal: i32) {
    if executing() && !of(signal).is_function() {
        rt().execution.effects.disposition_changes(signal);
        to_kernel(signal, outside::on_signal as *const () as usize, 0);
        // SAFETY: one thread.
        unsafe { ANY = true };
    }
}

fn to_kernel(signal: i32, handler: usize, flags: i32) -> i64 {
    /// All signals but those that say that the running code is at fault, or has come to a breakpoint.
    const MASK: Set = !(1 << (libc::SIGSEGV - 1)
        | 1 << (libc::SIGBUS - 1)
        | 1 << (libc::SIGILL - 1)
        | 1 << (libc::SIGFPE - 1)
        | 1 << (libc::SIGTRAP - 1)
        | 1 << (libc::SIGSYS - 1));
    let own = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESTART | arch::SA_RESTORER;
    let flags = flags & (libc::SA_NOCLDSTOP | libc::SA_NOCLDWAIT) | own;
    let action = [handler as u64, flags as u32 as u64, arch::signal_return as *const () as u64, MASK];
    // SAFETY: the kernel's own structure.
    unsafe { syscall(libc::SYS_rt_sigaction, [signal as u64, action.as_ptr() as u64, 0, 8, 0, 0]) }
}

/// What programs find as the handler of a reserved signal: something that is not the default, so that Rust's library
/// leaves overflow detection to the runtime.
extern "C" fn placeholder(_signal: i32) {}

/// Sets and tells what is done with a signal. The system call's answer.
fn change(signal: i32, new: Option<Action>) -> Result<Action, i64> {
    if !(1..=64).contains(&signal) {
        return Err(-i64::from(libc::EINVAL));
    }
    if reserved(signal) {
        return Ok(Action { handler: placeholder as *const () as usize, flags: 0, mask: 0 });
    }
    let old = of(signal);
    match new.map_or(0, |new| set(signal, new)) {
        0 => Ok(old),
        error => Err(error),
    }
}

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
        if !live() {
            return REAL.get()(signal, new, old);
        }
        let wanted = |new: &libc::sigaction| Action {
            handler: new.sa_sigaction,
            flags: new.sa_flags,
            mask: set_at(&raw const new.sa_mask),
        };
        match change(signal, new.as_ref().map(wanted)) {
            Ok(was) => {
                if let Some(old) = old.as_mut() {
                    *old = core::mem::zeroed();
                    (old.sa_sigaction, old.sa_flags) = (was.handler, was.flags);
                    (&raw mut old.sa_mask as *mut Set).write(was.mask);
                }
                0
            }
            Err(error) => {
                set_errno(-error as i32);
                -1
            }
        }
    }
}

/// The system call `rt_sigaction`.
///
/// # Safety
/// As the system call.
pub unsafe fn raw(signal: i32, new: *const [u64; 4], old: *mut [u64; 4]) -> i64 {
    // SAFETY: the caller's: handler, flags, restorer, mask.
    unsafe {
        let wanted = |new: &[u64; 4]| Action {
            handler: new[0] as usize,
            flags: new[1] as i32 & !arch::SA_RESTORER,
            mask: new[3],
        };
        match change(signal, new.as_ref().map(wanted)) {
            Ok(was) => {
                if let Some(old) = old.as_mut() {
                    *old = [was.handler as u64, was.flags as u32 as u64, 0, was.mask];
                }
                0
            }
            Err(error) => error,
        }
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
        (&raw mut new.sa_mask as *mut Set).write(bit(signal));
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
