//! How the time of a schedule grows with its length and with the number of threads: one program in many sizes, by default
//! (`auto`) and by a plain random walk.
//!
//! As in [`crate::rate`], a time is the difference of two runs over the difference in schedules. `auto` takes turns among
//! strategies that cost differently, so both runs are of whole rounds of its portfolio. Processor time, since a long schedule
//! is measured over seconds in which the machine does other work too.

use crate::error::{Error, Result, doing};
use crate::plot::{Line, Panel, draw};
use crate::raddle::Raddle;
use crate::rate::{median, processor_time, span};
use crate::{machine, table};
use clap::Args;
use std::path::{Path, PathBuf};

/// Schedule points of the tests of four threads.
const POINTS: [u64; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];
/// Threads of the tests of a hundred points each.
const THREADS: [u64; 8] = [2, 4, 8, 16, 32, 64, 128, 256];
/// Points of each of these threads.
const EACH: u64 = 100;
/// What is measured, with the words that ask for it.
const STRATEGIES: [&str; 2] = ["random", "auto"];
/// Schedules of a short run, and of the rounds of the portfolio that a long one has more.
const SHORT: u64 = 24;
/// Points in a second, roughly: how many schedules are performed follows from it.
const PACE: f64 = 4e6;

/// How much is measured.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Times that each size is measured
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Seconds that each long run takes, roughly, and longer where a round of the portfolio does
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Draw the figures as an SVG file
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Only tests whose names contain this word
    #[arg(value_name = "FILTER", default_value = "")]
    filter: String,
}

/// What was measured of one test and one strategy.
struct Measured {
    points: f64,
    microseconds: Vec<f64>,
}

/// Measures and prints.
///
/// # Errors
/// When a run fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let by_points = POINTS.map(|points| (format!("points_{points}"), points, points));
    let by_threads = THREADS.map(|threads| (format!("threads_{threads}"), threads, threads * EACH));
    let remarks = [
        format!("Processor time; medians of {} rounds.", options.rounds),
        "Points are means over one execution, the start and the end of its threads included.".to_owned(),
    ];
    let mut panels = Vec::new();
    for (title, size, tests) in [
        ("Time of a schedule by its length, four threads", "schedule points", &by_points[..]),
        ("Time of a schedule by its threads, a hundred points each", "threads", &by_threads[..]),
    ] {
        let mut table = table::new([
            "test",
            "random: points",
            "µs a schedule",
            "ns a point (min to max)",
            "auto: points",
            "µs a schedule",
            "ns a point (min to max)",
        ]);
        let mut lines = STRATEGIES.map(|name| Line { name: name.to_owned(), points: Vec::new() });
        for (test, at, points) in tests.iter().filter(|(test, ..)| test.contains(&options.filter)) {
            let measured = STRATEGIES.map(|strategy| measure(root, raddle, test, strategy, *points, options));
            let mut row = vec![test.clone()];
            for (measured, line) in measured.into_iter().zip(&mut lines) {
                let Measured { points, microseconds } = measured?;
                let (least, greatest) = span(microseconds.iter().copied());
                let middle = median(microseconds);
                let each = |microseconds: f64| microseconds * 1000.0 / points;
                row.push(table::count(points));
                row.push(if middle < 100.0 { format!("{middle:.1}") } else { table::count(middle) });
                row.push(format!("{:.0} ({:.0} to {:.0})", each(middle), each(least), each(greatest)));
                line.points.push((*at as f64, middle));
            }
            table.add_row(row);
            eprintln!("{test}");
        }
        table::print(title, &facts, &table, &remarks);
        panels.push(Panel { across: size.to_owned(), up: "µs a schedule".to_owned(), lines: lines.into() });
    }
    if let Some(path) = &options.plot {
        std::fs::write(path, draw(&panels)).map_err(doing("write the plot"))?;
    }
    Ok(true)
}

fn measure(
    root: &Path,
    raddle: &Raddle,
    test: &str,
    strategy: &str,
    points: u64,
    options: &Options,
) -> Result<Measured> {
    // Whole rounds.
    let more = (options.seconds * PACE / points as f64) as u64 / SHORT * SHORT;
    let long = SHORT + more.max(SHORT);
    let mut measured = Measured { points: 0.0, microseconds: Vec::new() };
    for seed in 1..=options.rounds as u64 {
        let (_, before) = explore(root, raddle, test, strategy, SHORT, seed)?;
        let (mean, after) = explore(root, raddle, test, strategy, long, seed)?;
        measured.points = mean;
        measured.microseconds.push((after - before) * 1e6 / (long - SHORT) as f64);
    }
    Ok(measured)
}

/// Points in a schedule on average, and seconds of processor time for all.
fn explore(root: &Path, raddle: &Raddle, test: &str, strategy: &str, schedules: u64, seed: u64) -> Result<(f64, f64)> {
    let (word, seed) = (schedules.to_string(), seed.to_string());
    let mut arguments = vec!["-p", "growth", "--release", "--exact", test, "--jobs", "1", "--time", "1h"];
    arguments.extend(["--schedules", &word, "--seed", &seed, "--strategy", strategy, "--max-steps", "100000000"]);
    let (run, processor) = processor_time(|| raddle.test(&root.join("bench"), &arguments))?;
    match &run.tests[..] {
        [finished] if finished.outcome == "passed" && finished.schedules == schedules => {
            Ok((finished.points.unwrap_or_default() as f64 / schedules as f64, processor.as_secs_f64()))
        }
        tests => {
            let why = format!("of {schedules} schedules came {tests:?}");
            Err(Error::NotMeasurable { test: test.into(), why })
        }
    }
}
