//! What rewinding saves: the same unmodified tests, once with memory put back after each execution and once with a
//! process for each.

use crate::error::Result;
use crate::raddle::{Manner, Raddle};
use crate::rate::{alternate, ratio};
use crate::shuttle::Shuttle;
use crate::{Speed, machine, table};
use std::path::Path;

/// Measures and prints.
///
/// # Errors
/// When a run fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Speed) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let bodies = Shuttle::new(root)?.bodies()?;
    let mut table = table::new(["body", "fork: schedules/s", "rewind: schedules/s", "rewind/fork (min to max)"]);
    for body in bodies.iter().filter(|body| body.contains(&options.filter)) {
        let fork = |schedules, seed| raddle.measure(root, body, schedules, seed, Manner::Fork);
        let rewind = |schedules, seed| raddle.measure(root, body, schedules, seed, Manner::Rewind);
        let [fork, rewind] = alternate([&fork, &rewind], options.rounds, options.seconds)?;
        let (middle, least, greatest) = ratio(&rewind, &fork, |rate| rate.wall);
        table.add_row([
            body.clone(),
            table::count(fork.median(|rate| rate.wall)),
            table::count(rewind.median(|rate| rate.wall)),
            format!("{middle:.1} ({least:.1} to {greatest:.1})"),
        ]);
        eprintln!("{body}: {middle:.1}");
    }
    let remarks = [format!("Medians of {} rounds of about {} s each, by turns.", options.rounds, options.seconds)];
    table::print("Schedules per second: rewind beside fork, the same unmodified tests", &facts, &table, &remarks);
    Ok(true)
}
