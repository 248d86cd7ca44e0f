//! Which bottleneck a measurement shows: explicit rules, tried in order, each with its numbers.
//!
//! | order | rule | bottleneck |
//! |---|---|---|
//! | 1 | fewer than [`ENOUGH_LOOKS`] looks or less than [`ENOUGH_TIME`] | not enough samples |
//! | 2 | threads sleep and wake at least [`HANDOVERS`] times a second, each time for at most [`HANDOVER_WORK`] of work, and what they wait for is each other | scheduler |
//! | 3 | nothing to do for [`IDLE`] of the time | idle |
//! | 4 | at least [`LOCK`] of the time that is not idle goes to waiting for locks, more than to any other wait | lock |
//! | 5 | one thing takes at least [`DOMINANT`] of the time | that |
//! | 6 | otherwise | mixed |
//!
//! "Of the time" leaves out what other programs took: time in which the program was ready, did nothing else, and had no
//! processor although it wanted no more than it may use.
//!
//! A program that computes is *serial*, *parallel* or *oversubscribed* by its demand, the mean number of threads that run
//! or are ready to. Demand does not depend on what else the machine does, as processors in use would.

mod confidence;
mod reasons;

#[cfg(test)]
mod tests;

use crate::model::{Bottleneck, Confidence, Measurement, Verdict};
use crate::state::{Standing, State};

/// Looks below which nothing is said.
pub const ENOUGH_LOOKS: u64 = 30;
/// Seconds below which nothing is said.
pub const ENOUGH_TIME: f64 = 0.1;
/// Share of idle time from which on a program is idle.
pub const IDLE: f64 = 0.9;
/// Share of one thing from which on it is the bottleneck.
pub const DOMINANT: f64 = 0.75;
/// Share of lock waits, of the time that is not idle, from which on locks are the bottleneck.
pub const LOCK: f64 = 0.4;
/// Sleeps a second from which on handing over can be the bottleneck.
pub const HANDOVERS: f64 = 1000.0;
/// Work between two sleeps below which handing over costs as much as the work, seconds.
pub const HANDOVER_WORK: f64 = 100e-6;
/// Demand from which on a program computes in parallel.
pub const PARALLEL: f64 = 1.5;
/// Demand over capacity from which on a program is oversubscribed.
pub const OVERSUBSCRIBED: f64 = 1.15;
/// Page faults per second of processor time from which on they can be what it is spent on.
pub const FAULTS: f64 = 50_000.0;
/// Share of system time from which on page faults can be what processor time is spent on.
pub const FAULTS_SYSTEM: f64 = 0.5;
/// Share of the samples of running threads in spin locks from which on these are locks waited for.
pub const SPINNING: f64 = 0.4;

/// Shares of a measurement in the form in which the rules use them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares<'m> {
    pub(crate) measurement: &'m Measurement,
    /// Seconds that the program had, as far as it is known what they went to.
    pub(crate) own: f64,
    /// Seconds in which only children that nobody saw were busy.
    pub(crate) unknown: f64,
}

impl<'m> Shares<'m> {
    pub(crate) fn new(measurement: &'m Measurement) -> Self {
        // While only children that live too short to be seen were busy, nobody knows whether they computed or queued.
        let unseen = measurement.cpu.unseen / measurement.cpu.total().max(1e-9);
        let unknown = if unseen >= 0.5 { measurement.shares[State::Child] } else { 0.0 };
        let own = (measurement.wall - measurement.taken_by_others - unknown).max(1e-9);
        Self { measurement, own, unknown }
    }

    pub(crate) fn of(&self, state: State) -> f64 {
        self.measurement.shares[state] / self.own
    }

    pub(crate) fn standing(&self, standing: Standing) -> f64 {
        self.measurement.shares.of(standing) / self.own
    }

    /// On a processor, or waiting for one behind other threads of the program.
    pub(crate) fn computing(&self) -> f64 {
        self.of(State::Cpu) + self.of(State::RunQueue)
    }

    pub(crate) fn idle(&self) -> f64 {
        self.standing(Standing::Idle) + self.standing(Standing::Delegated) - self.unknown / self.own
    }

    /// The shares that a reader is told: queueing behind the program's own threads counts as computing.
    pub(crate) fn told(&self) -> Vec<(State, f64)> {
        let mut shares = self.measurement.shares.scaled(1.0 / self.own);
        shares[State::Cpu] += shares[State::RunQueue];
        shares[State::RunQueue] = 0.0;
        shares[State::Child] = (shares[State::Child] - self.unknown / self.own).max(0.0);
        shares.ranked()
    }
}

/// Judges.
pub fn verdict(measurement: &Measurement) -> Verdict {
    let shares = Shares::new(measurement);
    let (bottleneck, confidence) = judge(&shares);
    let reasons = reasons::reasons(&bottleneck, &shares);
    let remarks = reasons::remarks(&bottleneck, &shares);
    Verdict { bottleneck, confidence, reasons, remarks }
}

fn judge(shares: &Shares<'_>) -> (Bottleneck, Option<Confidence>) {
    let measurement = shares.measurement;
    if measurement.sampling.ticks < ENOUGH_LOOKS || shares.own < ENOUGH_TIME {
        return (Bottleneck::NotEnough, None);
    }
    let sure = |share, threshold| Some(confidence::confidence(share, threshold, measurement.sampling.ticks));
    if hands_over(shares) {
        // Waiting for the lock around the turn belongs to it.
        let turns = shares.computing() + shares.of(State::Condition) + shares.of(State::Lock);
        return (Bottleneck::Scheduler, sure(turns, DOMINANT));
    }
    let idle = shares.idle();
    if idle >= IDLE {
        return (Bottleneck::Idle, sure(idle, IDLE));
    }
    // A thread that is woken for a lock may have to queue for a processor first: neither computing nor waiting for it.
    let busy = (1.0 - idle - shares.of(State::RunQueue)).max(1e-9);
    let lock = shares.of(State::Lock) / busy;
    let other_waits = [State::Disk, State::Network, State::Pipe, State::PageFault, State::Other];
    let largest_wait = other_waits.iter().map(|state| shares.of(*state)).fold(0.0, f64::max);
    if lock >= LOCK && shares.of(State::Lock) >= largest_wait {
        return (Bottleneck::Lock, sure(lock, LOCK));
    }
    if shares.computing() >= DOMINANT {
        let spinning = spinning(measurement);
        if spinning >= SPINNING && measurement.demand >= PARALLEL {
            return (Bottleneck::Lock, sure(spinning, SPINNING));
        }
        return (computing(measurement), sure(shares.computing(), DOMINANT));
    }
    for (state, bottleneck) in [
        (State::Disk, Bottleneck::Disk),
        (State::Network, Bottleneck::Network),
        (State::Pipe, Bottleneck::Pipe),
        (State::PageFault, Bottleneck::Memory),
    ] {
        if shares.of(state) >= DOMINANT {
            return (bottleneck, sure(shares.of(state), DOMINANT));
        }
    }
    let told: Vec<(State, f64)> = shares.told().into_iter().filter(|(_, share)| *share >= 0.005).collect();
    let top = told.first().map_or(0.0, |(_, share)| *share);
    (Bottleneck::Mixed(told), sure(1.0 - top, 1.0 - DOMINANT))
}

/// Which kind of computing.
fn computing(measurement: &Measurement) -> Bottleneck {
    let cpu = measurement.cpu;
    let faults = measurement.counts.minor_faults as f64 / cpu.total().max(1e-9);
    if faults >= FAULTS && cpu.system / cpu.total().max(1e-9) >= FAULTS_SYSTEM {
        return Bottleneck::Memory;
    }
    let wanted = measurement.thread_time[State::Cpu] + measurement.own_queue;
    let queued = measurement.own_queue / wanted.max(1e-9);
    // One thread cannot oversubscribe anything, however small a part of a processor it may use.
    if measurement.demand >= OVERSUBSCRIBED * measurement.machine.capacity.max(1.0) && queued >= 0.1 {
        Bottleneck::CpuOversubscribed
    } else if measurement.demand >= PARALLEL {
        Bottleneck::CpuParallel
    } else {
        Bottleneck::CpuSerial
    }
}

/// Whether threads mostly hand the turn to each other.
fn hands_over(shares: &Shares<'_>) -> bool {
    let measurement = shares.measurement;
    let sleeps = measurement.counts.voluntary_switches as f64;
    let time = &measurement.thread_time;
    let turns = time[State::Condition];
    let other_waits = time[State::Lock]
        + time[State::Disk]
        + time[State::Network]
        + time[State::Pipe]
        + time[State::Timer]
        + time[State::EventLoop]
        + time[State::Requests];
    sleeps / shares.own >= HANDOVERS
        && measurement.cpu.total() / sleeps.max(1.0) <= HANDOVER_WORK
        && measurement.cores_busy < PARALLEL
        && turns > other_waits
        && shares.computing() + shares.of(State::Condition) + shares.of(State::Lock) >= DOMINANT
}

/// Share of the samples of running threads that were in a function whose name says that it spins.
pub(crate) fn spinning(measurement: &Measurement) -> f64 {
    let spins = |place: &&crate::model::Place| {
        place.stack.iter().take(3).any(|function| {
            let name = function.to_lowercase();
            ["spin_lock", "spinlock", "spin_wait", "spinwait", "spin_loop", "spin::"]
                .iter()
                .any(|word| name.contains(word))
        })
    };
    let of = measurement.running.first().map_or(0, |place| place.of);
    let seen: u64 = measurement.running.iter().filter(spins).map(|place| place.seen).sum();
    // A handful of samples says nothing.
    if of < 10 { 0.0 } else { seen as f64 / of as f64 }
}
