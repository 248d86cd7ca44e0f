//! All that an execution depends on beside the program and the choices: what a replay must set again.

use crate::args::explore::ExploreOptions;
use crate::error::{Error, Result};
use crate::subject::Subject;
use raddle_protocol::{Budget, Isolation, Job, MemoryModel, Plan, VERSION, World};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The circumstances of an exploration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Source of all random decisions.
    pub seed: u64,
    /// Name of the search strategy.
    pub strategy: String,
    /// Preemptions in an execution at the most, where a search goes by these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preemptions: Option<u32>,
    /// Which values atomic loads may see.
    pub memory: MemoryModel,
    /// When executions begin, in the program's eyes: nanoseconds since 1970, whole seconds. See [`Settings::for_program`].
    pub epoch_ns: u64,
    /// Number of processors that the program sees.
    pub processors: u32,
    /// Bytes of heap after which an allocation fails, as on a full machine.
    pub heap_limit: u64,
    /// Schedule points in one execution at the most.
    pub max_steps: u64,
    /// Milliseconds that an execution may go without a schedule point.
    pub stall_ms: u64,
    /// Executions at the most.
    pub schedules: u64,
    /// Milliseconds at the most for all executions of one test.
    pub time_ms: u64,
    /// Whether each execution has a process of its own from the start.
    pub fork: bool,
    /// Whether an exploration goes on after its first finding.
    pub keep_going: bool,
    /// How the program sees time and the world.
    #[serde(default)]
    pub world: World,
}

impl Settings {
    /// From the options; time and seed are taken from the system where they are not given.
    ///
    /// # Errors
    /// [`Error::System`] when the system gives no random numbers, [`Error::Usage`] for options that do not go together.
    pub fn new(options: &ExploreOptions) -> Result<Self> {
        let strategy = match (options.preemptions, options.strategy.as_str()) {
            (Some(_), "auto" | "exhaustive") => "exhaustive",
            (Some(_), _) => return Err(Error::usage("`--preemptions` goes with `--strategy exhaustive` alone")),
            (None, strategy) => strategy,
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            seed: options.seed.map_or_else(draw_seed, Ok)?,
            strategy: strategy.to_owned(),
            preemptions: options.preemptions,
            memory: options.memory,
            epoch_ns: nanoseconds(Duration::from_secs(now.as_secs())),
            processors: options.cpus,
            heap_limit: options.heap,
            max_steps: options.max_steps,
            stall_ms: milliseconds(options.stall),
            schedules: options.schedules,
            time_ms: milliseconds(options.time),
            fork: options.fork,
            // A finding that is allowed must not hide those that are not.
            keep_going: options.keep_going || !options.allow.is_empty(),
            world: World {
                delay_ns: nanoseconds(options.delay),
                io_faults: options.io_faults,
                network: options.allow_network,
                real_time: options.real_time,
                cancel: options.cancel,
                leaks: options.leaks,
                poll_budget: options.poll_budget,
            },
        })
    }

    /// The same circumstances for one program. In its eyes it is started a second after it was built: a date that is the
    /// same in every run, and later than all files that it was made from.
    #[must_use]
    pub fn for_program(&self, executable: &Path) -> Self {
        let built = std::fs::metadata(executable).and_then(|metadata| metadata.modified()).ok();
        let built = built.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let epoch_ns = built.map_or(self.epoch_ns, |time| nanoseconds(Duration::from_secs(time.as_secs() + 1)));
        Self { epoch_ns, ..self.clone() }
    }

    /// The plan for one process.
    pub fn plan(&self, subject: &Subject, job: Job) -> Plan {
        Plan {
            version: VERSION,
            entry: subject.entry.clone(),
            job,
            seed: self.seed,
            strategy: self.strategy.clone(),
            preemptions: self.preemptions,
            memory: self.memory,
            budget: Budget {
                schedules: self.schedules,
                time_ms: self.time_ms,
                steps: self.max_steps,
                stall_ms: self.stall_ms,
            },
            isolation: if self.fork { Isolation::Fork } else { Isolation::Auto },
            epoch_ns: self.epoch_ns,
            processors: self.processors,
            heap_limit: self.heap_limit,
            keep_going: self.keep_going,
            unhooked: subject.source.executable.unhooked.clone(),
            world: self.world,
            trees: [&subject.source.root, &subject.source.target_directory, &subject.invocation.directory]
                .into_iter()
                .filter_map(|tree| tree.to_str().map(str::to_owned))
                .collect(),
        }
    }
}

/// A seed that is short enough to be typed.
fn draw_seed() -> Result<u64> {
    let mut bytes = [0; 4];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(Error::system("draw a random seed"))?;
    Ok(u32::from_le_bytes(bytes).into())
}

fn milliseconds(duration: Duration) -> u64 {
    // Less than a millisecond is still more than nothing.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
