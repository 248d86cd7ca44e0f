//! Locks on parts of files (`fcntl`), for which databases wait.
//!
//! Those of an open file (`F_OFD_SETLK`) are among threads what locks on whole files are ([`super::file_locks`]): whoever
//! has to wait does so as a fiber, until something about the lock that is in the way changes. Of a lock that is given back in
//! part, all is taken to be held still: whoever meets it asks the kernel.
//!
//! Those of a process (`F_SETLK`) keep no thread of it from anything. Another process may have them, and is waited for in
//! real time.

use super::file_locks::{
    Held, TAKEN, What, address_of_all, ask, file_of, give_back_where, lessen, let_others_go_on, take,
};
use crate::arch::syscall;
use crate::interpose::signals::Interrupt;
use crate::sched;
use crate::state::executing;
use raddle_engine::AccessKind;
use raddle_protocol::trace::PosixLock;

/// Takes or gives back a lock, if that is what a command of `fcntl` does: the call's result, or an error below zero.
///
/// # Safety
/// `argument` is what `fcntl` takes for this command.
pub unsafe fn fcntl(descriptor: i32, command: i32, argument: u64) -> Option<i64> {
    let (at_once, may_wait) = match command {
        libc::F_SETLK | libc::F_OFD_SETLK => (command, false),
        libc::F_SETLKW => (libc::F_SETLK, true),
        libc::F_OFD_SETLKW => (libc::F_OFD_SETLK, true),
        _ => return None,
    };
    if !executing() {
        return None;
    }
    // SAFETY: the caller's; the kernel judges the pointer.
    let call = || unsafe { syscall(libc::SYS_fcntl, [descriptor as u64, at_once as u64, argument, 0, 0, 0]) };
    if at_once == libc::F_SETLK {
        return Some(take_from_processes(call, may_wait));
    }
    // SAFETY: the caller's.
    let wanted = unsafe { (argument as *const libc::flock).as_ref() }?;
    let file = file_of(descriptor)?;
    let what = part(descriptor, wanted)?;
    let address = address_of_all(file, what);
    let kind = match i32::from(wanted.l_type) {
        libc::F_RDLCK => PosixLock::FileShared,
        _ => PosixLock::FileExclusive,
    };
    let lock = Held { descriptor, file, what, kind };
    if i32::from(wanted.l_type) == libc::F_UNLCK {
        sched::point_at(AccessKind::Release, address);
        let result = call();
        give_back_where(|held| held.is_within(&lock));
        lessen(&lock);
        return Some(result);
    }
    sched::point_at(AccessKind::Acquire, address);
    let result = take(lock, may_wait, call);
    if result == 0 {
        give_back_where(|held| held.is_within(&lock) && held.kind != kind);
    }
    Some(result)
}

/// Makes a call that takes a lock which only another process can have.
fn take_from_processes(call: impl Fn() -> i64, may_wait: bool) -> i64 {
    loop {
        let result = ask(&call, || may_wait);
        if result != TAKEN || !may_wait {
            return result;
        }
        if let_others_go_on() == Interrupt::Fail {
            return -i64::from(libc::EINTR);
        }
    }
}

/// The part of the file that is meant.
fn part(descriptor: i32, wanted: &libc::flock) -> Option<What> {
    let zero = match i32::from(wanted.l_whence) {
        libc::SEEK_SET => 0,
        // SAFETY: plain lseek, to where it is.
        libc::SEEK_CUR => unsafe { syscall(libc::SYS_lseek, [descriptor as u64, 0, libc::SEEK_CUR as u64, 0, 0, 0]) },
        // From its end: the kernel alone knows where that is by then.
        _ => return None,
    };
    let start = zero.saturating_add(wanted.l_start);
    let end = start.saturating_add(wanted.l_len);
    Some(match wanted.l_len {
        0 => What::Part(start, i64::MAX),
        length if length < 0 => What::Part(end, start),
        _ => What::Part(start, end),
    })
}
