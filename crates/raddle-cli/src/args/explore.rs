//! How a test or a program is explored, and which findings count.

use super::values;
use clap::Args;
use raddle_protocol::MemoryModel;
use std::num::NonZeroUsize;
use std::time::Duration;

/// What `test` and `run` take.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Exploration")]
pub struct ExploreOptions {
    /// Stop a test after so many schedules
    #[arg(long, value_name = "N", default_value = "100000", value_parser = values::positive)]
    pub schedules: u64,
    /// Stop a test after so long
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub time: Duration,
    /// How schedules are chosen: `random` is a random walk, `pct` puts a few preemptions at random, `pos` and `surw` draw
    /// evenly among orders that differ, `lag` lets threads stand still for long where they change something, `branch` goes
    /// on so from where something rare has happened, `rff` steers operations to what they have not seen yet, `pctwm` lets
    /// few loads see what other threads have done; `exhaustive` performs all schedules that differ one after the other,
    /// and stops when there is none left; `auto` takes turns among all but `random` and `pctwm`, more often those that
    /// find something new, and ends early where a short exhaustive search comes to its end
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = values::strategy)]
    pub strategy: String,
    /// Perform all schedules with at most so many preemptions, fewest first, and stop: a preemption takes the turn from a
    /// thread that could go on. With `--strategy exhaustive`, which it implies
    #[arg(long, value_name = "N")]
    pub preemptions: Option<u32>,
    /// Source of all random decisions; one is drawn and shown when none is given
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which values atomic loads may see: all that Rust's memory model allows (`rc11`), or always the latest (`sc`)
    #[arg(long, value_name = "MODEL", default_value = "rc11", value_parser = values::memory)]
    pub memory: MemoryModel,
    /// How many processes explore at the same time: a test each, and where fewer tests are left, several one test, which
    /// changes nothing about what is found [default: number of processors]
    #[arg(short, long, value_name = "N", value_parser = values::jobs)]
    pub jobs: Option<NonZeroUsize>,
    /// Collect the distinct findings of a test until its budget ends, not only the first
    #[arg(long)]
    pub keep_going: bool,
    /// Run each schedule in a process of its own, also where memory could be put back
    #[arg(long)]
    pub fork: bool,
    /// Perform each schedule twice and compare every step of the two: checks Raddle, and the program, for determinism
    #[arg(long, hide = true)]
    pub verify: bool,
    /// How many processors the program is told it has
    #[arg(long, value_name = "N", default_value = "2", value_parser = values::processors)]
    pub cpus: u32,
    /// Schedule points after which a schedule has made no progress (RD0503)
    #[arg(long, value_name = "N", default_value = "1000000", value_parser = values::positive)]
    pub max_steps: u64,
    /// Time after which a schedule that reaches no schedule point has made no progress (RD0503)
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = values::duration)]
    pub stall: Duration,
    /// How long threads that could run may be kept waiting, in one schedule altogether, while deadlines of others pass: a
    /// timeout that is no longer than this may end although its work could have been done; `0s` for never
    #[arg(long, value_name = "DURATION", default_value = "50ms", value_parser = values::delay)]
    pub delay: Duration,
    /// Also try reads and writes that move fewer bytes than were asked for, and calls that are interrupted
    #[arg(long)]
    pub io_faults: bool,
    /// Also cancel at each place in turn where something waits, a schedule each, and report what that leaves behind (RD0304,
    /// RD0404): a time limit runs out, a thread is late so that another branch of a `select!` or an abort comes first, a
    /// future of `raddle::cancellable` is dropped. A test must expect its timeouts to expire
    #[arg(long)]
    pub cancel: bool,
    /// Also look after each schedule for memory that nothing leads to any more, and say in how many there is some (RD0404)
    #[arg(long)]
    pub leaks: bool,
    /// Memory accesses after which one poll of a task is warned of as long computation, where another task is ready
    /// (RD0301), such as `1000000`; they are counted in the first schedule, and code without optimization makes more of
    /// them; eight bytes read from a file or written to one count as an access
    #[arg(long, value_name = "N", default_value = "0", hide_default_value = true)]
    pub poll_budget: u64,
    /// Let the program talk to other hosts; what they answer cannot be repeated, so replays may differ
    #[arg(long)]
    pub allow_network: bool,
    /// Use the machine's clocks, and sleep for real, instead of virtual time; replays may differ
    #[arg(long)]
    pub real_time: bool,
    /// Heap of the program at the most, such as `512M`; beyond, allocation fails
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = values::size)]
    pub heap: u64,

    /// Findings of this code are shown as warnings and fail nothing; what is a warning anyway is not shown
    #[arg(long, value_name = "CODE", value_parser = values::code, help_heading = "Judgement")]
    pub allow: Vec<String>,
    /// Warnings of this code fail the run
    #[arg(long, value_name = "CODE", value_parser = values::code, help_heading = "Judgement")]
    pub deny: Vec<String>,
}
