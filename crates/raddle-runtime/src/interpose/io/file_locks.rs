//! Locks on whole files (flock(2)), which `std::fs::File::lock` and most crates for lock files use.
//!
//! The kernel's own lock is taken, without waiting for it: a thread for which it is not free waits as a fiber until a lock on
//! that file is given back. Whose a lock is, the kernel knows by the open file; here it is the descriptor with which it was
//! taken.
//!
//! A lock that another process has is waited for in real time, which no thread notices: most likely that process explores
//! another test. For the same reason a test that locks files is left to one process.
//!
//! What this cannot see: that a duplicate of the descriptor keeps the lock when the descriptor is closed. Whoever waits then
//! looks again in vain, and waits on. Locks of fcntl(2) belong to processes, so threads never wait for each other's.

use crate::arch::syscall;
use crate::effects::irreversible;
use crate::interpose::children;
use crate::interpose::output::answer;
use crate::interpose::signals::Interrupt;
use crate::state::{executing, recording, rt};
use crate::{crash, order, record, sched, sys};
use raddle_engine::AccessKind;
use raddle_protocol::Op;
use raddle_protocol::trace::{PosixLock, Wait};

/// Where files are among the addresses of what is locked: no memory of a process is there.
const FILES: u64 = 1 << 62;

/// Nanoseconds after which a lock that another process has is tried again, in real time.
const AGAIN_NS: u64 = 200_000;
/// For how long that is done before other threads go on, and in virtual time until it is done once more.
const PATIENCE_NS: u64 = 2_000_000_000;

/// The locks of an execution.
#[derive(Clone, Default, Debug)]
pub struct FileLocks {
    /// Files that have been locked, by device and number: their indices are the same in every execution.
    files: Vec<(u64, u64)>,
    held: Vec<Held>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    descriptor: i32,
    address: u64,
    kind: PosixLock,
}

impl FileLocks {
    /// An address that stands for the file.
    fn address(&mut self, file: (u64, u64)) -> u64 {
        let known = self.files.iter().position(|known| *known == file);
        let index = known.unwrap_or_else(|| {
            self.files.push(file);
            self.files.len() - 1
        });
        FILES + index as u64 * 64
    }

    fn is_held(&self, address: u64) -> bool {
        self.held.iter().any(|held| held.address == address)
    }
}

/// `flock`.
///
/// # Safety
/// As the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn flock(descriptor: i32, operation: i32) -> i32 {
    let call = |operation: i32| {
        // SAFETY: the caller's.
        unsafe { syscall(libc::SYS_flock, [descriptor as u64, operation as u64, 0, 0, 0, 0]) }
    };
    let Some(file) = executing().then(|| file(descriptor)).flatten() else { return answer(call(operation)) as i32 };
    if !rt().execution.effects.owns(descriptor) {
        irreversible("it locks a file that was open before the test began");
    }
    let address = rt().execution.io.file_locks.address(file);
    let (wanted, may_wait) = (operation & !libc::LOCK_NB, operation & libc::LOCK_NB == 0);
    if wanted == libc::LOCK_UN {
        sched::point_at(AccessKind::Release, address);
        give_back(descriptor);
        return answer(call(operation)) as i32;
    }
    let kind = if wanted == libc::LOCK_EX { PosixLock::FileExclusive } else { PosixLock::FileShared };
    sched::point_at(AccessKind::Acquire, address);
    // A lock that is changed into one of the other kind is given back first, as by the kernel.
    let held = rt().execution.io.file_locks.held.iter().find(|held| held.descriptor == descriptor);
    if held.is_some_and(|held| held.kind != kind) {
        give_back(descriptor);
    }
    rt().is_known_by_name = true;
    let ask = || {
        let mut result = call(wanted | libc::LOCK_NB);
        let begun = sys::real_time_ns();
        while result == -i64::from(libc::EWOULDBLOCK)
            && may_wait
            && !rt().execution.io.file_locks.is_held(address)
            && sys::real_time_ns() - begun < PATIENCE_NS
        {
            children::pause(AGAIN_NS);
            crash::progress();
            result = call(wanted | libc::LOCK_NB);
        }
        result
    };
    let mut has_asked = false;
    loop {
        let result = ask();
        if result == 0 {
            break;
        }
        if result != -i64::from(libc::EWOULDBLOCK) || !may_wait {
            if recording() {
                record::step(Op::LockAcquired { address, kind, ok: false });
            }
            return answer(result) as i32;
        }
        if recording() && !core::mem::replace(&mut has_asked, true) {
            record::step(Op::LockRequest { address, kind });
        }
        let execution = &rt().execution;
        let interrupt = if execution.io.file_locks.is_held(address) {
            sched::wait(Wait::FileLock(address, kind == PosixLock::FileExclusive), None, !0)
        } else {
            let again = execution.schedule.now_ns() + PATIENCE_NS;
            sched::wait(Wait::Sleep, Some(again), !0)
        };
        if interrupt == Interrupt::Fail {
            return answer(-i64::from(libc::EINTR)) as i32;
        }
    }
    let held = &mut rt().execution.io.file_locks.held;
    held.retain(|held| held.descriptor != descriptor);
    held.push(Held { descriptor, address, kind });
    order::acquired(address);
    if kind == PosixLock::FileExclusive {
        order::acquired(order::readers_of(address));
    }
    if recording() {
        record::step(Op::LockAcquired { address, kind, ok: true });
    }
    0
}

/// The lock that was taken with a descriptor, if one was, is free: it is given back, or the descriptor closed. Whoever waits
/// for one on that file looks again.
pub fn give_back(descriptor: i32) {
    let execution = &mut rt().execution;
    let held = &mut execution.io.file_locks.held;
    let Some(at) = held.iter().position(|held| held.descriptor == descriptor) else { return };
    let Held { address, kind, .. } = held.remove(at);
    execution.schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::FileLock(at, _) if *at == address));
    order::released(if kind == PosixLock::FileExclusive { address } else { order::readers_of(address) });
    if recording() {
        record::step(Op::LockReleased { address, kind });
    }
}

/// Device and number of an open file.
fn file(descriptor: i32) -> Option<(u64, u64)> {
    let mut stat = core::mem::MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: there is room for the answer.
    let result = unsafe { syscall(libc::SYS_fstat, [descriptor as u64, stat.as_mut_ptr() as u64, 0, 0, 0, 0]) };
    // SAFETY: zeros, or the kernel's answer.
    let stat = unsafe { stat.assume_init() };
    (result == 0).then_some((stat.st_dev, stat.st_ino))
}
