//! What the command line asks of the runtime inside one process.

use crate::choice::Choice;
use serde::{Deserialize, Serialize};

/// One process's work: explore one test (or one whole program), or replay one recorded execution.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// [`crate::VERSION`] of the writer; the runtime refuses any other.
    pub version: u32,
    /// Where executions begin and to where they are rewound.
    pub entry: Entry,
    /// Explore or replay.
    pub job: Job,
    /// Source of every random decision. Same binary, same seed: same executions.
    pub seed: u64,
    /// Search strategy, by the name the command line gives it (`random`).
    pub strategy: String,
    /// Preemptions in an execution at the most, where the strategy is a search in the order of these.
    pub preemptions: Option<u32>,
    /// Which values atomic loads may see.
    pub memory: MemoryModel,
    /// When to stop.
    pub budget: Budget,
    /// How executions are kept from seeing each other.
    pub isolation: Isolation,
    /// Wall-clock time at which every execution begins, in nanoseconds since 1970-01-01 UTC. Recorded so that a replay
    /// on another day sees the same dates.
    pub epoch_ns: u64,
    /// Number of processors the program is told it has.
    pub processors: u32,
    /// Bytes of heap after which an allocation fails, as it would on a full machine.
    pub heap_limit: u64,
    /// Stop at the first finding (`false`) or collect distinct ones until the budget ends (`true`).
    pub keep_going: bool,
    /// Instructions of the executable that matter and have no hook.
    pub unhooked: Vec<Unhooked>,
    /// How the program sees time and the world.
    pub world: World,
    /// Directories of which each execution that changes files has a view of its own, beside that for temporary files.
    pub trees: Vec<String>,
}

/// An instruction that matters and that no hook stands for: the author wrote it in assembly, or a compiler made it that
/// knows nothing of hooks. On x86-64 these are, because they order memory between threads, locked instructions, `xchg` with
/// memory, `mfence`, and the moves of 16 bytes by which [portable-atomic](https://docs.rs/portable-atomic) loads and stores;
/// and, because each run would get another answer, those that ask the processor for the time or for random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unhooked {
    /// Its address as in the executable file.
    pub address: u64,
    /// Its bytes.
    pub length: u8,
    /// How far behind its beginning it holds a distance of four bytes that counts from its own end.
    pub distance_at: Option<u8>,
    /// The memory that it accesses, where that can be told from the registers.
    pub operand: Option<Operand>,
    /// What it does to that memory.
    pub effect: Effect,
}

/// What an instruction that no hook stands for does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Something that is not looked at: the code is not Rust's, and what else it does is unknown.
    Unknown,
    /// Reads and writes in one step, as a full fence.
    Update,
    /// Reads, and acquires.
    Read,
    /// Writes, and releases.
    Write,
    /// Tells the time (`rdtsc`).
    Time,
    /// Tells the time and on which processor (`rdtscp`).
    TimeAndProcessor,
    /// Makes a random number (`rdrand`, `rdseed`).
    Random {
        /// The register that it goes to, as the processor numbers them.
        register: u8,
        /// Its bytes.
        size: u8,
    },
}

/// Where an instruction's operand lies: the sum of all parts. Registers are numbered as the processor numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operand {
    /// A register.
    pub base: Option<u8>,
    /// A register, and what it is multiplied by.
    pub index: Option<(u8, u8)>,
    /// A constant; an address as in the executable file if `in_file`.
    pub displacement: u64,
    /// Whether the executable's load address is to be added.
    pub in_file: bool,
    /// Bytes that are accessed.
    pub size: u8,
}

/// How the program sees time and the world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct World {
    /// Virtual nanoseconds for which threads that could run may be kept waiting in one execution while deadlines of
    /// others pass.
    pub delay_ns: u64,
    /// Input and output may fall short of what was asked for.
    pub io_faults: bool,
    /// Connections to other hosts are let through.
    pub network: bool,
    /// Clocks are the machine's, and sleeping takes its time.
    pub real_time: bool,
    /// Deadlines are let pass at each wait in turn, so that operations with a time limit are cancelled where they wait.
    pub cancel: bool,
    /// What executions leave in memory is looked for.
    pub leaks: bool,
    /// Plain memory accesses beyond which one poll of a task counts as long computation; 0 for no bound.
    pub poll_budget: u64,
}

/// A poll's accesses are counted in shares of its budget: so many make up all of it.
pub const POLL_SHARES: u64 = 16;

/// Where an execution begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// At `main`, for programs.
    Main,
    /// At the first of these code addresses that is reached, given as in the executable file (before it is loaded).
    /// For a libtest binary these are the calls that lead straight into the test function.
    Code(Vec<u64>),
}

/// Which values atomic loads may see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemoryModel {
    /// Always the latest: sequential consistency.
    Sc,
    /// All that Rust's memory model (C++20's) allows but load buffering.
    #[default]
    Rc11,
    /// The same, but for what a processor rules out on which each read-modify-write is a fence, as on x86-64. Nobody asks
    /// for it: a search goes on so once it has told of what needs that they are none.
    Fenced,
}

/// What to do with the executions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Job {
    /// Look for findings until the budget is used up.
    Explore,
    /// Perform this one execution, tracing every step.
    Replay {
        /// The recorded stream.
        choices: Vec<Choice>,
        /// Bytes whose plain accesses are recorded too: first address and number.
        accesses: Option<(u64, u64)>,
        /// Places of races that do not end it, as [`crate::RawFinding::ignored`] has them.
        ignored: Vec<u64>,
        /// Hand the program's own output on as it is written, instead of keeping it.
        live_output: bool,
    },
    /// Perform each execution twice and report any difference (RD0505), hashing every step.
    Verify,
    /// Perform the execution without preemption and then this one, which has failed in an earlier build. Where it neither
    /// fails nor fits any more, go on as under [`Job::Explore`], for so many executions.
    Regress {
        /// The kept stream.
        choices: Vec<Choice>,
        /// Executions of the search at the most.
        search: u64,
    },
    /// As [`Job::Explore`], but only to take part in it: what the head shows has been told by another process.
    Help,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Executions at the most.
    pub schedules: u64,
    /// Wall-clock milliseconds at the most for the whole exploration.
    pub time_ms: u64,
    /// Schedule points in one execution, after which it has made no progress (RD0503).
    pub steps: u64,
    /// Wall-clock milliseconds that an execution may go without reaching a schedule point (RD0503).
    pub stall_ms: u64,
}

/// How executions are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    /// Rewind memory; fall back to `fork` when an execution is about to do what a rewind cannot undo.
    Auto,
    /// Fork a fresh process for each execution from the start.
    Fork,
}
