//! What was measured.

use crate::state::{ByState, State};
use serde::{Deserialize, Serialize};

/// A whole measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was watched.
    pub subject: Subject,
    /// How it was watched.
    pub sampling: Sampling,
    /// On what machine.
    pub machine: Machine,
    /// Seconds watched.
    pub wall: f64,
    /// Seconds of those in which the program was ready to run, did nothing else, and other programs had the processors.
    pub taken_by_others: f64,
    /// What the program as a whole did or waited for, in seconds; with `taken_by_others` they add up to `wall`.
    pub shares: ByState,
    /// The same by thread: seconds of all threads added up.
    pub thread_time: ByState,
    /// Thread-seconds in the run queue that the program's own threads have caused: they were more than its processors.
    pub own_queue: f64,
    /// Thread-seconds in the run queue because of other programs.
    pub other_queue: f64,
    /// Processor time.
    pub cpu: Cpu,
    /// Mean number of threads that were running or ready to run while any was.
    pub demand: f64,
    /// Mean number of processors busy while any thread was running or ready.
    pub cores_busy: f64,
    /// Seconds in which at least one thread was running or ready.
    pub computing: f64,
    /// Everything that is counted.
    pub counts: Counts,
    /// The same over time.
    pub timeline: Timeline,
    /// Threads, those of one name and process together, by time in the middle of work.
    pub threads: Vec<ThreadLine>,
    /// Waits, by time.
    pub waits: Vec<WaitLine>,
    /// Places in the code where threads were running, by samples.
    pub running: Vec<Place>,
    /// How stacks were found.
    pub unwinding: Unwinding,
    /// What limits this measurement, in sentences.
    pub notes: Vec<String>,
}

/// What was watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// The command line; what is not UTF-8 is replaced.
    pub command: Vec<String>,
    /// Its first process.
    pub pid: i32,
    /// Whether it ran already when watching began.
    pub attached: bool,
    /// How it ended.
    pub ending: Ending,
    /// Processes that it has started and left behind running.
    #[serde(default)]
    pub left_running: Vec<i32>,
    /// Names of interpreters with a lock around them that run in it.
    pub interpreters: Vec<String>,
}

/// How the program ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With this code.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
    /// It still runs.
    #[default]
    StillRuns,
    /// It has ended; only its parent knows how.
    Gone,
}

/// How it was watched.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Looks a second that were asked for.
    pub rate: f64,
    /// Looks taken.
    pub ticks: u64,
    /// Looks at single threads.
    pub visits: u64,
    /// Whether Raddle looked less often at each thread than asked for, to stay within its share of the machine.
    pub thinned: bool,
    /// Looks at threads whose system call could not be read.
    pub unreadable: u64,
    /// Whether the user has ended the measurement.
    pub interrupted: bool,
    /// Raddle's own processor time, seconds.
    pub own_cpu: f64,
    /// Raddle's own memory at its highest, bytes.
    pub own_memory: u64,
    /// Whether run-queue times could be read.
    pub run_queue_known: bool,
}

/// The machine, as far as the program may use it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors.
    pub cores: u32,
    /// Processors that the program may run on.
    pub allowed: u32,
    /// Processors' worth of time that its control group allows.
    pub quota: Option<f64>,
    /// The smaller of the two: what "all processors busy" means for this program.
    pub capacity: f64,
    /// Seconds for which the control group has stopped threads during the measurement.
    pub throttled: f64,
    /// How often.
    pub throttled_times: u64,
    /// Share of all processor time that the host has taken away from this machine.
    pub stolen: f64,
}

/// Processor time, seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cpu {
    /// In the program's code.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
    /// Part of it that threads and processes used which lived too short to be seen.
    pub unseen: f64,
}

impl Cpu {
    /// User and system.
    pub fn total(&self) -> f64 {
        self.user + self.system
    }
}

/// Counts over the whole measurement, and highest values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Counts {
    pub voluntary_switches: u64,
    pub involuntary_switches: u64,
    /// `None` where the kernel does not tell.
    pub migrations: Option<u64>,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub resident_peak: u64,
    pub swapped_peak: u64,
    /// Address space that one thread's stack has reserved, median.
    pub stack_reserve: Option<u64>,
    /// Bytes moved by system calls.
    pub read: u64,
    pub written: u64,
    /// Bytes moved from and to storage.
    pub storage_read: u64,
    pub storage_written: u64,
    pub descriptors_peak: u64,
    pub connections_peak: u64,
    pub threads_peak: u64,
    pub threads_mean: f64,
    pub threads_seen: u64,
    pub processes_peak: u64,
    pub processes_seen: u64,
}

/// The measurement over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// Length of a step, seconds.
    pub step: f64,
    /// One entry a step; the last may be shorter.
    pub moments: Vec<Moment>,
}

/// One step of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Processors busy, mean.
    pub cores: f64,
    /// Threads running or ready, mean.
    pub demand: f64,
    /// Threads in the middle of work (running, ready or blocked in it), mean: tasks in progress.
    pub working: f64,
    /// Threads alive, mean.
    pub threads: f64,
    /// What the program did or waited for, as shares of the step.
    pub shares: ByState,
    /// Share of the step that other programs took.
    pub taken: f64,
}

/// Threads of one name in one process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ThreadLine {
    /// Process.
    pub pid: i32,
    /// Name of the process.
    pub process: String,
    /// Name of the thread.
    pub name: String,
    /// How many.
    pub count: u64,
    /// What they did, seconds.
    pub time: ByState,
    /// User and system time, seconds.
    pub user: f64,
    /// System time, seconds.
    pub system: f64,
    /// How often they were put on a processor.
    pub slices: u64,
    /// How often they slept or yielded.
    pub voluntary: u64,
    /// How often they were interrupted for another thread.
    pub involuntary: u64,
    /// How often they moved to another processor.
    pub migrations: u64,
}

/// Threads that waited for the same thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WaitLine {
    /// What the wait counts as.
    pub state: State,
    /// Process.
    pub pid: i32,
    /// Its name.
    pub process: String,
    /// System call.
    pub call: String,
    /// What was waited for.
    pub object: String,
    /// Thread-seconds.
    pub seconds: f64,
    /// Looks that saw a thread here.
    pub seen: u64,
    /// Most threads that waited here at once.
    pub most_waiters: u64,
    /// The most frequent stack, innermost function first; empty when there is none.
    pub stack: Vec<String>,
    /// Samples with this stack, of all stacks taken here.
    pub stack_seen: (u64, u64),
}

/// A place in the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Process.
    pub pid: i32,
    /// Its name.
    pub process: String,
    /// Functions, innermost first.
    pub stack: Vec<String>,
    /// Samples that show it.
    pub seen: u64,
    /// Samples taken of running threads.
    pub of: u64,
}

/// How stacks were found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Unwinding {
    /// Stacks of blocked threads, and how many of them reached the bottom.
    pub blocked: (u64, u64),
    /// Stacks of running threads, and how many of them reached the bottom.
    pub running: (u64, u64),
    /// How, or why not, in a sentence.
    pub method: String,
}
