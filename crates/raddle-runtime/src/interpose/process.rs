//! Other processes: made for real, in an execution of its own process.

use super::children::{self, Awaits};
use super::signals::Interrupt;
use crate::arch::syscall;
use crate::effects::changes_files;
use crate::record;
use crate::state::{executing, let_go, recording};
use crate::sys::Real;
use core::ffi::{CStr, c_char, c_void};
use raddle_protocol::Op;
use std::ffi::CString;

/// Ends the processes that this execution has started and that still run. Called in a forked execution only.
pub fn kill_children() {
    own().for_each(kill);
}

/// Children of the process that performs executions, from before the present one began. Set where that one is forked.
static mut OLDER: Vec<u32> = Vec::new();

/// An execution is about to be forked. What outlives those who have started it becomes a child of this process, so that it
/// is not lost sight of.
pub fn before_execution() {
    // SAFETY: plain prctl; one thread.
    unsafe {
        syscall(libc::SYS_prctl, [libc::PR_SET_CHILD_SUBREAPER as u64, 1, 0, 0, 0, 0]);
        OLDER = if has_children() { own().collect() } else { Vec::new() };
    }
}

/// A forked execution has ended: so do the processes that it has left.
pub fn after_execution() {
    while has_children() {
        let left: Vec<u32> = own().filter(|process| !is_older(*process)).collect();
        if left.is_empty() {
            return;
        }
        for process in left {
            kill(process);
            // Those that it has started are this process's then.
            // SAFETY: plain wait.
            unsafe { syscall(libc::SYS_wait4, [process.into(), 0, 0, 0, 0, 0]) };
        }
    }
}

fn has_children() -> bool {
    let what = (libc::WEXITED | libc::WNOHANG | libc::WNOWAIT) as u64;
    // SAFETY: asks only.
    unsafe { syscall(libc::SYS_waitid, [libc::P_ALL.into(), 0, 0, what, 0, 0]) != -i64::from(libc::ECHILD) }
}

fn is_older(process: u32) -> bool {
    // SAFETY: one thread; not changed while an execution runs.
    unsafe {
        let older = &raw const OLDER;
        (&*older).contains(&process)
    }
}

fn kill(process: u32) {
    // SAFETY: plain kill.
    unsafe { syscall(libc::SYS_kill, [process.into(), libc::SIGKILL as u64, 0, 0, 0, 0]) };
}

/// The children of this process.
fn own() -> impl Iterator<Item = u32> {
    children_at(c"/proc/thread-self/children").into_iter()
}

fn children_at(path: &CStr) -> Vec<u32> {
    let list = crate::sys::read_file(path);
    String::from_utf8_lossy(&list).split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Whether a process still runs that this execution has started, directly or not. The parents of such a one run too, up to
/// a child of this process; or one has ended, and what it has left is a child of the process that performs executions.
pub fn any_running() -> bool {
    started().any(is_running)
}

/// The children of this process, and what this execution has left to the process that performs executions.
pub fn started() -> impl Iterator<Item = u32> {
    // SAFETY: plain questions.
    let parent = unsafe { syscall(libc::SYS_getppid, [0; 6]) };
    // SAFETY: as above.
    let this = unsafe { syscall(libc::SYS_getpid, [0; 6]) } as u32;
    let left = CString::new(format!("/proc/{parent}/task/{parent}/children")).map(|path| children_at(&path));
    let left = left.unwrap_or_default().into_iter().filter(move |process| *process != this && !is_older(*process));
    own().chain(left)
}

/// Whether a process has not ended.
fn is_running(process: u32) -> bool {
    let Ok(path) = CString::new(format!("/proc/{process}/stat")) else { return false };
    let stat = crate::sys::read_file(&path);
    // The state stands behind the name, which is in brackets and may hold anything.
    let state = stat.iter().rposition(|byte| *byte == b')').and_then(|at| stat.get(at + 2));
    state.is_some_and(|state| *state != b'Z')
}

/// `fork`. The child is the program's own affair: there, the runtime lets go. Made by the bare system call: the C
/// library's own function walks its list of threads, which fibers are not on. Handlers of `pthread_atfork` do not run.
///
/// # Safety
/// As the C function; so for all in this file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fork() -> i32 {
    static REAL: Real<unsafe extern "C" fn() -> i32> = Real::new(c"fork");
    if !crate::state::live() {
        // SAFETY: the caller's.
        return unsafe { REAL.get()() };
    }
    changes_files("it forks");
    children::started();
    // SAFETY: one thread; the child goes on here with a copy of everything.
    let child = unsafe { syscall(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]) };
    if child == 0 {
        super::signals::masks::inherit();
        let_go();
    }
    super::output::answer(child) as i32
}

/// `vfork`, as `fork`.
///
/// # Safety
/// See [`fork`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn vfork() -> i32 {
    // SAFETY: the caller's.
    unsafe { fork() }
}

macro_rules! starts {
    ($($name:ident($($argument:ident: $kind:ty),*) $symbol:literal $what:literal;)*) => {$(
        /// Starts another program.
        ///
        /// # Safety
        /// See [`fork`].
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($argument: $kind),*) -> i32 {
            static REAL: Real<unsafe extern "C" fn($($kind),*) -> i32> = Real::new($symbol);
            changes_files($what);
            children::started();
            // SAFETY: the caller's.
            super::raw::unwatched(|| unsafe { REAL.get()($($argument),*) })
        }
    )*};
}

type Strings = *const *const c_char;

starts! {
    posix_spawn(pid: *mut i32, path: *const c_char, actions: *const c_void, attributes: *const c_void, argv: Strings,
        environment: Strings) c"posix_spawn" "it starts another program";
    posix_spawnp(pid: *mut i32, file: *const c_char, actions: *const c_void, attributes: *const c_void, argv: Strings,
        environment: Strings) c"posix_spawnp" "it starts another program";
    execve(path: *const c_char, argv: Strings, environment: Strings) c"execve" "it replaces itself by another program";
    execv(path: *const c_char, argv: Strings) c"execv" "it replaces itself by another program";
    execvp(file: *const c_char, argv: Strings) c"execvp" "it replaces itself by another program";
    execvpe(file: *const c_char, argv: Strings, environment: Strings) c"execvpe"
        "it replaces itself by another program";
    system(command: *const c_char) c"system" "it runs a shell command";
}

/// Waits for a child process without stopping the other threads. `call` makes the system call with these options; it
/// returns 0 where there is nothing to tell yet.
fn wait_for(name: &str, awaits: Awaits, options: i32, call: impl Fn(i32) -> i64) -> i64 {
    if !executing() || !children::any() {
        return call(options);
    }
    crate::sched::point(raddle_engine::Access::input_output());
    super::rest::wait();
    if options & libc::WNOHANG != 0 {
        let got = call(options);
        if got == 0 {
            // A program that asks again and again, with sleeps that cost nothing, must give the child its time.
            children::pause(100_000);
        }
        return got;
    }
    loop {
        let execution = &mut crate::state::rt().execution;
        execution.threads[execution.running as usize].awaits = awaits;
        let interrupt = crate::sched::wait(children::AWAITS, None, !0);
        let got = call(options | libc::WNOHANG);
        if got != 0 {
            if recording() {
                record::step(Op::Io { call: name.to_owned(), descriptor: -1, blocked: true });
            }
            return got;
        }
        if interrupt == Interrupt::Fail {
            return -i64::from(libc::EINTR);
        }
    }
}

/// `waitpid`.
///
/// # Safety
/// See [`fork`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn waitpid(child: i32, status: *mut i32, options: i32) -> i32 {
    // SAFETY: the caller's.
    let call =
        |options: i32| unsafe { syscall(libc::SYS_wait4, [child as u64, status as u64, options as u64, 0, 0, 0]) };
    super::output::answer(wait_for("waitpid", Awaits::Child(child, options), options, call)) as i32
}

/// `waitid`.
///
/// # Safety
/// See [`fork`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn waitid(kind: u32, id: u32, info: *mut libc::siginfo_t, options: i32) -> i32 {
    let call = |options: i32| {
        let (answer, told) = children::ask(kind, id, options);
        if !info.is_null() {
            // SAFETY: the caller's.
            unsafe { *info = told };
        }
        // SAFETY: of a child that has done something, the kernel tells the number.
        let nothing = answer == 0 && options & libc::WNOHANG != 0 && unsafe { told.si_pid() } == 0;
        if nothing || answer < 0 { answer } else { 1 }
    };
    super::output::answer(wait_for("waitid", Awaits::ChildOf(kind, id, options), options, call).min(0)) as i32
}
