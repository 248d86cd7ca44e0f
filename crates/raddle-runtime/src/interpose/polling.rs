//! Input that may have to be waited for: the thread waits, not the process.
//!
//! A thread that would block waits for its descriptor; descriptors are looked at before each decision about who runs.

use super::children::{self, Awaits};
use super::output::answer;
use crate::arch;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{executing, recording, rt};
use crate::sys::Real;
use core::ffi::c_void;
use raddle_engine::Access;
use raddle_protocol::Op;
use raddle_protocol::trace::{State, Wait};

/// Whether a descriptor is ready for `events` now; also true when it is not open, since the call will then say so.
fn ready(descriptor: i32, events: i16) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events, revents: 0 };
    // SAFETY: one pollfd, no waiting.
    let count = unsafe { arch::syscall(libc::SYS_poll, [&raw mut poll as u64, 1, 0, 0, 0, 0]) };
    count != 0
}

/// The kernel is about to write here: unlike the program, it would be refused where memory is protected.
unsafe fn will_write(buffer: *mut c_void, size: usize) {
    if !executing() {
        return;
    }
    for offset in (0..size).step_by(4096).chain(size.checked_sub(1)) {
        // SAFETY: the program says that the buffer is writable; a byte written over itself changes nothing.
        unsafe {
            let byte = (buffer as *mut u8).add(offset);
            byte.write_volatile(byte.read_volatile());
        }
    }
}

/// Waits until a descriptor is ready, if it blocks at all.
fn until_ready(descriptor: i32, events: i16, call: &str) {
    if !executing() {
        return;
    }
    sched::point(Access::on_descriptor(descriptor));
    // SAFETY: plain fcntl.
    let flags = unsafe { arch::syscall(libc::SYS_fcntl, [descriptor as u64, libc::F_GETFL as u64, 0, 0, 0, 0]) };
    if flags < 0 || flags & i64::from(libc::O_NONBLOCK) != 0 {
        return order::acquired(order::INPUT_OUTPUT);
    }
    // Whether another process has answered yet must not decide who runs: see `children`.
    let mut deferred = children::any() && !is_file(descriptor);
    let mut blocked = false;
    while core::mem::take(&mut deferred) || !ready(descriptor, events) {
        blocked = true;
        sched::wait(Wait::Descriptor(descriptor << 1 | i32::from(events & libc::POLLOUT != 0)), None, !0);
    }
    order::acquired(order::INPUT_OUTPUT);
    if recording() {
        record::step(Op::Io { call: call.to_owned(), descriptor, blocked });
    }
}

/// About to read from a descriptor.
pub fn before_read(descriptor: i32, call: &str) {
    until_ready(descriptor, libc::POLLIN, call);
}

/// Wakes the threads whose descriptors have become ready.
pub fn wake_ready() {
    if children::any() {
        return children::settle();
    }
    let schedule = &mut rt().execution.schedule;
    schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::Descriptor(coded) if coded_ready(*coded)));
}

/// Whether the descriptor of a [`Wait::Descriptor`] is ready for what is waited for.
pub fn coded_ready(coded: i32) -> bool {
    ready(coded >> 1, if coded & 1 == 1 { libc::POLLOUT } else { libc::POLLIN })
}

/// Whether a descriptor is a file or directory, which never has to be waited for.
fn is_file(descriptor: i32) -> bool {
    // SAFETY: the kernel's own structure.
    unsafe {
        let mut stat: libc::stat = core::mem::zeroed();
        let got = arch::syscall(libc::SYS_fstat, [descriptor as u64, &raw mut stat as u64, 0, 0, 0, 0]);
        got == 0 && matches!(stat.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR)
    }
}

/// What a waiting thread waits for, as a report says it.
pub fn plain(state: State) -> State {
    match state {
        State::Waiting(Wait::Descriptor(coded)) => State::Waiting(Wait::Descriptor(coded >> 1)),
        other => other,
    }
}

/// `read`. From the terminal (or whatever else standard input is) there is never anything to read.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn read(descriptor: i32, buffer: *mut c_void, size: usize) -> isize {
    if executing() && descriptor == 0 && !rt().execution.effects.owns(0) {
        return 0;
    }
    until_ready(descriptor, libc::POLLIN, "read");
    // SAFETY: the caller's.
    unsafe { will_write(buffer, size) };
    // SAFETY: the caller's.
    answer(unsafe { arch::syscall(libc::SYS_read, [descriptor as u64, buffer as u64, size as u64, 0, 0, 0]) })
}

/// `recv`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recv(descriptor: i32, buffer: *mut c_void, size: usize, flags: i32) -> isize {
    if flags & libc::MSG_DONTWAIT == 0 {
        until_ready(descriptor, libc::POLLIN, "recv");
    }
    let args = [descriptor as u64, buffer as u64, size as u64, flags as u64, 0, 0];
    // SAFETY: the caller's.
    unsafe { will_write(buffer, size) };
    // SAFETY: the caller's.
    answer(unsafe { arch::syscall(libc::SYS_recvfrom, args) })
}

/// `accept4`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept4(descriptor: i32, address: *mut c_void, length: *mut u32, flags: i32) -> i32 {
    until_ready(descriptor, libc::POLLIN, "accept");
    let args = [descriptor as u64, address as u64, length as u64, flags as u64, 0, 0];
    // SAFETY: the caller's.
    let result = answer(unsafe { arch::syscall(libc::SYS_accept4, args) }) as i32;
    if executing() && result >= 0 {
        rt().execution.effects.opened(result);
    }
    result
}

/// `accept`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept(descriptor: i32, address: *mut c_void, length: *mut u32) -> i32 {
    // SAFETY: the caller's.
    unsafe { accept4(descriptor, address, length, 0) }
}

/// `poll`: looks again and again, letting others run in between, until something is ready or the time is over.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn poll(descriptors: *mut libc::pollfd, count: u64, timeout_ms: i32) -> i32 {
    type Poll = unsafe extern "C" fn(*mut libc::pollfd, u64, i32) -> i32;
    static REAL: Real<Poll> = Real::new(c"poll");
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            return REAL.get()(descriptors, count, timeout_ms);
        }
        wait_until(i64::from(timeout_ms), children::AWAITS, Awaits::Poll(descriptors as u64, count), || {
            answer(arch::syscall(libc::SYS_poll, [descriptors as u64, count, 0, 0, 0, 0])) as i32
        })
    }
}

/// `epoll_wait`.
///
/// # Safety
/// See [`read`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn epoll_wait(set: i32, events: *mut c_void, most: i32, timeout_ms: i32) -> i32 {
    let args = [set as u64, events as u64, most as u64, 0, 0, 0];
    // SAFETY: the caller's.
    unsafe {
        if !executing() {
            let args = [set as u64, events as u64, most as u64, timeout_ms as u64, 0, 0];
            return answer(arch::syscall(libc::SYS_epoll_wait, args)) as i32;
        }
        // A set of descriptors can itself be looked at like a descriptor.
        let wait = if children::any() { Wait::Descriptor(set << 1) } else { children::AWAITS };
        wait_until(i64::from(timeout_ms), wait, Awaits::Nothing, || {
            answer(arch::syscall(libc::SYS_epoll_wait, args)) as i32
        })
    }
}

/// Calls `look` until it finds something, or `timeout_ms` (negative: for ever) of virtual time are over.
fn wait_until(timeout_ms: i64, wait: Wait, awaits: Awaits, mut look: impl FnMut() -> i32) -> i32 {
    /// Virtual time between two looks.
    const INTERVAL_NS: u64 = 100_000;
    sched::point(Access::on_descriptor(-1));
    let begun = rt().execution.schedule.now_ns();
    let mut deferred = children::any() && timeout_ms != 0;
    loop {
        let found = if core::mem::take(&mut deferred) { 0 } else { look() };
        let now = rt().execution.schedule.now_ns();
        let left = match u64::try_from(timeout_ms) {
            Ok(timeout) => (begun + timeout * 1_000_000).saturating_sub(now),
            Err(_) => u64::MAX,
        };
        if found != 0 || left == 0 {
            order::acquired(order::INPUT_OUTPUT);
            return found;
        }
        if children::any() {
            let execution = &mut rt().execution;
            execution.threads[execution.running as usize].awaits = awaits;
            sched::wait(wait, (left != u64::MAX).then(|| now + left), !0);
        } else {
            sched::wait(wait, Some(now + left.min(INTERVAL_NS)), !0);
        }
    }
}
