//! A made-up program: traces built call by call, with symbols that know exactly these calls.
//!
//! Addresses are small on purpose, so that one that slips into a text is noticed: [`Scene::finding`] refuses findings in
//! which any of them appears.

use crate::{Context, diagnose, suspects};
use raddle_instrument::symbols::{Origin, SourceFrame, Symbols, Variable};
use raddle_protocol::choice::{Choice, ChoiceKind};
use raddle_protocol::trace::*;
use raddle_protocol::{Cause, Finding, Leaks, RawFinding, Role};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A place in user code: function, line, column.
pub type Place = (&'static str, u32, u32);

/// Where locks of the scene lie.
pub const LOCKS: u64 = 0x51000;
/// Stacks: thread `i` has `STACKS + i * 0x1000 ..`.
pub const STACKS: u64 = 0x71000;

#[derive(Default)]
pub struct Scene {
    pub trace: Trace,
    pub choices: Vec<Choice>,
    pub source: BTreeMap<u32, &'static str>,
    pub passed: u64,
    pub cause: Option<Cause>,
    pub leaks: Option<Leaks>,
    symbols: Fake,
    pcs: u64,
    known: BTreeMap<(String, u32, u32), u64>,
}

#[derive(Default)]
struct Fake {
    frames: BTreeMap<u64, Vec<SourceFrame>>,
    statics: Vec<Variable>,
    libraries: Vec<(std::ops::Range<u64>, &'static str)>,
    locals: Vec<(u64, Variable)>,
}

impl Symbols for Fake {
    fn frames(&self, pc: u64) -> Vec<SourceFrame> {
        self.frames.get(&pc).cloned().unwrap_or_default()
    }
    fn static_at(&self, address: u64) -> Option<Variable> {
        self.statics.iter().find(|variable| variable.address == address).cloned()
    }
    fn library_at(&self, address: u64) -> Option<String> {
        self.libraries.iter().find(|(memory, _)| memory.contains(&address)).map(|(_, name)| (*name).to_owned())
    }
    fn local_at(&self, _pc: u64, cfa: u64, address: u64) -> Option<Variable> {
        self.locals
            .iter()
            .find(|(frame, variable)| *frame == cfa && variable.address == address)
            .map(|(_, v)| v.clone())
    }
    fn role(&self, pc: u64) -> Role {
        raddle_instrument::roles::role(&self.frames(pc))
    }
}

/// A library function on the way: path and origin. Roles are those that the real table gives.
pub type Library = (&'static str, Origin);

pub const fn std_fn(function: &'static str) -> Library {
    (function, Origin::Standard)
}

pub const LOAD: Library = std_fn("core::sync::atomic::AtomicU32::load");
pub const STORE: Library = std_fn("core::sync::atomic::AtomicU32::store");
pub const ADD: Library = std_fn("core::sync::atomic::AtomicU32::fetch_add");
pub const CAS: Library = std_fn("core::sync::atomic::AtomicU32::compare_exchange");
pub const SWAP: Library = std_fn("core::sync::atomic::AtomicU32::swap");
pub const MUTEX_LOCK: Library = std_fn("std::sys::sync::mutex::futex::Mutex::lock");
pub const MUTEX_UNLOCK: Library = std_fn("std::sys::sync::mutex::futex::Mutex::unlock");
pub const CONDVAR_WAIT: Library = std_fn("std::sys::sync::condvar::futex::Condvar::wait_optional_timeout");
pub const FUTEX_WAIT: Library = std_fn("std::sys::pal::unix::futex::futex_wait");

impl Scene {
    pub fn new() -> Self {
        let mut scene = Self::default();
        scene.thread(Some("tests::scene"), None);
        scene
    }

    pub fn thread(&mut self, name: Option<&str>, spawned: Option<Place>) -> ThreadId {
        let id = self.trace.threads.len() as ThreadId;
        let spawned =
            spawned.map(|place| (0, self.stack(0, &[std_fn("std::thread::lifecycle::spawn_unchecked")], place)));
        let stack_low = STACKS + u64::from(id) * 0x1000;
        self.trace.threads.push(Thread {
            name: name.map(str::to_owned),
            spawned,
            stack_low,
            stack_high: stack_low + 0x1000,
            state: State::Ended,
            last: None,
        });
        if let Some((_, stack)) = spawned {
            self.trace.steps.push(Step { thread: 0, op: Op::Spawn { child: id }, stack, time_ns: 0 });
        }
        id
    }

    pub fn pc(&mut self, function: &str, line: u32, column: u32, origin: Origin) -> u64 {
        let key = (function.to_owned(), line, column);
        if let Some(pc) = self.known.get(&key) {
            return *pc;
        }
        self.pcs += 0x10;
        let pc = 0x41000 + self.pcs;
        let file = match origin {
            Origin::User => "/work/bank/src/lib.rs",
            _ => "/library/lib.rs",
        };
        let frame = SourceFrame { function: function.into(), file: Some(file.into()), line, column, origin };
        self.symbols.frames.insert(pc, vec![frame]);
        self.known.insert(key, pc);
        pc
    }

    /// The canonical frame address that the user's frames of a thread have.
    pub fn cfa(thread: ThreadId) -> u64 {
        STACKS + u64::from(thread) * 0x1000 + 0x800
    }

    pub fn stack(&mut self, thread: ThreadId, library: &[Library], place: Place) -> StackId {
        let mut frames = Vec::new();
        for (index, (function, origin)) in library.iter().enumerate() {
            let pc = self.pc(function, 100, 0, *origin);
            frames.push(StackFrame { pc, cfa: Self::cfa(thread) - 0x100 + 0x10 * index as u64 });
        }
        let pc = self.pc(place.0, place.1, place.2, Origin::User);
        frames.push(StackFrame { pc, cfa: Self::cfa(thread) });
        self.push_stack(Stack { frames })
    }

    pub fn push_stack(&mut self, stack: Stack) -> StackId {
        let known = self.trace.stacks.iter().position(|other| *other == stack);
        known.unwrap_or_else(|| {
            self.trace.stacks.push(stack);
            self.trace.stacks.len() - 1
        }) as StackId
    }

    pub fn user_frame(&mut self, thread: ThreadId, place: Place) -> StackFrame {
        let pc = self.pc(place.0, place.1, place.2, Origin::User);
        StackFrame { pc, cfa: Self::cfa(thread) }
    }

    pub fn step(&mut self, thread: ThreadId, op: Op, library: &[Library], place: Place) {
        let stack = self.stack(thread, library, place);
        self.trace.steps.push(Step { thread, op, stack, time_ns: 0 });
    }

    pub fn waits(&mut self, thread: ThreadId, wait: Wait, library: &[Library], place: Place) {
        let stack = self.stack(thread, library, place);
        let state = &mut self.trace.threads[thread as usize];
        (state.state, state.last) = (State::Waiting(wait), Some(stack));
    }

    pub fn runs(&mut self, thread: ThreadId, library: &[Library], place: Place) {
        let stack = self.stack(thread, library, place);
        let state = &mut self.trace.threads[thread as usize];
        (state.state, state.last) = (State::Runnable, Some(stack));
    }

    pub fn static_lock(&mut self, name: &str, address: u64, line: u32) {
        self.symbols.statics.push(Variable {
            name: name.to_owned(),
            type_name: None,
            field: None,
            file: Some("/work/bank/src/lib.rs".to_owned()),
            line,
            address,
        });
    }

    /// The memory of a library's own.
    pub fn library(&mut self, memory: std::ops::Range<u64>, name: &'static str) {
        self.symbols.libraries.push((memory, name));
    }

    pub fn local(&mut self, thread: ThreadId, name: &str, field: &str, address: u64, line: u32) {
        let variable = Variable {
            name: name.to_owned(),
            type_name: None,
            field: Some(field.to_owned()),
            file: Some("/work/bank/src/lib.rs".to_owned()),
            line,
            address,
        };
        self.symbols.locals.push((Self::cfa(thread), variable));
    }

    pub fn block(&mut self, address: u64, size: u64, maker: &'static str, place: Place) {
        let stack = self.stack(0, &[std_fn(maker)], place);
        self.trace.blocks.push(Block { address, size, allocated: Some((0, stack)), live: (0, u64::MAX), freed: None });
    }

    // Library calls, operation by operation.

    pub fn lock(&mut self, thread: ThreadId, address: u64, place: Place) {
        let op = cas(address, 0, 0, 1);
        self.step(thread, op, &[CAS, MUTEX_LOCK], place);
    }

    pub fn lock_waits(&mut self, thread: ThreadId, address: u64, place: Place) {
        self.step(thread, cas(address, 0, 1, 1), &[CAS, MUTEX_LOCK], place);
        self.step(thread, load(address, 1), &[LOAD, MUTEX_LOCK], place);
        self.step(thread, rmw(address, 1, 2), &[SWAP, MUTEX_LOCK], place);
        self.step(thread, futex_wait(address, 2), &[FUTEX_WAIT, MUTEX_LOCK], place);
        self.waits(thread, Wait::Futex(address), &[FUTEX_WAIT, MUTEX_LOCK], place);
    }

    pub fn lock_gets(&mut self, thread: ThreadId, address: u64, place: Place) {
        self.step(thread, Op::FutexReturn { address, end: WaitEnd::Woken }, &[FUTEX_WAIT, MUTEX_LOCK], place);
        self.step(thread, rmw(address, 0, 2), &[SWAP, MUTEX_LOCK], place);
        self.trace.threads[thread as usize].state = State::Ended;
    }

    pub fn unlock(&mut self, thread: ThreadId, address: u64, woken: &[ThreadId], place: Place) {
        self.step(thread, rmw(address, 1, 0), &[SWAP, MUTEX_UNLOCK], place);
        if !woken.is_empty() {
            let op = Op::FutexWake { address, asked: 1, woken: woken.to_vec() };
            self.step(thread, op, &[MUTEX_UNLOCK], place);
        }
    }

    pub fn condvar_wait(&mut self, thread: ThreadId, condvar: u64, mutex: u64, place: Place) {
        self.step(thread, load(condvar, 0), &[LOAD, CONDVAR_WAIT], place);
        self.step(thread, rmw(mutex, 1, 0), &[SWAP, MUTEX_UNLOCK, CONDVAR_WAIT], place);
        self.step(thread, futex_wait(condvar, 0), &[FUTEX_WAIT, CONDVAR_WAIT], place);
        self.waits(thread, Wait::Futex(condvar), &[FUTEX_WAIT, CONDVAR_WAIT], place);
    }

    pub fn notify_all(&mut self, thread: ThreadId, condvar: u64, woken: &[ThreadId], place: Place) {
        const NOTIFY: Library = std_fn("std::sys::sync::condvar::futex::Condvar::notify_all");
        self.step(thread, rmw(condvar, 0, 1), &[ADD, NOTIFY], place);
        let op = Op::FutexWake { address: condvar, asked: i32::MAX as u32, woken: woken.to_vec() };
        self.step(thread, op, &[NOTIFY], place);
    }

    pub fn join_waits(&mut self, thread: ThreadId, child: ThreadId, place: Place) {
        const JOIN: Library = std_fn("std::thread::lifecycle::JoinInner<T>::join");
        self.step(thread, Op::JoinRequest { child }, &[JOIN], place);
        self.waits(thread, Wait::Join(child), &[JOIN], place);
    }

    pub fn finding(self, outcome: Outcome) -> Finding {
        self.execution(outcome, 7)
    }

    /// Of the execution without preemption.
    pub fn first(self, outcome: Outcome) -> Finding {
        self.execution(outcome, 0)
    }

    /// What is told of that one although it is no failure of the search.
    pub fn first_suspects(self, outcome: Outcome) -> Vec<Finding> {
        let raw = self.raw(outcome, 0);
        self.with_context(|symbols, context| suspects(&raw, symbols, context))
    }

    fn execution(self, outcome: Outcome, execution: u64) -> Finding {
        let raw = self.raw(outcome, execution);
        self.diagnose(&raw)
    }

    pub fn raw(&self, outcome: Outcome, execution: u64) -> RawFinding {
        let preemption = Choice { kind: ChoiceKind::Thread, options: 2, taken: 1 };
        RawFinding {
            choices: self.choices.iter().cloned().chain([preemption]).collect(),
            trace: self.trace.clone(),
            cause: self.cause.clone(),
            ..RawFinding::new(outcome, execution)
        }
    }

    pub fn diagnose(&self, raw: &RawFinding) -> Finding {
        let finding = self.with_context(|symbols, context| diagnose(raw, symbols, context));
        let text = format!("{finding:?}");
        for address in ["0x", "33177", "33178", "46694", "26624"] {
            assert!(!text.contains(address), "an address is shown: {text}");
        }
        finding
    }

    fn with_context<T>(&self, work: impl FnOnce(&dyn Symbols, &Context<'_>) -> T) -> T {
        let source = |path: &str, line: u32| {
            assert_eq!(path, "/work/bank/src/lib.rs");
            self.source.get(&line).map(|text| (*text).to_owned())
        };
        let context = Context {
            test: "tests::scene".to_owned(),
            root: PathBuf::from("/work/bank"),
            seed: 42,
            passed: self.passed,
            failed: 1,
            leaks: self.leaks,
            source: &source,
        };
        work(&self.symbols, &context)
    }
}

pub fn cas(address: u64, expected: u64, old: u64, new: u64) -> Op {
    Op::CompareExchange { address, size: 4, order: Order::Acquire, expected, old, new, done: expected == old }
}

pub fn rmw(address: u64, old: u64, new: u64) -> Op {
    Op::Rmw { address, size: 4, order: Order::AcqRel, old, new }
}

pub fn load(address: u64, value: u64) -> Op {
    Op::Load { address, size: 4, order: Order::SeqCst, value }
}

pub fn store(address: u64, value: u64) -> Op {
    Op::Store { address, size: 4, order: Order::SeqCst, value }
}

pub fn futex_wait(address: u64, expected: u32) -> Op {
    Op::FutexWait { address, expected, timed: false }
}
