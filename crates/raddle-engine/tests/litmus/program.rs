//! Model programs: threads as lists of operations on a few shared variables, locks and waits, under sequential
//! consistency.

use std::fmt::Write;

/// Index of a shared variable, all of which are 0 at the beginning.
pub type Variable = usize;

/// Index of a register. Each thread has its own, all 0 at the beginning.
pub type Register = usize;

/// What a thread does. Every operation but [`Op::JumpIf`] is visible to others and thus a schedule point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Load(Variable, Register),
    Store(Variable, u8),
    /// Stores the register plus a constant.
    StoreSum(Variable, Register, u8),
    /// Adds in one step.
    Add(Variable, u8),
    /// Sets the register to 1 when it has stored `new`, else to 0. A weak one may fail although the values are equal.
    CompareExchange {
        variable: Variable,
        expected: u8,
        new: u8,
        weak: bool,
        done: Register,
    },
    /// Goes on at this operation if the register has this value.
    JumpIf(Register, u8, usize),
    Yield,
    Lock(usize),
    Unlock(usize),
    /// A semaphore without permits at the beginning.
    Acquire(usize),
    Release(usize),
    /// Sleeps if the variable has this value.
    FutexWait(Variable, u8),
    /// As `FutexWait`, for so many nanoseconds at the most; the register tells whether they passed.
    FutexWaitFor(Variable, u8, u64, Register),
    /// Wakes so many.
    FutexWake(Variable, usize),
    /// Wakes so many, and lets so many others wait at another variable instead.
    FutexRequeue(Variable, usize, usize, Variable),
    /// Gives the lock back and waits for a notification, in one step. [`Op::Lock`] is to follow.
    ConditionWait(usize, usize),
    NotifyOne(usize),
    NotifyAll(usize),
    Sleep(u64),
    Spawn(usize),
    Join(usize),
}

/// A program. Threads that no `Spawn` names run from the beginning.
#[derive(Clone, Debug)]
pub struct Program {
    pub threads: Vec<Vec<Op>>,
}

impl Program {
    pub fn new<const N: usize>(threads: [&[Op]; N]) -> Self {
        Program { threads: threads.iter().map(|ops| ops.to_vec()).collect() }
    }

    /// Whether a thread waits to be spawned.
    pub fn is_spawned(&self, thread: usize) -> bool {
        self.threads.iter().flatten().any(|op| *op == Op::Spawn(thread))
    }

    /// Whether the operation at `at` is the thread's end.
    pub fn ends_at(&self, thread: usize, at: usize) -> bool {
        at >= self.threads[thread].len()
    }
}

pub const VARIABLES: usize = 4;
pub const REGISTERS: usize = 3;
pub const OBJECTS: usize = 3;

/// Shared variables and the threads' registers and positions: what operations that never wait act upon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Memory {
    pub variables: [u8; VARIABLES],
    pub registers: Vec<[u8; REGISTERS]>,
    /// Each thread's next operation.
    pub at: Vec<usize>,
}

impl Memory {
    pub fn new(program: &Program) -> Self {
        let threads = program.threads.len();
        let mut memory =
            Memory { variables: [0; VARIABLES], registers: vec![[0; REGISTERS]; threads], at: vec![0; threads] };
        (0..threads).for_each(|thread| memory.jump(program, thread));
        memory
    }

    /// Goes past an operation, and on to the next visible one.
    pub fn pass(&mut self, program: &Program, thread: usize) {
        self.at[thread] += 1;
        self.jump(program, thread);
    }

    fn jump(&mut self, program: &Program, thread: usize) {
        while let Some(Op::JumpIf(register, value, to)) = program.threads[thread].get(self.at[thread]) {
            let jumps = self.registers[thread][*register] == *value;
            self.at[thread] = if jumps { *to } else { self.at[thread] + 1 };
        }
    }

    /// Performs an operation that neither waits nor wakes; `fails` applies to weak compare-exchanges. Tells whether it
    /// was such an operation.
    pub fn perform(&mut self, thread: usize, op: Op, fails: bool) -> bool {
        let (variables, registers) = (&mut self.variables, &mut self.registers[thread]);
        match op {
            Op::Load(variable, register) => registers[register] = variables[variable],
            Op::Store(variable, value) => variables[variable] = value,
            Op::StoreSum(variable, register, value) => variables[variable] = registers[register] + value,
            Op::Add(variable, value) => variables[variable] += value,
            Op::CompareExchange { variable, expected, new, done, .. } => {
                let stores = variables[variable] == expected && !fails;
                if stores {
                    variables[variable] = new;
                }
                registers[done] = u8::from(stores);
            }
            Op::Yield => {}
            _ => return false,
        }
        true
    }

    /// Whether a compare-exchange may go either way.
    pub fn may_fail(&self, op: Op) -> bool {
        matches!(op, Op::CompareExchange { variable, expected, weak: true, .. } if self.variables[variable] == expected)
    }
}

/// How an execution ended: everything that can be told of it then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    pub variables: [u8; VARIABLES],
    pub registers: Vec<[u8; REGISTERS]>,
    /// Threads that wait for ever.
    pub stuck: Vec<usize>,
    /// Virtual time at the end.
    pub now: u64,
}

/// What a test looks at in an outcome.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    /// A variable.
    V(Variable),
    /// A thread's register.
    R(usize, Register),
    /// The time.
    Now,
}

impl Outcome {
    /// The values looked at, one after the other, and who is stuck: `01`, `01 stuck 0 2`.
    pub fn seen(&self, looks: &[Look]) -> String {
        let mut text = String::new();
        for look in looks {
            let value = match *look {
                Look::V(variable) => u64::from(self.variables[variable]),
                Look::R(thread, register) => u64::from(self.registers[thread][register]),
                Look::Now => self.now,
            };
            write!(text, "{value}").unwrap();
        }
        if !self.stuck.is_empty() {
            text.push_str(if text.is_empty() { "stuck" } else { " stuck" });
            self.stuck.iter().for_each(|thread| write!(text, " {thread}").unwrap());
        }
        text
    }
}
