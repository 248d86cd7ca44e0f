//! Schedule points, waits, and the switch from thread to thread.
//!
//! A schedule point comes before every visible operation: atomic accesses, the futex and POSIX lock families, thread
//! creation, join, detach and end, yield, sleep, and input or output that can block. See ARCHITECTURE.md for why these
//! suffice while there is no data race.

use crate::arch;
use crate::interpose::io::polling;
use crate::interpose::signals::{Interrupt, delivery};
use crate::locks;
use crate::record;
use crate::sites::{counts, hidden};
use crate::state::{Runtime, rt};
use raddle_engine::memory::Location;
use raddle_engine::{Access, AccessKind, Hint, Next, Schedule};
use raddle_protocol::Site;
use raddle_protocol::trace::{Bound, Order, Outcome, Wait};

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

/// The running thread does what is no point, since others can tell nothing but that it has been done: it is kept in the
/// log alone.
pub fn passed(access: Access) {
    if crate::state::live() {
        wrote();
        pass();
        rt().execution.schedule.perform(access);
    }
}

/// The schedule point of a thread that offers its turn to others.
pub fn yield_point() {
    live_point(Hint::Yields, Access::local());
}

/// The schedule point before an atomic operation that may write; none where nobody can tell.
///
/// # Safety
/// The place is readable.
#[inline(always)]
pub unsafe fn write_point<T: Copy + PartialEq + From<u8>>(site: Site, kind: AccessKind, place: *const T, order: Order) {
    wrote();
    pass();
    // SAFETY: the caller's.
    let hidden = unsafe { hidden(site, place, order) };
    point_unless(hidden, site, seen_as(site, kind, place));
    locks::note(site, place as u64);
}

/// What [`write_point`] does where the operation is hidden.
#[inline(always)]
pub fn hidden_write_point(site: Site, at: Location) {
    wrote();
    pass();
    if counts(site) {
        let object = at.address - u64::from(site.begins.back);
        rt().execution.schedule.perform(Access::new(AccessKind::Update, object, at.size));
    }
    locks::note(site, at.address);
}

/// The schedule point before an operation that others can see. One that is hidden because the count that it is about says
/// that nobody else has a reference is a step all the same: had it come earlier, somebody else would have had one.
#[inline(always)]
fn point_unless(hidden: bool, site: Site, access: Access) {
    if !hidden {
        seen_point(Hint::None, access);
    } else if counts(site) {
        rt().execution.schedule.perform(access);
    }
}

/// The schedule point before an operation that only reads the place if nobody changes it first; after it [`read`] with
/// the value found.
///
/// # Safety
/// The place is readable.
#[inline(always)]
pub unsafe fn read_point<T: Copy + PartialEq + From<u8>>(site: Site, kind: AccessKind, place: *const T, order: Order) {
    let runtime = rt();
    let reading = runtime.execution.threads[runtime.execution.running as usize].reading;
    let again = reading.address == place as u64;
    let access = seen_as(site, kind, place);
    pass();
    if again && (reading.times >= SPINNING || site.spins) {
        if others_can_run(&runtime.execution.schedule) {
            if !site.step {
                spin_point(reading.times, access);
            } else if reading.times == 0 {
                set_aside(place as u64);
            }
        } else if !site.step && reading.times.is_multiple_of(ALONE) && runtime.execution.schedule.spins_alone() {
            runtime.memory.time_passes();
            spin_point(reading.times, access);
        }
        delivery::deliver();
        // One look more at what has not been written to is no step of its own, unless it sees another of its stores.
        let execution = &mut rt().execution;
        if site.step {
            // Part of a step that has begun.
        } else if execution.schedule.was_roused() {
            execution.schedule.perform(access);
        } else {
            execution.threads[execution.running as usize].reading.look = access.size;
        }
        return;
    }
    // SAFETY: the caller's.
    let hidden = unsafe { hidden(site, place, order) };
    point_unless(hidden, site, access);
}

/// The schedule point before a compare-exchange that takes a lock, which is `free` when it can: a thread that finds it
/// taken does nothing until it has changed. It goes on without the lock only when nobody else can run or it has been long.
///
/// # Safety
/// The place is readable.
#[inline(never)]
pub unsafe fn lock_point<T: Copy + PartialEq>(site: Site, place: *const T, free: T) {
    wrote();
    pass();
    let access = seen_as(site, AccessKind::Update, place);
    // SAFETY: the caller's.
    let held = || Some(unsafe { place.read_volatile() }).filter(|value| *value != free);
    let schedule = &rt().execution.schedule;
    if held().is_none() && (others_can_run(schedule) || schedule.deadline_near()) {
        rt().execution.schedule.arrive(access);
        decide(Hint::None, 0);
    }
    while let Some(before) = held() {
        rt().execution.schedule.arrive(access);
        set_aside(place as u64);
        if held() == Some(before) {
            break;
        }
    }
    rt().execution.schedule.perform(access);
    if held().is_none() {
        locks::note(site, place as u64);
    }
}

/// What others see of an operation.
#[inline(always)]
fn seen_as<T>(site: Site, kind: AccessKind, place: *const T) -> Access {
    let kind = if site.begins.changes { AccessKind::Update } else { kind };
    Access::new(kind, place as u64 - u64::from(site.begins.back), size_of::<T>() as u8)
}

/// The running thread does not go on until this place is written to, nobody else can run, or it has been long.
fn set_aside(place: u64) {
    not_for_long();
    rt().execution.schedule.set_aside(place);
    decide(Hint::None, 0);
    // Others have let it go on because they changed the place, not because they waited for it.
    rt().execution.schedule.was_roused();
}

/// Whoever is set aside now comes back after [`ASIDE`] points.
fn not_for_long() {
    let runtime = rt();
    runtime.aside = runtime.aside.min(runtime.points + ASIDE);
    runtime.limit = runtime.limit.min(runtime.aside);
}

/// The schedule point of a thread that spins. The longer it goes on, the more seldom the engine
/// is asked: how many times a thread looks in vain is explored exactly up to [`LOOKS`], beyond that in powers of two, and
/// finally in multiples of [`SELDOM`].
#[inline(never)]
fn spin_point(looks: u32, access: Access) {
    if looks == LONG {
        rt().execution.has_spun = true;
    }
    let asked = looks <= LOOKS || looks.is_power_of_two() && looks < SELDOM || looks.is_multiple_of(SELDOM);
    if !asked {
        return;
    }
    let spinner = rt().execution.running as usize;
    rt().execution.schedule.arrive(access);
    if decide(Hint::Spins, access.object) {
        // It was away: somebody has written to the place, or it has been long.
        rt().execution.threads[spinner].reading.times = SPINNING;
    }
}

/// What the running thread has looked at so often in a row, without doing anything else.
pub fn looked_at(times: u32) -> Option<u64> {
    let runtime = rt();
    let reading = runtime.execution.threads[runtime.execution.running as usize].reading;
    (reading.times >= times).then_some(reading.address)
}

/// What the running thread is about, as far as it matters to which value it reads: a look in vain, or anything else.
pub fn reading_hint() -> Hint {
    let runtime = rt();
    let reading = runtime.execution.threads[runtime.execution.running as usize].reading;
    if reading.look > 0 { Hint::Spins } else { Hint::None }
}

/// The running thread has read this value.
#[inline(always)]
pub fn read(address: u64, value: u64) {
    let runtime = rt();
    let reading = &mut runtime.execution.threads[runtime.execution.running as usize].reading;
    if reading.address == address && reading.value == value {
        reading.times += 1;
        reading.look = 0;
    } else {
        looked(AccessKind::Read);
        rt().execution.threads[rt().execution.running as usize].reading =
            Reading { address, value, ..Reading::default() };
    }
}

/// What the running thread has taken for one look more in vain was none: it is a step.
#[inline(always)]
pub fn looked(kind: AccessKind) {
    let runtime = rt();
    let reading = runtime.execution.threads[runtime.execution.running as usize].reading;
    if reading.look != 0 {
        runtime.execution.schedule.perform(Access::new(kind, reading.address, reading.look));
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

/// So many of them are a loop that does not let others run; fewer are what one does before one waits in another way.
const LONG: u32 = 100;

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
    /// Bytes it is looking at once more; 0 while it is not.
    look: u8,
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
    let due = runtime.execution.signals.due > 0;
    let schedule = &mut runtime.execution.schedule;
    if others_can_run(schedule) || due || schedule.deadline_near() {
        schedule.arrive(access);
        decide(hint, 0);
        // A handler has steps of its own, after which the thread is where it was.
        while delivery::deliver() != Interrupt::No {
            rt().execution.schedule.arrive(access);
            decide(hint, 0);
        }
    }
    rt().execution.schedule.perform(access);
}

/// Whether another thread can run, or may be found to be able to once somebody looks.
#[inline(always)]
fn others_can_run(schedule: &Schedule) -> bool {
    schedule.runnable() > 1 || schedule.waits_for_descriptor() && polling::may_wake()
}

/// The operation just performed on this object has given back one of several references.
#[inline(always)]
pub fn counted_down(object: u64) {
    rt().execution.schedule.turned_out(object, AccessKind::CountDown);
}

/// The operation just performed on this object has changed nothing.
#[inline(always)]
pub fn only_read(object: u64) {
    rt().execution.schedule.only_read(object);
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
    if runtime.points >= runtime.rounds.due() {
        let extended = runtime.plan.budget.steps.saturating_mul(WHILE_ALONE);
        // Before it is watched for rounds, so that it is only near its end.
        if runtime.rounds.limit() < extended && !runtime.rounds.is_watched() && is_alone(runtime) {
            runtime.rounds.begin(extended);
        } else {
            crate::rounds::look();
        }
    }
    let runtime = rt();
    if runtime.points >= runtime.patience.due()
        && let Some(ms) = crate::patience::is_over()
    {
        finish(Outcome::NoProgress(Bound::Time(ms)));
    }
    if runtime.points >= runtime.rounds.limit() {
        let bound = if runtime.rounds.closed() { Bound::Round } else { Bound::Steps };
        finish(Outcome::NoProgress(bound(runtime.points)));
    }
    if runtime.points >= runtime.lapse.due() {
        crate::lapse::pass();
    }
    if runtime.points >= runtime.aside {
        runtime.aside = u64::MAX;
        runtime.execution.schedule.resume_spinners();
    }
    if runtime.points >= runtime.held {
        runtime.held = u64::MAX;
        runtime.execution.schedule.release_held();
    }
    runtime.limit = runtime.next_due();
}

/// How many times as long as others an execution may be that has had one thread only: there is no order of threads that
/// makes it long.
const WHILE_ALONE: u64 = 20;

/// Whether the program has had one thread only so far, and that does not wait for what nobody can bring about.
fn is_alone(runtime: &Runtime) -> bool {
    let (_, most) = runtime.execution.schedule.alive();
    let spins = runtime.execution.threads[runtime.execution.running as usize].reading.times > LONG;
    most - runtime.execution.harness <= 1 && !spins
}

/// The running thread waits. Returns once it runs again and has run the handlers of signals that have come meanwhile;
/// [`raddle_engine::Schedule::timed_out`] tells whether the deadline has passed. A signal ends any wait, so the caller looks
/// again at what it waits for.
pub fn wait(wait: Wait, deadline_ns: Option<u64>, mask: u32) -> Interrupt {
    rt().execution.schedule.wait(wait, deadline_ns, mask);
    // A call that waits for a descriptor is a step when it has been made; a thread that waits for ever never makes it.
    let is_told = crate::state::recording() && matches!(wait, Wait::Descriptor(_));
    if is_told {
        record::wait_begins();
    }
    run_next();
    if is_told {
        record::wait_ends();
    }
    if matches!(wait, Wait::Sleep | Wait::Descriptor(_)) {
        let execution = &mut rt().execution;
        execution.odd.kept_waiting |= execution.schedule.is_waited_for_lock();
    }
    let timed_out = rt().execution.schedule.timed_out();
    let interrupt = delivery::deliver();
    if interrupt != Interrupt::No {
        // The handler may have waited itself.
        rt().execution.schedule.set_timed_out(timed_out);
    }
    interrupt
}

/// Lets the engine decide who runs, and switches there. Returns when the caller's thread is chosen (again).
pub fn run_next() {
    decide(Hint::None, 0);
}

/// `place` is what the caller spins on. Returns whether another thread has run
/// meanwhile.
fn decide(hint: Hint, place: u64) -> bool {
    if hint == Hint::Spins {
        not_for_long();
    }
    let runtime = rt();
    let has_children = crate::interpose::children::any();
    if has_children || runtime.execution.schedule.waits_for_descriptor() || runtime.plan.world.real_time {
        look_outside(has_children);
    }
    let execution = &mut runtime.execution;
    if !runtime.epilogue && execution.harness > 0 {
        // The test harness's own threads wait for the test's result: when one can run, there is one.
        runtime.epilogue = runtime.entered && execution.schedule.any_ready_up_to(execution.harness, execution.root);
    }
    let before_ns = execution.schedule.now_ns();
    let next = if runtime.epilogue {
        execution.schedule.next_unasked()
    } else if hint == Hint::Spins {
        execution.schedule.next_of_spinner(&mut runtime.tape, place)
    } else {
        execution.schedule.next(&mut runtime.tape, hint)
    };
    if execution.schedule.now_ns() != before_ns {
        runtime.memory.time_passes();
    }
    if crate::state::recording() {
        crate::explore::check_replay();
    }
    if let Some(stalled) = rt().execution.schedule.take_stall() {
        crate::cancel::stalled(stalled);
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

/// What a decision depends on that is not in the book of the execution: descriptors that are ready, other processes, the
/// real time.
#[inline(never)]
fn look_outside(has_children: bool) {
    if has_children {
        // They are waited for only where no thread can run, and may themselves wait for one that stands still.
        rt().execution.schedule.release_held();
    }
    if has_children || rt().execution.schedule.waits_for_descriptor() {
        polling::wake_ready();
    }
    if rt().plan.world.real_time {
        crate::interpose::clock::sleep_for_real();
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
