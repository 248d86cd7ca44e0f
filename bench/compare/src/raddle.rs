//! Raddle's side: the command, as a user calls it, and its JSON, as a program reads it.

use crate::error::{Error, Result, doing};
use crate::rate::{Sample, processor_time};
use serde::Deserialize;
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Exit code of the command when it has found something.
pub const FINDINGS: i32 = 100;

/// The command.
#[derive(Debug)]
pub struct Raddle {
    program: PathBuf,
    target: PathBuf,
    /// How it names itself.
    pub version: String,
}

/// How a test is explored when its rate is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// By default.
    Rewind,
    /// A process for each schedule.
    Fork,
    /// By default, with this `--memory`.
    Model(&'static str),
}

/// One `test-finished` line, as far as it is used here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Finished {
    /// Binary and name of the test.
    pub test: String,
    /// How it ended.
    pub outcome: String,
    /// Schedules tried.
    pub schedules: u64,
    /// How many of them differ.
    pub distinct: u64,
    /// Wall-clock milliseconds, of the process under test and what was made of its reports.
    pub elapsed_ms: u64,
    /// `rewind` or `fork`.
    pub mode: String,
    /// Codes of findings.
    pub findings: Vec<String>,
    /// What else was said.
    pub detail: Option<String>,
    /// Schedule points in all schedules.
    pub points: Option<u64>,
    /// Of these: with more than one answer.
    pub choices: Option<u64>,
    /// Hash of all that happened in all schedules.
    pub digest: Option<Value>,
}

/// What a call of the command told.
#[derive(Debug)]
pub struct Run {
    /// Its tests, in the order in which they ended.
    pub tests: Vec<Finished>,
    /// Time until everything was built, read and listed.
    pub until_built: Duration,
}

impl Raddle {
    /// Finds the command, or builds the one of this repository. What it explores is built below `target`.
    ///
    /// # Errors
    /// When it cannot be built or run.
    pub fn new(root: &Path, program: Option<&Path>, target: &Path) -> Result<Self> {
        let program = match program {
            Some(program) => program.to_path_buf(),
            None => built(&root.join("Cargo.toml"), "raddle-cli", "cargo-raddle")?,
        };
        let output = Command::new(&program).args(["raddle", "--version"]).output();
        let output = output.map_err(doing("run cargo-raddle"))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(Self { program, target: target.to_path_buf(), version })
    }

    /// `cargo raddle test` with these arguments in this directory.
    ///
    /// # Errors
    /// When it ends in anything but success or findings.
    pub fn test(&self, directory: &Path, arguments: &[&str]) -> Result<Run> {
        self.test_into(&self.target, directory, arguments)
    }

    /// The same, with another target directory.
    ///
    /// # Errors
    /// As [`Raddle::test`].
    pub fn test_into(&self, target: &Path, directory: &Path, arguments: &[&str]) -> Result<Run> {
        let program = format!("cargo raddle test {}", arguments.join(" "));
        let mut arguments = arguments.to_vec();
        arguments.extend(["--quiet", "--message-format", "json"]);
        let unreadable = |why: String| Error::Unreadable { program: program.clone(), why };
        let begun = Instant::now();
        let mut child = self
            .command_into(target, directory, &arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(doing("run cargo-raddle"))?;
        let mut run = Run { tests: Vec::new(), until_built: Duration::ZERO };
        for line in BufReader::new(child.stdout.take().expect("standard output was piped")).lines() {
            let line = line.map_err(doing("read what cargo-raddle prints"))?;
            let event: Value = serde_json::from_str(&line).map_err(|error| unreadable(error.to_string()))?;
            match event["type"].as_str() {
                Some("suite-started") => run.until_built = begun.elapsed(),
                Some("test-finished") => {
                    let test = serde_json::from_value(event).map_err(|error| unreadable(error.to_string()))?;
                    run.tests.push(test);
                }
                _ => {}
            }
        }
        let status = child.wait().map_err(doing("wait for cargo-raddle"))?;
        if !status.success() && status.code() != Some(FINDINGS) {
            return Err(Error::Failed { program, status });
        }
        Ok(run)
    }

    /// `cargo raddle test` with these arguments in this directory, to be started.
    pub fn command(&self, directory: &Path, arguments: &[&str]) -> Command {
        self.command_into(&self.target, directory, arguments)
    }

    fn command_into(&self, target: &Path, directory: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["raddle", "test", "--target-dir"]).arg(target).args(arguments).current_dir(directory);
        // Each run begins as if there had been none before: a schedule that has failed is tried first otherwise.
        command.env("RADDLE_REGRESSIONS", "off");
        command
    }

    /// Explores one test of `plain` for exactly so many schedules, alone, in the release profile.
    ///
    /// # Errors
    /// When it does not pass, or not in the mode that was asked for.
    pub fn measure(&self, root: &Path, test: &str, schedules: u64, seed: u64, manner: Manner) -> Result<Sample> {
        self.measure_in(root, "plain", test, schedules, seed, manner)
    }

    /// The same, of the test of another package.
    ///
    /// # Errors
    /// As [`Raddle::measure`].
    pub fn measure_in(
        &self,
        root: &Path,
        package: &str,
        test: &str,
        schedules: u64,
        seed: u64,
        manner: Manner,
    ) -> Result<Sample> {
        let (schedules_word, seed) = (schedules.to_string(), seed.to_string());
        let mut arguments = vec!["-p", package, "--release", "--exact", test, "--jobs", "1", "--time", "1h"];
        // At random, so that none ends early because all of it has been explored.
        arguments.extend(["--schedules", &schedules_word, "--seed", &seed, "--strategy", "random"]);
        let mode = if manner == Manner::Fork { "fork" } else { "rewind" };
        match manner {
            Manner::Rewind => {}
            Manner::Fork => arguments.push("--fork"),
            Manner::Model(model) => arguments.extend(["--memory", model]),
        }
        let (run, processor) = processor_time(|| self.test(&root.join("bench"), &arguments))?;
        let not_measurable = |why| Error::NotMeasurable { test: test.into(), why };
        let [finished] = &run.tests[..] else {
            return Err(not_measurable(format!("{} tests have this name", run.tests.len())));
        };
        if finished.outcome != "passed" || finished.schedules != schedules || finished.mode != mode {
            return Err(not_measurable(format!("of {schedules} schedules in mode {mode} came {finished:?}")));
        }
        let mean = |all: Option<u64>| all.map(|all| all as f64 / schedules as f64);
        Ok(Sample {
            wall: Duration::from_millis(finished.elapsed_ms),
            processor,
            points: mean(finished.points),
            choices: mean(finished.choices),
        })
    }
}

/// Lets cargo build a program in the release profile and returns its path.
///
/// # Errors
/// When cargo fails.
pub fn built(manifest: &Path, package: &str, binary: &str) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--package", package, "--bin", binary, "--manifest-path"]).arg(manifest);
    executable(cargo, binary)
}

/// Lets cargo build the unit tests of a package in `directory`, in the release profile, and returns the executable's path.
///
/// # Errors
/// When cargo fails.
pub fn tests_of(directory: &Path, package: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["test", "--no-run", "--release", "--lib", "--package", package]).args(arguments);
    cargo.envs(variables.iter().copied()).current_dir(directory);
    executable(cargo, package)
}

fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// What cargo builds under this name.
fn executable(mut cargo: Command, name: &str) -> Result<PathBuf> {
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let program = format!("{cargo:?}");
    let output = cargo.stderr(Stdio::inherit()).output().map_err(doing("run cargo"))?;
    if !output.status.success() {
        return Err(Error::Failed { program, status: output.status });
    }
    let messages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    let artifact = messages.flatten().find(|message| {
        message["reason"] == "compiler-artifact"
            && message["target"]["name"] == name
            && !message["executable"].is_null()
    });
    let path = artifact.and_then(|artifact| artifact["executable"].as_str().map(PathBuf::from));
    path.ok_or(Error::Unreadable { program, why: format!("no executable `{name}` was named") })
}
