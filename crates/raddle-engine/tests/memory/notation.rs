//! A notation for small concurrent programs.
//!
//! Threads stand side by side between bars, statements are separated by semicolons or line breaks within a thread's
//! column. Locations are `x` to `z` and are 0 at the beginning; registers are `a` to `w` and are 0 until they are
//! written.
//!
//! ```text
//! x.rlx = 1                      a store; of a register, if one is named
//! a = x.acq                      a load
//! a = x.acq_rel += 1             a fetch-and-add; `:=` is an exchange
//! a d = x.sc/rlx cas 0 -> 1      a compare-exchange, with the orders of success and failure: `a` is what it read, `d`
//!                                whether it was done; `weak` in place of `cas` may fail for no reason
//! fence.sc
//! end                            the end of a thread
//! join 1                         waits for the end of the second thread
//! ```

use raddle_protocol::trace::Order;
use std::fmt;

pub const LOCATIONS: usize = 3;
pub const REGISTERS: usize = 23;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Constant(u8),
    Register(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    Load {
        register: usize,
        location: usize,
        order: Order,
    },
    Store {
        location: usize,
        order: Order,
        value: Value,
    },
    Add {
        register: usize,
        location: usize,
        order: Order,
        value: u8,
    },
    Exchange {
        register: usize,
        location: usize,
        order: Order,
        value: Value,
    },
    CompareExchange {
        register: usize,
        done: usize,
        location: usize,
        orders: (Order, Order),
        values: (u8, u8),
        weak: bool,
    },
    Fence {
        order: Order,
    },
    /// The end of a thread that another one waits for.
    End,
    /// Waits for the end of this thread, counted from 0.
    Join {
        thread: usize,
    },
}

impl Statement {
    pub fn reads(&self) -> bool {
        self.location().is_some() && !matches!(self, Statement::Store { .. })
    }

    pub fn location(&self) -> Option<usize> {
        match *self {
            Statement::Load { location, .. }
            | Statement::Store { location, .. }
            | Statement::Add { location, .. }
            | Statement::Exchange { location, .. }
            | Statement::CompareExchange { location, .. } => Some(location),
            Statement::Fence { .. } | Statement::End | Statement::Join { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    pub threads: Vec<Vec<Statement>>,
}

/// Registers and locations at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub registers: [u8; REGISTERS],
    pub locations: [u8; LOCATIONS],
}

impl Outcome {
    /// The values of these registers and locations, one digit after the other.
    pub fn seen(&self, looks: &str) -> String {
        let digit = |name: char| match location(name) {
            Some(location) => self.locations[location],
            None => self.registers[register(name).unwrap_or_else(|| panic!("{name} is neither"))],
        };
        looks.chars().map(|name| char::from(b'0' + digit(name))).collect()
    }
}

fn location(name: char) -> Option<usize> {
    "xyz".find(name)
}

fn register(name: char) -> Option<usize> {
    ('a'..'x').contains(&name).then(|| name as usize - 'a' as usize)
}

const ORDERS: [(&str, Order); 5] = [
    ("rlx", Order::Relaxed),
    ("acq", Order::Acquire),
    ("rel", Order::Release),
    ("acq_rel", Order::AcqRel),
    ("sc", Order::SeqCst),
];

fn order(name: &str) -> Order {
    ORDERS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name} is no order")).1
}

fn order_name(order: Order) -> &'static str {
    ORDERS.iter().find(|(_, known)| *known == order).unwrap().0
}

fn one(text: &str) -> char {
    let mut chars = text.trim().chars();
    let (Some(name), None) = (chars.next(), chars.next()) else { panic!("{text:?} is no name") };
    name
}

fn number(text: &str) -> u8 {
    text.trim().parse().unwrap_or_else(|_| panic!("{text:?} is no number"))
}

fn value(text: &str) -> Value {
    match register(text.trim().chars().next().unwrap_or(' ')) {
        Some(register) => Value::Register(register),
        None => Value::Constant(number(text)),
    }
}

/// `x.rlx`, or `x.sc/rlx`.
fn place(text: &str) -> (usize, Order, Option<Order>) {
    let (name, orders) = text.trim().split_once('.').unwrap_or_else(|| panic!("{text:?} lacks an order"));
    let at = location(one(name)).unwrap_or_else(|| panic!("{name} is no location"));
    match orders.split_once('/') {
        Some((success, failure)) => (at, order(success), Some(order(failure))),
        None => (at, order(orders), None),
    }
}

fn statement(text: &str) -> Statement {
    let text = text.trim();
    if let Some(name) = text.strip_prefix("fence.") {
        return Statement::Fence { order: order(name) };
    }
    if text == "end" {
        return Statement::End;
    }
    if let Some(thread) = text.strip_prefix("join ") {
        return Statement::Join { thread: number(thread).into() };
    }
    let (left, right) = text.split_once(" = ").unwrap_or_else(|| panic!("{text:?} is no statement"));
    if left.contains('.') {
        let (location, order, _) = place(left);
        return Statement::Store { location, order, value: value(right) };
    }
    for (word, weak) in [(" cas ", false), (" weak ", true)] {
        if let Some((at, values)) = right.split_once(word) {
            let (old, done) = left.split_once(' ').unwrap_or_else(|| panic!("{left:?} should be two registers"));
            let (register, done) = (register(one(old)).unwrap(), register(one(done)).unwrap());
            let (location, success, failure) = place(at);
            let (expected, new) = values.split_once("->").unwrap_or_else(|| panic!("{values:?} lacks an arrow"));
            let orders = (success, failure.unwrap_or_else(|| panic!("{at:?} lacks an order of failure")));
            let values = (number(expected), number(new));
            return Statement::CompareExchange { register, done, location, orders, values, weak };
        }
    }
    let register = register(one(left)).unwrap_or_else(|| panic!("{left} is no register"));
    if let Some((at, value)) = right.split_once("+=") {
        let (location, order, _) = place(at);
        return Statement::Add { register, location, order, value: number(value) };
    }
    if let Some((at, new)) = right.split_once(":=") {
        let (location, order, _) = place(at);
        return Statement::Exchange { register, location, order, value: value(new) };
    }
    let (location, order, _) = place(right);
    Statement::Load { register, location, order }
}

impl Program {
    pub fn parse(text: &str) -> Program {
        let mut threads: Vec<Vec<Statement>> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            for (thread, column) in line.split('|').enumerate() {
                if thread == threads.len() {
                    threads.push(Vec::new());
                }
                let statements = column.split(';').filter(|text| !text.trim().is_empty());
                threads[thread].extend(statements.map(statement));
            }
        }
        Program { threads }
    }

    pub fn len(&self) -> usize {
        self.threads.iter().map(Vec::len).sum()
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Constant(value) => write!(f, "{value}"),
            Value::Register(register) => write!(f, "{}", register_name(*register)),
        }
    }
}

fn location_name(location: usize) -> char {
    char::from(b'x' + location as u8)
}

fn register_name(register: usize) -> char {
    char::from(b'a' + register as u8)
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |location, order| format!("{}.{}", location_name(location), order_name(order));
        match *self {
            Statement::Load { register, location, order } => {
                write!(f, "{} = {}", register_name(register), at(location, order))
            }
            Statement::Store { location, order, value } => write!(f, "{} = {value}", at(location, order)),
            Statement::Add { register, location, order, value } => {
                write!(f, "{} = {} += {value}", register_name(register), at(location, order))
            }
            Statement::Exchange { register, location, order, value } => {
                write!(f, "{} = {} := {value}", register_name(register), at(location, order))
            }
            Statement::CompareExchange { register, done, location, orders, values, weak } => {
                let (register, done) = (register_name(register), register_name(done));
                let word = if weak { "weak" } else { "cas" };
                let place = format!("{}/{}", at(location, orders.0), order_name(orders.1));
                write!(f, "{register} {done} = {place} {word} {} -> {}", values.0, values.1)
            }
            Statement::Fence { order } => write!(f, "fence.{}", order_name(order)),
            Statement::End => write!(f, "end"),
            Statement::Join { thread } => write!(f, "join {thread}"),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self
            .threads
            .iter()
            .map(|thread| thread.iter().map(|statement| statement.to_string()).collect::<Vec<_>>().join("; "));
        write!(f, "{}", threads.collect::<Vec<_>>().join(" | "))
    }
}

#[test]
fn programs_are_read_as_they_are_written() {
    let text = "x.rlx = 1; a = y.sc; y.rel = a | b = x.acq_rel += 2; fence.sc; c = z.acq := b | \
                d e = x.sc/acq cas 0 -> 1; f g = x.rlx/rlx weak 1 -> 2; join 0";
    let program = Program::parse(text);
    assert_eq!(program.to_string(), text);
    assert_eq!(program.len(), 9);
    assert_eq!(
        Program::parse("x.rlx = 1 | a = x.rlx\n y.rlx = 1 | b = y.rlx"),
        Program::parse("x.rlx = 1; y.rlx = 1 | a = x.rlx; b = y.rlx")
    );
}
