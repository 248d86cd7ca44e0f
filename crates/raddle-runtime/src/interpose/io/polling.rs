//! Waiting for descriptors: the thread waits, not the process.
//!
//! A thread that would block waits until its descriptors are ready. Those of all waiting threads are looked at before a
//! decision about who runs, if any call has been made since the last look that could have changed something.

use crate::arch;
use crate::interpose::children::{self, Awaits};
use crate::interpose::rest;
use crate::interpose::signals::Interrupt;
use crate::order;
use crate::sched;
use crate::state::{executing, recording, rt};
use crate::sys::{set_errno, uninterrupted};
use crate::{record, watch};
use core::ffi::c_void;
use raddle_engine::{Access, Arrival};
use raddle_protocol::Op;
use raddle_protocol::trace::{State, Wait};

/// Waiting for descriptors is told of from so much virtual time on, where it has a limit.
const LONG_NS: u64 = 1_000_000;

/// Whether a call has been made since the last look at the descriptors of waiting threads that may have made one ready.
/// Looking once too often does no harm, so this need not be put back.
static mut CHANGED: bool = true;

/// A call has been made that may have made some descriptor ready.
pub fn changed() {
    // SAFETY: one thread.
    unsafe { CHANGED = true };
}

/// Whether a look at the descriptors of waiting threads may find one ready. Those of other processes are left until no thread
/// can run: see `children`.
pub fn may_wake() -> bool {
    // SAFETY: one thread.
    unsafe { CHANGED && !children::any() }
}

/// Whether a descriptor is ready for `events` now; also true when it is not open, since the call will then say so.
pub fn ready(descriptor: i32, events: i16) -> bool {
    let mut poll = libc::pollfd { fd: descriptor, events, revents: 0 };
    // SAFETY: one pollfd, no waiting.
    let count = unsafe { uninterrupted(libc::SYS_poll, [&raw mut poll as u64, 1, 0, 0, 0, 0]) };
    count != 0
}

/// The kernel is about to write here: unlike the program, it would be refused where memory is protected.
///
/// # Safety
/// The buffer is writable.
pub unsafe fn will_write(buffer: *mut c_void, size: usize) {
    if !executing() || buffer.is_null() {
        return;
    }
    for offset in (0..size).step_by(4096).chain(size.checked_sub(1)) {
        // SAFETY: the caller's; a byte written over itself changes nothing.
        unsafe {
            let byte = (buffer as *mut u8).add(offset);
            byte.write_volatile(byte.read_volatile());
        }
    }
}

/// How a wait for a descriptor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It was ready at once, or the call does not block.
    No,
    /// It became ready.
    Yes,
    /// The socket's own timeout ended first.
    TimedOut,
    /// A signal's handler has run first.
    Interrupted,
}

impl Waited {
    /// Why the call fails without having been made.
    pub fn error(self) -> Option<i64> {
        match self {
            Waited::No | Waited::Yes => None,
            Waited::TimedOut => Some(-i64::from(libc::EAGAIN)),
            Waited::Interrupted => Some(-i64::from(libc::EINTR)),
        }
    }
}

/// Waits until a descriptor that blocks is ready for `events`.
pub fn until_ready(descriptor: i32, events: i16) -> Waited {
    super::timers::ring();
    if is_nonblocking(descriptor) {
        return Waited::No;
    }
    // Whether another process has answered yet must not decide who runs: see `children`.
    let mut deferred = children::any() && !is_file(descriptor);
    let mut waited = Waited::No;
    let mut deadline = None;
    while core::mem::take(&mut deferred) || !ready(descriptor, events) {
        if waited == Waited::No {
            waited = Waited::Yes;
            deadline = super::sockets::timeout(descriptor, events).map(|ns| now() + ns);
        } else if deadline.is_some_and(|deadline| deadline <= now()) {
            waited = Waited::TimedOut;
            break;
        }
        let wait = Wait::Descriptor(descriptor << 1 | i32::from(events & libc::POLLOUT != 0));
        let interrupt = sched::wait(wait, super::timers::before(deadline), !0);
        super::timers::ring();
        if interrupt == Interrupt::Fail && !ready(descriptor, events) {
            waited = Waited::Interrupted;
            break;
        }
    }
    waited
}

/// Whether calls on a descriptor never block; also true when it is not open.
pub fn is_nonblocking(descriptor: i32) -> bool {
    // SAFETY: plain fcntl.
    let flags = unsafe { arch::syscall(libc::SYS_fcntl, [descriptor as u64, libc::F_GETFL as u64, 0, 0, 0, 0]) };
    flags < 0 || flags & i64::from(libc::O_NONBLOCK) != 0
}

fn now() -> u64 {
    rt().execution.schedule.now_ns()
}

/// Wakes the threads whose descriptors have become ready.
pub fn wake_ready() {
    if children::any() {
        return children::settle();
    }
    // SAFETY: one thread.
    let changed = unsafe {
        let changed = CHANGED;
        CHANGED = false;
        changed
    };
    if changed {
        for (id, coded) in children::waiting() {
            if children::is_ready(id, coded) {
                rt().execution.schedule.wake(id);
            }
        }
    }
    if rt().execution.schedule.runnable() == 0 {
        super::in_flight::settle();
    }
}

/// Whether the descriptor of a [`Wait::Descriptor`] is ready for what is waited for.
pub fn coded_ready(coded: i32) -> bool {
    ready(coded >> 1, if coded & 1 == 1 { libc::POLLOUT } else { libc::POLLIN })
}

/// Whether a descriptor is a file or directory, which never has to be waited for.
pub fn is_file(descriptor: i32) -> bool {
    // SAFETY: the kernel's own structure.
    unsafe {
        let mut stat: libc::stat = core::mem::zeroed();
        let got = arch::syscall(libc::SYS_fstat, [descriptor as u64, &raw mut stat as u64, 0, 0, 0, 0]);
        got == 0 && matches!(stat.st_mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR)
    }
}

/// So many bytes have been moved between memory and this descriptor. Where it is a file, that took the thread's time:
/// where accesses are counted, eight bytes count as one.
pub fn moved(descriptor: i32, bytes: isize) {
    if bytes > 0 && watch::counts() && is_file(descriptor) {
        watch::count_of((bytes as u64).div_ceil(8));
    }
}

/// What a waiting thread waits for, as a report says it.
pub fn plain(state: State) -> State {
    match state {
        State::Waiting(Wait::Descriptor(coded)) => State::Waiting(Wait::Descriptor(coded >> 1)),
        other => other,
    }
}

/// Calls `look`, which must not wait, until it finds something or `timeout_ns` (`None`: for ever) of virtual time are
/// over. `wait` and `awaits` say how the scheduler tells that there is something to find.
pub fn wait_until(timeout_ns: Option<u64>, wait: Wait, awaits: Awaits, mut look: impl FnMut() -> i32) -> i32 {
    sched::point(Access::input_output());
    super::timers::ring();
    let deadline = timeout_ns.map(|timeout| now().saturating_add(timeout));
    let mut deferred = children::any() && timeout_ns != Some(0);
    loop {
        rest::wait();
        let too_late = deadline.is_some_and(|deadline| comes_first(deadline, wait, awaits) == Arrival::TooLate);
        let found = if too_late || core::mem::take(&mut deferred) { 0 } else { look() };
        if found != 0 || deadline.is_some_and(|deadline| deadline <= now()) {
            order::acquired(order::INPUT_OUTPUT);
            return found;
        }
        let execution = &mut rt().execution;
        execution.threads[execution.running as usize].awaits = awaits;
        let interrupt = sched::wait(wait, super::timers::before(deadline), !0);
        super::timers::ring();
        if interrupt != Interrupt::No {
            // None of these calls begins anew.
            set_errno(libc::EINTR);
            return -1;
        }
    }
}

/// Whether a deadline or what there is to find comes first, where both are near.
fn comes_first(deadline: u64, wait: Wait, awaits: Awaits) -> Arrival {
    let runtime = rt();
    if runtime.epilogue || children::any() || !runtime.execution.schedule.could_be_late(deadline) {
        return Arrival::InTime;
    }
    let Wait::Descriptor(coded) = wait else { return Arrival::InTime };
    let running = runtime.execution.running;
    runtime.execution.threads[running as usize].awaits = awaits;
    if !children::is_ready(running, coded) {
        return Arrival::InTime;
    }
    let arrival = runtime.execution.schedule.arrival(&mut runtime.tape, deadline);
    super::timers::ring();
    arrival
}

/// A timeout of a call in milliseconds, negative for none, as virtual nanoseconds.
pub fn milliseconds(timeout: i32) -> Option<u64> {
    u64::try_from(timeout).ok().map(|timeout| timeout * 1_000_000)
}

/// Looks at an array of descriptors until something is ready or the time is over.
///
/// # Safety
/// The array is that of a call that has not returned.
pub unsafe fn poll_until(
    descriptors: *mut libc::pollfd,
    count: u64,
    timeout_ns: Option<u64>,
    call: &'static str,
) -> i32 {
    // SAFETY: the caller's.
    unsafe { will_write(descriptors as *mut c_void, count as usize * size_of::<libc::pollfd>()) };
    let begun = now();
    let mut looks = 0;
    let found = wait_until(timeout_ns, children::AWAITS, Awaits::Poll(descriptors as u64, count), || {
        looks += 1;
        // SAFETY: the caller's.
        let found = unsafe { uninterrupted(libc::SYS_poll, [descriptors as u64, count, 0, 0, 0, 0]) };
        crate::interpose::output::answer(found) as i32
    });
    let blocked = looks > 1 && timeout_ns.is_none() || now() - begun >= LONG_NS;
    if blocked && recording() {
        record::step(Op::Io { call: call.to_owned(), descriptor: -1, blocked });
    }
    found
}
