//! Signals that end a program, and the watchdog.
//!
//! A fault is caught on a stack of the runtime's own, judged (a guard page below some thread's stack means stack
//! overflow), and ends the execution, not the process: memory is put back like after any other execution.

use crate::arch::{Context, syscall};
use crate::explore;
use crate::state::{executing, recording, rt};
use crate::sys::{self, Real};
use core::ffi::c_void;
use raddle_protocol::trace::{Bound, Crash, Outcome};

/// Signals whose arrival is a fault of the running code.
pub const FAULTS: [i32; 4] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE];

/// The watchdog's signal: the last real-time signal, which programs hardly use.
const TICK: i32 = 64;
const TICK_MS: u64 = 200;
const STACK_SIZE: u64 = 512 << 10;

type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);
type Sigaction = unsafe extern "C" fn(i32, *const libc::sigaction, *mut libc::sigaction) -> i32;
static SIGACTION: Real<Sigaction> = Real::new(c"sigaction");

/// Whether the runtime itself is inside a system call that may block.
pub static mut BLOCKING: bool = false;

fn install(signal: i32, handler: Handler, flags: i32) {
    // SAFETY: the real sigaction, with a handler of the right type.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER | flags;
        SIGACTION.get()(signal, &action, core::ptr::null_mut());
    }
}

/// Installs the handlers. Called once.
pub fn watch() {
    type Sigaltstack = unsafe extern "C" fn(*const libc::stack_t, *mut libc::stack_t) -> i32;
    static SIGALTSTACK: Real<Sigaltstack> = Real::new(c"sigaltstack");
    // SAFETY: a fresh mapping used for nothing else.
    unsafe {
        let (at, _) = crate::explore::private_stack(STACK_SIZE);
        let stack = libc::stack_t { ss_sp: at as *mut c_void, ss_flags: 0, ss_size: STACK_SIZE as usize };
        SIGALTSTACK.get()(&stack, core::ptr::null_mut());
    }
    for signal in FAULTS {
        install(signal, on_fault, 0);
    }
    install(libc::SIGTRAP, crate::entry::on_breakpoint, 0);
    install(TICK, on_tick, libc::SA_RESTART);
}

/// Starts the watchdog's timer in this process.
pub fn start_timer() {
    #[repr(C)]
    struct Event {
        value: u64,
        signal: i32,
        notify: i32,
        thread: i32,
        pad: [u32; 11],
    }
    const SIGEV_THREAD_ID: i32 = 4;
    // SAFETY: the kernel's own structures (sigevent, itimerspec).
    unsafe {
        let thread = syscall(libc::SYS_gettid, [0; 6]) as i32;
        let event = Event { value: 0, signal: TICK, notify: SIGEV_THREAD_ID, thread, pad: [0; 11] };
        let mut timer = 0i32;
        let clock = libc::CLOCK_MONOTONIC as u64;
        let timer_at = &raw mut timer as u64;
        if syscall(libc::SYS_timer_create, [clock, &raw const event as u64, timer_at, 0, 0, 0]) == 0 {
            let every = [0, TICK_MS * 1_000_000, 0, TICK_MS * 1_000_000];
            syscall(libc::SYS_timer_settime, [timer as u64, 0, every.as_ptr() as u64, 0, 0, 0]);
        }
    }
}

/// Where the watchdog last saw progress: total schedule points, and when by [`had_ns`].
static mut LAST: (u64, u64) = (0, 0);

/// How often the command is told that executions go on, however long each takes.
const ALIVE_EVERY_NS: u64 = 2_000_000_000;
/// When it was last told so.
static mut ALIVE: u64 = 0;

/// Tells the watchdog that something has moved.
pub fn progress() {
    // SAFETY: one thread.
    unsafe { LAST = (u64::MAX, 0) };
}

/// Time that this thread has had: real time without what it spent waiting for a processor. On a busy machine an execution
/// takes long although it does not stand still. Where the kernel does not tell, it is real time. Allocates nothing.
fn had_ns(now: u64) -> u64 {
    let mut text = [0u8; 64];
    // SAFETY: plain system calls with a buffer of our own.
    let read = unsafe {
        let path = c"/proc/thread-self/schedstat".as_ptr() as u64;
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as u64;
        let file = syscall(libc::SYS_openat, [libc::AT_FDCWD as u64, path, flags, 0, 0, 0]);
        if file < 0 {
            return now;
        }
        let read = syscall(libc::SYS_read, [file as u64, text.as_mut_ptr() as u64, text.len() as u64, 0, 0, 0]);
        syscall(libc::SYS_close, [file as u64, 0, 0, 0, 0, 0]);
        read
    };
    let text = core::str::from_utf8(&text[..read.max(0) as usize]).unwrap_or_default();
    let queued = text.split(' ').nth(1).and_then(|number| number.parse().ok()).unwrap_or(0);
    now.saturating_sub(queued)
}

extern "C" fn on_tick(_signal: i32, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: one thread, and the kernel's own structure.
    unsafe {
        if !executing() || !explore::in_execution() {
            return;
        }
        let runtime = rt();
        let points = runtime.earlier_points + runtime.points;
        let now = sys::real_time_ns();
        let had = had_ns(now);
        if LAST.0 != points {
            LAST = (points, had);
        }
        let stalled_ms = had.saturating_sub(LAST.1) / 1_000_000;
        if stalled_ms < runtime.plan.budget.stall_ms {
            if now.saturating_sub(ALIVE) > ALIVE_EVERY_NS {
                ALIVE = now;
                explore::send_alive();
            }
            return;
        }
        let context = Context::of_signal(&*(context as *const libc::ucontext_t));
        // The runtime's own state must not be left half changed.
        if explore::in_runtime(context.pc) && !BLOCKING {
            return;
        }
        note_place(&context);
        crate::sched::finish(Outcome::NoProgress(Bound::Stall(runtime.plan.budget.stall_ms)));
    }
}

extern "C" fn on_fault(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's own structures.
    let (address, code, context) = unsafe {
        let context = Context::of_signal(&*(context as *const libc::ucontext_t));
        ((*info).si_addr() as u64, (*info).si_code, context)
    };
    // A first write to a page that was protected, wherever it comes from: the unwinder and children that the program has
    // forked included.
    if signal == libc::SIGSEGV
        && crate::state::with(|runtime| runtime.snapshot.as_mut().is_some_and(|snapshot| snapshot.written(address)))
    {
        return;
    }
    if !executing() || !explore::in_execution() {
        if explore::in_runtime(context.pc) || executing() {
            let pc = context.pc;
            crate::fault::die(&format!(
                "the runtime itself crashed: signal {signal}, code {pc:#x}, address {address:#x}"
            ));
        }
        die_of(signal);
    }
    const SI_KERNEL: i32 = 0x80;
    let runtime = rt();
    let overflow = signal == libc::SIGSEGV && code != SI_KERNEL && overflows(address, context.sp);
    note_place(&context);
    let cause = if overflow { Crash::StackOverflow } else { Crash::Signal };
    let thread = runtime.execution.running;
    crate::sched::finish(Outcome::Crashed { thread, signal, address, cause })
}

/// Whether a fault at `address` with this stack pointer is the running thread's stack overflowing: the address lies in
/// the free space below its stack, near the stack pointer.
fn overflows(address: u64, sp: u64) -> bool {
    const NEAR: u64 = 64 << 10;
    let runtime = rt();
    let stack = runtime.execution.threads[runtime.execution.running as usize].stack;
    stack.high != 0 && (stack.low - (1 << 20)..stack.low).contains(&address) && sp.abs_diff(address) < NEAR
        || stack.high != 0 && sp < stack.low && sp > stack.low - (1 << 20)
}

/// Records where the interrupted code was.
fn note_place(context: &Context) {
    if !recording() {
        return;
    }
    let mut frames = crate::record::unwind();
    match frames.iter().position(|(pc, _)| *pc == context.pc) {
        Some(at) => drop(frames.drain(..at)),
        None => frames = vec![(context.pc, context.sp)],
    }
    if let Some(recorder) = rt().recorder.as_mut() {
        recorder.end_at(frames);
    }
}

/// Ends the process by this signal, as it would have ended without Raddle.
pub fn die_of(signal: i32) -> ! {
    // SAFETY: default disposition, then the signal.
    unsafe {
        let action: libc::sigaction = core::mem::zeroed();
        SIGACTION.get()(signal, &action, core::ptr::null_mut());
        let process = syscall(libc::SYS_getpid, [0; 6]) as u64;
        syscall(libc::SYS_kill, [process, signal as u64, 0, 0, 0, 0]);
    }
    sys::exit_process(128 + signal)
}
