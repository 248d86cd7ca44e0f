//! Reads a trace from beginning to end: the actions of its threads, the objects they act on, and what each thread was
//! doing at the end.
//!
//! Operations with a meaning of their own (threads, the POSIX lock family, time, input and output) are translated here;
//! the rest go to [`crate::calls`].

use crate::action::{Action, What};
use crate::calls::{Calls, OpenWait};
use crate::kinds;
use crate::object::{Object, ObjectKind, Objects};
use crate::paths::PathUse;
use crate::site::Sites;
use raddle_engine::waits::{self, Final, Mode, WaitFor};
use raddle_protocol::trace::{Op, PosixLock, State, Step, ThreadId, Trace, Wait, WaitEnd};
use std::collections::BTreeMap;

/// `ENOENT`.
const NOT_THERE: i32 = 2;

/// A trace understood.
pub struct Reading {
    /// What happened, in order.
    pub actions: Vec<Action>,
    /// On what.
    pub objects: Objects,
    /// What each thread was doing at the end.
    pub finals: Vec<Final>,
    /// Locks that were taken before the trace begins.
    unseen: Vec<waits::Event>,
}

impl Reading {
    /// Reads `trace`.
    pub fn new(trace: &Trace, sites: &Sites) -> Self {
        let mut reader =
            Reader { trace, calls: Calls::new(trace, sites), requests: BTreeMap::new(), unseen: Vec::new() };
        for (at, step) in trace.steps.iter().enumerate() {
            reader.step(at, step);
        }
        let finals = (0..trace.threads.len() as ThreadId).map(|thread| reader.final_state(thread, sites)).collect();
        reader.calls.finish();
        Self { actions: reader.calls.actions, objects: reader.calls.objects, finals, unseen: reader.unseen }
    }

    /// The lock and notification events, for the wait judgement.
    pub fn events(&self) -> Vec<waits::Event> {
        self.unseen.iter().cloned().chain(self.actions.iter().filter_map(Action::event)).collect()
    }
}

struct Reader<'a> {
    trace: &'a Trace,
    calls: Calls<'a>,
    /// POSIX requests that have not been granted: at which step each thread made its own.
    requests: BTreeMap<ThreadId, usize>,
    unseen: Vec<waits::Event>,
}

impl Reader<'_> {
    fn step(&mut self, at: usize, step: &Step) {
        let what = match &step.op {
            Op::Load { .. }
            | Op::Store { .. }
            | Op::Rmw { .. }
            | Op::CompareExchange { .. }
            | Op::FutexWait { .. }
            | Op::FutexReturn { .. }
            | Op::FutexWake { .. } => return self.calls.low_level(at, step),
            Op::LockRequest { .. } => {
                self.requests.insert(step.thread, at);
                return;
            }
            Op::LockAcquired { address, kind, ok } => return self.posix_acquired(at, step, *address, *kind, *ok),
            Op::LockReleased { address, kind } => return self.posix_released(at, step, *address, *kind),
            Op::CondvarWait { address, mutex, .. } => {
                let mutex = self.object(*mutex, ObjectKind::Mutex, at);
                self.within(at, step, What::Released, mutex);
                let condvar = self.object(*address, ObjectKind::Condvar, at);
                return self.calls.push(at, step, What::WaitBegun, Some(condvar));
            }
            Op::CondvarReturn { address, mutex, end } => {
                let condvar = self.object(*address, ObjectKind::Condvar, at);
                self.calls.push(at, step, What::WaitEnded(*end), Some(condvar));
                let mutex = self.object(*mutex, ObjectKind::Mutex, at);
                return self.within(at, step, What::Acquired(Mode::Exclusive), mutex);
            }
            Op::CondvarNotify { address, all, woken } => {
                let condvar = self.object(*address, ObjectKind::Condvar, at);
                let what = What::Notified { woken: woken.clone(), all: *all, remembered: false };
                return self.calls.push(at, step, what, Some(condvar));
            }
            Op::Begin => What::Began,
            Op::End => What::Ended,
            Op::Spawn { child } => What::Spawned(*child),
            Op::JoinRequest { child } => What::JoinBegun(vec![*child]),
            Op::Joined { child } => What::Joined(vec![*child]),
            Op::Yield | Op::Sleep { .. } | Op::Io { .. } if self.calls.inside_call(step) => return,
            Op::Yield => What::Yielded,
            Op::Sleep { ns } => What::Slept(*ns),
            Op::Stalled { ns } => What::Stalled(*ns),
            Op::HeldBack { thread } => What::HeldBack(*thread),
            Op::Cancelled => What::Cancelled,
            Op::Io { call, blocked, .. } => What::Io { call: call.clone(), blocked: *blocked },
            Op::Access { address, access, .. } => {
                let object = self.object(*address, ObjectKind::Memory, at);
                return self.calls.push(at, step, What::Accessed(*access), Some(object));
            }
            Op::Path { path, call, errno } => {
                What::Path(PathUse { path: path.clone(), call: *call, done: *errno == 0, missing: *errno == NOT_THERE })
            }
            Op::Opened { descriptor } => What::Opened(*descriptor),
            Op::LeftOpen { descriptor } => What::LeftOpen(*descriptor),
            Op::Fence { .. }
            | Op::Detach { .. }
            | Op::Woke
            | Op::Returned
            | Op::LeftAllocated { .. }
            | Op::Computed { .. } => return,
        };
        self.calls.push(at, step, what, None);
    }

    fn object(&mut self, address: u64, kind: ObjectKind, at: usize) -> waits::Object {
        self.calls.objects.at(address, kind, at)
    }

    /// The mutex that belongs to a condition: not a step of its own.
    fn within(&mut self, at: usize, step: &Step, what: What, mutex: waits::Object) {
        self.calls.push(at, step, what, Some(mutex));
        if let Some(action) = self.calls.actions.last_mut() {
            action.within = Some(raddle_protocol::Role::CondvarWait);
        }
    }

    fn posix_acquired(&mut self, at: usize, step: &Step, address: u64, kind: PosixLock, ok: bool) {
        let (object_kind, mode) = posix(kind);
        let object = self.object(address, object_kind, at);
        // A request that was granted at once is no wait.
        let asked = self.requests.remove(&step.thread).filter(|asked| asked + 1 < at);
        let lock = is_lock(kind);
        if let Some(asked) = asked {
            let request = &self.trace.steps[asked];
            let what = if lock { What::Requested(mode) } else { What::WaitBegun };
            self.calls.push(asked, request, what, Some(object));
        }
        let what = match (lock, ok, asked) {
            (true, true, _) => What::Acquired(mode),
            (true, false, _) => What::Refused(mode),
            (false, true, Some(_)) => What::WaitEnded(WaitEnd::Woken),
            (false, false, Some(_)) => What::WaitEnded(WaitEnd::TimedOut),
            (false, _, None) => What::Passed,
        };
        self.calls.push(at, step, what, Some(object));
    }

    fn posix_released(&mut self, at: usize, step: &Step, address: u64, kind: PosixLock) {
        let object = self.object(address, posix(kind).0, at);
        let what = if is_lock(kind) {
            What::Released
        } else {
            What::Notified { woken: Vec::new(), all: false, remembered: true }
        };
        self.calls.push(at, step, what, Some(object));
    }

    /// What a thread was doing at the end.
    fn final_state(&mut self, thread: ThreadId, sites: &Sites) -> Final {
        let Some(known) = self.trace.threads.get(thread as usize) else { return Final::Runnable };
        let wait = match known.state {
            State::Runnable => {
                let spins = self.calls.spins(thread);
                return spins.map_or(Final::Runnable, |wait| Final::Waiting(wait.what, wait.since));
            }
            State::Ended => return Final::Ended,
            State::Waiting(wait) => wait,
        };
        let last_step = self.trace.steps.iter().rposition(|step| step.thread == thread);
        let asked = self.requests.get(&thread).copied().or(last_step);
        let end = self.trace.steps.len().saturating_sub(1);
        let lock = |reader: &mut Self, address: u64, kind: ObjectKind, mode: Mode| {
            let object = reader.object(address, kind, end);
            if let Some(request) = asked.and_then(|at| reader.trace.steps.get(at)) {
                reader.calls.push(asked.unwrap_or(end), request, What::Requested(mode), Some(object));
            }
            Final::Waiting(WaitFor::Lock(object, mode), asked)
        };
        match wait {
            Wait::Futex(address) => {
                let open = self.calls.open_wait(thread).or_else(|| self.cut_wait(known.last, address, sites));
                match open {
                    Some(OpenWait { what, since }) => Final::Waiting(what, since.or(last_step)),
                    None => {
                        let object = self.object(address, ObjectKind::Futex, end);
                        Final::Waiting(WaitFor::Notification(object), last_step)
                    }
                }
            }
            Wait::Mutex(address, owner) => {
                let state = lock(self, address, ObjectKind::Mutex, Mode::Exclusive);
                if let Final::Waiting(WaitFor::Lock(object, mode), _) = state {
                    self.supply_owner(object, mode, owner);
                }
                state
            }
            Wait::RwLock(address, write) => {
                let mode = if write { Mode::Exclusive } else { Mode::Shared };
                lock(self, address, ObjectKind::RwLock, mode)
            }
            Wait::FileLock(address, exclusive) => {
                let mode = if exclusive { Mode::Exclusive } else { Mode::Shared };
                lock(self, address, ObjectKind::FileLock, mode)
            }
            Wait::Once(address) => lock(self, address, ObjectKind::Once, Mode::Exclusive),
            Wait::Condvar(address) => self.signal(address, ObjectKind::Condvar, last_step),
            Wait::Barrier(address) => self.signal(address, ObjectKind::Barrier, asked),
            Wait::Semaphore(address) => self.signal(address, ObjectKind::Semaphore, asked),
            Wait::Join(child) => Final::Waiting(WaitFor::Ends(vec![child]), last_step),
            Wait::Descriptor(number) => {
                let object =
                    Object { address: number as u64, block: None, kind: ObjectKind::Descriptor, first: last_step };
                let object = self.calls.objects.add(object);
                // A call that has not come to its end is no step: the last one may have been taken elsewhere.
                let since = last_step.filter(|at| Some(self.trace.steps[*at].stack) == known.last);
                Final::Waiting(WaitFor::Notification(object), since)
            }
            Wait::Sleep => Final::Runnable,
        }
    }

    fn signal(&mut self, address: u64, kind: ObjectKind, since: Option<usize>) -> Final {
        let object = self.object(address, kind, self.trace.steps.len().saturating_sub(1));
        if let (Some(at), true) = (since, kind != ObjectKind::Condvar) {
            let step = &self.trace.steps[at];
            self.calls.push(at, step, What::WaitBegun, Some(object));
        }
        Final::Waiting(WaitFor::Notification(object), since)
    }

    /// A wait whose beginning is not in the trace: what the thread's stack says.
    fn cut_wait(&mut self, stack: Option<u32>, address: u64, sites: &Sites) -> Option<OpenWait> {
        let site = sites.get(stack?);
        let (inner, outer) = (site.inner()?, site.outer()?);
        let end = self.trace.steps.len().saturating_sub(1);
        let what = if let Some((mode, _, kind)) = kinds::lock_role(inner) {
            WaitFor::Lock(self.object(address, kind, end), mode)
        } else if kinds::is_once(inner) {
            WaitFor::Lock(self.object(address, ObjectKind::Once, end), Mode::Exclusive)
        } else {
            WaitFor::Notification(self.object(address, kinds::signal_role(outer)?, end))
        };
        Some(OpenWait { what, since: None })
    }

    /// The runtime knows who owns a POSIX mutex even when the trace does not show the acquisition.
    fn supply_owner(&mut self, object: waits::Object, mode: Mode, owner: Option<ThreadId>) {
        let events: Vec<_> = self.calls.actions.iter().filter_map(Action::event).collect();
        let known = !waits::Holds::after(&events).of(object).is_empty();
        if let (Some(thread), false) = (owner, known) {
            self.unseen.push(waits::Event { at: None, thread, object, kind: waits::Kind::Acquired(mode) });
        }
    }
}

/// Kind and mode of a POSIX object.
fn posix(kind: PosixLock) -> (ObjectKind, Mode) {
    match kind {
        PosixLock::Mutex | PosixLock::Spin => (ObjectKind::Mutex, Mode::Exclusive),
        PosixLock::Read => (ObjectKind::RwLock, Mode::Shared),
        PosixLock::Write => (ObjectKind::RwLock, Mode::Exclusive),
        PosixLock::FileShared => (ObjectKind::FileLock, Mode::Shared),
        PosixLock::FileExclusive => (ObjectKind::FileLock, Mode::Exclusive),
        PosixLock::Semaphore => (ObjectKind::Semaphore, Mode::Exclusive),
        PosixLock::Barrier => (ObjectKind::Barrier, Mode::Exclusive),
        PosixLock::Once => (ObjectKind::Once, Mode::Exclusive),
    }
}

/// Whether a POSIX object has an owner.
fn is_lock(kind: PosixLock) -> bool {
    !matches!(kind, PosixLock::Semaphore | PosixLock::Barrier)
}
