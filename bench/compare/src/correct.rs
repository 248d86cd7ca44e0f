//! The right programs of the repository: every test of the fixtures that is no trouble by design, and the fixed twins
//! among the examples.

use crate::error::{Result, file};
use crate::raddle::{Finished, Raddle};
use clap::Args;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How much is explored.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Schedules of each test
    #[arg(long, default_value_t = 1000)]
    pub schedules: u64,
    /// Seed of the search
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only selections whose names contain this word
    #[arg(value_name = "FILTER", default_value = "")]
    pub filter: String,
}

impl Default for Options {
    fn default() -> Self {
        Self { schedules: 1000, seed: 1, filter: String::new() }
    }
}

/// Tests that one call of the command explores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// How it is called in the tables.
    pub name: String,
    directory: PathBuf,
    arguments: Vec<String>,
    /// Tests that must be among them, by their full names.
    expected: Vec<String>,
}

/// `EXPECTED.toml` of the examples.
#[derive(Deserialize)]
struct Expected {
    test: Vec<ExpectedTest>,
}

#[derive(Deserialize)]
struct ExpectedTest {
    package: String,
    binary: String,
    test: String,
    expected: String,
}

/// The members of a workspace that `cargo test` tests.
#[derive(Deserialize)]
struct Manifest {
    workspace: Members,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Members {
    default_members: Vec<String>,
}

/// All of them.
///
/// # Errors
/// When a file that lists them cannot be read.
pub fn selections(root: &Path, filter: &str) -> Result<Vec<Selection>> {
    let mut all = fixtures(root)?;
    all.push(Selection {
        name: "fixtures/workspace".into(),
        directory: root.join("fixtures/workspace"),
        arguments: vec!["--workspace".into()],
        expected: Vec::new(),
    });
    all.extend(examples(root)?);
    all.retain(|selection| selection.name.contains(filter));
    Ok(all)
}

fn fixtures(root: &Path) -> Result<Vec<Selection>> {
    let path = root.join("fixtures/Cargo.toml");
    let text = fs::read_to_string(&path).map_err(file(&path))?;
    let manifest: Manifest = toml::from_str(&text).map_err(file(&path))?;
    let selection = |package: &String| Selection {
        name: format!("fixtures/{package}"),
        directory: root.join("fixtures"),
        arguments: vec!["--package".into(), package.clone()],
        expected: Vec::new(),
    };
    Ok(manifest.workspace.default_members.iter().map(selection).collect())
}

/// Test binaries of the examples, each with its fixed tests.
fn examples(root: &Path) -> Result<Vec<Selection>> {
    let path = root.join("examples/EXPECTED.toml");
    let text = fs::read_to_string(&path).map_err(file(&path))?;
    let expected: Expected = toml::from_str(&text).map_err(file(&path))?;
    let mut binaries: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for test in expected.test.into_iter().filter(|test| test.expected == "none") {
        binaries.entry((test.package, test.binary)).or_default().push(test.test);
    }
    let selection = |((package, binary), tests): ((String, String), Vec<String>)| {
        let target = match binary.split_once("::") {
            Some((_, test)) => vec!["--test".into(), test.into()],
            None => vec!["--lib".into()],
        };
        let expected = tests.iter().map(|test| format!("{binary} {test}")).collect();
        Selection {
            name: format!("examples/{package}"),
            directory: root.join("examples"),
            arguments: [vec!["--package".into(), package, "--exact".into()], target, tests].concat(),
            expected,
        }
    };
    Ok(binaries.into_iter().map(selection).collect())
}

impl Selection {
    /// Explores them.
    ///
    /// # Errors
    /// When the command fails.
    pub fn explore(&self, raddle: &Raddle, options: &Options, more: &[&str]) -> Result<Vec<Finished>> {
        let (schedules, seed) = (options.schedules.to_string(), options.seed.to_string());
        let mut arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        arguments.extend(["--schedules", &schedules, "--seed", &seed, "--time", "10m"]);
        arguments.extend(more);
        let mut tests = raddle.test(&self.directory, &arguments)?.tests;
        tests.sort_by(|one, other| one.test.cmp(&other.test));
        Ok(tests)
    }

    /// Tests that should be among `tests` and are not.
    pub fn missing<'a>(&'a self, tests: &'a [Finished]) -> impl Iterator<Item = &'a String> {
        self.expected.iter().filter(|expected| !tests.iter().any(|test| test.test == **expected))
    }
}

/// Whether a test was explored as far as was asked: to the number of schedules, or to the last one there is.
pub fn is_complete(test: &Finished, schedules: u64) -> bool {
    match test.outcome.as_str() {
        "passed" => test.schedules == schedules,
        "exhausted" | "single-threaded" => true,
        _ => false,
    }
}
