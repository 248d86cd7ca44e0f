//! Work that more threads do not speed up: they queue for one lock, take turns, or do what must be done in order.

use super::super::facts::Facts;
use super::super::reasons::Reasons;
use super::recommend;
use crate::model::{Bottleneck, Choice, Recommendation};
use crate::words::{count, counted, decimal, percent, seconds};

/// Serial fraction from which on more processors are not worth it.
const SERIAL: f64 = 0.8;

/// Threads of an interpreter that lets one of them compute.
pub(super) fn interpreter_lock(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    if facts.interpreter_lock() < 0.2 {
        return None;
    }
    reasons.because(
        "interpreter-lock",
        "Threads of an interpreter with a global lock compute one at a time; processes do not share the lock.",
        format!(
            "{} of waiting for the interpreter lock beside {} of computing",
            seconds(facts.lock),
            seconds(facts.service)
        ),
    );
    let size = facts.capacity.ceil() as u64;
    Some(recommend(
        Choice::Processes,
        Some(size),
        format!(
            "Use {} (multiprocessing, or a process pool) instead of threads: they computed on {} of {} processors \
             at a time.",
            counted(size, "process"),
            decimal(facts.m.cores_busy),
            decimal(facts.capacity)
        ),
    ))
}

/// Threads that queue for a lock.
pub(super) fn one_lock(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    if *facts.bottleneck != Bottleneck::Lock {
        return None;
    }
    let share = facts.lock / (facts.lock + facts.service).max(1e-9);
    reasons.because(
        "lock",
        "While threads wait for one lock, more threads only wait more.",
        format!("{} of the time of working threads went to waiting for locks", percent(share)),
    );
    reasons.step(
        "shorten-the-lock",
        format!(
            "Shorten what is done under the lock, or divide what it protects; {} computed at once although there \
             are {} processors.",
            decimal(facts.m.cores_busy),
            decimal(facts.capacity)
        ),
    );
    Some(recommend(
        Choice::Sequential,
        None,
        format!(
            "As long as this lock stands, one thread does as much: {} processors were busy at once on average \
             while anything computed.",
            decimal(facts.m.cores_busy)
        ),
    ))
}

/// Threads that hand each other little work.
pub(super) fn small_turns(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    if *facts.bottleneck != Bottleneck::Scheduler {
        return None;
    }
    let m = facts.m;
    let each = m.cpu.total() / m.counts.voluntary_switches.max(1) as f64;
    reasons.because(
        "small-turns",
        "Handing work to another thread costs some ten microseconds; work that is smaller is done faster at once.",
        format!("{} of work between two sleeps", seconds(each)),
    );
    Some(recommend(
        Choice::Sequential,
        None,
        format!(
            "Do the work where it arises, or hand over hundreds of items at once: each turn did {} of work, and {} \
             times a second somebody had to be woken.",
            seconds(each),
            count((m.counts.voluntary_switches as f64 / m.wall.max(1e-9)) as u64)
        ),
    ))
}

/// Work of which `--scale` has measured that it is one chain.
pub(super) fn serial_fraction(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let (sigma, low, high) = facts.serial_fraction()?;
    if sigma < SERIAL || low < SERIAL / 2.0 {
        return None;
    }
    reasons.because(
        "serial-fraction",
        "By Amdahl's law the speed-up is at most 1 / serial fraction.",
        format!("serial fraction {sigma:.2} (95 % interval {low:.2} to {high:.2}), measured by --scale"),
    );
    Some(recommend(
        Choice::Sequential,
        None,
        format!(
            "Concurrency will not help here: {} of the time is one chain of dependent work, so no number of \
             processors makes it more than {:.2} times as fast.",
            percent(sigma),
            1.0 / sigma.max(1e-9)
        ),
    ))
}
