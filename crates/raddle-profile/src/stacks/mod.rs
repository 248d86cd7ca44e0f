//! Call stacks, taken from outside.
//!
//! A **blocked** thread need not be touched: `/proc/PID/task/TID/syscall` tells its stack and code pointers, its stack is
//! read with `process_vm_readv`, and `.eh_frame` tells how to go from frame to frame ([`unwind`]). The frame pointer is
//! not known there; code that needs it in its first frames (built with frame pointers and without unwind tables) ends
//! the stack early.
//!
//! A **running** thread has to be stopped for that. At most [`RUNNING_RATE`] times a second one thread is stopped with
//! `ptrace`, its registers and the top of its stack are copied, and it goes on, after some ten microseconds
//! ([`running`]). A thread that enters a system call in that moment may see it interrupted (`EINTR`), as by a debugger.
//!
//! Names come from symbol tables and debug information at the end ([`symbols`]), and from the perf maps that some
//! just-in-time compilers write. Functions of Python are read while the thread stands still ([`python`]).

pub mod memory;
mod modules;
pub mod python;
pub mod running;
pub mod symbols;
mod unwind;

use crate::classify::futex::{Role, role_of_names};
use modules::Modules;
use python::{Functions, Interpreters, Named};
use running::Running;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Stacks of running threads, a second.
pub const RUNNING_RATE: f64 = 20.0;
/// Threads are stopped for no larger part than this of the time that the program computes. A stop takes microseconds, more
/// where Python's functions are read, and far more on a machine so busy that the helper has to queue before it can let the
/// thread go on.
const STOPPED: f64 = 0.01;
/// Stacks of blocked threads, a second.
const BLOCKED_RATE: f64 = 50.0;
/// Looks at callers of futexes, a second.
const ROLE_RATE: f64 = 200.0;
/// Times that a caller without a telling name is looked at: it may have gone on while it was looked at.
const LOOKS: u8 = 3;
/// Distinct stacks that are kept.
const MOST: usize = 20_000;

/// A place in a loaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// Number of the file among [`symbols::Names`]'s; [`UNKNOWN`] for memory that no file stands behind.
    pub module: u32,
    /// Address within the file, as its symbols count; else in the process.
    pub address: u64,
}

/// No file.
pub const UNKNOWN: u32 = u32::MAX;
/// The code that the kernel maps into each process, for looking at clocks.
pub const VDSO: u32 = u32::MAX - 1;
/// A function of Python: the address is its number among [`python::Functions`].
pub const PYTHON: u32 = u32::MAX - 2;

/// What is to be done about stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Of blocked and running threads.
    #[default]
    All,
    /// Of blocked threads only: nothing is stopped.
    Blocked,
    /// None.
    None,
}

/// A stack taken.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// Its number.
    pub stack: usize,
    /// When.
    pub at: f64,
    /// Of which thread.
    pub tid: i32,
    /// Of which process.
    pub pid: i32,
    /// Where it waited, or `None` when it was running.
    pub site: Option<usize>,
}

/// What the callers of futexes have told: of which object each is a part. All waits for one futex are for one object.
#[derive(Debug, Default)]
struct Roles {
    of: HashMap<(i32, u64), Role>,
    /// How many times the callers at a place of a stack were looked at in vain.
    vain: HashMap<(i32, u64, u64), u8>,
}

impl Roles {
    fn get(&self, pid: i32, address: u64) -> Option<Role> {
        self.of.get(&(pid, address)).copied()
    }

    fn may_tell_more(&self, pid: i32, address: u64, sp: u64) -> bool {
        self.of.len().max(self.vain.len()) < MOST
            && self.get(pid, address).is_none()
            && self.vain.get(&(pid, address, sp)).is_none_or(|looks| *looks < LOOKS)
    }

    fn add(&mut self, (pid, address, sp): (i32, u64, u64), told: Option<Role>) {
        match told {
            Some(role) => _ = self.of.insert((pid, address), role),
            None => *self.vain.entry((pid, address, sp)).or_default() += 1,
        }
    }

    fn forget(&mut self, pid: i32) {
        self.of.retain(|(known, _), _| *known != pid);
        self.vain.retain(|(known, ..), _| *known != pid);
    }
}

/// All stacks of a measurement.
#[derive(Debug)]
pub struct Stacks {
    wanted: Wanted,
    modules: Modules,
    numbers: HashMap<Vec<Frame>, usize>,
    /// The distinct stacks, innermost frame first.
    pub all: Vec<Vec<Frame>>,
    /// What was taken when.
    pub taken: Vec<Taken>,
    /// Taken and complete, of blocked and of running threads.
    pub blocked: (u64, u64),
    /// The same for running threads.
    pub running: (u64, u64),
    helper: Option<Running>,
    interpreters: Arc<Mutex<Interpreters>>,
    functions: Functions,
    /// Stacks in which Python's functions have been read.
    pub python: u64,
    roles: Roles,
    next_blocked: f64,
    next_running: f64,
    /// Seconds for which threads have been stopped.
    stopped: f64,
    /// Seconds that the program has computed.
    computed: f64,
    next_role: f64,
    now: f64,
}

impl Stacks {
    /// Begins.
    pub fn new(wanted: Wanted) -> Self {
        let interpreters = Arc::new(Mutex::new(Interpreters::default()));
        Self {
            wanted,
            modules: Modules::default(),
            numbers: HashMap::new(),
            all: Vec::new(),
            taken: Vec::new(),
            blocked: (0, 0),
            running: (0, 0),
            helper: (wanted == Wanted::All && unwind::SUPPORTED).then(|| Running::start(interpreters.clone())),
            interpreters,
            functions: Functions::default(),
            python: 0,
            roles: Roles::default(),
            next_blocked: 0.0,
            next_running: 0.0,
            stopped: 0.0,
            computed: 0.0,
            next_role: 0.0,
            now: 0.0,
        }
    }

    /// The time, seconds since the start, for everything that follows.
    pub fn set_time(&mut self, now: f64) {
        self.now = now;
    }

    /// A thread has been found asleep. Takes its stack if it is time for one; `python` if a Python interpreter runs there.
    pub fn sleeper(&mut self, (pid, tid, python): (i32, i32, bool), sp: u64, pc: u64, site: usize) {
        if self.wanted == Wanted::None || !unwind::SUPPORTED || self.now < self.next_blocked {
            return;
        }
        self.next_blocked = self.now.max(self.next_blocked + 1.0 / BLOCKED_RATE);
        let mut stack = memory::Paged::new(pid);
        let (frames, complete) = unwind::unwind(&mut self.modules, pid, self.now, (pc, sp, 0), &mut stack);
        self.blocked.0 += 1;
        self.blocked.1 += u64::from(complete);
        let read = if python { self.read_python(pid, tid) } else { None };
        let frames = self.in_python(frames, read);
        self.keep(frames, Taken { stack: 0, at: self.now, tid, pid, site: Some(site) });
    }

    /// The program has computed for so many seconds more.
    pub fn computed(&mut self, seconds: f64) {
        self.computed += seconds;
    }

    /// A thread has been found running. Takes its stack if it is time for one, with the help of another thread. Returns
    /// whether it does. `python` if a Python interpreter runs there.
    pub fn runner(&mut self, pid: i32, tid: i32, python: bool) -> bool {
        if self.now < self.next_running || self.stopped > self.computed * STOPPED {
            return false;
        }
        let asked = self.helper.as_mut().is_some_and(|helper| helper.ask(pid, tid, python));
        if asked {
            self.next_running = self.now.max(self.next_running + 1.0 / RUNNING_RATE);
        }
        asked
    }

    /// Whether a thread may be stopped at this moment, for its stack.
    pub fn is_holding(&self, tid: i32) -> bool {
        self.helper.as_ref().is_some_and(|helper| helper.holding() == Some(tid))
    }

    /// Collects the stacks of running threads that have been taken meanwhile. Returns which threads were stopped for that,
    /// and for how many seconds.
    pub fn collect(&mut self) -> Vec<(i32, f64)> {
        let Some(helper) = &mut self.helper else { return Vec::new() };
        let copies = helper.collect();
        let stopped: Vec<(i32, f64)> = copies.iter().map(|copy| (copy.tid, copy.stopped)).collect();
        self.stopped += stopped.iter().map(|(_, seconds)| seconds).sum::<f64>();
        for mut copy in copies {
            let registers = (copy.pc, copy.sp, copy.bp);
            let (frames, complete) = unwind::unwind(&mut self.modules, copy.pid, self.now, registers, &mut copy.stack);
            self.running.0 += 1;
            self.running.1 += u64::from(complete);
            let (tid, pid) = (copy.tid, copy.pid);
            let frames = self.in_python(frames, copy.python.take());
            self.keep(frames, Taken { stack: 0, at: self.now, tid, pid, site: None });
        }
        stopped
    }

    /// Ends the helper; nothing is stopped any more afterwards.
    pub fn end(&mut self) {
        self.collect();
        if let Some(helper) = self.helper.take() {
            helper.end();
        }
    }

    /// The functions of Python that a sleeping thread is in.
    fn read_python(&mut self, pid: i32, tid: i32) -> Option<Vec<Named>> {
        let mut interpreters = self.interpreters.lock().unwrap_or_else(PoisonError::into_inner);
        interpreters.meet(pid);
        interpreters.functions(pid, tid)
    }

    /// A stack with the functions of Python that have been read, if any have.
    fn in_python(&mut self, frames: Vec<Frame>, read: Option<Vec<Named>>) -> Vec<Frame> {
        let Some(read) = read else { return frames };
        self.python += 1;
        self.functions.instead(&frames, read, |frame| self.modules.is_interpreter(frame))
    }

    fn keep(&mut self, frames: Vec<Frame>, taken: Taken) {
        if frames.is_empty() {
            return;
        }
        let stack = match self.numbers.get(&frames) {
            Some(number) => *number,
            None if self.all.len() >= MOST => return,
            None => {
                let number = self.all.len();
                self.numbers.insert(frames.clone(), number);
                self.all.push(frames);
                number
            }
        };
        self.taken.push(Taken { stack, ..taken });
    }

    /// What the callers of a futex wait say about it.
    pub fn futex_role(&mut self, pid: i32, address: u64, sp: u64, pc: u64) -> Option<Role> {
        if self.wanted == Wanted::None || !unwind::SUPPORTED {
            return None;
        }
        if !self.roles.may_tell_more(pid, address, sp) || self.now < self.next_role {
            return self.roles.get(pid, address);
        }
        self.next_role = self.now.max(self.next_role + 1.0 / ROLE_RATE);
        let mut stack = memory::Paged::new(pid);
        let (frames, _) = unwind::unwind(&mut self.modules, pid, self.now, (pc, sp, 0), &mut stack);
        let names: Vec<String> = frames.iter().take(16).filter_map(|frame| self.modules.quick_name(*frame)).collect();
        self.roles.add((pid, address, sp), role_of_names(names.iter().map(String::as_str)));
        self.roles.get(pid, address)
    }

    /// The variable that lies at an address of a process, if it is a static one with a name.
    pub fn variable(&mut self, pid: i32, address: u64) -> Option<String> {
        self.modules.variable(pid, self.now, address)
    }

    /// Reads what is mapped in a process while that is possible; names are looked up after its end.
    pub fn meet(&mut self, pid: i32) {
        if self.wanted != Wanted::None && unwind::SUPPORTED {
            self.modules.meet(pid, self.now);
        }
    }

    /// Forgets what was mapped: the process has become another program.
    pub fn forget(&mut self, pid: i32) {
        self.modules.forget(pid);
        self.roles.forget(pid);
        self.interpreters.lock().unwrap_or_else(PoisonError::into_inner).forget(pid);
    }

    /// The names of all functions.
    pub fn names(&self) -> symbols::Names {
        symbols::Names::new(self.modules.paths(), self.functions.all())
    }

    /// How stacks were found, in a sentence.
    pub fn method(&self) -> String {
        let python = if self.python > 0 { "; Python's functions from the structures of its interpreter" } else { "" };
        self.natively() + python
    }

    fn natively(&self) -> String {
        if !unwind::SUPPORTED {
            return "this version finds no stacks on this processor".to_owned();
        }
        match self.wanted {
            Wanted::None => "no stacks were asked for".to_owned(),
            Wanted::Blocked => "of blocked threads from outside, by unwind tables (DWARF)".to_owned(),
            Wanted::All => match running::refusal() {
                Some(reason) => format!(
                    "of blocked threads from outside, by unwind tables (DWARF); of running threads not, since stopping them was refused ({reason})"
                ),
                None => format!(
                    "of blocked threads from outside, of running ones by stopping one for a moment {RUNNING_RATE} times a second; by unwind tables (DWARF) and frame pointers"
                ),
            },
        }
    }
}
