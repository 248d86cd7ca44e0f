//! Recording an execution: every visible operation with its call stack.
//!
//! Only a finding's second performance and a replay are recorded, so nothing here needs to be fast. Unwinding is
//! libgcc's, which every Rust program brings along; it reads the program's frame descriptions and changes nothing that a
//! rewind does not put back.

mod stacks;
mod unwinding;

use crate::arch::KEPT_REGISTERS;
use crate::cause::Reasons;
use crate::interpose;
use crate::state::{Runtime, rt};
use core::ffi::c_void;
use core::ops::Range;
use raddle_engine::random::mix;
use raddle_protocol::trace::{Block, Bound, Conflict, Outcome, StackId, Step, Thread, ThreadId, Trace};
use raddle_protocol::{Cause, Op};
use stacks::Stacks;
use std::collections::{BTreeMap, BTreeSet};
use unwinding::{_Unwind_GetCFA, _Unwind_GetIP};
pub use unwinding::{Latest, unwind};

/// Steps kept at the most: the first, which lead to whatever goes on for so long, and the last.
const MOST_STEPS: usize = 400_000;
/// Of these, the first.
const FIRST_STEPS: usize = 50_000;
/// Schedule points at the end of a long execution, of which everything is kept.
const LAST_POINTS: u64 = 100_000;
/// Frames of all stacks together at the most, of which half may belong to what is no step. Beyond, fewer steps are kept.
const MOST_FRAMES_KEPT: usize = 4_000_000;
/// Bytes of output kept.
const MOST_OUTPUT: usize = 1 << 20;

/// The record under way. Threads have the numbers of the runtime; [`Recorder::into_trace`] gives them those of a trace.
#[derive(Default)]
pub struct Recorder {
    steps: Vec<Step>,
    /// For each of `steps` the entries of the log and the choices that there were when it was recorded.
    marks: Vec<(u64, usize)>,
    steps_cut: u64,
    /// Of the steps, those before the ones that were cut.
    first: usize,
    /// Schedule points between which operations on memory are not kept.
    thinned: Range<u64>,
    stacks: Stacks,
    /// Frames at which steps are cut the next time, beyond [`MOST_FRAMES_KEPT`].
    frames_beyond: usize,
    live: BTreeMap<u64, Block>,
    dead: Vec<Block>,
    spawned: BTreeMap<ThreadId, StackId>,
    output: Vec<u8>,
    output_cut: u64,
    /// Where threads are that wait, and did not take their last step there; at the end also the running one.
    last: BTreeMap<ThreadId, StackId>,
    /// Keep nothing but [`Recorder::digest`].
    digest_only: bool,
    digest: u64,
    /// Where a race was found.
    conflict: Option<u64>,
    /// Steps before the last round.
    round: Option<u64>,
}

unsafe extern "C" {
    fn _Unwind_GetGR(context: *mut c_void, register: i32) -> usize;
}

/// The program's innermost frame.
struct Innermost<'a> {
    /// Its stack pointer; 0 as long as it has not been found.
    sp: u64,
    registers: &'a mut [u64; KEPT_REGISTERS.len()],
}

extern "C" fn on_innermost(context: *mut c_void, argument: *mut c_void) -> i32 {
    const NO_REASON: i32 = 0;
    const NORMAL_STOP: i32 = 4;
    // SAFETY: the unwinder's own context, and the argument given below.
    unsafe {
        if crate::explore::in_runtime(_Unwind_GetIP(context) as u64) {
            return NO_REASON;
        }
        let found = &mut *(argument as *mut Innermost<'_>);
        found.sp = _Unwind_GetCFA(context) as u64;
        for (value, register) in found.registers.iter_mut().zip(KEPT_REGISTERS) {
            *value = _Unwind_GetGR(context, register) as u64;
        }
    }
    NORMAL_STOP
}

/// The stack pointer of the running thread where it has called the runtime, and the registers that a call keeps.
pub fn innermost(registers: &mut [u64; KEPT_REGISTERS.len()]) -> u64 {
    let mut found = Innermost { sp: 0, registers };
    // SAFETY: as for `unwind`.
    unsafe {
        let live = crate::state::LIVE;
        crate::state::LIVE = false;
        interpose::unwinding::_Unwind_Backtrace(on_innermost, (&raw mut found).cast());
        crate::state::LIVE = live;
    }
    found.sp
}

impl Recorder {
    /// A recorder that keeps a hash of all steps and nothing else.
    pub fn digest_only() -> Self {
        Recorder { digest_only: true, ..Recorder::default() }
    }

    /// A recorder of an execution with so many schedule points. Where these are more than can be kept, operations on memory
    /// in the middle are given up from the start: unwinding for each of them takes longer than the whole search may.
    pub fn of_length(points: u64) -> Self {
        let is_long = points > MOST_STEPS as u64;
        let thinned = if is_long { FIRST_STEPS as u64..points - LAST_POINTS } else { 0..0 };
        Recorder { thinned, ..Recorder::default() }
    }

    /// Whether what the running thread has done is given up, since it is one of too many.
    fn gives_up(&mut self, op: &Op, points: u64) -> bool {
        let is_on_memory = matches!(
            op,
            Op::Load { .. }
                | Op::Store { .. }
                | Op::Rmw { .. }
                | Op::CompareExchange { .. }
                | Op::Fence { .. }
                | Op::Yield
        );
        if !is_on_memory || !self.thinned.contains(&points) {
            return false;
        }
        if self.steps_cut == 0 {
            self.first = self.steps.len();
        }
        self.steps_cut += 1;
        true
    }

    /// A race has been found at this place.
    pub fn conflict_at(&mut self, place: u64) {
        self.conflict = Some(place);
    }

    /// Where a race was found, if that is how the execution ended.
    pub fn conflict_place(&self) -> Option<u64> {
        self.conflict
    }

    /// The execution is at its limit, and what has come after so many steps was a round.
    pub fn ends_round(&mut self, from: u64) {
        self.round = Some(from);
    }

    /// Hash of all steps so far: who did what, where, with which values.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Begins anew.
    pub fn clear(&mut self) {
        let thinned = core::mem::take(&mut self.thinned);
        *self = Recorder { digest_only: self.digest_only, thinned, ..Recorder::default() };
    }

    /// Where the program has panicked, as its messages say.
    pub fn panics(&self) -> BTreeSet<String> {
        let output = String::from_utf8_lossy(&self.output);
        let places = output.split("panicked at ").skip(1);
        places.filter_map(|text| text.lines().next()).map(str::to_owned).collect()
    }

    /// Tells findings apart: the same kind of end with the same threads at the same places has the same signature.
    pub fn signature(&self, outcome: &Outcome) -> u64 {
        let kind = match outcome {
            Outcome::Passed => 0,
            Outcome::Exited(status) => 1 + (*status as u64),
            Outcome::Stuck => 1 << 10,
            Outcome::Crashed { signal, .. } => (2 << 10) + *signal as u64,
            Outcome::NoProgress(_) => 3 << 10,
            Outcome::Diverged { .. } => 4 << 10,
            Outcome::NeedsFork(_) => 5 << 10,
            Outcome::Conflict(conflict) => (6 << 10) + conflict.kind as u64,
        };
        let execution = &rt().execution;
        if let Outcome::Conflict(conflict) = outcome {
            return self.places_of(conflict).into_iter().fold(mix(kind), |hash, pc| mix(hash ^ pc));
        }
        let last = self.last_places();
        let mut places: Vec<u64> = last
            .iter()
            .filter(|(id, _)| matches!(execution.schedule.state(**id), raddle_protocol::trace::State::Waiting(_)))
            .map(|(_, stack)| self.stacks.innermost(*stack))
            .filter(|pc| *pc != 0)
            .collect();
        places.sort_unstable();
        places.into_iter().fold(mix(kind), |hash, pc| mix(hash ^ pc))
    }

    /// The code addresses of the two sides of a conflict, the one that came earlier first; 0 where there is none.
    fn places_of(&self, conflict: &Conflict) -> [u64; 2] {
        let execution = &rt().execution;
        let pc = |stack: StackId| self.stacks.innermost(stack);
        let touches = |step: &&Step| address(&step.op).is_some_and(|at| at.abs_diff(conflict.address) < 16);
        let of_earlier =
            |step: &&Step| conflict.earlier.is_some_and(|(thread, _)| execution.number_of(step.thread) == thread);
        let earlier = self.steps.iter().rev().filter(of_earlier).find(touches).map_or(0, |step| pc(step.stack));
        let later = self.last.get(&execution.running).map_or(0, |stack| pc(*stack));
        [earlier, later]
    }

    /// Reasons in terms of the trace that this will be: an entry of the log is where its thread first records something
    /// afterwards.
    pub fn places_of_reasons(&self, reasons: &Reasons, runtime: &Runtime) -> Cause {
        let execution = &runtime.execution;
        let is_kept = |step: &&Step| step.thread == execution.root || step.thread > execution.harness;
        // Those of the harness's threads are left out of a trace.
        let place = |at: usize| self.steps[..at].iter().filter(is_kept).count() as u64;
        // What was recorded between the last kept step before the cut and the first one behind it is gone.
        let behind = self.marks.get(self.first).filter(|_| self.steps_cut > 0).copied().unwrap_or_default();
        let recorded = |entry: usize, thread: ThreadId| {
            let steps = self.steps.iter().zip(&self.marks);
            let found =
                steps.enumerate().find(|(_, (step, (entries, _)))| step.thread == thread && *entries > entry as u64);
            found.filter(|(at, _)| *at < self.first || entry as u64 >= behind.0)
        };
        let performed = |entry: usize, thread: ThreadId| recorded(entry, thread).map(|(at, _)| place(at));
        let last = |thread: ThreadId| self.steps.iter().rposition(|step| step.thread == thread).map(place);
        let pairs = reasons.pairs.iter().filter_map(|pair| {
            let first = performed(pair.entries.0, pair.first.thread)?;
            let second = match pair.entries.1 {
                Some(entry) => performed(entry, pair.second.thread)?,
                None => last(pair.second.thread)?,
            };
            Some((first, second))
        });
        let loaded = |choice: &usize| self.marks.iter().position(|(_, choices)| choices > choice);
        let load = |choice: &usize| loaded(choice).filter(|at| *at < self.first || *choice >= behind.1).map(place);
        let stale = reasons.stale.iter().filter_map(load).collect();
        Cause { tried: reasons.tried, pairs: pairs.collect(), stale, ..Cause::default() }
    }

    fn intern(&mut self, frames: Vec<(u64, u64)>) -> StackId {
        self.stacks.intern(&frames)
    }

    /// Gives up steps in the middle, and what only they lead to.
    fn cut(&mut self) {
        if self.steps_cut == 0 {
            self.first = FIRST_STEPS.min(self.steps.len() / 4);
        }
        let end = self.first + (self.steps.len() - self.first) / 2;
        let end_position = self.steps_cut + end as u64;
        self.steps.drain(self.first..end);
        self.marks.drain(self.first..end);
        self.steps_cut += (end - self.first) as u64;
        let first = self.first as u64;
        self.dead.retain(|block| block.live.0 < first || block.live.1 >= end_position);
        self.give_up_stacks();
        self.frames_beyond = self.stacks.frames().saturating_sub(MOST_FRAMES_KEPT / 2);
    }

    /// Gives up stacks that nothing leads to.
    fn give_up_stacks(&mut self) {
        let Recorder { stacks, steps, live, dead, spawned, last, .. } = self;
        stacks.keep(|each| {
            steps.iter_mut().for_each(|step| each(&mut step.stack));
            for block in live.values_mut().chain(dead) {
                block.allocated.iter_mut().chain(&mut block.freed).for_each(|(_, stack)| each(stack));
            }
            spawned.values_mut().chain(last.values_mut()).for_each(each);
        });
    }

    /// How many steps there were.
    pub fn position(&self) -> u64 {
        self.steps_cut + self.steps.len() as u64
    }

    /// The execution ends here, in the running thread.
    pub fn end(&mut self, outcome: &Outcome) {
        let running = rt().execution.running;
        if !matches!(outcome, Outcome::Stuck) && !self.digest_only {
            let stack = self.intern(unwind());
            self.last.insert(running, stack);
        }
    }

    /// Says where the running thread was, when the present stack is not the place to look (a signal handler's).
    pub fn end_at(&mut self, frames: Vec<(u64, u64)>) {
        let running = rt().execution.running;
        let stack = self.intern(frames);
        self.last.insert(running, stack);
    }

    /// Where each thread was last.
    fn last_places(&self) -> BTreeMap<ThreadId, StackId> {
        let mut places: BTreeMap<ThreadId, StackId> = self.steps.iter().map(|step| (step.thread, step.stack)).collect();
        places.extend(&self.last);
        places
    }

    /// The finished record. The thread that reached the entry becomes number 0, and the test harness's own threads,
    /// which are older, are left out.
    pub fn into_trace(mut self, runtime: &Runtime, outcome: &Outcome) -> Trace {
        let execution = &runtime.execution;
        let renumber = |id: ThreadId| -> Option<ThreadId> {
            if id == execution.root {
                Some(0)
            } else {
                // Threads older than the entry, the root among them, come before all others.
                (id > execution.harness).then(|| id - execution.harness)
            }
        };
        let mut used: BTreeSet<u64> = self.steps.iter().filter_map(|step| address(&step.op)).collect();
        if let Outcome::Conflict(conflict) = outcome {
            used.insert(conflict.address);
        }
        let end = self.position();
        let live = core::mem::take(&mut self.live);
        self.dead.extend(live.into_values().map(|block| Block { live: (block.live.0, end), ..block }));
        self.dead.retain(|block| used.range(block.address..block.address + block.size.max(1)).next().is_some());
        self.give_up_stacks();
        let last = self.last_places();
        let mut threads = Vec::new();
        let order = core::iter::once(execution.root).chain(execution.harness + 1..execution.threads.len() as ThreadId);
        for id in order {
            let data = &execution.threads[id as usize];
            let name = data.name.iter().take_while(|byte| **byte != 0).copied().collect::<Vec<u8>>();
            let name = String::from_utf8_lossy(&name).into_owned();
            let ended = *execution.schedule.state(id) == raddle_protocol::trace::State::Ended;
            threads.push(Thread {
                name: (!name.is_empty() && crate::interpose::threads::named(id)).then_some(name),
                spawned: self.spawned.get(&id).and_then(|stack| Some((renumber(data.parent)?, *stack))),
                stack_low: data.stack_extent.0,
                stack_high: data.stack_extent.1,
                state: renumber_state(
                    crate::interpose::io::polling::plain(execution.schedule.state(id).clone()),
                    &renumber,
                ),
                last: last.get(&id).copied().filter(|_| !ended),
            });
        }
        let mut blocks: Vec<Block> = core::mem::take(&mut self.dead)
            .into_iter()
            .map(|mut block| {
                let renumbered = |(thread, stack)| Some((renumber(thread)?, stack));
                block.allocated = block.allocated.and_then(renumbered);
                block.freed = block.freed.and_then(renumbered);
                block
            })
            .collect();
        blocks.sort_by_key(|block| (block.address, block.live.0));
        // Steps of the harness's threads are left out, so fewer may come before the cut.
        let first = self.steps[..self.first].iter().filter(|step| renumber(step.thread).is_some()).count();
        let steps_before_cut = if self.steps_cut > 0 { first as u64 } else { 0 };
        let round = self.round.filter(|_| matches!(outcome, Outcome::NoProgress(Bound::Round(_))));
        let round = round.map_or(0, |from| self.position() - from);
        let round = self.steps.iter().rev().take(round as usize).filter(|step| renumber(step.thread).is_some()).count();
        let steps = core::mem::take(&mut self.steps)
            .into_iter()
            .filter_map(|mut step| {
                step.thread = renumber(step.thread)?;
                renumber_op(&mut step.op, &renumber);
                Some(step)
            })
            .collect();
        Trace {
            threads,
            steps,
            stacks: self.stacks.into_vec(),
            blocks,
            output: self.output,
            output_cut: self.output_cut,
            steps_cut: self.steps_cut,
            steps_before_cut,
            round: round as u64,
        }
    }
}

/// Records an operation of the running thread, after it has happened.
#[cold]
pub fn step(op: Op) {
    let runtime = rt();
    if let Some(recorder) = runtime.recorder.as_mut()
        && recorder.digest_only
    {
        // How long the world outside takes to answer is not the program's doing.
        if matches!(op, Op::Io { .. }) {
            return;
        }
        let bytes = raddle_protocol::frame::encode(&op);
        let start = mix(recorder.digest ^ u64::from(runtime.execution.running));
        recorder.digest = bytes.chunks(8).fold(start, |hash, chunk| {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            mix(hash ^ u64::from_le_bytes(word))
        });
        return;
    }
    let points = runtime.points;
    if runtime.recorder.as_mut().is_none_or(|recorder| recorder.gives_up(&op, points)) {
        return;
    }
    let frames = unwind();
    let runtime = rt();
    let (thread, time_ns) = (runtime.execution.running, runtime.execution.schedule.now_ns());
    let Some(recorder) = runtime.recorder.as_mut() else { return };
    let stack = recorder.intern(frames);
    if let Op::Spawn { child } = op {
        recorder.spawned.insert(child, stack);
    }
    recorder.steps.push(Step { thread, op, stack, time_ns });
    recorder.marks.push((runtime.execution.schedule.log().len(), runtime.tape.record().len()));
    if recorder.steps.len() > MOST_STEPS || recorder.stacks.frames() > MOST_FRAMES_KEPT + recorder.frames_beyond {
        recorder.cut();
    }
}

/// The running thread begins to wait here, for what becomes a step only when it has come.
#[cold]
pub fn wait_begins() {
    if rt().recorder.as_ref().is_none_or(|recorder| recorder.digest_only) {
        return;
    }
    let frames = unwind();
    let runtime = rt();
    let Some(recorder) = runtime.recorder.as_mut() else { return };
    let stack = recorder.intern(frames);
    recorder.last.insert(runtime.execution.running, stack);
}

/// The running thread goes on after [`wait_begins`].
pub fn wait_ends() {
    let runtime = rt();
    if let Some(recorder) = runtime.recorder.as_mut() {
        recorder.last.remove(&runtime.execution.running);
    }
}

/// Records what a thread has done that does not run now, with where it was seen last.
#[cold]
pub fn step_of(thread: ThreadId, op: Op) {
    let runtime = rt();
    let time_ns = runtime.execution.schedule.now_ns();
    let Some(recorder) = runtime.recorder.as_mut().filter(|recorder| !recorder.digest_only) else { return };
    let stack = recorder.intern(runtime.latest.frames(thread));
    recorder.steps.push(Step { thread, op, stack, time_ns });
    recorder.marks.push((runtime.execution.schedule.log().len(), runtime.tape.record().len()));
}

/// Records an allocation.
#[cold]
pub fn allocated(address: u64, size: u64) {
    if rt().recorder.as_ref().is_none_or(|recorder| recorder.digest_only) {
        return;
    }
    let frames = unwind();
    let runtime = rt();
    let thread = runtime.execution.running;
    let Some(recorder) = runtime.recorder.as_mut() else { return };
    let stack = recorder.intern(frames);
    let from = recorder.position();
    let block = Block { address, size, allocated: Some((thread, stack)), live: (from, from), freed: None };
    recorder.live.insert(address, block);
}

/// Records that a block was given back.
#[cold]
pub fn freed(address: u64) {
    if rt().recorder.as_ref().is_none_or(|recorder| recorder.digest_only) {
        return;
    }
    let frames = unwind();
    let runtime = rt();
    let running = runtime.execution.running;
    let Some(recorder) = runtime.recorder.as_mut() else { return };
    let end = recorder.position();
    if let Some(mut block) = recorder.live.remove(&address) {
        block.live.1 = end;
        block.freed = Some((running, recorder.intern(frames)));
        recorder.dead.push(block);
    }
}

/// Keeps what the program has written to its standard output or error.
#[cold]
pub fn output(bytes: &[u8]) {
    let Some(recorder) = rt().recorder.as_mut() else { return };
    let room = MOST_OUTPUT - recorder.output.len();
    let kept = bytes.len().min(room);
    recorder.output.extend_from_slice(&bytes[..kept]);
    recorder.output_cut += (bytes.len() - kept) as u64;
}

fn address(op: &Op) -> Option<u64> {
    match op {
        Op::Load { address, .. }
        | Op::Store { address, .. }
        | Op::Rmw { address, .. }
        | Op::CompareExchange { address, .. }
        | Op::FutexWait { address, .. }
        | Op::FutexReturn { address, .. }
        | Op::FutexWake { address, .. }
        | Op::LockRequest { address, .. }
        | Op::LockAcquired { address, .. }
        | Op::LockReleased { address, .. }
        | Op::CondvarWait { address, .. }
        | Op::CondvarReturn { address, .. }
        | Op::CondvarNotify { address, .. }
        | Op::LeftAllocated { address, .. }
        | Op::Access { address, .. } => Some(*address),
        _ => None,
    }
}

fn renumber_op(op: &mut Op, renumber: &dyn Fn(ThreadId) -> Option<ThreadId>) {
    match op {
        Op::Spawn { child } | Op::JoinRequest { child } | Op::Joined { child } | Op::Detach { child } => {
            *child = renumber(*child).unwrap_or(0);
        }
        Op::HeldBack { thread } => *thread = renumber(*thread).unwrap_or(0),
        Op::FutexWake { woken, .. } | Op::CondvarNotify { woken, .. } => {
            *woken = woken.iter().filter_map(|id| renumber(*id)).collect();
        }
        _ => {}
    }
}

fn renumber_state(
    state: raddle_protocol::trace::State,
    renumber: &dyn Fn(ThreadId) -> Option<ThreadId>,
) -> raddle_protocol::trace::State {
    use raddle_protocol::trace::{State, Wait};
    match state {
        State::Waiting(Wait::Join(id)) => State::Waiting(Wait::Join(renumber(id).unwrap_or(0))),
        State::Waiting(Wait::Mutex(at, owner)) => State::Waiting(Wait::Mutex(at, owner.and_then(renumber))),
        other => other,
    }
}

/// The same outcome with the thread numbers of a trace.
pub fn renumbered(outcome: Outcome, runtime: &Runtime) -> Outcome {
    match outcome {
        Outcome::Crashed { thread, signal, address, cause } => {
            let execution = &runtime.execution;
            let thread = if thread == execution.root { 0 } else { thread.saturating_sub(execution.harness) };
            Outcome::Crashed { thread, signal, address, cause }
        }
        other => other,
    }
}
