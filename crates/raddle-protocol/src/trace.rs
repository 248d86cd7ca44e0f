//! A recorded execution: every visible operation of every thread, in the order in which they happened.
//!
//! Recorded only when an execution is performed for the record (a finding's second run, or a replay); a search does not
//! pay for it.

use serde::{Deserialize, Serialize};

/// Index into [`Trace::threads`]; 0 is the thread that entered the test function or `main`.
pub type ThreadId = u32;

/// Index into [`Trace::stacks`].
pub type StackId = u32;

/// How an execution ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// The test function returned and was judged to have passed, or the program exited with status 0.
    Passed,
    /// The process exited (or would have) with this status, not 0. libtest's status for a failed test is 101.
    Exited(i32),
    /// No thread can run, no deadline lies ahead, and not all threads have ended.
    Stuck,
    /// A signal that ends the process was raised by this thread.
    Crashed {
        /// The thread that ran.
        thread: ThreadId,
        /// Signal number.
        signal: i32,
        /// Faulting data address where the signal has one, else 0.
        address: u64,
        /// What the runtime knows beyond the signal.
        cause: Crash,
    },
    /// The execution passed a bound without ending.
    NoProgress(Bound),
    /// Under replay: the program asked another question than the recorded one, at this index of the stream.
    Diverged {
        /// Index into the choice stream.
        at: u64,
        /// What was recorded there, and what the program asked now, in words.
        detail: String,
    },
    /// The execution was about to do what this isolation cannot undo.
    NeedsFork(String),
    /// An access to memory that must not happen where it did.
    Conflict(Conflict),
}

impl Outcome {
    /// The bytes that a conflict is about: first address and number.
    #[must_use]
    pub fn bytes(&self) -> Option<(u64, u64)> {
        match self {
            Outcome::Conflict(conflict) => Some((conflict.address, conflict.size)),
            _ => None,
        }
    }

    /// Whether two performances of one execution ended in the same way. Where both died of the same signal in the same thread,
    /// they did, also if the address was another one: one that was read from memory which nobody had set is what happened to
    /// lie there.
    #[must_use]
    pub fn is_same_end(&self, other: &Outcome) -> bool {
        let without_address = |outcome: &Outcome| match outcome {
            Outcome::Crashed { thread, signal, cause, .. } => Some((*thread, *signal, *cause)),
            _ => None,
        };
        self == other || without_address(self).is_some_and(|end| Some(end) == without_address(other))
    }
}

/// An access to memory that must not happen where it did, and what it is in conflict with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// What is wrong with it.
    pub kind: ConflictKind,
    /// First byte in conflict.
    pub address: u64,
    /// Bytes of the access from there on.
    pub size: u64,
    /// Who made the access that was one too many. Its place is where the trace ends.
    pub thread: ThreadId,
    /// What it did.
    pub access: Access,
    /// Who did before what it is in conflict with, and what that was. `None` where there is nothing: memory that was
    /// never allocated, and stack frames that are left without a word.
    pub earlier: Option<(ThreadId, Access)>,
}

/// What is wrong with an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConflictKind {
    /// Nothing orders it with an earlier one of another thread, one of the two writes, and not both are atomic.
    Race,
    /// The heap block has been freed.
    UseAfterFree,
    /// The heap block has been freed, and is freed again.
    DoubleFree,
    /// What is freed is no heap block.
    ForeignFree,
    /// The stack frame has been left, or its thread has ended.
    DeadStack,
    /// The thread whose thread-local variable it is has ended.
    DeadStorage,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Access {
    Read,
    Write,
    AtomicRead,
    /// Also a read-modify-write.
    AtomicWrite,
    /// Gives the memory back.
    Free,
}

/// What kind of crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Crash {
    /// Nothing beyond the signal.
    Signal,
    /// The fault lies in the guard page below a thread's stack.
    StackOverflow,
    /// `abort` was called.
    Abort,
    /// The program sent the signal to itself.
    Raised,
}

/// Which bound an execution passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bound {
    /// This many schedule points.
    Steps(u64),
    /// This many milliseconds without a schedule point.
    Stall(u64),
    /// This many schedule points, and its last steps ([`Trace::round`]) are a round: after them every thread and all memory
    /// is as it was before them, and every thread that can run has had its turn. So it can go on like that for ever.
    Round(u64),
    /// This many milliseconds: the search is out of time. No record is made of such an execution.
    Time(u64),
}

/// A recorded execution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Trace {
    /// All threads the execution had, in order of creation.
    pub threads: Vec<Thread>,
    /// All visible operations in order.
    pub steps: Vec<Step>,
    /// Distinct call stacks.
    pub stacks: Vec<Stack>,
    /// Heap blocks in which operations of `steps` took place.
    pub blocks: Vec<Block>,
    /// What the program wrote to its standard output and standard error, cut at a limit.
    pub output: Vec<u8>,
    /// Bytes of output beyond that limit.
    pub output_cut: u64,
    /// Number of steps that were left out because the trace grew too long.
    pub steps_cut: u64,
    /// How many of `steps` come before those that were left out.
    pub steps_before_cut: u64,
    /// How many of `steps`, the last ones, are the round of [`Bound::Round`]; 0 where there is none.
    pub round: u64,
}

impl Trace {
    /// The number that `steps[at]` had in the execution, counted from 0.
    pub fn position(&self, at: usize) -> u64 {
        let at = at as u64;
        if at < self.steps_before_cut { at } else { at + self.steps_cut }
    }
}

/// One thread of the execution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Thread {
    /// Name given by the program, if any.
    pub name: Option<String>,
    /// Who created it, and from where. `None` for thread 0.
    pub spawned: Option<(ThreadId, StackId)>,
    /// Lowest address of its stack.
    pub stack_low: u64,
    /// One past the highest address of its stack.
    pub stack_high: u64,
    /// What it was doing when the execution ended.
    pub state: State,
    /// Where it was when the execution ended; `None` once it has ended.
    pub last: Option<StackId>,
}

/// What a thread is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It runs or could run.
    Runnable,
    /// It has ended.
    Ended,
    /// It waits.
    Waiting(Wait),
}

/// How a wait for a notification has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WaitEnd {
    /// Somebody has notified it.
    Woken,
    /// Its time was up.
    TimedOut,
    /// For no reason ([`crate::ChoiceKind::SpuriousWakeup`]).
    Spurious,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// A wake-up on the futex word at this address.
    Futex(u64),
    /// The POSIX mutex at this address, and its owner.
    Mutex(u64, Option<ThreadId>),
    /// The POSIX read-write lock at this address; `write` tells the mode it asks for.
    RwLock(u64, bool),
    /// The POSIX condition variable at this address.
    Condvar(u64),
    /// The POSIX barrier at this address.
    Barrier(u64),
    /// The POSIX semaphore at this address.
    Semaphore(u64),
    /// The end of a one-time initialisation at this address.
    Once(u64),
    /// The end of this thread.
    Join(ThreadId),
    /// Time alone.
    Sleep,
    /// Readiness of this descriptor (-1: several).
    Descriptor(i32),
    /// A lock on the whole file for which this address stands; the flag tells whether it is to be exclusive.
    FileLock(u64, bool),
}

/// One visible operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Step {
    /// Who.
    pub thread: ThreadId,
    /// What.
    pub op: Op,
    /// From where.
    pub stack: StackId,
    /// Virtual nanoseconds since the execution began.
    pub time_ns: u64,
}

/// Memory order of an atomic operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

/// A visible operation. Addresses are those of the process; sizes are bytes; values are zero-extended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Op {
    /// The thread begins to run its function.
    Begin,
    /// The thread has ended.
    End,
    Load {
        address: u64,
        size: u8,
        order: Order,
        value: u64,
    },
    Store {
        address: u64,
        size: u8,
        order: Order,
        value: u64,
    },
    /// Read-modify-write that always writes: exchange, add, and so on.
    Rmw {
        address: u64,
        size: u8,
        order: Order,
        old: u64,
        new: u64,
    },
    /// Compare-exchange; `done` tells whether it wrote `new`. The order is the one given for that outcome.
    CompareExchange {
        address: u64,
        size: u8,
        order: Order,
        expected: u64,
        old: u64,
        new: u64,
        done: bool,
    },
    Fence {
        order: Order,
    },
    /// The thread goes to sleep on a futex word that held `expected`.
    FutexWait {
        address: u64,
        expected: u32,
        timed: bool,
    },
    /// It goes on.
    FutexReturn {
        address: u64,
        end: WaitEnd,
    },
    FutexWake {
        address: u64,
        asked: u32,
        woken: Vec<ThreadId>,
    },
    /// The POSIX lock family: asks for, has got, gives back.
    LockRequest {
        address: u64,
        kind: PosixLock,
    },
    LockAcquired {
        address: u64,
        kind: PosixLock,
        ok: bool,
    },
    LockReleased {
        address: u64,
        kind: PosixLock,
    },
    /// POSIX condition variable: begins to wait (the mutex is given back), goes on (the mutex is held again).
    CondvarWait {
        address: u64,
        mutex: u64,
        timed: bool,
    },
    CondvarReturn {
        address: u64,
        mutex: u64,
        end: WaitEnd,
    },
    CondvarNotify {
        address: u64,
        all: bool,
        woken: Vec<ThreadId>,
    },
    Spawn {
        child: ThreadId,
    },
    /// Begins to wait for a thread; `Joined` follows when that has ended.
    JoinRequest {
        child: ThreadId,
    },
    Joined {
        child: ThreadId,
    },
    Detach {
        child: ThreadId,
    },
    Yield,
    Sleep {
        ns: u64,
    },
    /// Goes on after sleeping.
    Woke,
    /// The test function has returned. Threads that are not done get some turns more.
    Returned,
    /// Everything has stood still for so long, while the thread waited with a deadline: this has passed.
    Stalled {
        ns: u64,
    },
    /// Blocking input or output, named after its call.
    Io {
        call: String,
        descriptor: i32,
        blocked: bool,
    },
    /// A call on a path, as the program has it; `errno` is 0 where it did what was asked.
    Path {
        path: String,
        call: PathCall,
        errno: i32,
    },
    /// The thread has opened a descriptor, by whatever call.
    Opened {
        descriptor: i32,
    },
    /// The test is over, and a descriptor is still open that would be closed if no time limit had run out.
    LeftOpen {
        descriptor: i32,
    },
    /// The test is over, and nothing leads to this block any more. Recorded only where the execution is about that.
    LeftAllocated {
        address: u64,
        size: u64,
    },
    /// The thread has made so many plain accesses since it began, or since the last such step. Recorded only where a poll of
    /// a task has a budget.
    Computed {
        accesses: u64,
    },
    /// A plain access. Recorded only where it touches bytes that a conflict is about.
    Access {
        address: u64,
        size: u64,
        access: Access,
    },
    /// While the thread waits, this one, which could go on, stands still from now on.
    HeldBack {
        thread: ThreadId,
    },
    /// A future of `raddle::cancellable` is dropped now, where it waits.
    Cancelled,
}

/// What a call does with a path. One that can do either is told by what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PathCall {
    /// Asks whether there is anything, or what it is.
    Looks,
    /// Opens what is there.
    Opens,
    /// Opens what is there and throws its content away.
    Empties,
    /// Makes what was not there.
    Makes,
    /// Takes what is there in the place of making it, with or without its content.
    Replaces,
    /// Takes away what is there: removes it, or gives it another name.
    Removes,
    /// Makes what is there the working directory, from which other paths are followed.
    Enters,
}

impl PathCall {
    /// Whether others can tell that it has been made.
    #[must_use]
    pub fn changes(self) -> bool {
        !matches!(self, PathCall::Looks | PathCall::Opens | PathCall::Enters)
    }

    /// Whether it would have made something, had it not been there already.
    #[must_use]
    pub fn takes_what_is_there(self) -> bool {
        self == PathCall::Replaces
    }
}

/// Which POSIX object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum PosixLock {
    Mutex,
    Read,
    Write,
    Spin,
    Semaphore,
    Barrier,
    Once,
    /// A lock on a whole file (`flock`), shared or exclusive.
    FileShared,
    FileExclusive,
}

/// A call stack, innermost frame first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stack {
    /// The frames.
    pub frames: Vec<StackFrame>,
}

/// One physical frame (inlined ones are found later, from the debug information).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StackFrame {
    /// Address of the instruction after the call; for the innermost frame of a crash, of the instruction itself.
    pub pc: u64,
    /// Canonical frame address (DWARF): the value of the stack pointer before the call into this frame.
    pub cfa: u64,
}

/// A heap block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// First address.
    pub address: u64,
    /// Bytes asked for.
    pub size: u64,
    /// Who allocated it, and from where; `None` when it is older than the execution.
    pub allocated: Option<(ThreadId, StackId)>,
    /// Index of the step before which it was allocated, and before which it was freed.
    pub live: (u64, u64),
    /// Who freed it, and from where; `None` when it was still there at the end.
    pub freed: Option<(ThreadId, StackId)>,
}
