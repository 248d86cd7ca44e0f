//! Semaphores of System V (semop(2)), with which some crates keep processes apart.
//!
//! The kernel's own semaphores are used, without waiting: a thread for which they are not free waits as a fiber, until
//! another one has operated on the same set. Sets are known to all processes and outlive them, so each execution has those
//! of an IPC namespace of its own (ipc_namespaces(7)), where the system lets it.
//!
//! Other processes of the test may operate on a set too: while there are any, whoever waits looks again after a while.
//!
//! What this cannot see: message queues. Whoever waits for one stops all threads.

use super::children;
use super::clock;
use super::output::answer;
use super::signals::Interrupt;
use crate::arch::syscall;
use crate::effects::changes_files;
use crate::state::{executing, recording, rt};
use crate::{order, record, sched};
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

const KIND: PosixLock = PosixLock::Semaphore;

/// The kernel's answer where it would have to wait.
const OCCUPIED: i64 = -(libc::EAGAIN as i64);

/// Where sets are among the addresses of what is waited for: no memory of a process is there.
const SETS: u64 = 1 << 61;

/// Virtual nanoseconds after which a set is looked at again that other processes may operate on.
const AGAIN_NS: u64 = 1_000_000;

fn address(set: i32) -> u64 {
    SETS + u64::from(set.cast_unsigned()) * 64
}

/// The execution is about to make or find objects of System V: it gets a namespace for them.
pub fn keep_apart() {
    /// Whether this process has one.
    static mut APART: bool = false;
    changes_files("it uses semaphores, queues or memory that all processes share (System V)");
    // SAFETY: one thread; the call has no pointers. Where it is refused, executions share these objects.
    unsafe {
        if executing() && !APART {
            APART = true;
            syscall(libc::SYS_unshare, [libc::CLONE_NEWIPC as u64, 0, 0, 0, 0, 0]);
        }
    }
}

/// `semget`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semget(key: i32, number: i32, flags: i32) -> i32 {
    if executing() {
        keep_apart();
        sched::point_at(AccessKind::Update, SETS);
    }
    let [key, number, flags] = [key, number, flags].map(|argument| u64::from(argument.cast_unsigned()));
    // SAFETY: the call has no pointers.
    answer(unsafe { syscall(libc::SYS_semget, [key, number, flags, 0, 0, 0]) }) as i32
}

/// `semop`.
///
/// # Safety
/// See [`semget`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semop(set: i32, operations: *mut libc::sembuf, number: usize) -> i32 {
    // SAFETY: the caller's.
    unsafe { semtimedop(set, operations, number, core::ptr::null()) }
}

/// `semtimedop`.
///
/// # Safety
/// See [`semget`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semtimedop(
    set: i32,
    operations: *mut libc::sembuf,
    number: usize,
    timeout: *const libc::timespec,
) -> i32 {
    let call = |operations: *const libc::sembuf, timeout: u64| {
        let args = [u64::from(set.cast_unsigned()), operations as u64, number as u64, timeout, 0, 0];
        // SAFETY: the caller's.
        unsafe { syscall(libc::SYS_semtimedop, args) }
    };
    if !executing() || operations.is_null() {
        return answer(call(operations, timeout as u64)) as i32;
    }
    let address = address(set);
    // SAFETY: the caller vouches for so many operations, and for the time.
    let (mut own, deadline) = unsafe {
        let own = core::slice::from_raw_parts(operations, number).to_vec();
        (own, timeout.as_ref().map(|time| clock::deadline(time, false, false)))
    };
    let gives_back = own.iter().all(|operation| operation.sem_op > 0);
    let may_wait = !own.iter().any(|operation| i32::from(operation.sem_flg) & libc::IPC_NOWAIT != 0);
    own.iter_mut().for_each(|operation| operation.sem_flg |= libc::IPC_NOWAIT as i16);
    sched::point_at(if gives_back { AccessKind::Release } else { AccessKind::Acquire }, address);
    if gives_back {
        order::released(address);
    }
    let mut result = call(own.as_ptr(), 0);
    if result == OCCUPIED && may_wait && recording() {
        record::step(Op::LockRequest { address, kind: KIND });
    }
    while result == OCCUPIED && may_wait && !is_over(deadline) {
        result = match wait(address, deadline) {
            Interrupt::Fail => -i64::from(libc::EINTR),
            _ => call(own.as_ptr(), 0),
        };
    }
    if result == 0 {
        operated(address);
        if !gives_back {
            order::acquired(address);
        }
    }
    if recording() {
        record::step(match gives_back {
            true => Op::LockReleased { address, kind: KIND },
            false => Op::LockAcquired { address, kind: KIND, ok: result == 0 },
        });
    }
    answer(result) as i32
}

/// Whether a time limit has run out.
fn is_over(deadline: Option<u64>) -> bool {
    deadline.is_some_and(|deadline| deadline <= rt().execution.schedule.now_ns())
}

/// Waits until somebody has operated on a set.
fn wait(address: u64, deadline: Option<u64>) -> Interrupt {
    if !children::any() {
        return sched::wait(Wait::Semaphore(address), deadline, !0);
    }
    let again = rt().execution.schedule.now_ns() + AGAIN_NS;
    sched::wait(Wait::Sleep, Some(deadline.map_or(again, |deadline| deadline.min(again))), !0)
}

/// A set has changed: whoever waits for it looks again.
fn operated(address: u64) {
    rt().execution.schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Semaphore(address));
}

/// `semctl`, as a system call: its last argument depends on what it is asked for.
///
/// # Safety
/// See [`semget`].
pub unsafe fn control(args: [u64; 6]) -> i64 {
    let address = address(args[0] as i32);
    if executing() {
        sched::point_at(AccessKind::Release, address);
        order::released(address);
    }
    // SAFETY: the caller's.
    let result = unsafe { syscall(libc::SYS_semctl, args) };
    if executing() {
        operated(address);
        order::acquired(address);
    }
    result
}
