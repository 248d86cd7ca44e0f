//! Other processes: made for real, in an execution of its own process.

use super::children::{self, Awaits};
use super::signals::Interrupt;
use crate::effects::irreversible;
use crate::record;
use crate::state::{executing, let_go, recording};
use crate::sys::Real;
use core::ffi::{c_char, c_void};
use raddle_protocol::Op;

/// Ends the processes that this execution has started and that still run: they are of its process group's session but
/// not of Raddle's making. Called in a forked execution only.
pub fn kill_children() {
    let list = crate::sys::read_file(c"/proc/thread-self/children");
    for word in String::from_utf8_lossy(&list).split_ascii_whitespace() {
        if let Ok(child) = word.parse::<u64>() {
            // SAFETY: plain kill.
            unsafe { crate::arch::syscall(libc::SYS_kill, [child, libc::SIGKILL as u64, 0, 0, 0, 0]) };
        }
    }
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
    irreversible("it forks");
    children::started();
    // SAFETY: one thread; the child goes on here with a copy of everything.
    let child = unsafe { crate::arch::syscall(libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0]) };
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
            irreversible($what);
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

/// Waits for a child process without stopping the other threads.
fn wait_for(call: impl Fn(i32) -> i64, child: i32, options: i32) -> i32 {
    if !executing() || !children::any() {
        return super::output::answer(call(options)) as i32;
    }
    crate::sched::point(raddle_engine::Access::input_output());
    if options & libc::WNOHANG != 0 {
        let got = call(options);
        if got == 0 {
            // A program that asks again and again, with sleeps that cost nothing, must give the child its time.
            children::pause(100_000);
        }
        return super::output::answer(got) as i32;
    }
    loop {
        let execution = &mut crate::state::rt().execution;
        execution.threads[execution.running as usize].awaits = Awaits::Child(child, options);
        let interrupt = crate::sched::wait(children::AWAITS, None, !0);
        let got = call(options | libc::WNOHANG);
        if got != 0 {
            if recording() {
                record::step(Op::Io { call: "waitpid".to_owned(), descriptor: -1, blocked: true });
            }
            return super::output::answer(got) as i32;
        }
        if interrupt == Interrupt::Fail {
            return super::output::answer(-i64::from(libc::EINTR)) as i32;
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
    let call = |options: i32| unsafe {
        crate::arch::syscall(libc::SYS_wait4, [child as u64, status as u64, options as u64, 0, 0, 0])
    };
    wait_for(call, child, options)
}
