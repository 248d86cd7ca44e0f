//! Work that computes.

use super::super::facts::Facts;
use super::super::reasons::Reasons;
use super::recommend;
use crate::model::{Bottleneck, Choice, Recommendation};
use crate::state::State;
use crate::words::{counted, decimal, percent, seconds};

/// As many workers as there are processors.
fn workers(facts: &Facts<'_>) -> u64 {
    facts.capacity.ceil().max(1.0) as u64
}

/// Processes or threads that live for one piece of work.
pub(super) fn short_lived(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let m = facts.m;
    if m.cpu.unseen < 0.5 * m.cpu.total() {
        return None;
    }
    reasons.because(
        "short-lived",
        "Starting a process or thread costs more than small work; workers that stay do it once.",
        format!("{} of {} of computing was done by such", seconds(m.cpu.unseen), seconds(m.cpu.total())),
    );
    Some(recommend(
        Choice::ThreadPool,
        Some(workers(facts)),
        format!(
            "Keep about {} that take one piece of work after the other, instead of starting one for each: {} of the \
             computing was done by threads or processes that lived too short to be seen.",
            counted(workers(facts), "worker"),
            percent(m.cpu.unseen / m.cpu.total().max(1e-9))
        ),
    ))
}

/// More threads that compute than processors.
pub(super) fn oversubscribed(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let m = facts.m;
    if *facts.bottleneck != Bottleneck::CpuOversubscribed {
        return None;
    }
    reasons.because(
        "oversubscribed",
        "More computing threads than processors do no more work; they only take turns.",
        format!("{} threads wanted a processor at once, {} are there", decimal(m.demand), decimal(facts.capacity)),
    );
    let size = workers(facts);
    Some(recommend(
        Choice::ThreadPool,
        Some(size),
        format!(
            "A pool of {} in place of the {} that compute now: as much gets done, with {} less queueing.",
            counted(size, "thread"),
            decimal(m.demand),
            seconds(m.own_queue)
        ),
    ))
}

/// Threads that would queue for the lock around the process's memory map.
pub(super) fn memory_map(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let m = facts.m;
    if *facts.bottleneck != Bottleneck::Memory {
        return None;
    }
    reasons.step(
        "keep-memory",
        format!(
            "Keep memory instead of giving it back and asking for it again: {} a second of computing were made.",
            counted((m.counts.minor_faults as f64 / m.cpu.total().max(1e-9)) as u64, "page")
        ),
    );
    Some(recommend(
        Choice::Sequential,
        None,
        format!(
            "Threads of one process share the lock around its memory map, so they would queue for it: first avoid \
             the {}.",
            counted(m.counts.minor_faults, "page fault")
        ),
    ))
}

/// Threads that compute for an event loop.
pub(super) fn loop_beside_pool(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let line = facts.loop_beside_pool()?;
    let loops = percent(line.time[State::Cpu] / line.time.total().max(1e-9));
    reasons.because(
        "loop-beside-pool",
        "While an event loop computes, all its other tasks wait; so what computes belongs beside it.",
        format!(
            "thread `{}` computed for {loops} of its time and waited for events for {}",
            line.name,
            seconds(line.time[State::EventLoop])
        ),
    );
    Some(recommend(
        Choice::EventLoopWithPool,
        Some(workers(facts)),
        format!(
            "Keep it as it is: the event loop of thread `{}` is free to answer ({loops} of its time it computes), and \
             other threads do the computing, {} at once.",
            line.name,
            decimal(facts.m.demand)
        ),
    ))
}

/// One thread that computes, and nobody knows whether its work can be divided.
pub(super) fn one_chain(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    if *facts.bottleneck != Bottleneck::CpuSerial || (facts.scaling.is_some() && !facts.is_undivided()) {
        return None;
    }
    let m = facts.m;
    let (chain, size) = (facts.shares.computing(), workers(facts));
    reasons.because(
        "one-chain",
        "What computes on one thread gains from more only if its parts do not depend on each other.",
        format!("{} of the time, {} threads running or ready", percent(chain), decimal(m.demand)),
    );
    if facts.capacity < 2.0 {
        return Some(recommend(
            Choice::Sequential,
            None,
            format!(
                "Keep it sequential: it computes {} of the time, and there is {} to compute on.",
                percent(chain),
                counted(size, "processor")
            ),
        ));
    }
    let python =
        if facts.python() { " In Python these have to be processes: threads compute one at a time." } else { "" };
    reasons.step(
        "divide-or-not",
        format!(
            "If the work can be divided into independent parts, a pool of {size} could make it up to {size} times as \
             fast.{python} If each step needs the one before, leave it: {} of the time is one chain.",
            percent(chain)
        ),
    );
    Some(recommend(
        Choice::Sequential,
        None,
        format!(
            "As it stands, concurrency will not help: {} of the time is one chain of work and only {} goes to \
             waiting that could be overlapped. A faster algorithm helps; more threads do not.",
            percent(chain),
            percent(facts.wait / (facts.wait + facts.service).max(1e-9))
        ),
    ))
}

/// What remains: work that computes on several processors.
pub(super) fn pool(facts: &Facts<'_>, reasons: &mut Reasons) -> Recommendation {
    let m = facts.m;
    let (chain, size) = (facts.shares.computing(), workers(facts));
    if facts.scaling.is_none() && *facts.bottleneck == Bottleneck::CpuParallel {
        reasons.step(
            "measure-scaling",
            format!(
                "Whether {} threads do as much as they could: raddle profile --scale 1,{size} -- COMMAND",
                decimal(m.demand)
            ),
        );
    }
    reasons.because(
        "computes",
        "Work that computes is best done by as many threads as there are processors.",
        format!("{} of the time computing, {} threads at once", percent(chain), decimal(m.demand)),
    );
    let best = facts.scaling.and_then(|scaling| scaling.limits.as_ref()?.best_workers.as_ref()).map(|best| best.value);
    let size = best.map_or(size, |best| (best.floor().max(1.0) as u64).min(size));
    recommend(
        Choice::ThreadPool,
        Some(size),
        format!("A pool of {}: {} of the time is computing.", counted(size, "thread"), percent(chain)),
    )
}
