//! How many schedules Raddle takes to the first failure of each program in `buggy`, beside shuttle's schedulers on the same
//! text with shuttle's types: medians over seeds, and who needs fewer.
//!
//! Raddle is held against the best of shuttle's for each program, whichever that is: nobody knows beforehand. Both count the
//! schedule that fails. Raddle's first is the one without preemption, with every seed.

use crate::error::{Result, doing};
use crate::first_failure::{Searches, cell, median, search};
use crate::printed::printed;
use crate::raddle::{Raddle, built};
use crate::{machine, table};
use clap::Args;
use serde::Deserialize;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The schedulers of shuttle that choose at random.
const SCHEDULERS: [&str; 3] = ["random", "pct", "urw"];

/// How long is searched.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Seeds, from 1
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Schedules of each program at the most
    #[arg(long, default_value_t = 1500)]
    schedules: u64,
    /// Raddle's strategy
    #[arg(long, default_value = "auto")]
    strategy: String,
    /// Only programs whose names contain this word
    #[arg(value_name = "FILTER", default_value = "")]
    filter: String,
}

#[derive(Deserialize)]
struct Printed {
    schedules: u64,
    failed: bool,
}

/// Searches and prints.
///
/// # Errors
/// When a search cannot be run.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let shuttle = built(&root.join("bench/Cargo.toml"), "in-shuttle-buggy", "in-shuttle-buggy")?;
    let mut ours: BTreeMap<String, Searches> = BTreeMap::new();
    let mut theirs: BTreeMap<String, [Searches; SCHEDULERS.len()]> = BTreeMap::new();
    for seed in 1..=options.seeds {
        for (name, schedules) in search(root, raddle, &options.strategy, options.schedules, seed, &options.filter)? {
            let of_shuttle = theirs.entry(name.clone()).or_default();
            for (scheduler, searches) in SCHEDULERS.iter().zip(of_shuttle) {
                searches.push(in_shuttle(&shuttle, scheduler, &name, options.schedules, seed)?);
            }
            ours.entry(name).or_default().push(schedules);
        }
        eprintln!("seed {seed} of {}", options.seeds);
    }
    let raddle_is = format!("Raddle: {}", options.strategy);
    let mut header = vec!["program".to_owned(), raddle_is];
    header.extend(SCHEDULERS.map(|scheduler| format!("shuttle: {scheduler}")));
    header.push("fewer".to_owned());
    let mut table = table::headed(header.iter().map(String::as_str));
    let mut sums = [0; 3];
    for (program, searches) in &ours {
        let theirs = &theirs[program];
        let (order, word) = match median(searches).unwrap_or(u64::MAX).cmp(&best(theirs)) {
            Ordering::Less => (0, "Raddle"),
            Ordering::Equal => (1, "-"),
            Ordering::Greater => (2, "shuttle"),
        };
        sums[order] += 1;
        let mut row = vec![program.clone(), cell(searches, options.schedules)];
        row.extend(theirs.iter().map(|searches| cell(searches, options.schedules)));
        row.push(word.to_owned());
        table.add_row(row);
    }
    let mut last = vec!["found by the median seed".to_owned(), found(ours.values())];
    last.extend((0..SCHEDULERS.len()).map(|at| found(theirs.values().map(|theirs| &theirs[at]))));
    table.add_row(last);
    let [fewer, equal, more] = sums;
    let remarks = [
        format!("Medians over {} seeds of schedules up to and with the first that fails.", options.seeds),
        format!("In brackets how many seeds found it within {} schedules, where not all did.", options.schedules),
        format!(
            "Beside the best of shuttle's: Raddle takes fewer for {fewer} programs, as many for {equal}, more for {more}."
        ),
    ];
    let title = "Schedules to the first failure: Raddle (unmodified, release profile) beside shuttle's schedulers";
    table::print(title, &facts, &table, &remarks);
    Ok(true)
}

/// The least median; the greatest number where none of them has any.
fn best(searches: &[Searches]) -> u64 {
    searches.iter().filter_map(median).min().unwrap_or(u64::MAX)
}

/// Of how many programs the middle search has found the mistake.
fn found<'a>(searches: impl ExactSizeIterator<Item = &'a Searches>) -> String {
    let all = searches.len();
    format!("{} of {all}", searches.filter(|searches| median(searches).is_some()).count())
}

fn in_shuttle(shuttle: &Path, scheduler: &str, program: &str, schedules: u64, seed: u64) -> Result<Option<u64>> {
    let words = [scheduler, program, &schedules.to_string(), &seed.to_string()];
    let output = Command::new(shuttle).args(words).output().map_err(doing("run in-shuttle-buggy"))?;
    let printed: Printed = printed(format!("in-shuttle-buggy {}", words.join(" ")), &output)?;
    Ok(printed.failed.then_some(printed.schedules))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_least_median_and_nothing_found_is_the_worst() {
        let (early, late, never) =
            (vec![Some(3), Some(4), Some(5)], vec![Some(9), Some(9), None], vec![None, None, Some(1)]);
        assert_eq!(best(&[late.clone(), early.clone()]), 4);
        assert_eq!(best(&[never.clone(), late.clone()]), 9);
        assert_eq!(best(std::slice::from_ref(&never)), u64::MAX);
        assert_eq!(found([early, late, never].iter()), "2 of 3");
    }
}
