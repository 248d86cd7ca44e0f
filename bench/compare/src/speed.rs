//! Schedules per second: the same body in shuttle, with its types, and in Raddle, with the standard library's.
//!
//! Both tools walk at random from the same seeds, in one process and on one core. Shuttle's time is taken inside its
//! process; Raddle's is the `elapsed_ms` of its report. Building is in neither, and starting falls away (see
//! [`crate::rate`]).
//!
//! What a schedule costs depends on how many schedule points it has, and the two differ in what they count as one: shuttle
//! puts a point at the operations of its own types, Raddle at every visible atomic operation and system call that the real
//! types are made of. So points stand beside the rates. A choice is a point with more than one answer.

use crate::error::Result;
use crate::raddle::{Manner, Raddle};
use crate::rate::{alternate, ratio};
use crate::shuttle::Shuttle;
use crate::{Speed, machine, table};
use std::path::Path;

/// Measures and prints.
///
/// # Errors
/// When a tool fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Speed) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let shuttle = Shuttle::new(root)?;
    let mut table = table::new([
        "body",
        "shuttle: schedules/s",
        "points (choices)",
        "Raddle: schedules/s",
        "points (choices)",
        "Raddle/shuttle (min to max)",
        "by processor time (min to max)",
    ]);
    for body in shuttle.bodies()?.iter().filter(|body| body.contains(&options.filter)) {
        let theirs = |schedules, seed| shuttle.run(body, schedules, seed);
        let ours = |schedules, seed| raddle.measure(root, body, schedules, seed, Manner::Rewind);
        let [theirs, ours] = alternate([&theirs, &ours], options.rounds, options.seconds)?;
        let wall = ratio(&ours, &theirs, |rate| rate.wall);
        let processor = ratio(&ours, &theirs, |rate| rate.processor);
        let points = |points: Option<f64>, choices: Option<f64>| match choices {
            Some(choices) => format!("{} ({choices:.1})", table::mean(points)),
            None => table::mean(points),
        };
        let spread = |(middle, least, greatest)| format!("{middle:.2} ({least:.2} to {greatest:.2})");
        table.add_row([
            body.clone(),
            table::count(theirs.median(|rate| rate.wall)),
            points(theirs.points, theirs.choices),
            table::count(ours.median(|rate| rate.wall)),
            points(ours.points, ours.choices),
            spread(wall),
            spread(processor),
        ]);
        eprintln!("{body}: {:.2}", wall.0);
    }
    let remarks = [
        format!("Medians of {} rounds of about {} s each, the tools by turns.", options.rounds, options.seconds),
        "Points and choices are means over one execution; \"-\" where the tool does not tell them.".into(),
    ];
    table::print("Schedules per second: Raddle (unmodified, release profile) beside shuttle", &facts, &table, &remarks);
    Ok(true)
}
