//! Blocking signals: `pthread_sigmask` and its kin. The kernel's mask stays as it is; each fiber has its own here.

use super::delivery::{deliver, pending};
use super::{Interrupt, Set, actions, bit, reserved, set_at};
use crate::arch::syscall;
use crate::interpose::output::answer;
use crate::state::{executing, live, rt};
use crate::sys::{Real, set_errno};

/// What of this can be blocked.
pub fn allowed(set: Set) -> Set {
    (1..=64)
        .filter(|signal| reserved(*signal) || matches!(*signal, libc::SIGKILL | libc::SIGSTOP))
        .fold(set, |set, signal| set & !bit(signal))
}

fn mask() -> &'static mut Set {
    let execution = &mut rt().execution;
    &mut execution.threads[execution.running as usize].signals.mask
}

/// Sets the running thread's mask. What is pending and no longer blocked is delivered.
pub fn set(new: Set) {
    let new = allowed(new);
    if new & !*mask() & bit(libc::SIGCHLD) != 0 {
        actions::note(libc::SIGCHLD);
    }
    *mask() = new;
    deliver();
}

/// In a child process: the kernel's mask becomes that of the thread that has made it.
pub fn inherit() {
    let mask = *mask();
    // SAFETY: the kernel's own set.
    unsafe { syscall(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as u64, &raw const mask as u64, 0, 8, 0, 0]) };
}

/// Changes the running thread's mask; an `errno` value.
unsafe fn change(how: i32, new: *const Set, old: *mut Set) -> i32 {
    let was = *mask();
    // SAFETY: the caller's.
    unsafe {
        let wanted = new.as_ref().map(|new| match how {
            libc::SIG_BLOCK => Ok(was | new),
            libc::SIG_UNBLOCK => Ok(was & !new),
            libc::SIG_SETMASK => Ok(*new),
            _ => Err(libc::EINVAL),
        });
        if let Some(Err(error)) = wanted {
            return error;
        }
        if let Some(old) = old.as_mut() {
            *old = was;
        }
        if let Some(Ok(wanted)) = wanted {
            set(wanted);
        }
    }
    0
}

/// The system call `rt_sigprocmask`.
///
/// # Safety
/// As the system call.
pub unsafe fn raw(how: i32, new: *const Set, old: *mut Set) -> i64 {
    // SAFETY: the caller's.
    -i64::from(unsafe { change(how, new, old) })
}

/// `pthread_sigmask`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_sigmask(how: i32, new: *const libc::sigset_t, old: *mut libc::sigset_t) -> i32 {
    type Sigmask = unsafe extern "C" fn(i32, *const libc::sigset_t, *mut libc::sigset_t) -> i32;
    static REAL: Real<Sigmask> = Real::new(c"pthread_sigmask");
    // SAFETY: the caller's; the C library's sets begin with the kernel's, and the rest of them is not used.
    unsafe {
        if !live() {
            return REAL.get()(how, new, old);
        }
        if let Some(old) = old.as_mut() {
            *old = core::mem::zeroed();
        }
        change(how, new as *const Set, old as *mut Set)
    }
}

/// `sigprocmask`.
///
/// # Safety
/// See [`pthread_sigmask`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigprocmask(how: i32, new: *const libc::sigset_t, old: *mut libc::sigset_t) -> i32 {
    // SAFETY: the caller's.
    answer(-i64::from(unsafe { pthread_sigmask(how, new, old) })) as i32
}

/// `sigpending`.
///
/// # Safety
/// See [`pthread_sigmask`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigpending(set: *mut libc::sigset_t) -> i32 {
    static REAL: Real<unsafe extern "C" fn(*mut libc::sigset_t) -> i32> = Real::new(c"sigpending");
    // SAFETY: the caller's.
    unsafe {
        if !live() {
            return REAL.get()(set);
        }
        *set = core::mem::zeroed();
        (set as *mut Set).write(pending());
    }
    0
}

/// Makes a call that waits under another mask (`ppoll`, `pselect`, `epoll_pwait`), if there is one.
///
/// # Safety
/// Null or a set.
pub unsafe fn under(other: *const libc::sigset_t, call: impl FnOnce() -> i32) -> i32 {
    if other.is_null() || !executing() {
        return call();
    }
    let was = *mask();
    // SAFETY: the caller's.
    *mask() = allowed(unsafe { set_at(other) });
    let result = if deliver() == Interrupt::No {
        call()
    } else {
        set_errno(libc::EINTR);
        -1
    };
    set(was);
    result
}
