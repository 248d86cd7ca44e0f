//! Draws programs: quite freely, or as variations of the classic shapes.

use crate::notation::{Program, Statement, Value};
use raddle_engine::random::Random;
use raddle_protocol::trace::Order;

const LOADS: [Order; 3] = [Order::Relaxed, Order::Acquire, Order::SeqCst];
const STORES: [Order; 3] = [Order::Relaxed, Order::Release, Order::SeqCst];
const ALL: [Order; 5] = [Order::Relaxed, Order::Acquire, Order::Release, Order::AcqRel, Order::SeqCst];

/// How orders are drawn in one program. Programs of one kind throughout show more than those of all kinds at once.
#[derive(Clone, Copy)]
enum Taste {
    /// Anything.
    Any,
    /// Mostly sequentially consistent accesses.
    SeqCst,
    /// Mostly relaxed accesses, with sequentially consistent fences.
    Fences,
    /// Mostly acquire and release.
    Pairs,
}

struct Generator {
    random: Random,
    /// Next register, and next value to store.
    register: usize,
    value: u8,
    locations: usize,
    /// Where the last statement was.
    last: usize,
    taste: Taste,
}

impl Generator {
    fn order(&mut self, orders: &[Order]) -> Order {
        let mostly = self.random.below(8) != 0;
        match self.taste {
            Taste::SeqCst if mostly => Order::SeqCst,
            Taste::Fences if mostly => Order::Relaxed,
            Taste::Pairs if mostly => orders[1 + self.random.below(orders.len() - 2)],
            _ => orders[self.random.below(orders.len())],
        }
    }

    fn fence(&mut self) -> Order {
        let mostly = self.random.below(8) != 0;
        match self.taste {
            Taste::Fences | Taste::SeqCst if mostly => Order::SeqCst,
            _ => ALL[1 + self.random.below(ALL.len() - 1)],
        }
    }

    fn register(&mut self) -> usize {
        self.register += 1;
        self.register - 1
    }

    fn value(&mut self) -> u8 {
        // Sometimes two stores of the same value, which compare-exchanges can take for each other.
        self.value += u8::from(self.random.below(5) != 0);
        self.value.max(1)
    }

    /// Mostly another location than the last one: what is weak shows between two.
    fn location(&mut self) -> usize {
        if self.random.below(4) != 0 {
            self.last = (self.last + 1 + self.random.below(self.locations - 1)) % self.locations;
        }
        self.last
    }

    fn access(&mut self, first_register: usize) -> Statement {
        let location = self.location();
        match self.random.below(16) {
            0..6 => Statement::Load { location, order: self.order(&LOADS), register: self.register() },
            6..12 => {
                let own = self.register - first_register;
                let value = match own {
                    1.. if self.random.below(8) == 0 => Value::Register(first_register + self.random.below(own)),
                    _ => Value::Constant(self.value()),
                };
                Statement::Store { location, order: self.order(&STORES), value }
            }
            12..14 => {
                let value = 1 + self.random.below(2) as u8;
                Statement::Add { location, order: self.order(&ALL), register: self.register(), value }
            }
            14 => {
                let value = Value::Constant(self.value());
                Statement::Exchange { location, order: self.order(&ALL), register: self.register(), value }
            }
            _ => {
                let orders = (self.order(&ALL), self.order(&LOADS));
                let values = (self.random.below(usize::from(self.value) + 1) as u8, self.value());
                let weak = self.random.below(3) == 0;
                let (register, done) = (self.register(), self.register());
                Statement::CompareExchange { location, orders, register, done, values, weak }
            }
        }
    }

    /// Accesses, with a fence here and there between two.
    fn thread(&mut self, length: usize) -> Vec<Statement> {
        let first_register = self.register;
        self.last = self.random.below(self.locations);
        let often = if matches!(self.taste, Taste::Fences) { 2 } else { 6 };
        let mut thread: Vec<Statement> = Vec::new();
        while thread.len() < length {
            let is_fence = matches!(thread.last(), Some(Statement::Fence { .. }));
            let is_between = !thread.is_empty() && thread.len() + 1 < length && !is_fence;
            if is_between && self.random.below(often) == 0 {
                thread.push(Statement::Fence { order: self.fence() });
            } else {
                thread.push(self.access(first_register));
            }
        }
        thread
    }

    /// A program of two or three threads with up to `most` statements, at least two each where there is room.
    fn program(&mut self, most: usize) -> Program {
        let threads = if most >= 6 { 2 + self.random.below(2) } else { 2 };
        let mut lengths = vec![2; threads];
        for _ in 2 * threads..most {
            let thread = self.random.below(threads);
            lengths[thread] += usize::from(lengths[thread] < 4 && self.random.below(8) != 0);
        }
        Program { threads: lengths.into_iter().map(|length| self.thread(length)).collect() }
    }
}

/// A program of up to so many statements, drawn quite freely.
pub fn free(number: u64, most: usize) -> Program {
    let mut random = Random::new(0x6d65_6d6f_7279, number);
    let locations = 2 + usize::from(random.below(4) == 0);
    let taste = [Taste::Any, Taste::SeqCst, Taste::Fences, Taste::Pairs][random.below(4)];
    Generator { random, register: 0, value: 0, locations, last: 0, taste }.program(most)
}

/// The classic shapes, bare of orders and fences.
const SHAPES: [&str; 16] = [
    "x.rlx = 1; a = y.rlx | y.rlx = 1; b = x.rlx",
    "x.rlx = 1; y.rlx = 1 | a = y.rlx; b = x.rlx",
    "x.rlx = 1; y.rlx = 2 | y.rlx = 1; x.rlx = 2",
    "x.rlx = 1; y.rlx = 1 | y.rlx = 2; a = x.rlx",
    "x.rlx = 2; y.rlx = 1 | a = y.rlx; x.rlx = 1",
    "x.rlx = 1 | a = x.rlx; b = y.rlx | y.rlx = 1; c = x.rlx",
    "x.rlx = 1 | a = x.rlx; y.rlx = 1 | b = y.rlx; c = x.rlx",
    "x.rlx = 1; y.rlx = 1 | a = y.rlx; z.rlx = 1 | b = z.rlx; c = x.rlx",
    "x.rlx = 1 | y.rlx = 1 | a = x.rlx; b = y.rlx | c = y.rlx; d = x.rlx",
    "x.rlx = 1; y.rlx = 1 | a = y.rlx += 1; b = y.rlx | y.rlx = 3; c = x.rlx",
    "x.rlx = 1; a = y.rlx | y.rlx = 1; b = z.rlx | z.rlx = 1; c = x.rlx",
    "x.rlx = 1; y.rlx = 1 | y.rlx = 2; z.rlx = 1 | a = z.rlx; b = x.rlx",
    "x.rlx = 1; y.rlx = 1 | a = y.rlx; z.rlx = 1 | z.rlx = 2; b = x.rlx",
    "x.rlx = 1; y.rlx = 1 | a = y.rlx += 1 | b = y.rlx; c = x.rlx",
    "z.rlx = 1; x.rlx = 1 | a = x.rlx; y.rlx = 1 | b = y.rlx; c = z.rlx",
    "x.rlx = 1; a = y.rlx | y.rlx = 1; b = x.rlx | c = x.rlx; d = y.rlx",
];

/// A classic shape with orders, with fences, and with read-modify-writes here and there.
pub fn shaped(number: u64) -> Program {
    let mut random = Random::new(0x7368_6170_6573, number);
    let shape = Program::parse(SHAPES[random.below(SHAPES.len())]);
    let taste = [Taste::Any, Taste::SeqCst, Taste::Fences, Taste::Pairs][random.below(4)];
    let mut draw = Generator { random, register: 10, value: 3, locations: 3, last: 0, taste };
    let often = if matches!(taste, Taste::Fences) { 2 } else { 6 };
    let threads = shape.threads.into_iter().map(|statements| {
        let mut thread = Vec::new();
        for statement in statements {
            if !thread.is_empty() && draw.random.below(often) == 0 {
                thread.push(Statement::Fence { order: draw.fence() });
            }
            thread.push(draw.variation(statement));
        }
        thread
    });
    let mut program = Program { threads: threads.collect() };
    if draw.random.below(6) == 0 {
        // One thread waits for the end of another before one of its statements.
        let (ended, waits) = (draw.random.below(program.threads.len()), draw.random.below(program.threads.len()));
        if ended != waits {
            program.threads[ended].push(Statement::End);
            let at = draw.random.below(program.threads[waits].len());
            program.threads[waits].insert(at, Statement::Join { thread: ended });
        }
    }
    program
}

impl Generator {
    /// The same access in another order, and perhaps by other means.
    fn variation(&mut self, statement: Statement) -> Statement {
        let otherwise = self.random.below(12) == 0;
        match statement {
            Statement::Load { register, location, .. } if otherwise => {
                Statement::Add { register, location, order: self.order(&ALL), value: 0 }
            }
            Statement::Load { register, location, .. } if self.random.below(12) == 0 => {
                let orders = (self.order(&ALL), self.order(&LOADS));
                Statement::CompareExchange {
                    register,
                    done: self.register(),
                    location,
                    orders,
                    values: (7, 8),
                    weak: false,
                }
            }
            Statement::Store { location, value, .. } if otherwise => {
                Statement::Exchange { register: self.register(), location, order: self.order(&ALL), value }
            }
            Statement::Load { register, location, .. } => {
                Statement::Load { register, location, order: self.order(&LOADS) }
            }
            Statement::Store { location, value, .. } => {
                Statement::Store { location, value, order: self.order(&STORES) }
            }
            Statement::Add { register, location, value, .. } => {
                Statement::Add { register, location, value, order: self.order(&ALL) }
            }
            other => other,
        }
    }
}
