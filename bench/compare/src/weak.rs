//! What weak memory costs: the same tests with all values that loads may see by Rust's memory model, and with the latest
//! only.

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
    let mut table = table::new(["body", "sc: schedules/s", "rc11: schedules/s", "rc11/sc (min to max)"]);
    for body in Shuttle::new(root)?.bodies()?.iter().filter(|body| body.contains(&options.filter)) {
        let model = |model| move |schedules, seed| raddle.measure(root, body, schedules, seed, Manner::Model(model));
        let [strong, weak] = alternate([&model("sc"), &model("rc11")], options.rounds, options.seconds)?;
        let (middle, least, greatest) = ratio(&weak, &strong, |rate| rate.processor);
        table.add_row([
            body.clone(),
            table::count(strong.median(|rate| rate.processor)),
            table::count(weak.median(|rate| rate.processor)),
            format!("{middle:.2} ({least:.2} to {greatest:.2})"),
        ]);
        eprintln!("{body}: {middle:.2}");
    }
    let remarks = [format!(
        "By processor time; medians of {} rounds of about {} s each, by turns.",
        options.rounds, options.seconds
    )];
    table::print("Schedules per second: --memory rc11 beside --memory sc", &facts, &table, &remarks);
    Ok(true)
}
