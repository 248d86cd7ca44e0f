//! Atomic operations: each is a schedule point, and then happens in one step.
//!
//! While the runtime is in charge only one thread runs at a time, so the operation itself can be a plain one; which value
//! it sees is up to the memory model ([`model`]). When it is not in charge (the program runs without Raddle), operations
//! are sequentially consistent: stronger than what was asked for.
//!
//! The pass calls the same hook for weak and strong compare-exchange, and tells success by comparing the value returned
//! with the one expected. [`crate::weak`] makes a weak one fail without a reason all the same.

pub mod model;

use crate::sched::{counted_down, lock_point, looked, only_read, read, read_point, write_point, written, wrote};
use crate::sites::{Hook, counts_down, decides_nothing, gives_up, hidden};
use crate::state::{live, recording};
use crate::{record, spurious, weak};
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering, fence};
use raddle_engine::AccessKind;
use raddle_engine::memory::{Attempt, Location};
use raddle_protocol::Op;
use raddle_protocol::trace::Order;

/// The pass numbers orders as LLVM's C ABI does: relaxed, consume, acquire, release, acquire-release, sequentially
/// consistent.
fn order(number: i32) -> Order {
    match number {
        0 => Order::Relaxed,
        1 | 2 => Order::Acquire,
        3 => Order::Release,
        4 => Order::AcqRel,
        _ => Order::SeqCst,
    }
}

#[cold]
fn recorded_rmw(address: u64, size: u8, order: Order, old: u64, new: u64) {
    record::step(Op::Rmw { address, size, order, old, new });
}

#[cold]
fn recorded_store(address: u64, size: u8, order: Order, value: u64) {
    record::step(Op::Store { address, size, order, value });
}

/// The order of an operation after which nobody comes to the place any more: what it releases nobody acquires.
fn not_releasing(order: Order) -> Order {
    match order {
        Order::Release => Order::Relaxed,
        Order::AcqRel => Order::Acquire,
        other => other,
    }
}

macro_rules! atomic {
    ($width:ty, $atomic:ty, $size:literal, $load:ident, $store:ident, $exchange:ident, $cas:ident, $strong:ident,
     $weak:ident, $($rmw:ident = |$a:ident, $b:ident| $value:expr;)*) => {
        /// Atomic load.
        ///
        /// # Safety
        /// The address is valid and aligned, as for the operation itself.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $load(address: *const $width, number: i32) -> $width {
            // SAFETY: the caller's.
            unsafe {
                if !live() {
                    return (*(address as *const $atomic)).load(Ordering::SeqCst);
                }
                let (site, order) = (Hook::here().site(), order(number));
                if decides_nothing(site, address) {
                    return address.read_volatile();
                }
                read_point(site, AccessKind::Read, address, order);
                let now = address.read_volatile() as u128;
                let value = model::load(address as u64, $size, order, now, site.step) as $width;
                read(address as u64, value as u64);
                if recording() {
                    record::step(Op::Load {
                        address: address as u64, size: $size, order, value: value as u64,
                    });
                }
                value
            }
        }

        /// Atomic store.
        ///
        /// # Safety
        /// As the load.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $store(address: *mut $width, value: $width, number: i32) {
            // SAFETY: the caller's.
            unsafe {
                if !live() {
                    return (*(address as *const $atomic)).store(value, Ordering::SeqCst);
                }
                let (site, order) = (Hook::here().site(), order(number));
                if $size <= 8 && site.step && hidden(site, address, order) {
                    let at = Location { address: address as u64, size: $size };
                    model::hidden_write(site, at, order, (address.read_volatile() as u64, value as u64), false);
                    address.write_volatile(value);
                    if recording() {
                        recorded_store(address as u64, $size, order, value as u64);
                    }
                    return;
                }
                write_point(site, AccessKind::Write, address, order);
                let (at, now) = (address as u64, address.read_volatile() as u128);
                if let Some(newest) = model::store(at, $size, order, now, value as u128, site.step) {
                    address.write_volatile(newest as $width);
                }
                written(address as u64);
                if recording() {
                    recorded_store(address as u64, $size, order, value as u64);
                }
            }
        }

        /// Atomic exchange.
        ///
        /// # Safety
        /// As the load.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $exchange(address: *mut $width, value: $width, number: i32) -> $width {
            // SAFETY: the caller's.
            unsafe {
                if !live() {
                    return (*(address as *const $atomic)).swap(value, Ordering::SeqCst);
                }
                let (site, order) = (Hook::here().site(), order(number));
                if $size <= 8 && site.step && hidden(site, address, order) {
                    let old = address.read_volatile();
                    let at = Location { address: address as u64, size: $size };
                    model::hidden_write(site, at, order, (old as u64, value as u64), true);
                    address.write_volatile(value);
                    if recording() {
                        recorded_rmw(address as u64, $size, order, old as u64, value as u64);
                    }
                    return old;
                }
                write_point(site, AccessKind::Update, address, order);
                let (at, now) = (address as u64, address.read_volatile() as u128);
                let (old, newest) = model::rmw(at, $size, order, now, |_| value as u128, site.step);
                let old = old as $width;
                if let Some(newest) = newest {
                    address.write_volatile(newest as $width);
                }
                written(address as u64);
                if recording() {
                    recorded_rmw(address as u64, $size, order, old as u64, value as u64);
                }
                old
            }
        }

        /// Atomic compare-exchange; returns the old value.
        ///
        /// # Safety
        /// As the load.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $cas(
            address: *mut $width, expected: $width, new: $width, number: i32, failure: i32,
        ) -> $width {
            // SAFETY: the caller's.
            unsafe {
                if !live() {
                    let atomic = &*(address as *const $atomic);
                    return match atomic.compare_exchange(expected, new, Ordering::SeqCst, Ordering::SeqCst) {
                        Ok(old) | Err(old) => old,
                    };
                }
                let hook = Hook::here();
                let site = hook.site();
                let (success, failure) = (order(number), order(failure));
                if site.locks {
                    lock_point(site, address, expected);
                } else if address.read_volatile() == expected {
                    write_point(site, AccessKind::Update, address, success);
                } else {
                    read_point(site, AccessKind::Update, address, failure);
                }
                let (at, now) = (address as u64, address.read_volatile() as u128);
                let attempt = Attempt {
                    expected: expected as u128,
                    new: new as u128,
                    success,
                    failure,
                    weak: spurious::may_fail(site),
                };
                let exchange = model::compare_exchange(at, $size, now, attempt, site.step);
                let old = exchange.read as $width;
                if let Some(newest) = exchange.memory {
                    address.write_volatile(newest as $width);
                }
                if exchange.done {
                    looked(AccessKind::Update);
                    wrote();
                    written(address as u64);
                } else {
                    read(address as u64, old as u64);
                    only_read(address as u64);
                    if old == expected {
                        weak::failed(site, hook.returns_to());
                    }
                }
                if recording() {
                    record::step(Op::CompareExchange {
                        address: address as u64, size: $size, order: if exchange.done { success } else { failure },
                        expected: expected as u64, old: old as u64, new: new as u64, done: exchange.done,
                    });
                }
                old
            }
        }

        /// Atomic compare-exchange in the form of the C library: writes the old value back and tells success.
        ///
        /// # Safety
        /// As the load, for both addresses.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $strong(
            address: *mut $width, expected: *mut $width, new: $width, number: i32, failure: i32,
        ) -> i32 {
            // SAFETY: the caller's.
            unsafe {
                let wanted = expected.read();
                let old = $cas(address, wanted, new, number, failure);
                expected.write(old);
                i32::from(old == wanted)
            }
        }

        /// As the strong form.
        ///
        /// # Safety
        /// As the strong form.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $weak(
            address: *mut $width, expected: *mut $width, new: $width, number: i32, failure: i32,
        ) -> i32 {
            // SAFETY: the caller's.
            unsafe { $strong(address, expected, new, number, failure) }
        }

        $(
            /// Atomic read-modify-write.
            ///
            /// # Safety
            /// As the load.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $rmw(address: *mut $width, operand: $width, number: i32) -> $width {
                let compute = |$a: $width, $b: $width| -> $width { $value };
                // SAFETY: the caller's.
                unsafe {
                    if !live() {
                        let atomic = &*(address as *const $atomic);
                        let update = |old| Some(compute(old, operand));
                        return match atomic.fetch_update(Ordering::SeqCst, Ordering::SeqCst, update) {
                            Ok(old) | Err(old) => old,
                        };
                    }
                    let (site, order) = (Hook::here().site(), order(number));
                    if $size <= 8 && site.step && hidden(site, address, order) {
                        let old = address.read_volatile();
                        let new = compute(old, operand);
                        let gone = $size == 8 && old as u64 == 1 && gives_up(site, address, order);
                        let passed_on = if gone { not_releasing(order) } else { order };
                        let at = Location { address: address as u64, size: $size };
                        model::hidden_write(site, at, passed_on, (old as u64, new as u64), true);
                        address.write_volatile(new);
                        if $size == 8 && old != 1 && counts_down(site) {
                            counted_down(address as u64);
                        }
                        if recording() {
                            recorded_rmw(address as u64, $size, order, old as u64, new as u64);
                        }
                        return old;
                    }
                    write_point(site, AccessKind::Update, address, order);
                    let (at, now) = (address as u64, address.read_volatile() as u128);
                    let change = |old| compute(old as $width, operand) as u128;
                    let gone = $size == 8 && now == 1 && gives_up(site, address, order);
                    let passed_on = if gone { not_releasing(order) } else { order };
                    let (old, newest) = model::rmw(at, $size, passed_on, now, change, site.step);
                    let old = old as $width;
                    if let Some(newest) = newest {
                        address.write_volatile(newest as $width);
                    }
                    written(address as u64);
                    if $size == 8 && old != 1 && counts_down(site) {
                        // Only who counts down to nothing does anything else than the others.
                        counted_down(address as u64);
                    }
                    if recording() {
                        recorded_rmw(address as u64, $size, order, old as u64, compute(old, operand) as u64);
                    }
                    old
                }
            }
        )*
    };
}

atomic! { u8, AtomicU8, 1, __tsan_atomic8_load, __tsan_atomic8_store, __tsan_atomic8_exchange,
    __tsan_atomic8_compare_exchange_val, __tsan_atomic8_compare_exchange_strong, __tsan_atomic8_compare_exchange_weak,
    __tsan_atomic8_fetch_add = |a, b| a.wrapping_add(b);
    __tsan_atomic8_fetch_sub = |a, b| a.wrapping_sub(b);
    __tsan_atomic8_fetch_and = |a, b| a & b;
    __tsan_atomic8_fetch_or = |a, b| a | b;
    __tsan_atomic8_fetch_xor = |a, b| a ^ b;
    __tsan_atomic8_fetch_nand = |a, b| !(a & b);
}
atomic! { u16, AtomicU16, 2, __tsan_atomic16_load, __tsan_atomic16_store, __tsan_atomic16_exchange,
    __tsan_atomic16_compare_exchange_val, __tsan_atomic16_compare_exchange_strong,
    __tsan_atomic16_compare_exchange_weak,
    __tsan_atomic16_fetch_add = |a, b| a.wrapping_add(b);
    __tsan_atomic16_fetch_sub = |a, b| a.wrapping_sub(b);
    __tsan_atomic16_fetch_and = |a, b| a & b;
    __tsan_atomic16_fetch_or = |a, b| a | b;
    __tsan_atomic16_fetch_xor = |a, b| a ^ b;
    __tsan_atomic16_fetch_nand = |a, b| !(a & b);
}
atomic! { u32, AtomicU32, 4, __tsan_atomic32_load, __tsan_atomic32_store, __tsan_atomic32_exchange,
    __tsan_atomic32_compare_exchange_val, __tsan_atomic32_compare_exchange_strong,
    __tsan_atomic32_compare_exchange_weak,
    __tsan_atomic32_fetch_add = |a, b| a.wrapping_add(b);
    __tsan_atomic32_fetch_sub = |a, b| a.wrapping_sub(b);
    __tsan_atomic32_fetch_and = |a, b| a & b;
    __tsan_atomic32_fetch_or = |a, b| a | b;
    __tsan_atomic32_fetch_xor = |a, b| a ^ b;
    __tsan_atomic32_fetch_nand = |a, b| !(a & b);
}
atomic! { u64, AtomicU64, 8, __tsan_atomic64_load, __tsan_atomic64_store, __tsan_atomic64_exchange,
    __tsan_atomic64_compare_exchange_val, __tsan_atomic64_compare_exchange_strong,
    __tsan_atomic64_compare_exchange_weak,
    __tsan_atomic64_fetch_add = |a, b| a.wrapping_add(b);
    __tsan_atomic64_fetch_sub = |a, b| a.wrapping_sub(b);
    __tsan_atomic64_fetch_and = |a, b| a & b;
    __tsan_atomic64_fetch_or = |a, b| a | b;
    __tsan_atomic64_fetch_xor = |a, b| a ^ b;
    __tsan_atomic64_fetch_nand = |a, b| !(a & b);
}
atomic! { u128, AtomicU128, 16, __tsan_atomic128_load, __tsan_atomic128_store, __tsan_atomic128_exchange,
    __tsan_atomic128_compare_exchange_val, __tsan_atomic128_compare_exchange_strong,
    __tsan_atomic128_compare_exchange_weak,
    __tsan_atomic128_fetch_add = |a, b| a.wrapping_add(b);
    __tsan_atomic128_fetch_sub = |a, b| a.wrapping_sub(b);
    __tsan_atomic128_fetch_and = |a, b| a & b;
    __tsan_atomic128_fetch_or = |a, b| a | b;
    __tsan_atomic128_fetch_xor = |a, b| a ^ b;
    __tsan_atomic128_fetch_nand = |a, b| !(a & b);
}

/// 16-byte atomics for when the runtime is not in charge: under one lock, as libatomic does where the processor cannot.
struct AtomicU128(core::cell::UnsafeCell<u128>);

static WIDE: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);

impl AtomicU128 {
    fn locked<R>(&self, body: impl FnOnce(&mut u128) -> R) -> R {
        while WIDE.swap(true, Ordering::Acquire) {
            core::hint::spin_loop();
        }
        // SAFETY: all 16-byte atomics of the program go through this lock.
        let result = body(unsafe { &mut *self.0.get() });
        WIDE.store(false, Ordering::Release);
        result
    }

    fn load(&self, _: Ordering) -> u128 {
        self.locked(|value| *value)
    }

    fn store(&self, new: u128, _: Ordering) {
        self.locked(|value| *value = new);
    }

    fn swap(&self, new: u128, _: Ordering) -> u128 {
        self.locked(|value| core::mem::replace(value, new))
    }

    fn compare_exchange(&self, expected: u128, new: u128, _: Ordering, _: Ordering) -> Result<u128, u128> {
        self.locked(|value| if *value == expected { Ok(core::mem::replace(value, new)) } else { Err(*value) })
    }

    fn fetch_update(
        &self,
        _: Ordering,
        _: Ordering,
        mut update: impl FnMut(u128) -> Option<u128>,
    ) -> Result<u128, u128> {
        self.locked(|value| match update(*value) {
            Some(new) => Ok(core::mem::replace(value, new)),
            None => Err(*value),
        })
    }
}

/// A fence between threads.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_atomic_thread_fence(number: i32) {
    if !live() {
        return fence(Ordering::SeqCst);
    }
    model::fence(order(number));
    if recording() {
        record::step(Op::Fence { order: order(number) });
    }
}

/// A fence between a thread and its own signal handler.
#[unsafe(no_mangle)]
pub extern "C" fn __tsan_atomic_signal_fence(number: i32) {
    model::signal_fence(order(number));
}
