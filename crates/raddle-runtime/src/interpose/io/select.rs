//! The calls that look at several descriptors at once: `poll`, `select`, and what belongs to them.
//!
//! All are made of one, `poll`.

use super::polling::{milliseconds, poll_until};
use crate::interpose::output::answer;
use crate::interpose::signals::masks;
use crate::state::executing;
use crate::sys::{Real, set_errno};
use core::ffi::c_void;
use libc::{fd_set, pollfd, timespec, timeval};

/// The nanoseconds of a relative timeout; `None` for null, which means for ever.
///
/// # Safety
/// Null or readable.
pub unsafe fn duration(time: *const timespec) -> Option<u64> {
    // SAFETY: the caller's.
    unsafe { time.as_ref() }.map(crate::interpose::clock::nanoseconds)
}

/// `poll`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poll(descriptors: *mut pollfd, count: u64, timeout_ms: i32) -> i32 {
    type Poll = unsafe extern "C" fn(*mut pollfd, u64, i32) -> i32;
    static REAL: Real<Poll> = Real::new(c"poll");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(descriptors, count, timeout_ms);
        }
        poll_until(descriptors, count, milliseconds(timeout_ms), "poll")
    }
}

/// `ppoll`.
///
/// # Safety
/// See [`poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ppoll(
    descriptors: *mut pollfd,
    count: u64,
    timeout: *const timespec,
    mask: *const c_void,
) -> i32 {
    type Ppoll = unsafe extern "C" fn(*mut pollfd, u64, *const timespec, *const c_void) -> i32;
    static REAL: Real<Ppoll> = Real::new(c"ppoll");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(descriptors, count, timeout, mask);
        }
        masks::under(mask as *const libc::sigset_t, || poll_until(descriptors, count, duration(timeout), "poll"))
    }
}

/// `select`.
///
/// # Safety
/// See [`poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn select(
    count: i32,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> i32 {
    type Select = unsafe extern "C" fn(i32, *mut fd_set, *mut fd_set, *mut fd_set, *mut timeval) -> i32;
    static REAL: Real<Select> = Real::new(c"select");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(count, read, write, except, timeout);
        }
        let timeout = timeout.as_ref().map(|time| {
            let time = timespec { tv_sec: time.tv_sec, tv_nsec: time.tv_usec * 1000 };
            crate::interpose::clock::nanoseconds(&time)
        });
        select_until(count, [read, write, except], timeout)
    }
}

/// `pselect`.
///
/// # Safety
/// See [`poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pselect(
    count: i32,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *const timespec,
    mask: *const libc::sigset_t,
) -> i32 {
    type Pselect =
        unsafe extern "C" fn(i32, *mut fd_set, *mut fd_set, *mut fd_set, *const timespec, *const libc::sigset_t) -> i32;
    static REAL: Real<Pselect> = Real::new(c"pselect");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(count, read, write, except, timeout, mask);
        }
        masks::under(mask, || select_until(count, [read, write, except], duration(timeout)))
    }
}

/// `select`, made of `poll`: what of each set is ready is left in it.
unsafe fn select_until(count: i32, sets: [*mut fd_set; 3], timeout_ns: Option<u64>) -> i32 {
    const ASKS: [i16; 3] = [libc::POLLIN, libc::POLLOUT, libc::POLLPRI];
    const TELLS: [i16; 3] =
        [libc::POLLIN | libc::POLLHUP | libc::POLLERR, libc::POLLOUT | libc::POLLERR, libc::POLLPRI];
    if !(0..=libc::FD_SETSIZE as i32).contains(&count) {
        set_errno(libc::EINVAL);
        return -1;
    }
    let mut polls = [pollfd { fd: -1, events: 0, revents: 0 }; libc::FD_SETSIZE];
    let mut used = 0;
    // SAFETY: the caller's sets, which hold all numbers below `count`.
    unsafe {
        for fd in 0..count {
            let mut events = 0;
            for (set, asks) in sets.iter().zip(ASKS) {
                if !set.is_null() && libc::FD_ISSET(fd, *set) {
                    events |= asks;
                }
            }
            if events != 0 {
                polls[used] = pollfd { fd, events, revents: 0 };
                used += 1;
            }
        }
        if poll_until(polls.as_mut_ptr(), used as u64, timeout_ns, "select") < 0 {
            return -1;
        }
        if polls[..used].iter().any(|poll| poll.revents & libc::POLLNVAL != 0) {
            return answer(-i64::from(libc::EBADF)) as i32;
        }
        let mut ready = 0;
        for poll in &polls[..used] {
            for ((set, asks), tells) in sets.iter().zip(ASKS).zip(TELLS) {
                if poll.events & asks == 0 {
                } else if poll.revents & tells != 0 {
                    ready += 1;
                } else {
                    libc::FD_CLR(poll.fd, *set);
                }
            }
        }
        ready
    }
}
