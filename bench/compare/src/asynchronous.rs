//! Asynchronous bodies: schedules per second in Raddle, with tokio unmodified, beside the same body run plainly in a loop,
//! and beside shuttle with its stand-in for tokio where it has one.
//!
//! Raddle and the loop use a runtime of two worker threads, made anew each time. Shuttle's stand-in has tasks and the
//! channels, but neither the runtime's threads nor sockets; time in it stands still.

use crate::error::{Error, Result, doing};
use crate::printed::printed;
use crate::raddle::{Manner, Raddle, built};
use crate::rate::{Sample, Tool, alternate, processor_time, ratio};
use crate::{Speed, machine, table};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The bodies, and whether shuttle has what they need.
const BODIES: [(&str, bool); 6] = [
    ("mpsc_ping_pong", true),
    ("oneshot_replies", true),
    ("notify_turns", true),
    ("semaphore_permits", true),
    ("timeout_race", false),
    ("http_request", false),
];

#[derive(Deserialize)]
struct Printed {
    schedules: u64,
    elapsed_ns: u64,
}

/// Runs a program that prints what its work took.
fn run_program(program: &PathBuf, words: &[&str], schedules: u64) -> Result<Sample> {
    let work = || Command::new(program).args(words).output().map_err(doing("run a program of the benchmark"));
    let (output, processor) = processor_time(work)?;
    let printed: Printed = printed(format!("{} {}", program.display(), words.join(" ")), &output)?;
    if printed.schedules != schedules {
        let why = format!("it ended after {} of {schedules} schedules", printed.schedules);
        return Err(Error::NotMeasurable { test: words.join(" "), why });
    }
    Ok(Sample { wall: Duration::from_nanos(printed.elapsed_ns), processor, points: None, choices: None })
}

/// Measures and prints.
///
/// # Errors
/// When a tool fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Speed) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let manifest = root.join("bench/Cargo.toml");
    let looping = built(&manifest, "in-tokio", "in-tokio")?;
    let shuttle = built(&manifest, "in-shuttle-tokio", "in-shuttle-tokio")?;
    let mut table = table::new([
        "body",
        "in a loop: runs/s",
        "shuttle: schedules/s",
        "Raddle: schedules/s",
        "points (choices)",
        "Raddle/loop (min to max)",
        "Raddle/shuttle (min to max)",
    ]);
    let spread = |(middle, least, greatest)| format!("{middle:.2} ({least:.2} to {greatest:.2})");
    for (body, in_shuttle) in BODIES.into_iter().filter(|(body, _)| body.contains(&options.filter)) {
        let plain = |times: u64, _| run_program(&looping, &[body, &times.to_string()], times);
        let theirs = |schedules: u64, seed: u64| {
            run_program(&shuttle, &[body, &schedules.to_string(), &seed.to_string()], schedules)
        };
        let test = format!("tests::{body}");
        let ours = |schedules, seed| raddle.measure_in(root, "in-tokio", &test, schedules, seed, Manner::Rewind);
        // Where shuttle has no such thing, the loop takes its turn too.
        let beside: Tool<'_> = if in_shuttle { &theirs } else { &plain };
        let [plain, theirs, ours] = alternate([&plain, beside, &ours], options.rounds, options.seconds)?;
        let points = match ours.choices {
            Some(choices) => format!("{} ({choices:.1})", table::mean(ours.points)),
            None => table::mean(ours.points),
        };
        let beside_loop = ratio(&ours, &plain, |rate| rate.wall);
        let only = |text: String| if in_shuttle { text } else { "-".to_owned() };
        table.add_row([
            body.to_owned(),
            table::count(plain.median(|rate| rate.wall)),
            only(table::count(theirs.median(|rate| rate.wall))),
            table::count(ours.median(|rate| rate.wall)),
            points,
            spread(beside_loop),
            only(spread(ratio(&ours, &theirs, |rate| rate.wall))),
        ]);
        eprintln!("{body}: {:.2}", beside_loop.0);
    }
    let remarks = [
        format!("Medians of {} rounds of about {} s each, the tools by turns.", options.rounds, options.seconds),
        "Points and choices are means over one execution; \"-\" where the tool does not tell them, or has no such thing."
            .into(),
    ];
    table::print("Asynchronous bodies: Raddle (tokio unmodified, release profile)", &facts, &table, &remarks);
    Ok(true)
}
