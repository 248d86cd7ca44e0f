//! Schedule points, waits, and the switch from thread to thread.
//!
//! A schedule point comes before every visible operation: atomic accesses, the futex and POSIX lock families, thread
//! creation, join, detach and end, yield, sleep, and input or output that can block. See ARCHITECTURE.md for why these
//! suffice while there is no data race.

use crate::arch;
use crate::sites::Hook;
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

/// The schedule point before an atomic operation that may write, called by `hook`; none where nobody can tell.
///
/// # Safety
/// The place is readable.
#[inline(always)]
pub unsafe fn write_point<T: Copy + PartialEq + From<u8>>(hook: Hook, kind: AccessKind, place: *const T) {
    wrote();
    pass();
    // SAFETY: the caller's.
    if !unsafe { hook.hides(place) } {
        seen_point(Hint::None, Access::new(kind, place as u64, size_of::<T>() as u8));
    }
}

/// The schedule point before an operation that only reads the place if nobody changes it first, called by `hook`; after
/// it [`read`] with the value found.
///
/// # Safety
/// The place is readable.
#[inline(always)]
pub unsafe fn read_point<T: Copy + PartialEq + From<u8>>(hook: Hook, kind: AccessKind, place: *const T) {
    let runtime = rt();
    let reading = runtime.execution.threads[runtime.execution.running as usize].reading;
    let again = reading.address == place as u64;
    pass();
    let access = Access::new(kind, place as u64, size_of::<T>() as u8);
    if again && (reading.times >= SPINNING || hook.site().spins) {
        let schedule = &mut runtime.execution.schedule;
        if schedule.runnable() > 1 || reading.times.is_multiple_of(ALONE) && schedule.spins_alone() {
            spin_point(reading.times, access);
        }
        // One look more at what has not changed is no step of its own.
        return;
    }
    // SAFETY: the caller's.
    if !unsafe { hook.hides(place) } {
        seen_point(Hint::None, access);
    }
}

/// The schedule point of a thread that spins. The longer it goes on, the more seldom the engine
/// is asked: how many times a thread looks in vain is explored exactly up to [`LOOKS`], beyond that in powers of two, and
/// finally in multiples of [`SELDOM`].
#[inline(never)]
fn spin_point(looks: u32, access: Access) {
    let asked = looks <= LOOKS || looks.is_power_of_two() && looks < SELDOM || looks.is_multiple_of(SELDOM);
    if !asked {
        return;
    }
    let spinner = rt().execution.running as usize;
    rt().execution.schedule.arrive(access);
    if decide(Hint::Spins) {
        // It was away: somebody has written to the place, or it has been long.
        rt().execution.threads[spinner].reading.times = SPINNING;
    }
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

/// The running thread has written to this place, in one step.
#[inline(always)]
pub fn written(address: u64) {
    let schedule = &mut rt().execution.schedule;
    if schedule.has_spinners() {
        schedule.written(address);
    }
}

/// The running thread does something else than read: it does not spin.
#[inline(always)]
pub fn wrote() {
    let runtime = rt();
    runtime.execution.threads[runtime.execution.running as usize].reading = Reading::default();
}

/// Reads of one value from one place in a row, after which a thread is taken to be spinning.
const SPINNING: u32 = 1;

/// Such reads up to which each is a schedule point.
const LOOKS: u32 = 8;

/// In the end every so many of them is one.
const SELDOM: u32 = 64;

/// Every so many of them, while no other thread can run, time moves: more than locks spin before they sleep.
const ALONE: u32 = 1024;

/// Schedule points for which a thread that spins is set aside at the most.
const ASIDE: u64 = 200;

/// The last thing that a thread has done, if that was to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    address: u64,
    value: u64,
    times: u32,
}

#[inline]
fn live_point(hint: Hint, access: Access) {
    pass();
    seen_point(hint, access);
}

/// The point itself, once it has been counted.
#[inline]
fn seen_point(hint: Hint, access: Access) {
    let runtime = rt();
    let schedule = &mut runtime.execution.schedule;
    if schedule.runnable() > 1 || schedule.deadline_near() {
        schedule.arrive(access);
        decide(hint);
    }
    rt().execution.schedule.perform(access);
}

/// The operation just performed has changed nothing.
#[inline(always)]
pub fn only_read() {
    rt().execution.schedule.only_read();
}

/// Counts a schedule point.
#[inline(always)]
fn pass() {
    let runtime = rt();
    runtime.points += 1;
    crate::frames::check();
    if runtime.points >= runtime.limit {
        at_limit();
    }
}

#[cold]
fn at_limit() {
    let runtime = rt();
    let steps = runtime.plan.budget.steps;
    if runtime.points >= steps {
        finish(Outcome::NoProgress(Bound::Steps(runtime.points)));
    }
    runtime.limit = steps;
    runtime.execution.schedule.resume_spinners();
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

/// Returns whether another thread has run meanwhile.
fn decide(hint: Hint) -> bool {
    let runtime = rt();
    if runtime.execution.schedule.waits_for_descriptor() {
        crate::interpose::io::polling::wake_ready();
    }
    if runtime.plan.world.real_time {
        crate::interpose::clock::sleep_for_real();
    }
    let execution = &mut runtime.execution;
    if !runtime.epilogue && execution.harness > 0 {
        // The test harness's own threads wait for the test's result: when one can run, there is one.
        runtime.epilogue = runtime.entered && execution.schedule.any_ready_up_to(execution.harness, execution.root);
    }
    let next = if runtime.epilogue {
        execution.schedule.next_unasked()
    } else if hint == Hint::Spins {
        let address = execution.threads[execution.running as usize].reading.address;
        runtime.limit = runtime.limit.min(runtime.points + ASIDE);
        execution.schedule.next_of_spinner(&mut runtime.tape, address)
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
                return false;
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
            true
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
