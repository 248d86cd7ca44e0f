//! How many schedules a strategy takes to the first failure of each program in `buggy`: median over seeds, and in how
//! many of them there was a failure at all within the budget.
//!
//! A seed without a failure counts as one that would have taken longer than all others.

use crate::error::Result;
use crate::raddle::Raddle;
use crate::{machine, table};
use clap::Args;
use std::collections::BTreeMap;
use std::path::Path;

/// How long is searched, and by whom.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Seeds, from 1
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// Schedules of each program at the most
    #[arg(long, default_value_t = 5000)]
    schedules: u64,
    /// Strategies, with commas between them
    #[arg(long, default_value = "random,pct,pos,surw,auto", value_delimiter = ',')]
    strategies: Vec<String>,
    /// Only programs whose names contain this word
    #[arg(value_name = "FILTER", default_value = "")]
    filter: String,
}

/// Schedules to the first failure for each seed, `None` where there was none.
pub type Searches = Vec<Option<u64>>;

/// Searches and prints.
///
/// # Errors
/// When the command fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let mut found: BTreeMap<String, BTreeMap<&str, Searches>> = BTreeMap::new();
    for seed in 1..=options.seeds {
        for strategy in &options.strategies {
            for (name, schedules) in search(root, raddle, strategy, options.schedules, seed, &options.filter)? {
                found.entry(name).or_default().entry(strategy).or_default().push(schedules);
            }
        }
        eprintln!("seed {seed} of {}", options.seeds);
    }
    let mut table = table::headed(std::iter::once("program").chain(options.strategies.iter().map(String::as_str)));
    for (program, searches) in &found {
        let cells = options.strategies.iter().map(|strategy| cell(&searches[strategy.as_str()], options.schedules));
        table.add_row(std::iter::once(program.clone()).chain(cells));
    }
    let sums = options.strategies.iter().map(|strategy| {
        let of = |searches: &BTreeMap<&str, Searches>| median(&searches[strategy.as_str()]);
        let below = found.values().filter(|searches| of(searches).is_some_and(|median| median <= 1000)).count();
        format!("{below} of {}", found.len())
    });
    table.add_row(std::iter::once("median up to 1,000".to_owned()).chain(sums));
    let remarks = [
        format!("Medians over {} seeds of schedules up to and with the first that fails.", options.seeds),
        format!("In brackets how many seeds found it within {} schedules, where not all did.", options.schedules),
    ];
    table::print("Schedules to the first failure, by strategy (release profile)", &facts, &table, &remarks);
    Ok(true)
}

/// The schedules that a strategy takes with one seed, by program.
pub fn search(
    root: &Path,
    raddle: &Raddle,
    strategy: &str,
    schedules: u64,
    seed: u64,
    filter: &str,
) -> Result<BTreeMap<String, Option<u64>>> {
    let (schedules, seed) = (schedules.to_string(), seed.to_string());
    let mut words = vec!["-p", "buggy", "--release", "--jobs", "1", "--time", "1h", "--seed", &seed];
    words.extend(["--schedules", &schedules, "--strategy", strategy]);
    words.extend((!filter.is_empty()).then_some(filter));
    let name = |test: &str| test.trim_start_matches("buggy ").to_owned();
    let tests = raddle.test(&root.join("bench"), &words)?.tests.into_iter();
    Ok(tests.map(|test| (name(&test.test), (test.outcome == "failed").then_some(test.schedules))).collect())
}

/// The middle search, the lower of two; `None` when it did not find anything.
pub fn median(searches: &Searches) -> Option<u64> {
    let mut sorted: Vec<u64> = searches.iter().map(|schedules| schedules.unwrap_or(u64::MAX)).collect();
    sorted.sort_unstable();
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().filter(|median| *median != u64::MAX)
}

/// The middle of some searches within so many schedules, in words.
pub fn cell(searches: &Searches, budget: u64) -> String {
    let middle = match median(searches) {
        Some(median) => table::count(median as f64),
        None => format!(">{}", table::count(budget as f64)),
    };
    match searches.iter().flatten().count() {
        all if all == searches.len() => middle,
        0 => format!("- (0/{})", searches.len()),
        some => format!("{middle} ({some}/{})", searches.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_tell_what_was_found_and_what_was_not() {
        assert_eq!(cell(&vec![Some(3), Some(1200), Some(9)], 5000), "9");
        assert_eq!(cell(&vec![Some(3), None, Some(1200)], 5000), "1,200 (2/3)");
        assert_eq!(cell(&vec![None, None, Some(1200)], 5000), ">5,000 (1/3)");
        assert_eq!(cell(&vec![None, None], 5000), "- (0/2)");
    }
}
