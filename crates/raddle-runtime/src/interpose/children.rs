//! Waiting for what other processes and hosts do, once the program has started one or talks to one.
//!
//! When a child's output arrives, and when it ends, is up to the operating system. If that decided which threads can run,
//! no execution could be performed again. So a thread that waits for input or for a child goes on only when no other
//! thread can run; then the process waits for real until all that it has started is at rest ([`super::rest`]), and for an
//! answer, up to a second if a virtual deadline is nearer than that. Of several threads that have their answers then, the
//! first goes on. That input comes late is always possible, so nothing is shown that could not happen.
//!
//! What this cannot see: the order of answers of a child that is never at rest, that waits for time to pass, or of another
//! host: that is the world's.

use super::rest;
use super::signals::{actions, outside};
use crate::arch::syscall;
use crate::state::rt;
use crate::sys::uninterrupted;
use crate::{crash, sys};
use raddle_protocol::trace::{State, ThreadId, Wait};

/// Virtual descriptor of a thread that waits as [`ThreadData::awaits`](crate::thread::ThreadData::awaits) says.
pub const AWAITS: Wait = Wait::Descriptor(-2);

/// What a thread waits for that is not one descriptor.
#[derive(Clone, Copy, Default, Debug)]
pub enum Awaits {
    /// Nothing.
    #[default]
    Nothing,
    /// `poll` with this array of descriptors and its length. It lies in memory of the thread that waits, which stays.
    Poll(u64, u64),
    /// `waitpid` with this process and these options.
    Child(i32, i32),
    /// `waitid` with these kind, number and options.
    ChildOf(u32, u32, i32),
    /// A signal.
    Signal,
}

/// Whether the program has started a process. Set only in the process of one execution, so it need not be put back.
static mut STARTED: bool = false;

/// The program starts another process.
pub fn started() {
    // SAFETY: one thread.
    unsafe { STARTED = true };
    if crate::state::executing() {
        rt().execution.io.held.give_all_way();
    }
}

/// Whether the program talks to another host. As for [`STARTED`].
static mut TALKS: bool = false;

/// The program talks to another host, which is waited for like a process.
pub fn started_to_talk() {
    // SAFETY: one thread.
    unsafe { (STARTED, TALKS) = (true, true) };
}

/// Whether the program has started a process.
pub fn any() -> bool {
    // SAFETY: one thread.
    unsafe { STARTED }
}

/// Waits for real until a waiting thread can go on and wakes it, if no thread can run. From time to time also when some
/// can, for they may spin until one that waits has got its answer.
pub fn settle() {
    /// Schedule points between two looks while other threads can run, and how long such a look lasts.
    const POINTS: u64 = 1024;
    const LOOK_NS: u64 = 20_000_000;
    /// How long to wait when nobody is left that could answer.
    const NOBODY_NS: u64 = 2_000_000_000;
    /// A virtual deadline that is further away than this passes for real no later than this.
    const DEADLINE_NS: u64 = 1_000_000_000;
    /// How long others may take to be ready too, so that the lowest number goes on first.
    const MOMENT_NS: u64 = 5_000_000;
    let schedule = &mut rt().execution.schedule;
    if schedule.runnable() == 0 {
        // A thread that is set aside since it spins could go on: what it looks for need not come from outside.
        schedule.resume_spinners();
    }
    let alone = schedule.runnable() == 0;
    if !alone && !rt().points.is_multiple_of(POINTS) || waiting().next().is_none() && !actions::any() {
        return;
    }
    let mut at_rest = rest::wait();
    let begun = sys::real_time_ns();
    let deadline = schedule.earliest_deadline().map(|deadline| deadline.saturating_sub(schedule.now_ns()));
    let longest = if alone { deadline.map_or(u64::MAX, |away| away.min(DEADLINE_NS)) } else { LOOK_NS };
    let mut looks = 0u32;
    loop {
        if first_ready().is_some() {
            if waiting().count() > 1 && !at_rest {
                pause(MOMENT_NS);
            }
            if let Some(id) = first_ready() {
                rt().execution.schedule.wake(id);
            }
            return;
        }
        if outside::pass_on() {
            return;
        }
        let waited = sys::real_time_ns() - begun;
        // Asking about children is slower than looking at descriptors.
        if waited >= longest || (waited >= NOBODY_NS && looks.is_multiple_of(256) && !any_alive()) {
            return;
        }
        looks += 1;
        pause(if waited < MOMENT_NS { 100_000 } else { 1_000_000 });
        crash::progress();
        if first_ready().is_some() {
            at_rest = rest::wait();
        }
    }
}

/// The threads that wait for the world, in order.
pub fn waiting() -> impl Iterator<Item = (ThreadId, i32)> {
    let execution = &rt().execution;
    (0..execution.threads.len() as ThreadId).filter_map(|id| match execution.schedule.state(id) {
        State::Waiting(Wait::Descriptor(coded)) => Some((id, *coded)),
        _ => None,
    })
}

fn first_ready() -> Option<ThreadId> {
    waiting().find(|(id, coded)| is_ready(*id, *coded)).map(|(id, _)| id)
}

/// Whether there is what a thread waits for, given what [`Wait::Descriptor`] says.
pub fn is_ready(id: ThreadId, coded: i32) -> bool {
    match rt().execution.threads[id as usize].awaits {
        _ if Wait::Descriptor(coded) != AWAITS => super::io::polling::coded_ready(coded),
        Awaits::Nothing | Awaits::Signal => false,
        // SAFETY: the array that the program has given, in a call that has not returned.
        Awaits::Poll(descriptors, count) => unsafe {
            uninterrupted(libc::SYS_poll, [descriptors, count, 0, 0, 0, 0]) != 0
        },
        Awaits::Child(process, options) => child_ready(process, options),
        Awaits::ChildOf(kind, process, options) => has_news(kind, process, options),
    }
}

/// Whether `waitpid` would return at once.
fn child_ready(process: i32, options: i32) -> bool {
    let (kind, id) = match process {
        -1 => (libc::P_ALL, 0),
        0 => (libc::P_PGID, 0),
        group if group < -1 => (libc::P_PGID, group.unsigned_abs()),
        process => (libc::P_PID, process.unsigned_abs()),
    };
    let stopped = if options & libc::WUNTRACED != 0 { libc::WSTOPPED } else { 0 };
    has_news(kind, id, libc::WEXITED | stopped | (options & libc::WCONTINUED))
}

/// Whether `waitid` would return at once. An error is an answer too.
fn has_news(kind: u32, id: u32, options: i32) -> bool {
    let (answer, info) = ask(kind, id, options | libc::WNOHANG | libc::WNOWAIT);
    // SAFETY: of a child that has done something, the kernel tells the number.
    answer != 0 || unsafe { info.si_pid() } != 0
}

/// The system call `waitid`: its answer, and what it tells.
pub fn ask(kind: u32, id: u32, options: i32) -> (i64, libc::siginfo_t) {
    // SAFETY: the kernel's own structure, all zeros to begin with.
    unsafe {
        let mut info: libc::siginfo_t = core::mem::zeroed();
        let at = &raw mut info as u64;
        (syscall(libc::SYS_waitid, [kind.into(), id.into(), at, options as u64, 0, 0]), info)
    }
}

/// Whether a process that the program has started still runs, or another host may answer.
fn any_alive() -> bool {
    // SAFETY: one thread.
    if unsafe { TALKS } {
        return true;
    }
    super::process::any_running()
}

/// Sleeps for real.
pub fn pause(ns: u64) {
    let pause = [0u64, ns];
    // SAFETY: a timespec of two words.
    unsafe { syscall(libc::SYS_nanosleep, [pause.as_ptr() as u64, 0, 0, 0, 0, 0]) };
}
