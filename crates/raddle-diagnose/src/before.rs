//! What comes before what in a recorded execution, whichever thread takes certain locks first.
//!
//! Happens-before by vector clocks (Mattern, "Virtual time and global states of distributed systems", 1989), with every
//! operation that could carry a decision from one thread to another as an edge: creating and joining threads, wake-ups,
//! input and output, atomic operations of whatever order, and all locks but those that are left out. That is more order than
//! there is. It is asked whether two threads could have met, and where something may have kept them apart the answer is no:
//! Agarwal, Wang and Stoller ("Detecting potential deadlocks with static analysis and run-time monitoring", 2005) take the
//! edges of threads alone, and so report what a queue or a flag rules out.
//!
//! Not seen: that a thread takes its locks because of a value that lies behind one of the locks left out.

use crate::case::Case;
use crate::encoding;
use crate::function;
use crate::object::ObjectKind;
use crate::site::Plain;
use raddle_engine::waits::Object;
use raddle_protocol::trace::{Op, PosixLock, Step, ThreadId};
use raddle_protocol::{Role, Trace};
use std::collections::BTreeMap;

/// What all input and output goes by.
const WORLD: u64 = u64::MAX;

/// Of each thread, how many of its steps are known of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Clock(Vec<usize>);

impl Clock {
    fn join(&mut self, other: &Clock) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*other);
        }
    }

    fn of(&self, thread: ThreadId) -> usize {
        self.0.get(thread as usize).copied().unwrap_or(0)
    }
}

/// The order of some of an execution's steps.
pub struct Before {
    /// Of each of these steps who performs it, and what its thread knows by then.
    known: BTreeMap<usize, (ThreadId, Clock)>,
}

impl Before {
    /// The order of the steps in `asked`, with these locks left out.
    pub fn new(case: &Case<'_>, left_out: &[Object], asked: impl Fn(usize) -> bool) -> Self {
        let objects = left_out.iter().map(|lock| case.reading.objects.get(*lock));
        // A read-write lock has two words.
        let words = objects.flat_map(|object| {
            let second = (object.kind == ObjectKind::RwLock).then_some(object.address + 4);
            core::iter::once(object.address).chain(second)
        });
        let words: Vec<u64> = words.collect();
        let mut clocks = vec![Clock(vec![0; case.trace().threads.len()]); case.trace().threads.len()];
        let mut places: BTreeMap<u64, Clock> = BTreeMap::new();
        let mut known = BTreeMap::new();
        for (at, step) in case.trace().steps.iter().enumerate() {
            let Some(clock) = clocks.get_mut(step.thread as usize) else { continue };
            clock.0[step.thread as usize] += 1;
            let (takes, leaves) = edge(case, step, &words);
            if let Some(place) = takes.and_then(|place| places.get(&place)) {
                clock.join(place);
            }
            let clock = clock.clone();
            if let Some(place) = leaves {
                places.entry(place).or_default().join(&clock);
            }
            for thread in told(case.trace(), step, &words) {
                if let Some(other) = clocks.get_mut(thread as usize) {
                    other.join(&clock);
                }
            }
            if let Op::Joined { child } = step.op
                && let Some(child) = clocks.get(child as usize).cloned()
            {
                clocks[step.thread as usize].join(&child);
            }
            if asked(at) {
                known.insert(at, (step.thread, clocks[step.thread as usize].clone()));
            }
        }
        Self { known }
    }

    /// Whether one of two steps must come after the other.
    pub fn is_ordered(&self, one: usize, other: usize) -> bool {
        let (Some((first, before)), Some((second, after))) = (self.known.get(&one), self.known.get(&other)) else {
            return true;
        };
        after.of(*first) >= before.of(*first) || before.of(*second) >= after.of(*second)
    }
}

/// Threads that learn from a step directly.
fn told(trace: &Trace, step: &Step, left_out: &[u64]) -> Vec<ThreadId> {
    match &step.op {
        Op::Spawn { child } if (*child as usize) < trace.threads.len() => vec![*child],
        Op::FutexWake { address, woken, .. } if !left_out.contains(address) => woken.clone(),
        Op::CondvarNotify { woken, .. } => woken.clone(),
        _ => Vec::new(),
    }
}

/// From which place a step learns, and at which place it leaves what its thread knows.
fn edge(case: &Case<'_>, step: &Step, left_out: &[u64]) -> (Option<u64>, Option<u64>) {
    let both = |place: u64| (Some(place), Some(place));
    match &step.op {
        Op::Io { .. } | Op::Path { .. } => return both(WORLD),
        Op::LockAcquired { address, .. } | Op::LockReleased { address, .. } if left_out.contains(address) => {
            return (None, None);
        }
        Op::LockAcquired { address, kind: PosixLock::Semaphore | PosixLock::Barrier | PosixLock::Once, .. } => {
            return both(*address);
        }
        Op::LockAcquired { address, .. } => return (Some(*address), None),
        Op::LockReleased { address, .. } => return (None, Some(*address)),
        Op::CondvarWait { mutex, .. } => return (None, Some(*mutex)),
        Op::CondvarReturn { address, .. } | Op::FutexReturn { address, .. } if !left_out.contains(address) => {
            return (Some(*address), None);
        }
        Op::CondvarNotify { address, .. } => return (None, Some(*address)),
        _ => {}
    }
    let Some(place) = encoding::address(&step.op) else { return (None, None) };
    let site = case.sites.get(step.stack);
    if left_out.contains(&place) && site.inner().is_some_and(is_of_lock) {
        return (None, None);
    }
    if site.library().iter().any(|frame| is_bookkeeping(&function::plain(&frame.function))) {
        return (None, None);
    }
    let changes = encoding::change(&step.op);
    if site.plain == Plain::ReferenceCount {
        // Who counts up or down learns nothing by it, but for the last.
        let is_last = changes.is_some_and(|change| change.new == 0);
        return ((is_last || changes.is_none()).then_some(place), Some(place));
    }
    let learns = !matches!(step.op, Op::Store { .. });
    (learns.then_some(place), changes.map(|_| place))
}

/// What the standard library does for each thread, and to keep lines whole that are printed: it carries nothing from one to
/// the other that they could go by.
fn is_bookkeeping(function: &str) -> bool {
    let begins = [
        "std::sys::pal::unix::stack_overflow::",
        "std::sys::thread_local::key::",
        "std::panicking::panic_count::",
        "std::thread::id::",
        "std::io::stdio::",
    ];
    begins.iter().any(|begin| function.starts_with(begin))
}

fn is_of_lock(role: Role) -> bool {
    matches!(
        role,
        Role::MutexLock
            | Role::MutexTryLock
            | Role::MutexUnlock
            | Role::RwLockRead
            | Role::RwLockTryRead
            | Role::RwLockReadUnlock
            | Role::RwLockWrite
            | Role::RwLockTryWrite
            | Role::RwLockWriteUnlock
    )
}
