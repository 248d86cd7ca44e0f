//! Runs a model program as the runtime runs a real one: a schedule point before every visible operation, waiting and
//! waking through [`Schedule`], and every free decision through the [`Tape`].

use crate::program::{Memory, OBJECTS, Op, Outcome, Program, Variable};
use raddle_engine::{Access, AccessKind, Hint, Next, Question, Schedule, Tape};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{State, ThreadId, Wait};

/// Reads of one value from one place in a row, after which a thread is taken to be spinning.
const SPINNING: u32 = 1;

/// Steps after which threads that spin and were set aside come back.
const ASIDE: u32 = 50;

/// One execution.
struct Machine<'a> {
    program: &'a Program,
    schedule: &'a mut Schedule,
    tape: &'a mut Tape,
    memory: Memory,
    locks: [Option<ThreadId>; OBJECTS],
    permits: [u8; OBJECTS],
    /// The number that the schedule has given to each thread of the program, and back.
    number: Vec<Option<ThreadId>>,
    thread: Vec<usize>,
    /// Threads that return from a wait when they run next, and the register that takes how it ended.
    returns: Vec<Option<Return>>,
    /// What each thread last read, and how often in a row.
    reads: Vec<(usize, u8, u32)>,
}

#[derive(Clone, Copy)]
enum Return {
    /// To the operation that had to wait, which the schedule takes account of.
    Again,
    Untimed,
    Timed(Option<usize>),
}

/// The address of a variable.
fn place(variable: Variable) -> u64 {
    64 * variable as u64
}

/// The book at the beginning of an execution: the threads that no other spawns.
pub fn beginning(program: &Program) -> Schedule {
    let mut schedule = Schedule::new();
    let threads = (0..program.threads.len()).filter(|thread| !program.is_spawned(*thread)).count();
    (1..threads).for_each(|id| assert_eq!(schedule.spawn(), id as ThreadId));
    schedule
}

/// Performs the program. `schedule` stands as [`beginning`] has it; the tape has begun an execution.
pub fn run(program: &Program, schedule: &mut Schedule, tape: &mut Tape) -> Outcome {
    let threads = program.threads.len();
    let thread: Vec<usize> = (0..threads).filter(|thread| !program.is_spawned(*thread)).collect();
    let mut number = vec![None; threads];
    (0..).zip(&thread).for_each(|(id, thread)| number[*thread] = Some(id));
    Machine {
        program,
        schedule,
        tape,
        memory: Memory::new(program),
        locks: [None; OBJECTS],
        permits: [0; OBJECTS],
        number,
        thread,
        returns: vec![None; threads],
        reads: vec![(usize::MAX, 0, 0); threads],
    }
    .run()
}

impl Machine<'_> {
    fn run(mut self) -> Outcome {
        let mut steps = 0;
        (0..self.program.threads.len()).for_each(|thread| self.announce(thread));
        loop {
            if steps % ASIDE == 0 {
                self.schedule.resume_spinners();
            }
            let (hint, variable) = self.hint();
            let next = match hint {
                Hint::Spins => self.schedule.next_of_spinner(self.tape, place(variable)),
                hint => self.schedule.next(self.tape, hint),
            };
            match next {
                Next::Run(id) => self.step(self.thread[id as usize]),
                Next::Stuck => break,
            }
            steps += 1;
            assert!(steps < 1_000_000, "the program never ends");
        }
        let stuck = |thread: &usize| {
            self.number[*thread].is_some_and(|id| matches!(self.schedule.state(id), State::Waiting(_)))
        };
        Outcome {
            variables: self.memory.variables,
            stuck: (0..self.program.threads.len()).filter(stuck).collect(),
            registers: self.memory.registers,
            now: self.schedule.now_ns(),
        }
    }

    fn op(&self, thread: usize) -> Option<Op> {
        self.program.threads[thread].get(self.memory.at[thread]).copied()
    }

    /// Lets strategies know what a thread does next.
    fn announce(&mut self, thread: usize) {
        if let (Some(id), Some(op)) = (self.number[thread], self.op(thread)) {
            self.schedule.set_pending(id, self.access(op));
        }
    }

    /// What an operation touches.
    fn access(&self, op: Op) -> Access {
        use AccessKind::*;
        let variable = |kind, variable: usize| Access::new(kind, variable as u64, 1);
        let object = |kind, class: u64, number: usize| Access::new(kind, class << 32 | number as u64, 0);
        match op {
            Op::Load(at, _) => variable(Read, at),
            Op::Store(at, _) | Op::StoreSum(at, ..) => variable(Write, at),
            Op::Add(at, _) | Op::CompareExchange { variable: at, .. } => variable(Update, at),
            Op::FutexWait(at, _) | Op::FutexWaitFor(at, ..) => variable(Wait, at),
            Op::FutexWake(at, _) | Op::FutexRequeue(at, ..) => variable(Notify, at),
            Op::Lock(lock) => object(Lock, 1, lock),
            Op::Unlock(lock) => object(Unlock, 1, lock),
            Op::Acquire(semaphore) => object(Acquire, 2, semaphore),
            Op::Release(semaphore) => object(Release, 2, semaphore),
            Op::ConditionWait(condition, _) => object(Wait, 3, condition),
            Op::NotifyOne(condition) | Op::NotifyAll(condition) => object(Notify, 3, condition),
            Op::Join(child) => Access::on_thread(Join, self.number[child].unwrap_or(u32::MAX)),
            Op::Spawn(_) => Access::new(Spawn, 0, 0),
            Op::Yield | Op::Sleep(_) | Op::JumpIf(..) => Access::local(),
        }
    }

    /// What the running thread is about, and the variable that it spins on.
    fn hint(&self) -> (Hint, Variable) {
        let thread = self.thread[self.schedule.current() as usize];
        if *self.schedule.state(self.schedule.current()) != State::Runnable {
            return (Hint::None, 0);
        }
        let again = |variable| self.reads[thread].0 == variable && self.reads[thread].2 >= SPINNING;
        match self.op(thread) {
            Some(Op::Yield) => (Hint::Yields, 0),
            Some(Op::Load(variable, _)) if again(variable) => (Hint::Spins, variable),
            Some(Op::CompareExchange { variable, expected, .. })
                if again(variable) && self.memory.variables[variable] != expected =>
            {
                (Hint::Spins, variable)
            }
            _ => (Hint::None, 0),
        }
    }

    fn step(&mut self, thread: usize) {
        let mut known = false;
        match self.returns[thread].take() {
            Some(Return::Again) => known = true,
            Some(Return::Untimed) => assert!(!self.schedule.timed_out(), "a wait without deadline cannot time out"),
            Some(Return::Timed(Some(register))) => {
                self.memory.registers[thread][register] = u8::from(self.schedule.timed_out());
                self.memory.pass(self.program, thread);
            }
            Some(Return::Timed(None)) => assert!(self.schedule.timed_out(), "only time ends a sleep"),
            None => {}
        }
        if let Some(op) = self.op(thread) {
            // Asked first, since it is told once.
            let is_news = self.schedule.was_roused() || !self.looks_in_vain(thread, op);
            if !known && is_news {
                self.schedule.perform(self.access(op));
            }
            self.perform(thread, op);
            self.announce(thread);
        }
        let running = self.schedule.state(self.schedule.current()) == &State::Runnable;
        if running && self.program.ends_at(thread, self.memory.at[thread]) {
            let id = self.schedule.current();
            self.schedule.perform(Access::on_thread(AccessKind::End, id));
            self.schedule.end_current();
            self.schedule.wake_matching(usize::MAX, |wait| *wait == Wait::Join(id));
        }
    }

    /// Whether the thread looks once more at what has not changed, which is no step of its own.
    fn looks_in_vain(&self, thread: usize, op: Op) -> bool {
        let (last, value, times) = self.reads[thread];
        let same = |variable| last == variable && value == self.memory.variables[variable] && times >= SPINNING;
        match op {
            Op::Load(variable, _) => same(variable),
            Op::CompareExchange { variable, expected, .. } => same(variable) && value != expected,
            _ => false,
        }
    }

    fn perform(&mut self, thread: usize, op: Op) {
        let fails = self.memory.may_fail(op) && self.tape.ask(&Question::plain(ChoiceKind::WeakFailure, 2)) == 1;
        if !self.memory.perform(thread, op, fails) {
            return self.synchronize(thread, op);
        }
        let read = match op {
            Op::Load(variable, _) => Some(variable),
            Op::CompareExchange { variable, done, .. } if self.memory.registers[thread][done] == 0 => Some(variable),
            Op::Store(variable, _)
            | Op::StoreSum(variable, ..)
            | Op::Add(variable, _)
            | Op::CompareExchange { variable, .. } => {
                self.schedule.written(place(variable));
                None
            }
            _ => None,
        };
        let value = |variable: usize| self.memory.variables[variable];
        self.reads[thread] = match (read, self.reads[thread]) {
            (Some(variable), (last, read, times)) if (last, read) == (variable, value(variable)) => {
                (last, read, times + 1)
            }
            (Some(variable), _) => (variable, value(variable), 0),
            (None, _) => (usize::MAX, 0, 0),
        };
        if let Op::CompareExchange { variable, done, .. } = op
            && self.memory.registers[thread][done] == 0
        {
            self.schedule.only_read(variable as u64);
        }
        self.memory.pass(self.program, thread);
    }

    /// Waits, and performs the same operation again afterwards.
    fn retry(&mut self, thread: usize, wait: Wait) {
        self.returns[thread] = Some(Return::Again);
        self.schedule.wait(wait, None, !0);
    }

    /// Waits, and goes on with the next operation afterwards.
    fn sleep(&mut self, thread: usize, wait: Wait, ns: Option<u64>, timed_out: Option<usize>) {
        let deadline = ns.map(|ns| self.schedule.now_ns() + ns);
        self.returns[thread] = Some(if ns.is_some() { Return::Timed(timed_out) } else { Return::Untimed });
        self.schedule.wait(wait, deadline, !0);
        if timed_out.is_none() {
            self.memory.pass(self.program, thread);
        }
    }

    fn wake(&mut self, most: usize, woken: impl Fn(&Wait) -> bool) -> usize {
        self.schedule.wake_matching(most, woken).len()
    }

    fn unlock(&mut self, lock: usize) {
        assert_eq!(self.locks[lock].take(), Some(self.schedule.current()), "only the owner gives a lock back");
        self.wake(usize::MAX, |wait| matches!(wait, Wait::Mutex(at, _) if *at == lock as u64));
    }

    fn synchronize(&mut self, thread: usize, op: Op) {
        let me = self.schedule.current();
        match op {
            Op::Lock(lock) => match self.locks[lock] {
                None => self.locks[lock] = Some(me),
                owner => return self.retry(thread, Wait::Mutex(lock as u64, owner)),
            },
            Op::Unlock(lock) => self.unlock(lock),
            Op::Acquire(semaphore) => match &mut self.permits[semaphore] {
                0 => return self.retry(thread, Wait::Semaphore(semaphore as u64)),
                permits => *permits -= 1,
            },
            Op::Release(semaphore) => {
                self.permits[semaphore] += 1;
                self.wake(usize::MAX, |wait| *wait == Wait::Semaphore(semaphore as u64));
            }
            Op::FutexWait(variable, expected) if self.memory.variables[variable] == expected => {
                return self.sleep(thread, Wait::Futex(variable as u64), None, None);
            }
            Op::FutexWaitFor(variable, expected, ns, timed_out) if self.memory.variables[variable] == expected => {
                return self.sleep(thread, Wait::Futex(variable as u64), Some(ns), Some(timed_out));
            }
            Op::FutexWait(at, _) | Op::FutexWaitFor(at, ..) => self.schedule.only_read(at as u64),
            Op::FutexWake(variable, most) => drop(self.wake(most, |wait| *wait == Wait::Futex(variable as u64))),
            Op::FutexRequeue(variable, wakes, moves, other) => {
                self.wake(wakes, |wait| *wait == Wait::Futex(variable as u64));
                self.schedule.requeue(moves, Wait::Futex(variable as u64), Wait::Futex(other as u64));
            }
            Op::ConditionWait(condition, lock) => {
                self.schedule.perform(self.access(Op::Unlock(lock)));
                self.unlock(lock);
                return self.sleep(thread, Wait::Condvar(condition as u64), None, None);
            }
            Op::NotifyOne(condition) => drop(self.wake(1, |wait| *wait == Wait::Condvar(condition as u64))),
            Op::NotifyAll(condition) => drop(self.wake(usize::MAX, |wait| *wait == Wait::Condvar(condition as u64))),
            Op::Sleep(ns) => return self.sleep(thread, Wait::Sleep, Some(ns), None),
            Op::Spawn(child) => {
                let id = self.schedule.spawn();
                self.number[child] = Some(id);
                self.thread.push(child);
                self.announce(child);
                assert_eq!(self.thread[id as usize], child);
            }
            Op::Join(child) => {
                let id = self.number[child].expect("only a thread that was spawned is joined");
                if *self.schedule.state(id) != State::Ended {
                    return self.retry(thread, Wait::Join(id));
                }
            }
            _ => unreachable!("{op:?} neither waits nor wakes"),
        }
        self.memory.pass(self.program, thread);
    }
}
