//! Signals (POSIX.1-2017, System Interfaces 2.4; signal(7)): those that the program sends to itself, those of its timers,
//! and those that come from outside.
//!
//! All threads are one to the kernel, so each fiber has a mask and pending signals here, and the process has pending ones
//! of its own. A handler is called like a function, on the stack of the thread that takes the signal, where that thread
//! comes to a schedule point, ends a wait, or sends or unblocks the signal itself. So a handler is ordered with the rest of
//! its thread, and where it interrupts the thread is explored as far as schedule points go. Which of several threads takes a
//! signal for the process is a choice. What a handler does to a call that waits is as the standard has it: `EINTR`, or the
//! call begins anew with `SA_RESTART`, for the calls that can.
//!
//! Signals from outside (the end of a child, `kill` from a shell) are noted when they come and delivered when no thread can
//! run, once the program has started a process; see [`super::children`].
//!
//! What this cannot see: handlers do not run between two plain accesses, nor on the alternate stack; their `ucontext_t` is
//! empty; a handler that is left by `longjmp` keeps its mask. Stopping and continuing a process is the kernel's.

pub mod actions;
pub mod delivery;
pub mod masks;
pub mod outside;
pub mod sending;
pub mod waiting;

use crate::crash::FAULTS;

/// One bit for each signal, the lowest for signal 1, as the kernel has it.
pub type Set = u64;

/// The bit of a signal.
pub fn bit(signal: i32) -> Set {
    if (1..=64).contains(&signal) { 1 << (signal - 1) } else { 0 }
}

/// Whether a signal is the runtime's own.
pub fn reserved(signal: i32) -> bool {
    FAULTS.contains(&signal) || matches!(signal, libc::SIGTRAP | libc::SIGSYS | 64)
}

/// The program's set of signals.
///
/// # Safety
/// Readable.
pub unsafe fn set_at(set: *const libc::sigset_t) -> Set {
    // SAFETY: the caller's; the C library's sets begin with the kernel's.
    unsafe { (set as *const Set).read() }
}

/// A signal that has been sent and not taken yet, with what its handler is told of it.
#[derive(Clone, Copy, Debug)]
pub struct Pending {
    /// Which.
    pub signal: i32,
    /// `si_code`: who has sent it.
    pub code: i32,
    /// The two words that follow: process and user, or timer and overruns.
    pub words: [u32; 2],
    /// `si_value`, or a child's status.
    pub value: u64,
}

impl Pending {
    /// A signal of the process to itself.
    pub fn own(signal: i32, code: i32) -> Self {
        // SAFETY: plain system calls.
        let id = |number| unsafe { crate::arch::syscall(number, [0; 6]) as u32 };
        Pending { signal, code, words: [id(libc::SYS_getpid), id(libc::SYS_getuid)], value: 0 }
    }

    /// As a handler is shown it.
    pub fn info(&self) -> libc::siginfo_t {
        // SAFETY: the kernel's own structure, 128 bytes: three numbers, and from byte 16 on what goes with them.
        unsafe {
            let mut info: libc::siginfo_t = core::mem::zeroed();
            (info.si_signo, info.si_code) = (self.signal, self.code);
            let rest = (&raw mut info as *mut u8).add(16);
            (rest as *mut [u32; 2]).write_unaligned(self.words);
            (rest.add(8) as *mut u64).write_unaligned(self.value);
            info
        }
    }

    /// What the kernel tells of one.
    pub fn told(info: &libc::siginfo_t) -> Self {
        // SAFETY: as in `info`.
        unsafe {
            let rest = (info as *const libc::siginfo_t as *const u8).add(16);
            let (words, value) =
                ((rest as *const [u32; 2]).read_unaligned(), (rest.add(8) as *const u64).read_unaligned());
            Pending { signal: info.si_signo, code: info.si_code, words, value }
        }
    }
}

/// Signals that wait to be taken.
#[derive(Clone, Default, Debug)]
pub struct Queue(Vec<Pending>);

impl Queue {
    /// Adds one; `false` if it is there already and does not queue, which real-time signals do.
    fn add(&mut self, pending: Pending) -> bool {
        const REAL_TIME: i32 = 32;
        if pending.signal < REAL_TIME && self.set() & bit(pending.signal) != 0 {
            return false;
        }
        self.0.push(pending);
        true
    }

    /// Which are there.
    fn set(&self) -> Set {
        self.0.iter().fold(0, |set, pending| set | bit(pending.signal))
    }

    /// Takes out the lowest of these.
    fn take(&mut self, from: Set) -> Option<Pending> {
        let lowest = (self.set() & from).trailing_zeros() as i32 + 1;
        let at = self.0.iter().position(|pending| pending.signal == lowest)?;
        Some(self.0.remove(at))
    }
}

/// What concerns the whole process.
#[derive(Clone, Default, Debug)]
pub struct Signals {
    /// Sent to the process, and blocked by all threads.
    pending: Queue,
    /// How many signals are pending, of the process and of all threads.
    pub due: u32,
    /// Signals that are blocked in the kernel, where descriptors of `signalfd` take them.
    in_kernel: Set,
    /// Timers that send signals.
    pub alarms: super::alarms::Alarms,
}

/// What concerns one thread.
#[derive(Clone, Default, Debug)]
pub struct OfThread {
    /// Signals that it blocks.
    pub mask: Set,
    pending: Queue,
    /// Signals for which it waits (`sigwait`).
    awaits: Set,
}

impl OfThread {
    /// A new thread blocks what its creator blocks.
    pub fn with_mask(mask: Set) -> Self {
        OfThread { mask, ..OfThread::default() }
    }
}

/// Whether a wait has been interrupted by a handler, and how the call is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interrupt {
    /// No handler has run.
    #[default]
    No,
    /// The call goes on, if it is one that can (`SA_RESTART`).
    Restart,
    /// It fails with `EINTR`.
    Fail,
}
