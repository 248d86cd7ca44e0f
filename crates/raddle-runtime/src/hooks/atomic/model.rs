//! Which value an atomic operation sees and leaves: asked of the memory model while accesses are watched, and simply what
//! memory holds otherwise.
//!
//! `now` is what memory holds. Where `newest` says so the newest store is seen, and nothing is asked.

use crate::reuse;
use crate::sched::reading_hint;
use crate::state::rt;
use crate::watch::{self, watching};
use raddle_engine::log::{Event, Logged};
use raddle_engine::memory::{Ask, Attempt, Exchange, Location};
use raddle_engine::race::Kind;
use raddle_engine::{Question, Schedule, Tape};
use raddle_protocol::trace::Order;
use raddle_protocol::{ChoiceKind, Site};

/// Asks about an access to this address by the running thread.
fn asks<'a>(tape: &'a mut Tape, schedule: &'a Schedule, address: u64) -> impl FnMut(ChoiceKind, usize) -> usize + 'a {
    // Not every access is a step of its own.
    let is_this = move |last: &Logged| {
        last.event == Event::Performed && last.thread == schedule.current() && last.access.object == address
    };
    move |kind, options| {
        let steps = schedule.log().steps();
        let steps = if steps.last().is_some_and(is_this) { steps } else { &[] };
        tape.ask(&Question { hint: reading_hint(), steps, ..Question::plain(kind, options) })
    }
}

fn asked<'a>(newest: bool, asks: &'a mut dyn FnMut(ChoiceKind, usize) -> usize) -> Ask<'a> {
    (!newest).then_some(asks)
}

/// The running thread has this value now, which may be an address.
#[inline(always)]
fn has_read(size: u8, value: u128) {
    if size == 8 {
        reuse::read(value as u64);
    }
}

/// A load.
#[inline]
pub fn load(address: u64, size: u8, order: Order, now: u128, newest: bool) -> u128 {
    if !watching() {
        return now;
    }
    watch::atomic(address, size, Kind::AtomicRead);
    let runtime = rt();
    let me = runtime.execution.number();
    let at = Location { address, size };
    // That a channel is closed is read relaxed; but who is told so counts on seeing all that went before.
    let order = if newest && order == Order::Relaxed { Order::Acquire } else { order };
    let value = runtime.memory.load(
        me,
        at,
        order,
        now,
        asked(newest, &mut asks(&mut runtime.tape, &runtime.execution.schedule, address)),
    );
    watch::ticked(me);
    has_read(size, value);
    value
}

/// A store.
#[inline]
pub fn store(address: u64, size: u8, order: Order, now: u128, value: u128, newest: bool) -> Option<u128> {
    if !watching() {
        return Some(value);
    }
    watch::atomic(address, size, Kind::AtomicWrite);
    let runtime = rt();
    let me = runtime.execution.number();
    let at = Location { address, size };
    let memory = runtime.memory.store(
        me,
        at,
        order,
        now,
        value,
        asked(newest, &mut asks(&mut runtime.tape, &runtime.execution.schedule, address)),
    );
    watch::ticked(me);
    memory
}

/// A read-modify-write: the value read, and the newest.
#[inline]
pub fn rmw(
    address: u64,
    size: u8,
    order: Order,
    now: u128,
    change: impl Fn(u128) -> u128,
    newest: bool,
) -> (u128, Option<u128>) {
    if !watching() {
        return (now, Some(change(now)));
    }
    watch::atomic(address, size, Kind::AtomicWrite);
    let runtime = rt();
    let me = runtime.execution.number();
    let at = Location { address, size };
    let effect = runtime.memory.rmw(
        me,
        at,
        order,
        now,
        change,
        asked(newest, &mut asks(&mut runtime.tape, &runtime.execution.schedule, address)),
    );
    watch::ticked(me);
    has_read(size, effect.read);
    (effect.read, effect.memory)
}

/// A compare-exchange.
#[inline]
pub fn compare_exchange(address: u64, size: u8, now: u128, attempt: Attempt, newest: bool) -> Exchange {
    let succeeds = now == attempt.expected;
    if !watching() {
        return Exchange { read: now, memory: succeeds.then_some(attempt.new), done: succeeds };
    }
    watch::atomic(address, size, if succeeds { Kind::AtomicWrite } else { Kind::AtomicRead });
    let runtime = rt();
    let me = runtime.execution.number();
    let at = Location { address, size };
    let asks = &mut asks(&mut runtime.tape, &runtime.execution.schedule, address);
    let exchange = runtime.memory.compare_exchange(me, at, attempt, now, asked(newest, asks));
    watch::ticked(me);
    has_read(size, exchange.read);
    exchange
}

/// A store or a read-modify-write of up to eight bytes that is part of a step and no schedule point, with all that goes with
/// it, at one go: as [`write_point`](crate::sched::write_point), and then [`store`] or [`rmw`]. The newest store is the one
/// it sees or follows, so memory holds `value` afterwards.
#[inline(never)]
pub fn hidden_write(site: Site, at: Location, order: Order, (now, value): (u64, u64), rmw: bool) {
    crate::sched::hidden_write_point(site, at);
    if watching() {
        watch::atomic_here(at.address, at.size, Kind::AtomicWrite);
        let runtime = rt();
        let me = runtime.execution.number();
        let (now, value) = (u128::from(now), u128::from(value));
        if rmw {
            runtime.memory.rmw_of_newest(me, at, order, now, value);
            has_read(at.size, now);
        } else {
            runtime.memory.store_after_newest(me, at, order, now, value);
        }
        watch::ticked(me);
    }
    crate::sched::written(at.address);
}

/// An instruction without a hook is about to change an atomic location in a way that nobody tells: it reads the latest
/// value, and whoever reads what it leaves behind is ordered after it.
pub fn unhooked(address: u64, size: u8, now: u128) {
    if watching() {
        let runtime = rt();
        let me = runtime.execution.number();
        let at = Location { address, size };
        runtime.memory.rmw(me, at, Order::AcqRel, now, |value| value, None);
        watch::refresh();
    }
}

/// A fence between threads.
pub fn fence(order: Order) {
    if watching() {
        let runtime = rt();
        runtime.memory.fence(runtime.execution.number(), order);
        watch::refresh();
    }
}

/// A fence between threads that the running thread makes all others perform too.
pub fn fence_everywhere() {
    if watching() {
        let runtime = rt();
        runtime.memory.fence_everywhere(runtime.execution.number());
        watch::refresh();
    }
}

/// A fence between a thread and its own signal handlers.
pub fn signal_fence(order: Order) {
    if watching() {
        let runtime = rt();
        runtime.memory.signal_fence(runtime.execution.number(), order);
        watch::refresh();
    }
}
