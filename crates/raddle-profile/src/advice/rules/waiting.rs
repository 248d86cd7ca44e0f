//! Work that waits: how many tasks at once, and in which form.

use super::super::facts::{Facts, TASK_MEMORY, THREAD_MEMORY};
use super::super::reasons::Reasons;
use super::recommend;
use crate::model::{Choice, Recommendation};
use crate::state::State;
use crate::words::{bytes, count, decimal, percent, seconds};

/// Tasks in progress per processor from which on waiting is worth overlapping.
const OVERLAP: f64 = 1.3;
/// Tasks in progress from which on one thread for each becomes costly.
pub(super) const MANY: f64 = 200.0;

/// An event loop that computes for long between two waits.
pub(super) fn busy_event_loop(facts: &Facts<'_>, _: &mut Reasons) -> Option<Recommendation> {
    let line = facts.long_loop()?;
    if facts.shares.computing() < 0.2 {
        return None;
    }
    let each = line.time[State::Cpu] / line.voluntary.max(1) as f64;
    Some(recommend(
        Choice::EventLoopWithPool,
        Some(facts.capacity.ceil().max(1.0) as u64),
        format!(
            "Keep the event loop and give its computing to a pool: thread `{}` computes {} of the time, {} on average \
             before it waits for events again, and serves nobody else while a task computes.",
            line.name,
            percent(facts.shares.computing()),
            seconds(each)
        ),
    ))
}

/// Work that waits more than it computes.
pub(super) fn overlapping(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let overlap = facts.overlap();
    if overlap < OVERLAP || facts.wait <= facts.lock {
        return None;
    }
    let m = facts.m;
    let needed = facts.pool();
    reasons.because(
        "little",
        "By Little's law, (service + wait) / service tasks in progress keep one processor busy.",
        format!(
            "{} of computing and {} of waiting: {} tasks for each of {} processors",
            seconds(facts.service),
            seconds(facts.wait),
            decimal(overlap),
            decimal(facts.capacity)
        ),
    );
    let disk = m.thread_time[State::Disk];
    if disk >= 0.5 * facts.wait {
        reasons.step(
            "disk-depth",
            format!(
                "Waiting for the disk made up {} of {}. Fewer and larger operations help most, above all fewer `fsync`s; \
                 whether the device does several at once must be tried.",
                seconds(disk),
                seconds(facts.wait)
            ),
        );
        let size = needed.clamp(2, 32);
        return Some(recommend(
            Choice::ThreadPool,
            Some(size),
            format!(
                "A pool of about {} threads would keep the processors busy while others wait for the disk (file \
                 operations block, so an event loop alone does not help): {} tasks in progress for each processor.",
                size,
                decimal(overlap)
            ),
        ));
    }
    if needed as f64 >= MANY {
        let memory = needed * THREAD_MEMORY;
        reasons.because(
            "many-waiting",
            "Hundreds of tasks that mostly wait are cheaper in an event loop than in threads.",
            format!(
                "{} tasks in progress would use about {} as threads and {} as tasks of an event loop",
                count(needed),
                bytes(memory),
                bytes(needed * TASK_MEMORY)
            ),
        );
        let service = facts.service / facts.shares.own;
        let choice = if service / facts.capacity > 0.5 { Choice::EventLoopWithPool } else { Choice::EventLoop };
        return Some(recommend(
            choice,
            None,
            format!(
                "An event loop: it takes {} tasks in progress to keep {} processors busy, and each computes for only {} \
                 of its time.",
                count(needed),
                decimal(facts.capacity),
                percent(1.0 / overlap)
            ),
        ));
    }
    let what = if facts.python() {
        "threads are fine here, since a thread that waits gives the interpreter lock back"
    } else {
        "so few threads cost little, and code that blocks stays as it is"
    };
    Some(recommend(
        Choice::ThreadPool,
        Some(needed),
        format!(
            "A pool of about {needed} threads: each task computes for {} of its time and waits for the rest, and {what}.",
            percent(1.0 / overlap)
        ),
    ))
}
