//! Whether right programs are left alone: so many schedules of each, and not one finding.

use crate::correct::{self, Options, is_complete};
use crate::error::Result;
use crate::raddle::Raddle;
use crate::{machine, table};
use std::path::Path;

/// Explores and prints; false when anything was found, or a test not explored in full.
///
/// # Errors
/// When the command fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let mut table =
        table::new(["selection", "tests", "schedules", "single-threaded", "by fork", "findings", "not complete"]);
    let mut remarks = Vec::new();
    for selection in correct::selections(root, &options.filter)? {
        let tests = selection.explore(raddle, options, &[])?;
        remarks.extend(selection.missing(&tests).map(|test| format!("NOT RUN: {test}")));
        for test in tests.iter().filter(|test| !test.findings.is_empty() || !is_complete(test, options.schedules)) {
            let detail = test.detail.as_deref().unwrap_or_default().lines().next().unwrap_or_default();
            remarks.push(format!(
                "{}: {} after {} schedules {} {detail}",
                test.test,
                test.outcome,
                test.schedules,
                test.findings.join(" ")
            ));
        }
        let count = |wanted: &dyn Fn(&crate::raddle::Finished) -> bool| {
            tests.iter().filter(|test| wanted(test)).count().to_string()
        };
        table.add_row([
            selection.name.clone(),
            tests.len().to_string(),
            table::count(tests.iter().map(|test| test.schedules).sum::<u64>() as f64),
            count(&|test| test.outcome == "single-threaded"),
            count(&|test| test.mode == "fork"),
            tests.iter().map(|test| test.findings.len()).sum::<usize>().to_string(),
            count(&|test| !is_complete(test, options.schedules)),
        ]);
    }
    let good = remarks.is_empty();
    remarks.push(format!("Up to {} schedules of each test, seed {}, dev profile.", options.schedules, options.seed));
    table::print("Right programs: no finding is expected", &facts, &table, &remarks);
    Ok(good)
}
