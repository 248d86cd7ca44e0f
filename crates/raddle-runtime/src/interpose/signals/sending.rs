//! Signals that the program sends: `kill`, `raise`, `pthread_kill` and their kin.

use super::Pending;
use super::delivery::{Target, deliver, post};
use crate::arch::{self, thread_pointer};
use crate::effects::irreversible;
use crate::interpose::output::answer;
use crate::state::{executing, live, rt};
use crate::sys::Real;
use raddle_protocol::Op;
use raddle_protocol::trace::ThreadId;

/// The program sends itself a signal. The system call's answer.
fn to_self(target: Target, pending: Pending, call: &str) -> i64 {
    if !(0..=64).contains(&pending.signal) {
        return -i64::from(libc::EINVAL);
    }
    if pending.signal == 0 {
        return 0;
    }
    announced(call);
    post(target, pending);
    // One that the sender does not block itself is taken before the call returns, if it is the sender who takes it.
    deliver();
    0
}

/// A signal is about to be sent by this call.
fn announced(call: &str) {
    crate::interpose::io::announce();
    if crate::state::recording() {
        crate::record::step(Op::Io { call: call.to_owned(), descriptor: -1, blocked: false });
    }
}

fn own_process() -> i64 {
    // SAFETY: plain system call.
    unsafe { arch::syscall(libc::SYS_getpid, [0; 6]) }
}

/// `raise`.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn raise(signal: i32) -> i32 {
    if executing() {
        let running = Target::Thread(rt().execution.running);
        return answer(to_self(running, Pending::own(signal, libc::SI_TKILL), "raise")) as i32;
    }
    // SAFETY: the caller's.
    unsafe {
        let thread = arch::syscall(libc::SYS_gettid, [0; 6]) as u64;
        answer(arch::syscall(libc::SYS_tgkill, [own_process() as u64, thread, signal as u64, 0, 0, 0])) as i32
    }
}

/// `kill`.
///
/// # Safety
/// See [`raise`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kill(process: i32, signal: i32) -> i32 {
    if executing() && i64::from(process) == own_process() {
        return answer(to_self(Target::Process, Pending::own(signal, libc::SI_USER), "kill")) as i32;
    }
    if signal != 0 {
        if executing() {
            // Whether it comes before or after others ask about that process makes a difference to them.
            announced("kill");
        }
        irreversible("it sends a signal to another process");
    }
    // SAFETY: the caller's.
    answer(unsafe { arch::syscall(libc::SYS_kill, [process as u64, signal as u64, 0, 0, 0, 0]) }) as i32
}

/// The thread with this kernel's number, as the program is told it.
pub fn thread_of(number: i32) -> Option<ThreadId> {
    // SAFETY: plain system call.
    let first = unsafe { arch::syscall(libc::SYS_gettid, [0; 6]) };
    let id = ThreadId::try_from(i64::from(number) - first).ok()?;
    ((id as usize) < rt().execution.threads.len()).then_some(id)
}

/// The system calls `tkill` and `tgkill`.
///
/// # Safety
/// As the system call.
pub unsafe fn to_thread(thread: i32, signal: i32) -> i64 {
    match thread_of(thread) {
        Some(id) => to_self(Target::Thread(id), Pending::own(signal, libc::SI_TKILL), "tgkill"),
        None => -i64::from(libc::ESRCH),
    }
}

/// `tgkill`.
///
/// # Safety
/// See [`raise`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tgkill(process: i32, thread: i32, signal: i32) -> i32 {
    if executing() && i64::from(process) == own_process() {
        // SAFETY: the caller's.
        return answer(unsafe { to_thread(thread, signal) }) as i32;
    }
    // SAFETY: the caller's.
    answer(unsafe { arch::syscall(libc::SYS_tgkill, [process as u64, thread as u64, signal as u64, 0, 0, 0]) }) as i32
}

/// `pthread_kill`.
///
/// # Safety
/// See [`raise`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_kill(thread: u64, signal: i32) -> i32 {
    // SAFETY: the caller's.
    unsafe { send_to(thread, Pending::own(signal, libc::SI_TKILL), "pthread_kill") }
}

/// An `errno` value.
unsafe fn send_to(thread: u64, pending: Pending, call: &str) -> i32 {
    type Kill = unsafe extern "C" fn(u64, i32) -> i32;
    static REAL: Real<Kill> = Real::new(c"pthread_kill");
    if !live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()(thread, pending.signal) };
    }
    let id = if thread == thread_pointer() { Some(rt().execution.running) } else { crate::thread::find(thread) };
    match id {
        None => libc::ESRCH,
        Some(id) if executing() => -to_self(Target::Thread(id), pending, call) as i32,
        Some(_) if pending.signal == 0 => 0,
        // SAFETY: the caller's.
        Some(_) => unsafe { raise(pending.signal) },
    }
}

/// `sigqueue`.
///
/// # Safety
/// See [`raise`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigqueue(process: i32, signal: i32, value: u64) -> i32 {
    let pending = Pending { value, ..Pending::own(signal, libc::SI_QUEUE) };
    if executing() && i64::from(process) == own_process() {
        return answer(to_self(Target::Process, pending, "sigqueue")) as i32;
    }
    irreversible("it sends a signal to another process");
    let info = pending.info();
    let args = [process as u64, signal as u64, &raw const info as u64, 0, 0, 0];
    // SAFETY: the caller's.
    answer(unsafe { arch::syscall(libc::SYS_rt_sigqueueinfo, args) }) as i32
}

/// `pthread_sigqueue`.
///
/// # Safety
/// See [`raise`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_sigqueue(thread: u64, signal: i32, value: u64) -> i32 {
    // SAFETY: the caller's.
    unsafe { send_to(thread, Pending { value, ..Pending::own(signal, libc::SI_QUEUE) }, "pthread_sigqueue") }
}
