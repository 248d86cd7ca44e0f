//! Schedule points, waits, and the switch from thread to thread.
//!
//! A schedule point comes before every visible operation: atomic accesses, the futex and POSIX lock families, thread
//! creation, join, detach and end, yield, sleep, and input or output that can block. See ARCHITECTURE.md for why these
//! suffice while there is no data race.

use crate::arch;
use crate::state::rt;
use raddle_engine::{Access, AccessKind, Hint, Next};
use raddle_protocol::trace::{Bound, Outcome, Wait};

/// The schedule point before this operation: another thread may run before the caller goes on.
#[inline(always)]
pub fn point(access: Access) {
    if crate::state::live() {
        wrote();
        live_point(Hint::None, access);
    }
}

/// As [`point`], before an operation on what lies at `address`.
#[inline(always)]
pub fn point_at(kind: AccessKind, address: u64) {
    point(Access::new(kind, address, 0));
}

/// The schedule point of a thread that offers its turn to others.
pub fn yield_point() {
    live_point(Hint::Yields, Access::local());
}

/// The schedule point before an operation that may do no more than read, and after it [`read`] with the value found.
#[inline(always)]
pub fn read_point(access: Access) {
    let address = access.object;
    let runtime = rt();
    let reading = runtime.execution.threads[runtime.execution.running as usize].reading;
    let spins = reading.address == address && reading.times >= SPINNING;
    live_point(if spins { Hint::Spins } else { Hint::None }, access);
}

/// The running thread has read this value.
#[inline(always)]
pub fn read(address: u64, value: u64) {
    let runtime = rt();
    let reading = &mut runtime.execution.threads[runtime.execution.running as usize].reading;
    if reading.address == address && reading.value == value {
        reading.times += 1;
    } else {
        *reading = Reading { address, value, times: 0 };
    }
}

/// The running thread has written: it does not spin.
#[inline(always)]
pub fn wrote() {
    let runtime = rt();
    runtime.execution.threads[runtime.execution.running as usize].reading = Reading::default();
}

/// Reads of one value from one place in a row, after which a thread is taken to be spinning.
const SPINNING: u32 = 3;

/// The last thing that a thread has done, if that was to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    address: u64,
    value: u64,
    times: u32,
}

#[inline]
fn live_point(hint: Hint, access: Access) {
    let runtime = rt();
    runtime.points += 1;
    crate::frames::check();
    if runtime.points >= runtime.plan.budget.steps {
        finish(Outcome::NoProgress(Bound::Steps(runtime.points)));
    }
    if runtime.execution.schedule.runnable() > 1 {
        runtime.execution.schedule.arrive(access);
        decide(hint);
    }
    rt().execution.schedule.perform(access);
}

/// The operation just performed has changed nothing.
#[inline(always)]
pub fn only_read() {
    rt().execution.schedule.only_read();
}

/// The running thread waits. Returns once it runs again; [`raddle_engine::Schedule::timed_out`] tells why.
pub fn wait(wait: Wait, deadline_ns: Option<u64>, mask: u32) {
    rt().execution.schedule.wait(wait, deadline_ns, mask);
    run_next();
}

/// Lets the engine decide who runs, and switches there. Returns when the caller's thread is chosen (again).
pub fn run_next() {
    decide(Hint::None);
}

fn decide(hint: Hint) {
    let runtime = rt();
    if runtime.execution.schedule.waits_for_descriptor() {
        crate::interpose::polling::wake_ready();
    }
    let execution = &mut runtime.execution;
    if !runtime.epilogue && execution.harness > 0 {
        // The test harness's own threads wait for the test's result: when one can run, there is one.
        runtime.epilogue = runtime.entered && execution.schedule.any_ready_up_to(execution.harness, execution.root);
    }
    let next = if runtime.epilogue {
        execution.schedule.next_unasked()
    } else {
        execution.schedule.next(&mut runtime.tape, hint)
    };
    if crate::state::recording() {
        crate::explore::check_replay();
    }
    match next {
        Next::Run(id) => {
            let from = runtime.execution.running;
            if id == from {
                return;
            }
            runtime.execution.running = id;
            let to = &runtime.execution.threads[id as usize];
            let (sp, control_block) = (to.sp, to.control_block);
            let save = &raw mut runtime.execution.threads[from as usize].sp;
            // SAFETY: both contexts belong to live fibers. The address saved to stays valid until the switch is done.
            unsafe {
                crate::watch::refresh();
                arch::set_thread_pointer(control_block);
                arch::switch(save, sp);
            }
        }
        Next::Stuck => finish(Outcome::Stuck),
    }
}

/// Ends the present execution: back to the controller. Whatever the program was doing is abandoned.
pub fn finish(outcome: Outcome) -> ! {
    let runtime = rt();
    if !runtime.entered {
        crate::explore::ended_before_entry(&outcome);
    }
    if let Some(recorder) = runtime.recorder.as_mut()
        && crate::state::recording()
    {
        recorder.end(&outcome);
    }
    // SAFETY: one thread.
    unsafe { crate::state::RECORDING = false };
    runtime.outcome = outcome;
    crate::watch::set(false);
    let mut abandoned = 0;
    // SAFETY: the controller saved its context when it began this execution.
    unsafe {
        arch::set_thread_pointer(runtime.controller.thread_pointer);
        arch::switch(&mut abandoned, runtime.controller.sp);
    }
    crate::fault::die("an execution that had ended was resumed")
}
