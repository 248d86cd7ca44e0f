//! The entry: where executions begin.
//!
//! For a test it is the call that leads from libtest into the test function, found by a breakpoint; for a program it is
//! `main`, which is begun on a fiber's stack so that its addresses do not depend on the environment.

use crate::arch::{self, BREAKPOINT, Context};
use crate::state::rt;
use crate::{explore, fault, sys, weak};
use core::ffi::c_void;
use raddle_protocol::Entry;
use raddle_protocol::trace::Outcome;

/// Breakpoints in place: address and the byte that was there.
static mut BREAKPOINTS: [(u64, u8); 16] = [(0, 0); 16];

/// Puts breakpoints on the entry's code addresses. `base` is the executable's load address.
pub fn arm(addresses: &[u64], base: u64) {
    for (slot, address) in addresses.iter().take(16).enumerate() {
        let address = base + address;
        // SAFETY: the plan names addresses of code in this executable; one thread.
        unsafe {
            BREAKPOINTS[slot] = (address, *(address as *const u8));
            write_code(address, BREAKPOINT);
        }
    }
}

/// Writes one byte of code.
///
/// # Safety
/// The address is one of code that belongs to the program.
pub unsafe fn write_code(address: u64, byte: u8) {
    let page = address & !4095;
    let writable = (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC) as u64;
    let plain = (libc::PROT_READ | libc::PROT_EXEC) as u64;
    // SAFETY: the caller vouches for the address.
    unsafe {
        if arch::syscall(libc::SYS_mprotect, [page, 4096, writable, 0, 0, 0]) != 0 {
            fault::die("cannot put a breakpoint into the program: its code pages cannot be made writable");
        }
        *(address as *mut u8) = byte;
        arch::syscall(libc::SYS_mprotect, [page, 4096, plain, 0, 0, 0]);
    }
}

/// The breakpoint signal: the entry has been reached, or an instruction that [`crate::unhooked`] or [`weak`] waits for.
pub extern "C" fn on_breakpoint(_signal: i32, _info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's own structure.
    let interrupted = unsafe { &mut *(context as *mut libc::ucontext_t) };
    if crate::unhooked::reached(interrupted) || weak::reached(interrupted) {
        return;
    }
    let mut context = Context::of_signal(interrupted);
    context.pc -= 1;
    // SAFETY: one thread. All breakpoints are taken out: the outermost call is the entry.
    unsafe {
        let points = BREAKPOINTS;
        if !points.iter().any(|(address, _)| *address == context.pc && *address != 0) {
            crate::crash::die_of(libc::SIGTRAP);
        }
        for (address, byte) in points.iter().filter(|(address, _)| *address != 0) {
            write_code(*address, *byte);
        }
        context.divert_return();
    }
    rt().execution.threads[rt().execution.running as usize].sp = context.sp;
    explore::start(context)
}

type Main = extern "C" fn(i32, *mut *mut u8, *mut *mut u8) -> i32;
type StartMain = unsafe extern "C" fn(
    Main,
    i32,
    *mut *mut u8,
    Option<extern "C" fn()>,
    Option<extern "C" fn()>,
    Option<extern "C" fn()>,
    *mut c_void,
) -> i32;

static mut REAL_MAIN: Option<Main> = None;

/// The C library's way into the program.
///
/// # Safety
/// Called by the program's start code only.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __libc_start_main(
    main: Main,
    argc: i32,
    argv: *mut *mut u8,
    init: Option<extern "C" fn()>,
    fini: Option<extern "C" fn()>,
    rtld_fini: Option<extern "C" fn()>,
    stack_end: *mut c_void,
) -> i32 {
    static REAL: sys::Real<StartMain> = sys::Real::new(c"__libc_start_main");
    let mut chosen = main;
    // SAFETY: one thread; the start code's own arguments.
    unsafe {
        if crate::state::live() {
            REAL_MAIN = Some(main);
            chosen = before_main;
        }
        REAL.get()(chosen, argc, argv, init, fini, rtld_fini, stack_end)
    }
}

/// Runs in the place of `main`.
extern "C" fn before_main(argc: i32, argv: *mut *mut u8, environment: *mut *mut u8) -> i32 {
    // SAFETY: set before the C library was started.
    let main = unsafe { REAL_MAIN }.unwrap_or_else(|| fault::die("the program has no main function"));
    if rt().plan.entry != Entry::Main {
        let status = main(argc, argv, environment);
        crate::interpose::exit::end_process(status);
    }
    const MAIN_STACK: u64 = 8 << 20;
    let execution = &mut rt().execution;
    let stack = execution.stacks.take(MAIN_STACK).unwrap_or_else(|| fault::die("no stack for main"));
    let arguments = [argc as u64, argv as u64, environment as u64];
    let mut context = Context::of_call(main as usize as u64, arguments, stack.high);
    // SAFETY: the stack is new. The word at the top is the return address of a caller that does not exist; unwinders
    // stop at a zero.
    unsafe {
        *(context.sp as *mut u64) = 0;
        context.divert_return();
    }
    let running = &mut execution.threads[execution.running as usize];
    running.stack = stack;
    running.stack_extent = (stack.low, stack.high);
    running.sp = context.sp;
    explore::start(context)
}

/// The test is over, but threads that it has started may not be: outside Raddle they would go on beside the next test. They
/// get the turn until none of them can run, or for [`TURNS`] turns.
pub fn let_others_finish() {
    /// A thread that has been told to end needs a few dozen steps for it.
    const TURNS: u32 = 300;
    for _ in 0..TURNS {
        if rt().execution.schedule.runnable() <= 1 {
            return;
        }
        crate::sched::yield_point();
    }
}

/// The test function (or `main`) has returned; `word` is the first register of its result.
///
/// A test function's result is a `Result`, returned in memory. Its first word tells the two cases apart, but which value
/// means what is the compiler's matter: the value seen in an execution that libtest judged to have passed is remembered
/// ([`crate::state::Runtime::pass_mark`]), and executions that return the same value end here. All others go on to
/// libtest's own judgement.
pub extern "C" fn returned(word: u64) {
    let runtime = rt();
    if runtime.plan.entry == Entry::Main {
        let status = word as i32;
        crate::interpose::exit::flush();
        crate::leaks::look();
        crate::sched::finish(if status == 0 { Outcome::Passed } else { Outcome::Exited(status & 0xff) });
    }
    if runtime.execution.running == runtime.execution.root {
        runtime.execution.odd.outlived = runtime.execution.has_survivors();
        if crate::state::recording() {
            crate::record::step(raddle_protocol::Op::Returned);
        }
        crate::cancel::test_over();
        let_others_finish();
        crate::cancel::look_at_what_is_left();
        crate::leaks::look();
    }
    let runtime = rt();
    let stack = runtime.execution.threads[runtime.execution.running as usize].stack;
    let in_memory = (stack.low..stack.high).contains(&word);
    // SAFETY: a result that is returned in memory lies where the register points, on the caller's live stack.
    let mark = in_memory.then(|| unsafe { *(word as *const u64) });
    runtime.returned = mark;
    if mark.is_some() && mark == runtime.pass_mark && runtime.execution.running == runtime.execution.root {
        crate::sched::finish(Outcome::Passed);
    }
    runtime.epilogue = runtime.execution.running == runtime.execution.root;
    if runtime.epilogue {
        // What libtest goes on to do is no part of what the execution was.
        runtime.class = Some(runtime.execution.schedule.class());
    }
}
