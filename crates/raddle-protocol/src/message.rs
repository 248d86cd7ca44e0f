//! What the runtime reports while it works.

use crate::choice::Choice;
use crate::plan::MemoryModel;
use crate::trace::{Outcome, ThreadId, Trace};
use serde::{Deserialize, Serialize};

/// One report of the runtime. `Hello` comes first, `Finished` last; a process that ends without it has died.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Message {
    /// The runtime has read its plan.
    Hello {
        /// [`crate::VERSION`] of the runtime.
        version: u32,
        /// Its process.
        pid: u32,
        /// Whether addresses are the same in every run.
        fixed_addresses: bool,
        /// Whether system calls made without the C library are seen too.
        sees_raw_syscalls: bool,
    },
    /// An entry point was reached, and the state to which executions return is saved.
    Ready {
        /// Executable and libraries as they are loaded.
        modules: Vec<Module>,
        /// Bytes of memory that a rewind may have to restore.
        bytes: u64,
    },
    /// The program ended, with this exit status, before an entry point was reached.
    NeverEntered {
        /// The status.
        status: i32,
    },
    /// Executions are isolated in this way from now on.
    Mode {
        /// The way.
        mode: Mode,
        /// What made it necessary, when it is not the default.
        why: Option<String>,
    },
    /// So far. At most a few each second.
    Progress {
        /// Executions done.
        schedules: u64,
        /// Schedule points passed in all of them.
        points: u64,
        /// How many executions a systematic search takes in all, as far as that can be told, where there is one that goes on.
        estimate: Option<u64>,
    },
    /// An execution that must be looked at.
    Finding(Box<RawFinding>),
    /// The one execution that a replay asked for.
    Replayed(Box<RawFinding>),
    /// All work is done.
    Finished(Box<Summary>),
    /// Raddle itself has failed; the process ends.
    Fault(String),
    /// What is the operation with this call stack? The runtime waits for a list of [`crate::Known`].
    Ask {
        /// Return addresses, innermost first: as many as have been asked for.
        stack: Vec<u64>,
        /// There are no more: the answer must be a site.
        whole: bool,
    },
    /// The execution of [`crate::Job::Regress`] has been performed. What comes after it is of the search.
    Regressed(Regressed),
    /// Executions of the part of a search that is being performed: see [`Part`].
    Counted(Vec<Counted>),
    /// A part of a search has come to its end. What was sent since the last one belongs to it.
    Part(Box<Part>),
    /// Which block is to be performed next? The runtime waits for a [`Deal`].
    Draw {
        /// [`Summary::digest`] of the head. Who has performed another one has no part in this search.
        head: u64,
    },
}

/// An execution as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Hash of its equivalence class.
    pub class: u64,
    /// Whether it was drawn at random from all there are, so that it tells of what has not been seen.
    pub drawn: bool,
}

/// A part of a search: its head, which one process performs, or one of the blocks after it, which are dealt to several.
/// What a block's executions do depends on the head and on the block alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// 0 for the head; blocks follow.
    pub number: u64,
    /// Its executions.
    pub summary: Summary,
    /// What each [`Message::Finding`] of it shows, in that order: equal where it is the same mistake, as far as the runtime
    /// can tell.
    pub shown: Vec<u64>,
    /// Of the head: whether other processes may perform executions of this program at the same time.
    pub divisible: bool,
}

/// The answer to [`Message::Draw`]: a block's number, or that there is nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal(pub Option<u64>);

/// What came of a kept stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Regressed {
    /// The execution has failed, in whatever way.
    Fails,
    /// It was the same choices to the end, and passes.
    Passes,
    /// The program asked something else, or less: the execution passed, but was another one.
    DoesNotFit,
}

/// A loaded ELF file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Its path.
    pub path: String,
    /// What is added to the file's own addresses to get those of the process.
    pub base: u64,
    /// First mapped address.
    pub start: u64,
    /// One past the last mapped address.
    pub end: u64,
}

/// How executions are kept from seeing each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Memory is put back after each.
    Rewind,
    /// Each runs in a process of its own.
    Fork,
}

impl Mode {
    /// The word of the JSON contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Rewind => "rewind",
            Mode::Fork => "fork",
        }
    }
}

/// An execution that ended in something other than success.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RawFinding {
    /// How it ended.
    pub outcome: Outcome,
    /// Which execution of this process it was, from 0. Execution 0 is the one without preemption.
    pub execution: u64,
    /// Its choice stream.
    pub choices: Vec<Choice>,
    /// The same execution performed again, for the record.
    pub trace: Trace,
    /// How that second performance ended, when it did not end in the same way (RD0505).
    pub differs: Option<Outcome>,
    /// Places of races that had been reported before and did not end this execution.
    pub ignored: Vec<u64>,
    /// What was found out about why it failed; `None` where that was not tried.
    pub cause: Option<Cause>,
    /// Which values loads could see.
    pub memory: MemoryModel,
    /// It fails so by the letter of the memory model, and not where each read-modify-write is a fence
    /// ([`MemoryModel::Fenced`]).
    pub by_the_letter: bool,
}

impl RawFinding {
    /// One of which nothing is known but this.
    #[must_use]
    pub fn new(outcome: Outcome, execution: u64) -> Self {
        let (choices, trace, ignored, memory) = (Vec::new(), Trace::default(), Vec::new(), MemoryModel::default());
        Self { outcome, execution, choices, trace, ignored, memory, differs: None, cause: None, by_the_letter: false }
    }
}

/// What performing a failing execution again, with something in it the other way round, has shown. Steps are named by
/// their place in [`Trace::steps`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Executions performed to find out.
    pub tried: u64,
    /// Pairs of steps, the earlier one first: with the second before the first, and all else left as it was as far as the
    /// program allows, the execution passes.
    pub pairs: Vec<(u64, u64)>,
    /// Loads that saw an older store than the last: had one of them seen the last, the execution would have passed.
    pub stale: Vec<u64>,
    /// What it has printed, and what another one has, where that is what is wrong with an execution that passed.
    #[serde(default)]
    pub printed: Option<Printed>,
    /// Bytes behind a lock that one thread takes several times, of which all accesses are recorded: first address and number.
    #[serde(default)]
    pub behind: Option<(u64, u64)>,
    /// A thread that does not stop looking at a place by itself, or has not for a good part of an execution without an end, and the place.
    #[serde(default)]
    pub spins: Option<(ThreadId, u64)>,
}

/// What two executions that passed have printed on their standard output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Printed {
    /// This one.
    pub here: String,
    /// The other one.
    pub there: String,
    /// The other one's number.
    pub execution: u64,
    /// Its choice stream.
    pub choices: Vec<Choice>,
}

/// The end of an exploration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Executions done.
    pub schedules: u64,
    /// Executions that passed.
    pub passed: u64,
    /// Executions that failed, whatever the way.
    pub failed: u64,
    /// Equivalence classes of executions: two that differ only in the order of independent steps count as one.
    pub distinct: u64,
    /// Classes that were new among the last thousand executions counted (or all, if there were fewer).
    pub new_lately: u64,
    /// The probability that one more execution is of a class not seen so far: an estimate, and an upper bound.
    pub unseen: Option<[f64; 2]>,
    /// Where PCT was among the strategies: a lower bound on the probability that a bug of depth 2, 3 and 4 would have
    /// been found, if there is one.
    pub pct: Option<[f64; 3]>,
    /// Schedule points passed in all executions.
    pub points: u64,
    /// Most threads alive at once in any execution; 1 means that there was nothing to schedule.
    pub most_threads: u32,
    /// Schedule points at which there was more than one answer, in all executions.
    pub choices: u64,
    /// Nanoseconds of wall-clock time spent on executions, and on rewinding or forking between them.
    pub execution_ns: u64,
    /// See `execution_ns`.
    pub isolation_ns: u64,
    /// Hash over all executions in order: of their choice streams, and under [`crate::Job::Verify`] of every step. Two
    /// runs with the same seed give the same.
    pub digest: u64,
    /// Why it ended.
    pub end: End,
    /// Executions that passed because the process ended with exit status 0, though the test function had not returned.
    pub left_early: u64,
    /// How far the systematic search came, where there was one.
    pub search: Option<Search>,
    /// Points at which operations with a time limit were left to run into it, under `--cancel`.
    pub cancelled: u64,
    /// What executions have left in memory, where that was looked for.
    pub leaks: Option<Leaks>,
    /// How far the search by preemptions came, where there was one.
    pub bounded: Option<Bounded>,
}

/// How many executions leave memory behind that nothing leads to any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaks {
    /// Executions that do.
    pub executions: u64,
    /// Executions that were looked at: all that passed, and whose test function returned.
    pub of: u64,
    /// Bytes and blocks that are left by the execution that leaves the least.
    pub least: (u64, u64),
    /// Bytes and blocks that are left by the one that leaves the most.
    pub most: (u64, u64),
}

/// How far a search came that performs executions in the order of their preemptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounded {
    /// Executions that were part of it.
    pub executions: u64,
    /// All with up to so many preemptions were performed; none if not even those without one were.
    pub completed: Option<u32>,
    /// How many these were.
    pub within: u64,
    /// None has more preemptions: these were all.
    pub everything: bool,
    /// Why it may not have seen all of them even so, or why it stopped.
    pub obstacle: Option<Obstacle>,
}

/// How far a systematic search came.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Executions that were part of it.
    pub executions: u64,
    /// Of these, executions that turned out half-way to be like earlier ones.
    pub redundant: u64,
    /// Whether none was left.
    pub finished: bool,
    /// Why it may not have seen everything even so.
    pub obstacle: Option<Obstacle>,
    /// How many there are, as far as that can be told.
    pub estimate: f64,
}

impl Search {
    /// Executions after which the estimate is worth telling.
    const ENOUGH: u64 = 32;

    /// Whether it has come far enough to know how much lies ahead, and something does.
    #[must_use]
    pub fn is_going_on(&self) -> bool {
        !self.finished && self.obstacle.is_none() && self.executions >= Self::ENOUGH
    }
}

/// What keeps a systematic search from seeing every execution: something that it does not decide, or that has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Obstacle {
    /// An execution is too long: a loop has no end under some schedules.
    Endless,
    /// Too many threads could run at once.
    ManyThreads,
    /// The program did something else when the same choices were made again.
    Differs,
    /// Input, output or another process.
    InputOutput,
    /// A sleep, or a wait that ends by itself after some time.
    Time,
    /// A look at a clock.
    Clock,
    /// Random numbers.
    Random,
    /// Atomic operations on the same memory in different sizes.
    Overlap,
    /// The memory model's own bounds: more stores than are remembered, or more looks at old ones than are granted.
    Bounds,
    /// A thread makes all others perform a fence.
    FenceEverywhere,
    /// Executions run in processes of their own.
    Fork,
    /// Not every execution passed.
    Failure,
}

/// Why an exploration ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// All of the budget is used up.
    #[default]
    Budget,
    /// There is only one execution, and it has been seen.
    Exhausted,
    /// A finding was reported and the plan asked for the first only.
    Finding,
    /// Every execution tried failed, the first one included: an ordinary failing test.
    AlwaysFails,
}
