//! Whether an execution that does not end goes round in circles: the proof that it never will.
//!
//! An execution is a function of the program's memory, its threads' registers, and the choices made. When all of that is
//! as it was so many points before, and every thread that can run has had its turn in between, then the same choices can be
//! made again and again, and the execution that comes of it is endless although nobody is kept from running: a fair
//! non-progress cycle, as model checkers call it (Holzmann, *The SPIN Model Checker*, 2004, chapter 4). What it is (a
//! livelock, starvation) is judged on its record.
//!
//! Looked for where an execution is about to reach its limit of points. First the threads are watched: at each point, the
//! running thread's stack and the registers that a call keeps. If that has repeated for long enough, one round more is
//! performed, and what is there before it is compared with what is there after it: the stacks, all other memory, who waits
//! for what and for how long yet.
//!
//! A frame has bytes that nobody has written yet, in which there is what the runtime has left there: its clocks, which never
//! repeat. So an execution that seems to go round is performed once more, and bytes of a stack that are not the same in both
//! performances at the same point are left out: the program does the same in both, so it does not depend on them.
//!
//! Not taken for a round: one in which a clock is read or somebody waits for a deadline, random numbers are drawn, a loaded
//! value is not the latest, anything goes in or out, or a thread is created; or in which nobody changes anything. Cannot see:
//! a round that counts its laps in memory, or writes them down, since a program that counts may stop; one longer than
//! [`LONGEST`] points.

use crate::arch::KEPT_REGISTERS;
use crate::explore::left_out;
use crate::record::innermost;
use crate::snapshot;
use crate::state::{Runtime, rt};
use raddle_engine::log::Event;
use raddle_engine::random::{Random, mix};
use raddle_engine::schedule::Situation;
use raddle_engine::{AccessKind, Schedule};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{State, ThreadId, Wait};

/// Points of a round at the most.
const LONGEST: usize = 400;

/// Points for which the threads are watched before a round is believed in.
const WATCHED: usize = 3 * LONGEST;

/// Points before the limit at which that begins.
const AHEAD: u64 = (WATCHED + 2 * LONGEST + 1) as u64;

/// Points of an execution that goes round and is looked for, at the least.
pub const SHORTEST: u64 = 3 * AHEAD;

/// What is known of the present execution's rounds.
#[derive(Default)]
pub struct Rounds {
    /// The limit.
    steps: u64,
    /// Points at which to look again.
    due: u64,
    /// Who has been at the points looked at, in what state of its own.
    seen: Vec<(ThreadId, u64)>,
    /// The running thread's stack at the last of these points.
    stacks: Vec<Vec<u8>>,
    /// The same of the last performance of this execution.
    before_that: Vec<Vec<u8>>,
    /// Points of a round.
    period: usize,
    /// What was there before the last round, and before the rounds before that: what looks like one to a thread may take
    /// several for all to be as it was.
    before: Vec<Moment>,
    closed: bool,
}

/// All that decides how an execution goes on, but for the running thread's own stack.
struct Moment {
    memory: u64,
    situation: Situation,
    random: Random,
    choices: usize,
    entries: u64,
    /// Steps recorded.
    recorded: u64,
}

/// Rounds as the threads see them, which together may make up one, at the most.
const LAPS: usize = 8;

impl Rounds {
    /// An execution with so many points at the most begins.
    pub fn begin(&mut self, steps: u64) {
        let due = if steps >= SHORTEST { steps - AHEAD } else { steps };
        let before_that = core::mem::take(&mut self.before_that);
        *self = Rounds { steps, due, before_that, ..Rounds::default() };
    }

    /// Whether it is worth it to perform the execution that has just ended again; what is known of it is kept for that.
    pub fn is_to_be_confirmed(&mut self) -> bool {
        let seems_so = self.period > 0 && !self.closed && self.before_that.is_empty();
        self.before_that = if seems_so { core::mem::take(&mut self.stacks) } else { Vec::new() };
        seems_so
    }

    /// The execution has been performed again: what was kept for that has served its purpose.
    pub fn forget(&mut self) {
        self.before_that = Vec::new();
    }

    /// Whether the execution is near its limit, and has been looked at.
    pub fn is_watched(&self) -> bool {
        !self.seen.is_empty()
    }

    /// The limit.
    pub fn limit(&self) -> u64 {
        self.steps
    }

    /// Points at which [`look`] is to be called.
    pub fn due(&self) -> u64 {
        self.due
    }

    /// Whether the execution's last points are a round.
    pub fn closed(&self) -> bool {
        self.closed
    }

    /// There is none.
    fn give_up(&mut self) {
        self.due = self.steps;
        self.period = 0;
        self.before.clear();
    }

    /// Whether the stacks of the last round are those of the round before, but for what is not the program's.
    fn stacks_repeat(&self, period: usize) -> bool {
        let (now, then) = (&self.stacks, &self.before_that);
        let same = |at: usize| {
            let stacks = [&now[at], &now[at - period], &then[at], &then[at - period]];
            let lengths_differ = stacks.iter().any(|stack| stack.len() != stacks[0].len());
            let is_same = |byte: usize| {
                let [here, earlier, there, earlier_there] = stacks.map(|stack| stack[byte]);
                here == earlier || here != there || earlier != earlier_there
            };
            !lengths_differ && (0..stacks[0].len()).all(is_same)
        };
        now.len() == then.len() && now.len() >= 2 * period && (now.len() - period..now.len()).all(same)
    }

    /// The length of the round that has been seen again and again.
    fn repeated(&self) -> Option<usize> {
        (1..=LONGEST).find(|period| self.seen[*period..] == self.seen[..self.seen.len() - period])
    }
}

/// The running thread is at a point that is to be looked at.
pub fn look() {
    let runtime = rt();
    if !runtime.explores() || runtime.plan.world.real_time {
        return runtime.rounds.give_up();
    }
    let running = runtime.execution.running;
    let mut registers = [0; KEPT_REGISTERS.len()];
    let sp = innermost(&mut registers);
    let own = registers.iter().fold(mix(sp), |hash, value| mix(hash ^ value));
    let Some(stack) = stack(rt(), running, sp) else { return rt().rounds.give_up() };
    let runtime = rt();
    let rounds = &mut runtime.rounds;
    rounds.seen.push((running, own));
    if rounds.period > 0 {
        rounds.stacks.push(stack.to_vec());
    }
    rounds.due = (runtime.points + 1).min(rounds.steps);
    let seen = rounds.seen.len();
    if seen == WATCHED {
        match rounds.repeated() {
            Some(period) => rounds.period = period,
            None => return rounds.give_up(),
        }
    }
    if seen > WATCHED && rounds.seen[seen - 1] != rounds.seen[seen - 1 - rounds.period] {
        return rounds.give_up();
    }
    let left = (rounds.steps - runtime.points.min(rounds.steps)) as usize;
    if left == 0 {
        close(runtime);
    } else if rounds.period > 0 && left.is_multiple_of(rounds.period) && left <= LONGEST.min(LAPS * rounds.period) {
        match Moment::now(runtime) {
            Some(moment) => runtime.rounds.before.push(moment),
            None => runtime.rounds.give_up(),
        }
    }
}

/// The execution is at its limit.
fn close(runtime: &mut Runtime) {
    let Some(now) = Moment::now(runtime).filter(|_| runtime.rounds.period > 0) else { return };
    let rounds = runtime.rounds.before.iter().rev().zip(1..);
    let lengths = rounds.map(|(before, laps)| (before, laps * runtime.rounds.period));
    let found = lengths.into_iter().find(|(before, length)| is_round(runtime, before, &now, *length));
    let Some(recorded) = found.map(|(before, _)| before.recorded) else { return };
    runtime.rounds.closed = true;
    if let Some(recorder) = runtime.recorder.as_mut() {
        recorder.ends_round(recorded);
    }
}

/// A thread's stack from this address on.
fn stack(runtime: &Runtime, thread: ThreadId, from: u64) -> Option<&[u8]> {
    let (low, high) = runtime.execution.threads[thread as usize].stack_extent;
    let is_in = (low..high).contains(&from);
    // SAFETY: the part of the stack that is in use.
    is_in.then(|| unsafe { core::slice::from_raw_parts(from as *const u8, (high - from) as usize) })
}

impl Moment {
    /// The present one; `None` where it cannot be told.
    fn now(runtime: &Runtime) -> Option<Moment> {
        let execution = &runtime.execution;
        let schedule = &execution.schedule;
        let mut memory = snapshot::digest(execution, left_out())?;
        // Those of the threads that run are compared point by point.
        let has_run = |thread: &ThreadId| runtime.rounds.seen.iter().any(|(seen, _)| seen == thread);
        for thread in threads(runtime).filter(|id| *schedule.state(*id) != State::Ended && !has_run(id)) {
            let stack = stack(runtime, thread, execution.threads[thread as usize].sp)?;
            memory = mix(memory ^ snapshot::hash_of(stack));
        }
        Some(Moment {
            memory,
            situation: schedule.situation(),
            random: execution.random.clone(),
            choices: runtime.tape.record().len(),
            entries: schedule.log().len(),
            recorded: runtime.recorder.as_ref().map_or(0, |recorder| recorder.position()),
        })
    }
}

/// The threads that are the test's.
fn threads(runtime: &Runtime) -> impl Iterator<Item = ThreadId> {
    let (root, harness) = (runtime.execution.root, runtime.execution.harness);
    let all = runtime.execution.threads.len() as ThreadId;
    (0..all).filter(move |thread| *thread == root || *thread > harness)
}

/// Whether the execution is where it was at that moment, so many points ago, and can get there again.
fn is_round(runtime: &Runtime, before: &Moment, now: &Moment, length: usize) -> bool {
    let schedule = &runtime.execution.schedule;
    let is_same = now.memory == before.memory && now.situation == before.situation && now.random == before.random;
    let round = &runtime.rounds.seen[runtime.rounds.seen.len() - length..];
    let has_run = |thread: &ThreadId| round.iter().any(|(seen, _)| seen == thread);
    let is_fair = threads(runtime).filter(|id| *schedule.state(*id) == State::Runnable).all(|id| has_run(&id));
    let usual = |choice: &raddle_protocol::Choice| choice.kind == ChoiceKind::Thread || choice.taken == 0;
    let is_usual = runtime.tape.record()[before.choices..].iter().all(usual);
    is_same
        && is_fair
        && is_usual
        && runtime.rounds.stacks_repeat(length)
        && !is_of_the_world(runtime)
        && !waits_for_time(runtime)
        && changes(schedule, before.entries)
}

/// Whether somebody waits for a deadline: that is reached some time, however others go round.
fn waits_for_time(runtime: &Runtime) -> bool {
    threads(runtime).any(|id| runtime.execution.schedule.deadline(id).is_some())
}

/// Whether something may come from outside.
fn is_of_the_world(runtime: &Runtime) -> bool {
    let schedule = &runtime.execution.schedule;
    let waits = |id: ThreadId| matches!(schedule.state(id), State::Waiting(Wait::Descriptor(_)));
    crate::interpose::children::any() || runtime.execution.signals.due > 0 || threads(runtime).any(waits)
}

/// Whether the log from this entry on tells of changes to memory, and of nothing else that is done to the process.
fn changes(schedule: &Schedule, from: u64) -> bool {
    let log = schedule.log();
    let Some(kept) = (log.len() - from).try_into().ok().and_then(|new: usize| log.steps().len().checked_sub(new))
    else {
        return false;
    };
    let new = &log.steps()[kept..];
    let is_more = |event: Event, kind: AccessKind| event == Event::Spawned || kind == AccessKind::Io;
    let changes = |kind: AccessKind| matches!(kind, AccessKind::Write | AccessKind::Update | AccessKind::Lock);
    !new.iter().any(|entry| is_more(entry.event, entry.access.kind))
        && new.iter().any(|entry| entry.event == Event::Performed && changes(entry.access.kind))
}
