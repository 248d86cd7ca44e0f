//! Whether the same seed gives the same executions: everything explored twice, and what happened compared.
//!
//! `--verify` lets the runtime perform every execution twice in its process, compare the two step by step (a difference is
//! RD0505), and hash all steps and choices. The command is then called a second time, in processes of its own, and the
//! hashes are compared: what differs from process to process but not within one shows itself here.

use crate::correct::{self, Options, is_complete};
use crate::error::Result;
use crate::raddle::{Finished, Raddle};
use crate::{machine, table};
use std::path::Path;

/// Explores and prints; false when anything differs, or a test was not explored in full.
///
/// # Errors
/// When the command fails, which it does when it has no `--verify`.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let mut table = table::new(["selection", "tests", "schedules", "identical", "different", "not complete"]);
    let mut remarks = Vec::new();
    for selection in correct::selections(root, &options.filter)? {
        let first = selection.explore(raddle, options, &["--verify"])?;
        let second = selection.explore(raddle, options, &["--verify"])?;
        remarks.extend(selection.missing(&first).map(|test| format!("NOT RUN: {test}")));
        let (mut identical, mut different, mut incomplete) = (0, 0, 0);
        for test in &first {
            let Some(again) = second.iter().find(|again| again.test == test.test) else {
                remarks.push(format!("NOT RUN AGAIN: {}", test.test));
                continue;
            };
            let remark = if differs(test) || differs(again) {
                different += 1;
                "different"
            } else if !is_complete(test, options.schedules) || !is_complete(again, options.schedules) {
                incomplete += 1;
                "not complete"
            } else if same(test, again) {
                identical += 1;
                continue;
            } else {
                different += 1;
                "different"
            };
            remarks.push(format!("{remark}: {}: {}; {}", test.test, told(test), told(again)));
        }
        eprintln!("{}: {identical} identical, {different} different, {incomplete} not complete", selection.name);
        table.add_row([
            selection.name.clone(),
            first.len().to_string(),
            table::count(first.iter().map(|test| test.schedules).sum::<u64>() as f64),
            identical.to_string(),
            different.to_string(),
            incomplete.to_string(),
        ]);
    }
    let good = remarks.is_empty();
    remarks.push(format!("Up to {} schedules of each test, seed {}, dev profile.", options.schedules, options.seed));
    table::print("The same seed twice: choice streams and every step compared", &facts, &table, &remarks);
    Ok(good)
}

/// What a run told of a test, in a few words.
fn told(test: &Finished) -> String {
    let digest = test.digest.as_ref().and_then(serde_json::Value::as_str).unwrap_or("no digest");
    let found = if test.findings.is_empty() { String::new() } else { format!(" ({})", test.findings.join(" ")) };
    format!("{}{found} after {} schedules by {}, {digest}", test.outcome, test.schedules, test.mode)
}

/// Within one process already, two performances of the same choices were not the same.
fn differs(test: &Finished) -> bool {
    test.findings.iter().any(|code| code == "RD0505")
}

/// Equal, and compared in truth: a test without a hash proves nothing.
fn same(one: &Finished, other: &Finished) -> bool {
    one.digest.is_some()
        && (&one.digest, one.schedules, one.distinct, &one.outcome, &one.mode, &one.findings)
            == (&other.digest, other.schedules, other.distinct, &other.outcome, &other.mode, &other.findings)
}
