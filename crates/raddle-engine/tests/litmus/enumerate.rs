//! The naive twin of the machine: visits every state that a program can be in, breadth first, without [`Schedule`] and
//! without wake-ups for locks: an operation that would wait is simply not enabled.
//!
//! [`Schedule`]: raddle_engine::Schedule

use crate::program::{Memory, OBJECTS, Op, Outcome, Program};
use std::collections::{BTreeMap, BTreeSet};

/// Where a sleeper waits to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Futex(usize),
    Condition(usize),
    /// By time alone.
    Nowhere,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    Unborn,
    Awake,
    Asleep { deadline: Option<u64>, timed_out: Option<usize> },
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct World {
    memory: Memory,
    lives: Vec<Life>,
    locks: [Option<usize>; OBJECTS],
    permits: [u8; OBJECTS],
    /// Sleepers in order of arrival.
    sleepers: Vec<(Place, usize)>,
    now: u64,
}

/// Every outcome that the program has under sequential consistency.
pub fn outcomes(program: &Program) -> BTreeSet<Outcome> {
    let beginning = World::new(program);
    let (mut seen, mut next) = (BTreeSet::from([beginning.clone()]), vec![beginning]);
    let mut outcomes = BTreeSet::new();
    while let Some(world) = next.pop() {
        let after = world.after(program);
        if after.is_empty() {
            outcomes.insert(world.outcome());
        }
        next.extend(after.into_iter().filter(|world| seen.insert(world.clone())));
    }
    outcomes
}

/// In how many orders the operations of the program can happen. For programs without loops.
pub fn interleavings(program: &Program) -> u64 {
    fn count(world: World, program: &Program, known: &mut BTreeMap<World, u64>) -> u64 {
        if let Some(count) = known.get(&world) {
            return *count;
        }
        let after = world.after(program);
        let ways = if after.is_empty() { 1 } else { after.into_iter().map(|world| count(world, program, known)).sum() };
        known.insert(world, ways);
        ways
    }
    count(World::new(program), program, &mut BTreeMap::new())
}

impl World {
    fn new(program: &Program) -> Self {
        let life = |thread| if program.is_spawned(thread) { Life::Unborn } else { Life::Awake };
        World {
            memory: Memory::new(program),
            lives: (0..program.threads.len()).map(life).collect(),
            locks: [None; OBJECTS],
            permits: [0; OBJECTS],
            sleepers: Vec::new(),
            now: 0,
        }
    }

    fn outcome(&self) -> Outcome {
        let stuck = |thread: &usize| !matches!(self.lives[*thread], Life::Ended | Life::Unborn);
        Outcome {
            variables: self.memory.variables,
            registers: self.memory.registers.clone(),
            stuck: (0..self.lives.len()).filter(stuck).collect(),
            now: self.now,
        }
    }

    /// All worlds that one step leads to. Time moves when there is no other step.
    fn after(&self, program: &Program) -> Vec<World> {
        let mut after = Vec::new();
        for thread in 0..self.lives.len() {
            let Some(op) = self.enabled(program, thread) else { continue };
            for fails in [false, true] {
                if fails && !op.is_some_and(|op| self.memory.may_fail(op)) {
                    continue;
                }
                let mut world = self.clone();
                world.step(program, thread, op, fails);
                after.push(world);
            }
        }
        let deadline = |life: &Life| if let Life::Asleep { deadline, .. } = life { *deadline } else { None };
        if after.is_empty()
            && let Some(earliest) = self.lives.iter().filter_map(deadline).min()
        {
            let mut world = self.clone();
            world.now = world.now.max(earliest);
            for thread in 0..world.lives.len() {
                if deadline(&world.lives[thread]).is_some_and(|deadline| deadline <= world.now) {
                    world.rouse(program, thread, true);
                }
            }
            after.push(world);
        }
        after
    }

    /// What the thread can do now: `None` when nothing, `Some(None)` when it can only end.
    fn enabled(&self, program: &Program, thread: usize) -> Option<Option<Op>> {
        let op = program.threads[thread].get(self.memory.at[thread]).copied();
        let enabled = match op {
            _ if self.lives[thread] != Life::Awake => false,
            Some(Op::Lock(lock)) => self.locks[lock].is_none(),
            Some(Op::Acquire(semaphore)) => self.permits[semaphore] > 0,
            Some(Op::Join(child)) => self.lives[child] == Life::Ended,
            _ => true,
        };
        enabled.then_some(op)
    }

    fn step(&mut self, program: &Program, thread: usize, op: Option<Op>, fails: bool) {
        if let Some(op) = op {
            if !self.memory.perform(thread, op, fails) {
                self.synchronize(program, thread, op);
            }
            let timed = matches!(self.lives[thread], Life::Asleep { timed_out: Some(_), .. });
            if !timed {
                self.memory.pass(program, thread);
            }
        }
        if self.lives[thread] == Life::Awake && program.ends_at(thread, self.memory.at[thread]) {
            self.lives[thread] = Life::Ended;
        }
    }

    fn rouse(&mut self, program: &Program, thread: usize, by_time: bool) {
        let Life::Asleep { timed_out, .. } = std::mem::replace(&mut self.lives[thread], Life::Awake) else {
            unreachable!("only sleepers are roused");
        };
        self.sleepers.retain(|(_, sleeper)| *sleeper != thread);
        if let Some(register) = timed_out {
            self.memory.registers[thread][register] = u8::from(by_time);
            self.memory.pass(program, thread);
        }
    }

    fn rouse_at(&mut self, program: &Program, place: Place, most: usize) {
        let there = self.sleepers.iter().filter(|(at, _)| *at == place).map(|(_, sleeper)| *sleeper);
        for thread in there.take(most).collect::<Vec<_>>() {
            self.rouse(program, thread, false);
        }
    }

    fn fall_asleep(&mut self, thread: usize, place: Place, ns: Option<u64>, timed_out: Option<usize>) {
        self.lives[thread] = Life::Asleep { deadline: ns.map(|ns| self.now + ns), timed_out };
        self.sleepers.push((place, thread));
    }

    fn synchronize(&mut self, program: &Program, thread: usize, op: Op) {
        let holds = |variable: usize, value: u8| self.memory.variables[variable] == value;
        match op {
            Op::Lock(lock) => self.locks[lock] = Some(thread),
            Op::Unlock(lock) => self.locks[lock] = None,
            Op::Acquire(semaphore) => self.permits[semaphore] -= 1,
            Op::Release(semaphore) => self.permits[semaphore] += 1,
            Op::FutexWait(variable, expected) if holds(variable, expected) => {
                self.fall_asleep(thread, Place::Futex(variable), None, None);
            }
            Op::FutexWaitFor(variable, expected, ns, timed_out) if holds(variable, expected) => {
                self.fall_asleep(thread, Place::Futex(variable), Some(ns), Some(timed_out));
            }
            Op::FutexWake(variable, most) => self.rouse_at(program, Place::Futex(variable), most),
            Op::FutexRequeue(variable, wakes, moves, other) => {
                self.rouse_at(program, Place::Futex(variable), wakes);
                let there = self.sleepers.iter_mut().filter(|(at, _)| *at == Place::Futex(variable));
                there.take(moves).for_each(|(at, _)| *at = Place::Futex(other));
            }
            Op::ConditionWait(condition, lock) => {
                self.locks[lock] = None;
                self.fall_asleep(thread, Place::Condition(condition), None, None);
            }
            Op::NotifyOne(condition) => self.rouse_at(program, Place::Condition(condition), 1),
            Op::NotifyAll(condition) => self.rouse_at(program, Place::Condition(condition), usize::MAX),
            Op::Sleep(ns) => self.fall_asleep(thread, Place::Nowhere, Some(ns), None),
            Op::Spawn(child) => self.lives[child] = Life::Awake,
            _ => {}
        }
    }
}
