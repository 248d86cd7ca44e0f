//! Explores one of the measured bodies with shuttle's random scheduler and prints what it took, as JSON.
//!
//! `in-shuttle BODY SCHEDULES SEED` explores; `in-shuttle names` prints the names of the bodies, one a line. The time is
//! that of the exploration alone, taken inside the process. Schedule points are counted in an exploration of their own,
//! so that counting takes no time away: a point is a call of the scheduler, a choice one with more than one task to
//! choose from.
//!
//! Shuttle with its default features and configuration; only its warning about memory orders other than SeqCst, which
//! the bodies do not use, is off.

use shuttle as library;
use shuttle::scheduler::{RandomScheduler, Schedule, Scheduler, Task, TaskId};
use shuttle::{Config, Runner};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[path = "../../bodies.rs"]
mod bodies;

/// Executions in which schedule points are counted.
const COUNTED: usize = 1000;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words == ["names"] {
        for (name, _) in bodies::ALL {
            println!("{name}");
        }
        return ExitCode::SUCCESS;
    }
    let [body, schedules, seed] = words[..] else { return usage() };
    let body = bodies::ALL.iter().find(|(name, _)| *name == body);
    let (Some((_, body)), Ok(schedules), Ok(seed)) = (body, schedules.parse(), seed.parse()) else { return usage() };

    let counts = count(*body, seed);
    let begun = Instant::now();
    let done = Runner::new(RandomScheduler::new_from_seed(seed, schedules), config()).run(*body);
    let elapsed = begun.elapsed().as_nanos();
    let each = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / COUNTED as f64;
    let (points, choices) = (each(&counts.points), each(&counts.choices));
    println!(r#"{{"schedules":{done},"elapsed_ns":{elapsed},"points":{points},"choices":{choices}}}"#);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("in-shuttle BODY SCHEDULES SEED\nin-shuttle names");
    ExitCode::from(2)
}

fn config() -> Config {
    let mut config = Config::new();
    config.silence_warnings = true;
    config
}

#[derive(Default)]
struct Counts {
    points: AtomicU64,
    choices: AtomicU64,
}

fn count(body: fn(), seed: u64) -> Arc<Counts> {
    let counts = Arc::new(Counts::default());
    let scheduler = Counting { inner: RandomScheduler::new_from_seed(seed, COUNTED), counts: Arc::clone(&counts) };
    Runner::new(scheduler, config()).run(body);
    counts
}

/// A scheduler that counts how often it is asked.
struct Counting {
    inner: RandomScheduler,
    counts: Arc<Counts>,
}

impl Scheduler for Counting {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.inner.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        self.counts.points.fetch_add(1, Ordering::Relaxed);
        if runnable.len() > 1 {
            self.counts.choices.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.next_task(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }
}
