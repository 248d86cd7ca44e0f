//! Who takes a signal, and how: by a handler, by waiting for it, or by its default.

use super::{Interrupt, Pending, Set, actions, bit, outside, reserved};
use crate::arch::syscall;
use crate::effects::irreversible;
use crate::order;
use crate::sched;
use crate::state::rt;
use raddle_engine::Question;
use raddle_protocol::ChoiceKind;
use raddle_protocol::message::Obstacle;
use raddle_protocol::trace::{Crash, Outcome, State, ThreadId};

/// To whom a signal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this thread.
    Thread(ThreadId),
    /// To whichever thread takes it.
    Process,
}

/// What a signal does for which there is no handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Default {
    Nothing,
    EndsProcess,
    /// Stops it, or lets it go on.
    Kernel,
}

/// What a signal does where the program has not said otherwise; see signal(7).
fn default(signal: i32) -> Default {
    match signal {
        libc::SIGCHLD | libc::SIGURG | libc::SIGWINCH | libc::SIGCONT => Default::Nothing,
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => Default::Kernel,
        _ => Default::EndsProcess,
    }
}

/// Whether this thread is there and takes a signal as soon as it runs.
fn takes(id: ThreadId, signal: i32) -> bool {
    let execution = &rt().execution;
    let mine = &execution.threads[id as usize].signals;
    (mine.mask & bit(signal) == 0 || mine.awaits & bit(signal) != 0) && *execution.schedule.state(id) != State::Ended
}

/// The thread that takes a signal for the process. Any that does not block it may (POSIX.1-2017, 2.4.1).
fn receiver(signal: i32) -> Option<ThreadId> {
    let runtime = rt();
    let execution = &runtime.execution;
    let (running, root, harness) = (execution.running, execution.root, execution.harness);
    let count = execution.threads.len() as ThreadId;
    let others = (0..count).filter(|id| (*id == root || *id > harness) && *id != running);
    let mut able: Vec<ThreadId> = core::iter::once(running).chain(others).filter(|id| takes(*id, signal)).collect();
    // Who waits for it asks for it.
    let waits = |id: &ThreadId| execution.threads[*id as usize].signals.awaits & bit(signal) != 0;
    if able.iter().any(waits) {
        able.retain(waits);
    }
    let at = match able.len() {
        0 => return None,
        1 => 0,
        _ if runtime.epilogue => 0,
        several => runtime.tape.ask(&Question::plain(ChoiceKind::Receiver, several)),
    };
    Some(able[at])
}

/// Sends a signal.
pub fn post(target: Target, pending: Pending) {
    let signal = pending.signal;
    crate::state::hindered(Obstacle::InputOutput);
    let taker = match target {
        Target::Thread(id) => Some(id).filter(|id| takes(*id, signal)),
        Target::Process => receiver(signal),
    };
    let action = actions::of(signal);
    let is_awaited = |id: ThreadId| rt().execution.threads[id as usize].signals.awaits & bit(signal) != 0;
    if let Some(id) = taker
        && !is_awaited(id)
        && !action.is_function()
    {
        return by_default(signal, action.handler == libc::SIG_IGN);
    }
    let signals = &mut rt().execution.signals;
    if taker.is_none() && signals.in_kernel & bit(signal) != 0 {
        return to_kernel(&pending);
    }
    let queue = match (taker, target) {
        (Some(id), _) | (None, Target::Thread(id)) => &mut rt().execution.threads[id as usize].signals.pending,
        (None, Target::Process) => &mut signals.pending,
    };
    if queue.add(pending) {
        rt().execution.signals.due += 1;
    }
    if let Some(id) = taker {
        rouse(id);
    }
}

/// Lets a thread run that has a signal to take.
fn rouse(id: ThreadId) {
    let schedule = &mut rt().execution.schedule;
    match schedule.state(id) {
        State::Waiting(_) => schedule.wake(id),
        _ => schedule.resume_spinners(),
    }
}

fn by_default(signal: i32, ignored: bool) {
    if ignored && !matches!(signal, libc::SIGKILL | libc::SIGSTOP) {
        return;
    }
    match default(signal) {
        Default::Nothing => {}
        Default::EndsProcess => {
            let thread = rt().execution.running;
            sched::finish(Outcome::Crashed { thread, signal, address: 0, cause: Crash::Raised });
        }
        Default::Kernel => {
            irreversible("it stops itself");
            // SAFETY: plain system calls.
            unsafe {
                let process = syscall(libc::SYS_getpid, [0; 6]) as u64;
                syscall(libc::SYS_kill, [process, signal as u64, 0, 0, 0, 0]);
            }
        }
    }
}

/// Leaves a signal to the kernel, where it is blocked and a descriptor of `signalfd` takes it.
pub fn to_kernel(pending: &Pending) {
    let info = pending.info();
    // SAFETY: the kernel's own structure.
    unsafe {
        let (process, thread) = (syscall(libc::SYS_getpid, [0; 6]) as u64, syscall(libc::SYS_gettid, [0; 6]) as u64);
        let args = [process, thread, pending.signal as u64, &raw const info as u64, 0, 0];
        syscall(libc::SYS_rt_tgsigqueueinfo, args);
    }
    crate::interpose::io::polling::changed();
}

/// Runs the handlers of what is pending for the running thread and not blocked, the process's own included.
#[inline]
pub fn deliver() -> Interrupt {
    if rt().execution.signals.due == 0 { Interrupt::No } else { deliver_due() }
}

#[cold]
fn deliver_due() -> Interrupt {
    let mut interrupt = Interrupt::No;
    while let Some(pending) = take(|mask, awaits| !mask & !awaits) {
        let action = actions::of(pending.signal);
        if action.is_function() {
            run(&action, &pending);
            if interrupt != Interrupt::Fail {
                let restarts = action.flags & libc::SA_RESTART != 0;
                interrupt = if restarts { Interrupt::Restart } else { Interrupt::Fail };
            }
        } else {
            by_default(pending.signal, action.handler == libc::SIG_IGN);
        }
    }
    interrupt
}

/// Takes a pending signal of the running thread or the process, one of those that `wanted` makes of what the thread blocks
/// and waits for.
pub fn take(wanted: impl FnOnce(Set, Set) -> Set) -> Option<Pending> {
    let execution = &mut rt().execution;
    let mine = &mut execution.threads[execution.running as usize].signals;
    let wanted = wanted(mine.mask, mine.awaits);
    let taken = mine.pending.take(wanted).or_else(|| execution.signals.pending.take(wanted))?;
    execution.signals.due -= 1;
    Some(taken)
}

/// Which signals are pending and blocked, for the running thread.
pub fn pending() -> Set {
    let execution = &rt().execution;
    let mine = &execution.threads[execution.running as usize].signals;
    mine.mask & (mine.pending.set() | execution.signals.pending.set())
}

/// Calls a handler on the running thread.
fn run(action: &actions::Action, pending: &Pending) {
    let signal = pending.signal;
    order::acquired(order::INPUT_OUTPUT);
    let mine = || {
        let execution = &mut rt().execution;
        &mut execution.threads[execution.running as usize]
    };
    let (mask, awaits) = (mine().signals.mask, core::mem::take(&mut mine().signals.awaits));
    let waits_for = mine().awaits;
    let own = if action.flags & libc::SA_NODEFER == 0 { bit(signal) } else { 0 };
    mine().signals.mask |= super::masks::allowed(action.mask | own);
    if action.flags & libc::SA_RESETHAND != 0 && !reserved(signal) {
        actions::set(signal, actions::Action { handler: libc::SIG_DFL, flags: 0, mask: 0 });
    }
    // SAFETY: the running thread's own `errno`; the kernel's own structures, which outlive the call; the program's handler.
    unsafe {
        let errno = *libc::__errno_location();
        let mut info = pending.info();
        let mut context: libc::ucontext_t = core::mem::zeroed();
        outside::call(action, signal, &mut info, &raw mut context as *mut core::ffi::c_void);
        crate::sys::set_errno(errno);
    }
    let thread = mine();
    (thread.signals.mask, thread.signals.awaits, thread.awaits) = (mask, awaits, waits_for);
}
