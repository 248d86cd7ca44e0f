//! Complete explorations: loom, with its own types, beside Raddle on the same text with the standard library's.
//!
//! Each tool performs as many executions as its reduction leaves. The time of loom is that of the exploration, taken inside
//! its program; that of Raddle is what the command tells of the test, which has the start of a process in it, and loom's has
//! not. Neither is bounded but by time.

use crate::error::{Error, Result, doing};
use crate::printed::printed;
use crate::raddle::{Raddle, built};
use crate::rate::median;
use crate::{Speed, machine, table};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Seconds after which a tool is taken not to come to its end.
const LONGEST: u64 = 60;

/// A complete exploration.
#[derive(Clone, Copy, Debug)]
struct Explored {
    executions: u64,
    milliseconds: f64,
}

#[derive(Deserialize)]
struct Printed {
    executions: u64,
    elapsed_ns: u64,
}

/// Measures and prints.
///
/// # Errors
/// When a run fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Speed) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let program = built(&root.join("bench/Cargo.toml"), "in-loom", "in-loom")?;
    let names = Command::new(&program).arg("names").output().map_err(doing("run in-loom"))?;
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let mut table =
        table::new(["body", "loom: executions", "ms", "Raddle: executions", "ms", "Raddle/loom: executions", "time"]);
    for body in names.lines().filter(|body| body.contains(&options.filter)) {
        let loom = rounds(options.rounds, || in_loom(&program, body))?;
        let ours = rounds(options.rounds, || in_raddle(root, raddle, body))?;
        let cells = |explored: Option<Explored>| match explored {
            Some(explored) => [table::count(explored.executions as f64), format!("{:.1}", explored.milliseconds)],
            None => ["-".to_owned(), format!("> {LONGEST},000")],
        };
        let ratios = match (loom, ours) {
            (Some(loom), Some(ours)) => [
                format!("{:.2}", ours.executions as f64 / loom.executions as f64),
                format!("{:.2}", ours.milliseconds / loom.milliseconds),
            ],
            _ => ["-".to_owned(), "-".to_owned()],
        };
        table.add_row(std::iter::once(body.to_owned()).chain(cells(loom)).chain(cells(ours)).chain(ratios));
        eprintln!("{body}");
    }
    let remarks = [
        format!("Medians of {} rounds. \"-\": not finished within {LONGEST} s.", options.rounds),
        format!(
            "loom {}, default features, no bound on preemptions.",
            machine::locked(root, "loom").unwrap_or_default()
        ),
    ];
    table::print(
        "Complete explorations: loom with its types beside Raddle (unmodified), release profile",
        &facts,
        &table,
        &remarks,
    );
    Ok(true)
}

/// Several explorations, with the middle of their times; the first that does not come to its end is the last.
fn rounds(rounds: usize, explore: impl Fn() -> Result<Option<Explored>>) -> Result<Option<Explored>> {
    let mut all = Vec::new();
    for _ in 0..rounds.max(1) {
        let Some(explored) = explore()? else { return Ok(None) };
        all.push(explored);
    }
    let milliseconds = median(all.iter().map(|explored| explored.milliseconds).collect());
    Ok(Some(Explored { executions: all[0].executions, milliseconds }))
}

fn in_loom(program: &PathBuf, body: &str) -> Result<Option<Explored>> {
    let mut child = Command::new(program).arg(body).stdout(Stdio::piped()).spawn().map_err(doing("run in-loom"))?;
    let begun = Instant::now();
    while child.try_wait().map_err(doing("wait for in-loom"))?.is_none() {
        if begun.elapsed() > Duration::from_secs(LONGEST) {
            child.kill().map_err(doing("stop in-loom"))?;
            child.wait().map_err(doing("wait for in-loom"))?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().map_err(doing("wait for in-loom"))?;
    let printed: Printed = printed(format!("in-loom {body}"), &output)?;
    Ok(Some(Explored { executions: printed.executions, milliseconds: printed.elapsed_ns as f64 / 1e6 }))
}

fn in_raddle(root: &Path, raddle: &Raddle, body: &str) -> Result<Option<Explored>> {
    let time = format!("{LONGEST}s");
    let mut arguments = vec!["-p", "small", "--release", "--exact", body, "--strategy", "exhaustive"];
    arguments.extend(["--jobs", "1", "--time", &time, "--schedules", "1000000000"]);
    let run = raddle.test(&root.join("bench"), &arguments)?;
    let not_measurable = |why| Error::NotMeasurable { test: body.into(), why };
    let [finished] = &run.tests[..] else {
        return Err(not_measurable(format!("{} tests have this name", run.tests.len())));
    };
    match finished.outcome.as_str() {
        "exhausted" => Ok(Some(Explored { executions: finished.schedules, milliseconds: finished.elapsed_ms as f64 })),
        "passed" => Ok(None),
        _ => Err(not_measurable(format!("it came to {finished:?}"))),
    }
}
