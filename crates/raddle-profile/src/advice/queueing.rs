//! What each way of organizing work would bring at another load: a closed queueing network, solved by mean value
//! analysis (M. Reiser and S. S. Lavenberg, *Mean-Value Analysis of Closed Multichain Queuing Networks*, JACM 1980).
//!
//! Tasks circle between waiting (a station without a queue: the waits of several tasks overlap) and computing (the
//! processors). Several processors are taken as Seidmann's approximation takes them: one that is as many times as fast,
//! and a delay that makes up for it (A. Seidmann, P. Schweitzer, S. Shalev-Oren, 1987). Work under locks is a station for
//! one.
//!
//! What this cannot predict: that a disk or a server answers more slowly the more is asked of it.

use super::facts::{Facts, TASK_MEMORY, THREAD_MEMORY};
use crate::model::{Choice, WhatIf, WhatIfRow};
use crate::words::{bytes, decimal, percent, seconds};

/// Loads, in multiples of what was measured.
const LOADS: [f64; 3] = [1.0, 2.0, 10.0];

/// Demands of one unit of work, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Demands {
    /// Computing that can be done by any processor.
    pub cpu: f64,
    /// Computing that can be done by one at a time.
    pub serial: f64,
    /// Waiting that overlaps.
    pub wait: f64,
}

/// Throughput in units of work a second of `tasks` in progress on `processors`, by mean value analysis.
///
/// Between whole numbers of tasks it is taken to change evenly.
pub fn throughput(demands: Demands, processors: f64, tasks: f64) -> f64 {
    let whole = tasks.floor();
    let (low, high) = (exact(demands, processors, whole as u64), exact(demands, processors, whole as u64 + 1));
    low + (high - low) * (tasks - whole)
}

fn exact(demands: Demands, processors: f64, tasks: u64) -> f64 {
    let processors = processors.max(1e-6);
    // A part of a processor is a slow one; several are Seidmann's.
    let (service, delay) = if processors <= 1.0 {
        (demands.cpu / processors, 0.0)
    } else {
        (demands.cpu / processors, demands.cpu * (processors - 1.0) / processors)
    };
    let think = demands.wait + delay;
    let (mut at_cpu, mut at_lock, mut rate) = (0.0, 0.0, 0.0);
    for n in 1..=tasks.min(20_000) {
        let cpu = service * (1.0 + at_cpu);
        let lock = demands.serial * (1.0 + at_lock);
        rate = n as f64 / (think + cpu + lock).max(1e-12);
        at_cpu = rate * cpu;
        at_lock = rate * lock;
    }
    rate
}

pub(super) fn what_if(facts: &Facts<'_>) -> WhatIf {
    let m = facts.m;
    let seconds_measured = facts.shares.own;
    // One unit of work is what was done in one second.
    let cpu = facts.service / seconds_measured;
    let wait = facts.wait / seconds_measured;
    let serial_share = if facts.lock > 0.0 { facts.lock / (facts.lock + facts.service) } else { 0.0 };
    let demands = Demands { cpu: cpu * (1.0 - serial_share), serial: cpu * serial_share, wait };
    let tasks = ((facts.service + facts.wait + facts.lock + m.own_queue) / seconds_measured).max(1.0);
    let pool = facts.pool().max(1);
    let one = (1.0f64).min(facts.capacity);
    let base_memory = m.counts.resident_peak / m.counts.processes_peak.max(1);
    let now = throughput(demands, facts.capacity, tasks).max(1e-12);
    let mut rows = Vec::new();
    for load in LOADS {
        let offered = tasks * load;
        let whole = offered.ceil() as u64;
        for (choice, size) in [
            (Choice::Sequential, 1),
            (Choice::Threads, whole),
            (Choice::ThreadPool, pool),
            (Choice::EventLoop, 1),
            (Choice::EventLoopWithPool, facts.capacity.ceil() as u64),
            (Choice::Processes, pool.min(whole).max(1)),
        ] {
            let (processors, in_progress, memory) = match choice {
                Choice::Sequential => (one, 1.0, THREAD_MEMORY),
                Choice::Threads => (facts.capacity, offered, whole * THREAD_MEMORY),
                Choice::ThreadPool => {
                    (facts.capacity, offered.min(size as f64), size * THREAD_MEMORY + whole * TASK_MEMORY)
                }
                Choice::EventLoop => (one, offered, THREAD_MEMORY + whole * TASK_MEMORY),
                Choice::EventLoopWithPool => {
                    (facts.capacity, offered, (size + 1) * THREAD_MEMORY + whole * TASK_MEMORY)
                }
                Choice::Processes => (facts.capacity, offered.min(size as f64), size * base_memory.max(1 << 20)),
            };
            // Processes share no locks.
            let demands = if choice == Choice::Processes {
                Demands { cpu: demands.cpu + demands.serial, serial: 0.0, wait }
            } else {
                demands
            };
            let rate = throughput(demands, processors, in_progress);
            rows.push(WhatIfRow {
                choice,
                size,
                load,
                tasks: offered,
                throughput: rate / now,
                memory,
                utilization: (rate * cpu / facts.capacity).min(1.0),
            });
        }
    }
    WhatIf {
        assumptions: vec![
            format!("the work can be divided into independent tasks; {} were in progress on average", decimal(tasks)),
            format!(
                "each second of work takes {} of computing, {} of it one at a time (locks), and {} of waiting that \
                 overlaps",
                seconds(cpu),
                percent(serial_share),
                seconds(wait)
            ),
            "what is waited for answers as fast under ten times the load".to_owned(),
            format!(
                "a waiting thread uses {}, a task of an event loop {}, a process {}; switching costs nothing",
                bytes(THREAD_MEMORY),
                bytes(TASK_MEMORY),
                bytes(base_memory.max(1 << 20))
            ),
        ],
        rows,
    }
}
