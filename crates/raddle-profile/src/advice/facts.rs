//! What the rules look at: a measurement in the terms of the rules.

use crate::model::{Bottleneck, Measurement, Scaling, ThreadLine};
use crate::scaling::{NOISE, PROCESSORS};
use crate::state::State;
use crate::verdict::Shares;

/// Memory that a blocked thread really uses: the touched part of its stack and the kernel's own, bytes.
pub(super) const THREAD_MEMORY: u64 = 32 << 10;
/// Memory that one task of an event loop uses, bytes.
pub(super) const TASK_MEMORY: u64 = 4 << 10;
/// Computing per event from which on an event loop keeps others waiting, seconds.
const LONG_EVENT: f64 = 0.01;

/// What the rules look at.
#[derive(Debug)]
pub(super) struct Facts<'m> {
    pub(super) m: &'m Measurement,
    pub(super) shares: Shares<'m>,
    pub(super) bottleneck: &'m Bottleneck,
    /// What `--scale` has measured; nothing where other programs were busy, since a limit may be theirs then.
    pub(super) scaling: Option<&'m Scaling>,
    /// Processor seconds.
    pub(super) service: f64,
    /// Thread-seconds of waiting in the middle of work.
    pub(super) wait: f64,
    /// Of these, for locks.
    pub(super) lock: f64,
    /// Processors.
    pub(super) capacity: f64,
}

impl<'m> Facts<'m> {
    pub(super) fn new(m: &'m Measurement, bottleneck: &'m Bottleneck, scaling: Option<&'m Scaling>) -> Self {
        let time = &m.thread_time;
        // Threads that wait for a pipe or for each other's turn do so all at once; only what held up the program counts.
        let wait = time[State::Disk] + time[State::Network] + time[State::PageFault] + m.shares[State::Pipe];
        Self {
            m,
            shares: Shares::new(m),
            bottleneck,
            scaling: scaling.filter(|scaling| scaling.busy_elsewhere.is_none_or(|busy| busy < NOISE)),
            service: m.cpu.total().max(time[State::Cpu]),
            wait,
            lock: time[State::Lock],
            capacity: m.machine.capacity.max(0.01),
        }
    }

    /// Tasks in progress that keep one processor busy, by Little's law.
    pub(super) fn overlap(&self) -> f64 {
        (self.service + self.wait) / self.service.max(1e-9)
    }

    /// Share of the time in which it waited for something that is not known.
    pub(super) fn unknown(&self) -> f64 {
        self.m.shares[State::Other] / self.m.shares.total().max(1e-9)
    }

    /// Threads that keep all processors busy.
    pub(super) fn pool(&self) -> u64 {
        (self.overlap() * self.capacity).ceil().clamp(1.0, 10_000.0) as u64
    }

    pub(super) fn serial_fraction(&self) -> Option<(f64, f64, f64)> {
        let fit = self.scaling.filter(|_| !self.is_undivided())?.amdahl.as_ref()?;
        let sigma = fit.coefficients.iter().find(|coefficient| coefficient.name == "serial fraction")?;
        Some((sigma.value, sigma.low, sigma.high))
    }

    /// Whether its work is not divided at all: more processors cannot help then, which says nothing about the work.
    pub(super) fn is_undivided(&self) -> bool {
        let by_processors = self.scaling.is_none_or(|scaling| scaling.varied == PROCESSORS);
        by_processors && self.m.counts.threads_peak <= 1 && self.m.counts.processes_peak <= 1
    }

    pub(super) fn python(&self) -> bool {
        self.m.subject.interpreters.iter().any(|name| name == "Python")
    }

    pub(super) fn interpreter_lock(&self) -> f64 {
        let waits = self.m.waits.iter().filter(|wait| wait.object.contains("GIL"));
        waits.map(|wait| wait.seconds).sum::<f64>() / (self.lock + self.service).max(1e-9)
    }

    /// A thread that runs an event loop and computes for long between two waits.
    pub(super) fn long_loop(&self) -> Option<&ThreadLine> {
        self.m.threads.iter().find(|line| {
            let loops = line.time[State::EventLoop] + line.time[State::Requests];
            loops > 0.02 * line.time.total()
                && line.voluntary > 0
                && line.time[State::Cpu] >= 0.1
                && line.time[State::Cpu] / line.voluntary as f64 >= LONG_EVENT
        })
    }

    /// A thread that runs an event loop and hardly computes, while other threads of its process do most of the computing.
    pub(super) fn loop_beside_pool(&self) -> Option<&ThreadLine> {
        let lines = &self.m.threads;
        lines.iter().find(|line| {
            let others = lines.iter().filter(|other| other.pid == line.pid && other.name != line.name);
            let beside: f64 = others.map(|other| other.time[State::Cpu]).sum();
            line.time[State::EventLoop] > 0.5 * line.time.total()
                && line.time[State::Cpu] < 0.2 * self.service
                && beside > 0.5 * self.service
        })
    }
}
