//! What a second process brings: one test explored by one process and by two for the same time, and how many classes of
//! schedules each has seen.
//!
//! Both have the command's own thread beside them, which counts. On a machine that does other work two processes do not get
//! two processors, so classes per second of processor time stand beside.

use crate::error::{Error, Result};
use crate::raddle::Raddle;
use crate::rate::{median, processor_time, span};
use crate::shuttle::Shuttle;
use crate::{Speed, machine, table};
use std::path::Path;

/// What a run has come to.
struct Seen {
    schedules: f64,
    classes: f64,
    processor: f64,
}

/// Measures and prints.
///
/// # Errors
/// When a run fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Speed) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let bodies = Shuttle::new(root)?.bodies()?;
    let mut table = table::new([
        "body",
        "1 process: schedules",
        "classes",
        "2 processes: schedules",
        "classes",
        "classes, 2/1 (min to max)",
        "by processor time (min to max)",
    ]);
    for body in bodies.iter().filter(|body| body.contains(&options.filter)) {
        let mut rounds = Vec::new();
        for round in 1..=options.rounds as u64 {
            rounds.push([1, 2].map(|jobs| explore(root, raddle, body, jobs, round, options.seconds)));
        }
        let rounds = rounds.into_iter().map(|[one, two]| Ok((one?, two?))).collect::<Result<Vec<_>>>()?;
        let middle = |of: &dyn Fn(&(Seen, Seen)) -> f64| median(rounds.iter().map(of).collect());
        let cell = |of: &dyn Fn(&(Seen, Seen)) -> f64| {
            let (least, greatest) = span(rounds.iter().map(of));
            format!("{:.2} ({least:.2} to {greatest:.2})", middle(of))
        };
        table.add_row([
            body.clone(),
            table::count(middle(&|(one, _)| one.schedules)),
            table::count(middle(&|(one, _)| one.classes)),
            table::count(middle(&|(_, two)| two.schedules)),
            table::count(middle(&|(_, two)| two.classes)),
            cell(&|(one, two)| two.classes / one.classes),
            cell(&|(one, two)| (two.classes / two.processor) / (one.classes / one.processor)),
        ]);
        eprintln!("{body}");
    }
    let remarks = [
        format!("Medians of {} rounds of {} s each, one process and two by turns.", options.rounds, options.seconds),
        "By processor time: classes for each second of it, of the command and of all its processes.".to_owned(),
    ];
    table::print("One test explored by one process and by two for the same time", &facts, &table, &remarks);
    Ok(true)
}

fn explore(root: &Path, raddle: &Raddle, test: &str, jobs: u32, seed: u64, seconds: f64) -> Result<Seen> {
    let (jobs, seed, time) = (jobs.to_string(), seed.to_string(), format!("{}ms", (seconds * 1000.0) as u64));
    let mut arguments = vec!["-p", "plain", "--release", "--exact", test, "--jobs", &jobs, "--seed", &seed];
    arguments.extend(["--time", &time, "--schedules", "1000000000"]);
    let (run, processor) = processor_time(|| raddle.test(&root.join("bench"), &arguments))?;
    let [finished] = &run.tests[..] else {
        let why = format!("{} tests have this name", run.tests.len());
        return Err(Error::NotMeasurable { test: test.into(), why });
    };
    Ok(Seen {
        schedules: finished.schedules as f64,
        classes: finished.distinct as f64,
        processor: processor.as_secs_f64(),
    })
}
