//! The program's threads: fibers on one operating-system thread, each with a stack and thread-local storage of its own.

use crate::arch;
use crate::interpose::children::Awaits;
use crate::interpose::signals::OfThread;
use crate::order;
use crate::record;
use crate::sched;
use crate::state::{recording, rt};
use crate::sys::Real;
use crate::{stacks, tls};
use core::ffi::c_void;
use raddle_engine::{Access, AccessKind};
use raddle_protocol::Op;
use raddle_protocol::trace::{State, ThreadId, Wait};

/// A destructor of a thread-local variable, and its argument.
pub type Destructor = (unsafe extern "C" fn(*mut c_void), *mut c_void);

/// What the runtime keeps of a thread besides its schedule.
#[derive(Clone)]
pub struct ThreadData {
    /// Its stack; the first thread of the process has the kernel's and leaves this empty.
    pub stack: stacks::Stack,
    /// Where its stack lies, or lay: lowest address, and one past the highest.
    pub stack_extent: (u64, u64),
    /// Its thread-local storage; empty for the first thread of the process.
    pub tls: tls::Block,
    /// Its thread control block, which is also its `pthread_t`.
    pub control_block: u64,
    /// Stack pointer while it does not run.
    pub sp: u64,
    /// Function and argument.
    pub start: (u64, u64),
    /// What its function returned.
    pub result: u64,
    /// Nobody will join it.
    pub detached: bool,
    /// It has been joined.
    pub joined: bool,
    /// Name, NUL-padded, as `pthread_setname_np` sets it.
    pub name: [u8; 16],
    /// Destructors of thread-local variables, in order of registration.
    pub destructors: Vec<Destructor>,
    /// Values of POSIX thread-specific keys.
    pub specific: Vec<u64>,
    /// Whether it spins.
    pub reading: sched::Reading,
    /// What other threads have used of its stack.
    pub lent: crate::frames::Lent,
    /// Creator.
    pub parent: ThreadId,
    /// Alternate signal stack that the program believes to have installed.
    pub alternate_stack: (u64, i32, u64),
    /// What it waits for of other processes.
    pub awaits: Awaits,
    /// Signals that it blocks, and that wait for it.
    pub signals: OfThread,
    /// Plain accesses that it has made, where they are counted.
    pub accesses: u64,
}

impl ThreadData {
    /// The process's first thread.
    pub fn first() -> Self {
        ThreadData {
            stack: stacks::Stack::default(),
            stack_extent: (0, 0),
            tls: tls::Block::default(),
            control_block: arch::thread_pointer(),
            sp: 0,
            start: (0, 0),
            result: 0,
            detached: true,
            joined: false,
            name: [0; 16],
            destructors: Vec::new(),
            specific: Vec::new(),
            reading: sched::Reading::default(),
            lent: crate::frames::Lent::default(),
            parent: 0,
            alternate_stack: (0, libc::SS_DISABLE, 0),
            awaits: Awaits::Nothing,
            signals: OfThread::default(),
            accesses: 0,
        }
    }
}

/// Why a thread could not be created: an `errno` value.
pub type Refused = i32;

/// Creates a thread that will run `start(argument)`.
pub fn create(start: u64, argument: u64, stack_size: u64, detached: bool) -> Result<ThreadId, Refused> {
    let execution = &mut rt().execution;
    let stack = execution.stacks.take(stack_size).ok_or(libc::EAGAIN)?;
    let block = execution.tls.take();
    let parent = execution.running;
    let id = execution.schedule.spawn();
    // SAFETY: the stack is new and large enough.
    let sp = unsafe { arch::new_stack(stack.high, begin, u64::from(id)) };
    let mut name = [0; 16];
    name.copy_from_slice(&execution.threads[parent as usize].name);
    let mask = execution.threads[parent as usize].signals.mask;
    execution.threads.push(ThreadData {
        stack,
        stack_extent: (stack.low, stack.high),
        tls: block,
        control_block: block.thread_pointer,
        sp,
        start: (start, argument),
        detached,
        name,
        parent,
        signals: OfThread::with_mask(mask),
        accesses: 0,
        ..ThreadData::first()
    });
    debug_assert_eq!(execution.threads.len(), id as usize + 1);
    order::spawned(id);
    Ok(id)
}

/// First function on a fiber's stack.
unsafe extern "C" fn begin(id: u64) -> ! {
    type InitializeCharacterTables = unsafe extern "C" fn();
    static CHARACTER_TABLES: Real<InitializeCharacterTables> = Real::new(c"__ctype_init");
    let (start, argument) = rt().execution.threads[id as usize].start;
    if recording() {
        record::step(Op::Begin);
    }
    // SAFETY: what the C library does at the start of a thread; and the program's own function with its argument.
    let result = unsafe {
        CHARACTER_TABLES.get()();
        let start: extern "C-unwind" fn(u64) -> u64 = core::mem::transmute(start as *const ());
        start(argument)
    };
    end(result)
}

/// Ends the running thread: destructors, then the joiner, then somebody else runs.
pub fn end(result: u64) -> ! {
    run_destructors();
    crate::frames::end();
    let block = rt().execution.threads[rt().execution.running as usize].tls;
    if block != tls::Block::default() {
        let (start, end) = tls::variables(&block);
        crate::watch::gone(start, end);
    }
    sched::passed(Access::on_thread(AccessKind::End, rt().execution.running));
    if recording() {
        record::step(Op::End);
    }
    let execution = &mut rt().execution;
    let id = execution.running;
    let data = &mut execution.threads[id as usize];
    data.result = result;
    if data.detached {
        release(id);
    }
    execution.schedule.end_current();
    execution.schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Join(id));
    sched::run_next();
    crate::fault::die("a thread that had ended was run again")
}

/// Runs what the program has registered for the end of the running thread: C++ and Rust thread-local variables first,
/// last registered first, then POSIX keys, as the C library does.
fn run_destructors() {
    /// POSIX asks for at least this many rounds (`PTHREAD_DESTRUCTOR_ITERATIONS`).
    const ROUNDS: usize = 4;
    let running = || {
        let execution = &mut rt().execution;
        &mut execution.threads[execution.running as usize]
    };
    while let Some((function, argument)) = running().destructors.pop() {
        // SAFETY: registered by the program for this moment.
        unsafe { function(argument) };
    }
    for _ in 0..ROUNDS {
        let mut any = false;
        for key in 0..running().specific.len() {
            let value = core::mem::take(&mut running().specific[key]);
            if value != 0
                && let Some(destructor) = crate::interpose::keys::destructor(key)
            {
                any = true;
                // SAFETY: the program's own destructor for this key.
                unsafe { destructor(value as *mut c_void) };
            }
        }
        if !any {
            return;
        }
    }
}

/// Frees the stack and storage of a thread that has ended, or is about to switch away for the last time.
fn release(id: ThreadId) {
    let execution = &mut rt().execution;
    let data = &mut execution.threads[id as usize];
    let (stack, block) = (core::mem::take(&mut data.stack), core::mem::take(&mut data.tls));
    data.joined = true;
    execution.stacks.give(stack);
    execution.tls.give(block);
}

/// The thread of this `pthread_t` that has not been joined; `None` when there is none.
pub fn find(pthread: u64) -> Option<ThreadId> {
    let threads = &rt().execution.threads;
    threads.iter().rposition(|data| data.control_block == pthread && !data.joined).map(|id| id as ThreadId)
}

/// Waits for a thread to end and frees what it had. Returns its result, or an `errno` value.
pub fn join(id: ThreadId) -> Result<u64, Refused> {
    sched::passed(Access::on_thread(AccessKind::Join, id));
    let running = rt().execution.running;
    if recording() {
        record::step(Op::JoinRequest { child: id });
    }
    if id == running {
        return Err(libc::EDEADLK);
    }
    if rt().execution.threads[id as usize].detached {
        return Err(libc::EINVAL);
    }
    while *rt().execution.schedule.state(id) != State::Ended {
        sched::wait(Wait::Join(id), None, !0);
    }
    let result = rt().execution.threads[id as usize].result;
    order::joined(id);
    release(id);
    if recording() {
        record::step(Op::Joined { child: id });
    }
    Ok(result)
}

/// Says that nobody will join a thread.
pub fn detach(id: ThreadId) -> Result<(), Refused> {
    sched::passed(Access::local());
    if recording() {
        record::step(Op::Detach { child: id });
    }
    let data = &mut rt().execution.threads[id as usize];
    if core::mem::replace(&mut data.detached, true) {
        return Err(libc::EINVAL);
    }
    if *rt().execution.schedule.state(id) == State::Ended {
        release(id);
    }
    Ok(())
}
