//! Performs a program on the engine in every way that thread choices and the memory model's own choices allow.

use crate::notation::{Outcome, Program, REGISTERS, Statement, Value};
use raddle_engine::memory::{Attempt, Location, Memory};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::{BTreeMap, BTreeSet};

/// All answers of one execution, and the way to the next.
#[derive(Default)]
pub struct Odometer {
    answers: Vec<(usize, usize)>,
    next: usize,
}

impl Odometer {
    pub fn ask(&mut self, options: usize) -> usize {
        assert!(options >= 2, "a question with a single answer is never asked");
        if self.next == self.answers.len() {
            self.answers.push((0, options));
        }
        let (answer, known) = self.answers[self.next];
        assert_eq!(known, options, "the same answers lead to the same questions");
        self.next += 1;
        answer
    }

    /// Goes to the next execution; false when there is none.
    pub fn advance(&mut self) -> bool {
        assert_eq!(self.next, self.answers.len(), "an execution asks all questions again");
        self.next = 0;
        while let Some((answer, options)) = self.answers.pop() {
            if answer + 1 < options {
                self.answers.push((answer + 1, options));
                return true;
            }
        }
        false
    }
}

pub fn at(location: usize) -> Location {
    Location { address: 0x1000 + 8 * location as u64, size: 1 }
}

/// Performs a statement. `values` is what memory really holds.
pub fn perform(
    memory: &mut Memory,
    thread: ThreadId,
    statement: &Statement,
    outcome: &mut Outcome,
    ask: &mut dyn FnMut(ChoiceKind, usize) -> usize,
) {
    let Outcome { registers, locations } = outcome;
    let value = |value: Value, registers: &[u8; REGISTERS]| match value {
        Value::Constant(constant) => constant,
        Value::Register(register) => registers[register],
    };
    match *statement {
        Statement::Load { register, location, order } => {
            registers[register] = memory.load(thread, at(location), order, locations[location].into(), Some(ask)) as u8;
        }
        Statement::Store { location, order, value: new } => {
            let new = value(new, registers);
            let now = memory.store(thread, at(location), order, locations[location].into(), new.into(), Some(ask));
            locations[location] = now.map_or(locations[location], |now| now as u8);
        }
        Statement::Add { register, location, order, value } => {
            let change = |old| old + u128::from(value);
            let effect = memory.rmw(thread, at(location), order, locations[location].into(), change, Some(ask));
            registers[register] = effect.read as u8;
            locations[location] = effect.memory.map_or(locations[location], |now| now as u8);
        }
        Statement::Exchange { register, location, order, value: new } => {
            let new = value(new, registers);
            let effect = memory.rmw(thread, at(location), order, locations[location].into(), |_| new.into(), Some(ask));
            registers[register] = effect.read as u8;
            locations[location] = effect.memory.map_or(locations[location], |now| now as u8);
        }
        Statement::CompareExchange { register, done, location, orders, values, weak } => {
            let (expected, new) = (values.0.into(), values.1.into());
            let attempt = Attempt { expected, new, success: orders.0, failure: orders.1, weak };
            let exchange =
                memory.compare_exchange(thread, at(location), attempt, locations[location].into(), Some(ask));
            registers[register] = exchange.read as u8;
            registers[done] = exchange.done.into();
            locations[location] = exchange.memory.map_or(locations[location], |now| now as u8);
        }
        Statement::Fence { order } => memory.fence(thread, order),
        Statement::End => {}
        Statement::Join { thread: ended } => memory.join(thread, ended as ThreadId + 1),
    }
}

/// The threads in the order in which they performed their statements.
pub type Schedule = Vec<usize>;

/// One execution, with answers from `ask`, which is also asked which thread is next (as [`ChoiceKind::Thread`]).
pub fn execute(
    memory: &mut Memory,
    program: &Program,
    ask: &mut dyn FnMut(ChoiceKind, usize) -> usize,
) -> (Schedule, Outcome) {
    memory.begin();
    let mut outcome = Outcome::default();
    let mut schedule = Vec::with_capacity(program.len());
    let mut next = vec![0; program.threads.len()];
    (0..program.threads.len()).for_each(|thread| memory.spawn(0, thread as ThreadId + 1));
    loop {
        let is_ready = |thread: &usize| match program.threads[*thread].get(next[*thread]) {
            Some(Statement::Join { thread: ended }) => next[*ended] == program.threads[*ended].len(),
            statement => statement.is_some(),
        };
        let ready: Vec<_> = (0..next.len()).filter(is_ready).collect();
        let thread = match ready.len() {
            0 => return (schedule, outcome),
            1 => ready[0],
            more => ready[ask(ChoiceKind::Thread, more)],
        };
        let statement = &program.threads[thread][next[thread]];
        next[thread] += 1;
        schedule.push(thread);
        perform(memory, thread as ThreadId + 1, statement, &mut outcome, ask);
    }
}

/// What comes of all executions.
pub struct Explored {
    /// The outcomes of each schedule.
    pub by_schedule: BTreeMap<Schedule, BTreeSet<Outcome>>,
    pub executions: usize,
}

impl Explored {
    pub fn outcomes(&self) -> BTreeSet<Outcome> {
        self.by_schedule.values().flatten().copied().collect()
    }
}

/// Performs all executions; `None` when there are more than `most`.
pub fn explore(program: &Program, mut memory: Memory, most: usize) -> Option<Explored> {
    let mut odometer = Odometer::default();
    let mut by_schedule: BTreeMap<Schedule, BTreeSet<Outcome>> = BTreeMap::new();
    for executions in 1..=most {
        let (schedule, outcome) = execute(&mut memory, program, &mut |_, options| odometer.ask(options));
        by_schedule.entry(schedule).or_default().insert(outcome);
        if !odometer.advance() {
            return Some(Explored { by_schedule, executions });
        }
    }
    None
}
