//! Explores one of the measured asynchronous bodies with shuttle's random scheduler and its stand-in for tokio, and prints
//! what it took, as JSON: `in-shuttle-tokio BODY SCHEDULES SEED`. The time is that of the exploration alone, taken inside
//! the process.

use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, Runner};
use shuttle_tokio as library;
use std::process::ExitCode;
use std::time::Instant;

#[path = "../../async_bodies.rs"]
mod bodies;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [body, schedules, seed] = words[..] else { return usage() };
    let body = bodies::ALL.iter().find(|(name, _)| *name == body);
    let (Some((_, body)), Ok(schedules), Ok(seed)) = (body, schedules.parse(), seed.parse()) else { return usage() };
    let mut config = Config::new();
    config.silence_warnings = true;
    let runner = Runner::new(RandomScheduler::new_from_seed(seed, schedules), config);
    let begun = Instant::now();
    let done = runner.run(|| shuttle::future::block_on(body()));
    println!(r#"{{"schedules":{done},"elapsed_ns":{}}}"#, begun.elapsed().as_nanos());
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!("in-shuttle-tokio BODY SCHEDULES SEED");
    ExitCode::from(2)
}
