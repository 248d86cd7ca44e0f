//! How much longer a cold instrumented build takes than a plain one.
//!
//! Each build starts with an empty target directory; packages are downloaded and the standard library is instrumented
//! before the first is timed. Plain is `cargo test --no-run`. Raddle's time is that until the `suite-started` line: all of
//! the build, and besides that reading the executables and listing their tests, which is counted against Raddle.

use crate::error::{Error, Result, doing};
use crate::raddle::Raddle;
use crate::rate::{median, span};
use crate::{machine, table};
use clap::Args;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is built how often.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Cold builds of each kind
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Packages in `fixtures` that are built
    #[arg(value_name = "PACKAGE", default_values_t = packages())]
    packages: Vec<String>,
}

/// Those with the most dependencies.
fn packages() -> Vec<String> {
    ["lib-rayon", "lib-crossbeam", "lib-parking-lot", "lib-dashmap"].map(str::to_owned).to_vec()
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 3, packages: packages() }
    }
}

/// Measures and prints.
///
/// # Errors
/// When a build fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let fixtures = root.join("fixtures");
    let mut table = table::new(["package", "plain: s", "Raddle: s", "Raddle/plain (min to max)"]);
    for package in &options.packages {
        // Downloads, and instruments the standard library.
        instrumented(raddle, &fixtures, package)?;
        let (mut theirs, mut ours) = (Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            theirs.push(plain(&fixtures, package)?.as_secs_f64());
            ours.push(instrumented(raddle, &fixtures, package)?.as_secs_f64());
        }
        let (least, greatest) = span(ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs));
        let (ours, theirs) = (median(ours), median(theirs));
        table.add_row([
            package.clone(),
            format!("{theirs:.2}"),
            format!("{ours:.2}"),
            format!("{:.2} ({least:.2} to {greatest:.2})", ours / theirs),
        ]);
        eprintln!("{package}: {:.2}", ours / theirs);
    }
    let remarks = [format!(
        "Medians of {} cold builds of each kind by turns, dev profile, std instrumented before.",
        options.rounds
    )];
    table::print("Cold build: cargo test --no-run beside Raddle", &facts, &table, &remarks);
    Ok(true)
}

fn plain(fixtures: &Path, package: &str) -> Result<Duration> {
    let target = empty()?;
    let begun = Instant::now();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--no-run", "--quiet", "--package", package, "--target-dir"])
        .arg(target.path())
        .current_dir(fixtures)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .map_err(doing("run cargo"))?;
    let elapsed = begun.elapsed();
    if !status.success() {
        return Err(Error::Failed { program: format!("cargo test --no-run -p {package}"), status });
    }
    Ok(elapsed)
}

fn instrumented(raddle: &Raddle, fixtures: &Path, package: &str) -> Result<Duration> {
    let target = empty()?;
    let run = raddle.test_into(target.path(), fixtures, &["--package", package, "--schedules", "1"])?;
    Ok(run.until_built)
}

fn empty() -> Result<tempfile::TempDir> {
    tempfile::tempdir().map_err(doing("make a directory"))
}
