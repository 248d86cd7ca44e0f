//! What is said beside the recommendation.

use super::super::facts::{Facts, TASK_MEMORY, THREAD_MEMORY};
use super::super::reasons::Reasons;
use super::waiting::MANY;
use crate::state::State;
use crate::words::{bytes, count, counted, seconds};

/// Memory of stacks from which on threads are costly, bytes that are really used.
const STACKS: u64 = 64 << 20;

/// What waiting threads cost.
pub(super) fn memory_of_threads(facts: &Facts<'_>, reasons: &mut Reasons) {
    let m = facts.m;
    let threads = m.counts.threads_peak;
    let used = threads * THREAD_MEMORY;
    if threads < MANY as u64 && used < STACKS {
        return;
    }
    let reserve = m.counts.stack_reserve.unwrap_or(8 << 20);
    reasons.because(
        "stacks",
        "Each thread reserves address space for a stack and uses some of it even while it waits.",
        format!(
            "{} with {} reserved for each ({} in all), about {} really used",
            counted(threads, "thread"),
            bytes(reserve),
            bytes(reserve * threads),
            bytes(used)
        ),
    );
    reasons.step(
        "fewer-threads",
        format!(
            "An event loop would hold the same {} waiting tasks in about {} instead of {}.",
            count(threads),
            bytes(threads * TASK_MEMORY),
            bytes(used)
        ),
    );
}

/// An event loop that keeps its tasks waiting.
pub(super) fn long_events(facts: &Facts<'_>, reasons: &mut Reasons) {
    if let Some(line) = facts.long_loop() {
        let each = line.time[State::Cpu] / line.voluntary as f64;
        reasons.because(
            "blocked-loop",
            "While an event loop computes, all its other tasks wait.",
            format!(
                "thread `{}` of process {} computed for {} on average between two waits for events",
                line.name,
                line.pid,
                seconds(each)
            ),
        );
        reasons.step(
            "move-the-computing",
            format!(
                "Move the computing out of the event loop of thread `{}` into a pool ({} between two waits for events now): \
                 a request that arrives while a task computes waits until that is done.",
                line.name,
                seconds(each)
            ),
        );
    }
}
