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
//! looks again in vain, and waits on.

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

/// What the kernel answers for a lock that somebody has, where it is not to wait.
pub const TAKEN: i64 = -(libc::EWOULDBLOCK as i64);

/// The locks of an execution.
#[derive(Clone, Default, Debug)]
pub struct FileLocks {
    /// What has been locked: the indices are the same in every execution.
    known: Vec<(File, What)>,
    held: Vec<Held>,
}

/// A file, by device and number.
pub type File = (u64, u64);

/// What is locked of a file. Locks on it as a whole and on its parts have nothing to do with each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    Whole,
    /// Where the part begins, and where it ends, in bytes.
    Part(i64, i64),
}

impl What {
    fn meets(self, other: What) -> bool {
        match (self, other) {
            (What::Part(start, end), What::Part(others, end_of_other)) => start < end_of_other && others < end,
            _ => self == other,
        }
    }

    /// Nothing of it is outside the other.
    fn is_within(self, other: What) -> bool {
        match (self, other) {
            (What::Part(start, end), What::Part(others, end_of_other)) => others <= start && end <= end_of_other,
            _ => self == other,
        }
    }
}

/// A lock that has been taken, or is to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    pub descriptor: i32,
    pub file: File,
    pub what: What,
    pub kind: PosixLock,
}

impl Held {
    fn keeps_away(&self, other: &Held) -> bool {
        let is_shared = self.kind == PosixLock::FileShared && other.kind == PosixLock::FileShared;
        !is_shared && self.descriptor != other.descriptor && self.file == other.file && self.what.meets(other.what)
    }

    fn address(&self) -> u64 {
        rt().execution.io.file_locks.address(self.file, self.what)
    }

    /// Whether both are of the same open file.
    fn is_of(&self, other: &Held) -> bool {
        (self.descriptor, self.file) == (other.descriptor, other.file)
    }

    /// Nothing of what is locked is outside what is locked by the other, with the same descriptor.
    pub fn is_within(&self, other: &Held) -> bool {
        self.is_of(other) && self.what.is_within(other.what)
    }
}

impl FileLocks {
    /// An address that stands for what is locked.
    fn address(&mut self, file: File, what: What) -> u64 {
        let known = self.known.iter().position(|known| *known == (file, what));
        let index = known.unwrap_or_else(|| {
            self.known.push((file, what));
            self.known.len() - 1
        });
        FILES + index as u64 * 64
    }
}

/// An address that stands for all locks of this kind of the file, some of which may be in each other's way.
pub fn address_of_all(file: File, what: What) -> u64 {
    let all = if what == What::Whole { what } else { What::Part(i64::MIN, i64::MAX) };
    rt().execution.io.file_locks.address(file, all)
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
    let Some(file) = executing().then(|| file_of(descriptor)).flatten() else { return answer(call(operation)) as i32 };
    let (wanted, may_wait) = (operation & !libc::LOCK_NB, operation & libc::LOCK_NB == 0);
    let kind = if wanted == libc::LOCK_EX { PosixLock::FileExclusive } else { PosixLock::FileShared };
    let lock = Held { descriptor, file, what: What::Whole, kind };
    let address = address_of_all(file, What::Whole);
    if wanted == libc::LOCK_UN {
        sched::point_at(AccessKind::Release, address);
        give_back_where(|held| held.is_within(&lock));
        return answer(call(operation)) as i32;
    }
    sched::point_at(AccessKind::Acquire, address);
    // A lock that is changed into one of the other kind is given back first, as by the kernel.
    give_back_where(|held| held.is_within(&lock) && held.kind != kind);
    answer(take(lock, may_wait, || call(wanted | libc::LOCK_NB))) as i32
}

/// Takes a lock by a call that does not wait for it: whoever has to waits as a fiber. The call's result, or that it was
/// interrupted.
pub fn take(lock: Held, may_wait: bool, call: impl Fn() -> i64) -> i64 {
    let (address, kind) = (lock.address(), lock.kind);
    rt().is_known_by_name = true;
    let in_the_way = || rt().execution.io.file_locks.held.iter().find(|held| held.keeps_away(&lock)).copied();
    let mut has_asked = false;
    loop {
        let result = ask(&call, || may_wait && in_the_way().is_none());
        if result == 0 {
            break;
        }
        if result != TAKEN || !may_wait {
            if recording() {
                record::step(Op::LockAcquired { address, kind, ok: false });
            }
            return result;
        }
        let other = in_the_way();
        let waits_for = other.map_or(address, |other| other.address());
        if recording() && !core::mem::replace(&mut has_asked, true) {
            record::step(Op::LockRequest { address: waits_for, kind });
        }
        let interrupt = if other.is_some() {
            sched::wait(Wait::FileLock(waits_for, kind == PosixLock::FileExclusive), None, !0)
        } else {
            let_others_go_on()
        };
        if interrupt == Interrupt::Fail {
            return -i64::from(libc::EINTR);
        }
    }
    let held = &mut rt().execution.io.file_locks.held;
    if !held.contains(&lock) {
        held.push(lock);
    }
    let all = address_of_all(lock.file, lock.what);
    order::acquired(all);
    if kind == PosixLock::FileExclusive {
        order::acquired(order::readers_of(all));
    }
    if recording() {
        record::step(Op::LockAcquired { address, kind, ok: true });
    }
    0
}

/// Makes a call that takes a lock until the lock is not taken, in real time, for as long as that may be of use, and not for
/// very long.
pub fn ask(call: impl Fn() -> i64, may_help: impl Fn() -> bool) -> i64 {
    let mut result = call();
    let begun = sys::real_time_ns();
    while result == TAKEN && may_help() && sys::real_time_ns() - begun < PATIENCE_NS {
        children::pause(AGAIN_NS);
        crash::progress();
        result = call();
    }
    result
}

/// Another process has the lock, and keeps it: other threads run, and after some virtual time it is tried again.
pub fn let_others_go_on() -> Interrupt {
    let again = rt().execution.schedule.now_ns() + PATIENCE_NS;
    sched::wait(Wait::Sleep, Some(again), !0)
}

/// What is locked with a descriptor is free again, as it is about to be closed.
pub fn closing(descriptor: i32) {
    give_back_where(|held| held.descriptor == descriptor);
}

/// The locks of which this is true are free again, if there are any.
pub fn give_back_where(is_meant: impl Fn(&Held) -> bool) {
    let is_meant = &is_meant;
    while let Some(at) = rt().execution.io.file_locks.held.iter().position(is_meant) {
        let lock = rt().execution.io.file_locks.held.remove(at);
        let (address, kind) = (lock.address(), lock.kind);
        look_again(&lock);
        let all = address_of_all(lock.file, lock.what);
        order::released(if kind == PosixLock::FileExclusive { all } else { order::readers_of(all) });
        if recording() {
            record::step(Op::LockReleased { address, kind });
        }
    }
}

/// Something about that lock has changed: whoever waits for it looks again.
fn look_again(lock: &Held) {
    let address = lock.address();
    let schedule = &mut rt().execution.schedule;
    schedule.wake_matching(usize::MAX, |wait| matches!(wait, Wait::FileLock(at, _) if *at == address));
}

/// What has been locked with the descriptor and is not all within this part, but some of it, is less from now on.
pub fn lessen(part: &Held) {
    let lessened = |held: &&Held| held.is_of(part) && held.what.meets(part.what);
    let lessened: Vec<Held> = rt().execution.io.file_locks.held.iter().filter(lessened).copied().collect();
    lessened.iter().for_each(look_again);
}

/// Which file is open, as far as its locks are not the kernel's alone.
pub fn file_of(descriptor: i32) -> Option<File> {
    let file = file(descriptor)?;
    if !rt().execution.effects.owns(descriptor) {
        irreversible("it locks a file that was open before the test began");
    }
    Some(file)
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
