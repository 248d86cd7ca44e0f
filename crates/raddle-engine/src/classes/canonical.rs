//! One number for all executions that differ only in the order of independent steps.
//!
//! Two executions are equivalent (Mazurkiewicz, "Trace theory", 1987) when one becomes the other by exchanging
//! neighbouring steps that do not depend on each other. That is so exactly when their steps are ordered alike by
//! happens-before: program order, and the order of dependent steps. The hash of a step is taken of its kind, and of the
//! hashes of the steps directly before it in that order, so it stands for the step with all of its past; the
//! execution's hash is the sum over all threads of the hashes of their last steps. A sum, because it must not matter
//! which thread comes first.
//!
//! Neither addresses nor thread numbers go into the hash: both depend on the order in which independent steps
//! allocate and create. They need not: as long as nothing but its visible operations decides what a thread does,
//! its next step is a function of its past. A thread is known by the step that created it, and by its number
//! only if it is older than the execution.
//!
//! Departures and limits. Waiting for a lock, a permit or a thread's end is no step; taking it is. A compare-exchange
//! that fails is a read. Countings down that are not the last commute. A thread that is woken comes after who woke it.
//! Memory that is freed and allocated again stays the same object; programs whose behaviour depends on
//! addresses or clocks may do different things within one class. Two classes have the same hash by accident
//! with a probability of about 2^-64.

#[cfg(test)]
mod tests;

use crate::access::AccessKind;
use crate::log::{Event, Logged};

/// Where an object's last steps are kept.
#[derive(Clone, Copy, Default)]
struct Object {
    key: u64,
    /// Execution in which the entry was made; entries of others are free.
    execution: u64,
    /// Hash of the last step that depends on all others, or of as many that commute as came before others.
    changed: u64,
    /// Sum of the hashes of the steps since then that commute with each other: reads, or countings down.
    since: u64,
    /// Whether these count down.
    down: bool,
}

/// Hashes executions. The table of objects is kept from one to the next.
#[derive(Default)]
pub struct Canonical {
    /// Hash of each thread's last step.
    threads: Vec<u64>,
    /// Open addressing, the size a power of two.
    objects: Vec<Object>,
    used: usize,
    execution: u64,
}

/// A good mix of two words, by the high and low halves of a product.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ 0x9e37_79b9_7f4a_7c15) * u128::from(b ^ 0xd6e8_feb8_6659_fd93);
    (product >> 64) as u64 ^ product as u64 ^ a.rotate_left(32)
}

/// Told apart from the kinds of access.
const CREATED: u64 = 1 << 8;
const WOKEN: u64 = 2 << 8;
const TIMED_OUT: u64 = 3 << 8;

impl Canonical {
    /// A new execution begins.
    pub fn begin(&mut self) {
        self.threads.clear();
        self.execution += 1;
        self.used = 0;
    }

    /// Takes account of further steps.
    pub fn absorb(&mut self, steps: &[Logged]) {
        for step in steps {
            self.step(step);
        }
    }

    /// The class of the execution so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.threads.iter().fold(0, |sum, hash| sum.wrapping_add(fold(*hash, WOKEN ^ TIMED_OUT)))
    }

    #[inline]
    fn thread(&mut self, id: u64) -> &mut u64 {
        let at = id as usize & 0xffff_ffff;
        while at >= self.threads.len() {
            let number = self.threads.len() as u64;
            self.threads.push(fold(number, CREATED));
        }
        &mut self.threads[at]
    }

    #[inline]
    fn step(&mut self, step: &Logged) {
        let before = *self.thread(step.thread.into());
        let kind = step.access.kind as u64;
        let after = match step.event {
            Event::Spawned => {
                *self.thread(step.access.object) = fold(before, CREATED);
                fold(before, CREATED ^ 1)
            }
            Event::Woken => {
                let by = *self.thread(step.access.object);
                fold(fold(before, WOKEN), by)
            }
            Event::TimedOut => fold(before, TIMED_OUT),
            Event::Performed if !step.access.is_shared() => fold(before, kind),
            Event::Performed => {
                let (commutes, down) = (step.access.commutes(), step.access.kind == AccessKind::CountDown);
                let object = self.object(step.access.object);
                let own = fold(before, kind | u64::from(step.access.size) << 16);
                if commutes {
                    if object.down != down {
                        object.changed = fold(object.changed, object.since);
                        (object.since, object.down) = (0, down);
                    }
                    let after = fold(own, object.changed);
                    object.since = object.since.wrapping_add(after);
                    after
                } else {
                    let after = fold(fold(own, object.changed), object.since);
                    (object.changed, object.since, object.down) = (after, 0, false);
                    after
                }
            }
        };
        *self.thread(step.thread.into()) = after;
    }

    #[inline]
    fn object(&mut self, key: u64) -> &mut Object {
        if self.used * 2 >= self.objects.len() {
            self.grow();
        }
        let mask = self.objects.len() - 1;
        let mut at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & mask;
        loop {
            let object = self.objects[at];
            if object.execution != self.execution {
                self.used += 1;
                self.objects[at] = Object { key, execution: self.execution, changed: 0, since: 0, down: false };
                return &mut self.objects[at];
            }
            if object.key == key {
                return &mut self.objects[at];
            }
            at = (at + 1) & mask;
        }
    }

    #[cold]
    fn grow(&mut self) {
        let size = (self.objects.len() * 2).max(64);
        let old = std::mem::replace(&mut self.objects, vec![Object::default(); size]);
        self.used = 0;
        let execution = self.execution;
        for object in old.into_iter().filter(|object| object.execution == execution) {
            *self.object(object.key) = object;
        }
    }
}
