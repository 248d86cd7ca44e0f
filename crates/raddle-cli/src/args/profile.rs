//! What is watched, how, and what the result is written to.

use super::build::CommonOptions;
use super::values;
use super::{Exit, OutputOptions};
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// `profile`.
#[derive(Debug, Args)]
#[command(
    after_help = Exit::HELP,
    override_usage = "raddle profile [OPTIONS] -- COMMAND [ARGS...]\n       raddle profile [OPTIONS] --pid PID [--time DURATION]\n       raddle profile [OPTIONS] --bin NAME [-- ARGS...]"
)]
pub struct ProfileCommand {
    /// The command and its arguments; or, with --bin, --example, --test or --bench, arguments of that program
    #[arg(last = true, value_name = "COMMAND", required_unless_present_any = ["pid", "bin", "example", "test", "bench"])]
    pub words: Vec<OsString>,

    /// Watch a process that runs already, and all that it has started
    #[arg(long, value_name = "PID", conflicts_with_all = ["words", "bin", "example", "test", "bench", "scale"], value_parser = clap::value_parser!(i32).range(1..))]
    pub pid: Option<i32>,
    /// End the measurement after so long; the program goes on [default with --pid: 10s]
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub time: Option<Duration>,
    /// Looks a second
    #[arg(long, value_name = "HZ", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Stacks that are taken: of blocked threads from outside; of running ones by stopping one for a moment, 20 times a second
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub stacks: StacksChoice,
    /// Whose exit code is passed on: the program's, or Raddle's own
    #[arg(long, value_name = "WHOSE", default_value = "program")]
    pub exit_code: ExitCodeChoice,

    /// Also run it with so many processors or workers, and say how it scales: 1,2,4
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', help_heading = "Scaling", value_parser = numbers)]
    pub scale: Vec<usize>,
    /// Instead of restricting processors, append this argument with the number in place of {}: --threads={}
    #[arg(long, value_name = "TEXT", help_heading = "Scaling", requires = "scale", conflicts_with = "scale_env", value_parser = placeholder)]
    pub scale_arg: Option<String>,
    /// Instead of restricting processors, set this variable to the number
    #[arg(long, value_name = "NAME", help_heading = "Scaling", requires = "scale")]
    pub scale_env: Option<String>,
    /// Throughput is the number that this expression finds in the output (its first group, if it has one), not runs a
    /// second
    #[arg(long, value_name = "REGEX", help_heading = "Scaling", requires = "scale")]
    pub metric: Option<String>,
    /// Runs for each number
    #[arg(long, value_name = "N", default_value = "3", help_heading = "Scaling", requires = "scale", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub repeat: u32,

    /// Also write a page for a browser
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Also write all stacks: folded=FILE, or firefox=FILE for profiler.firefox.com
    #[arg(long, value_name = "FORMAT=FILE", help_heading = "Output", value_parser = export)]
    pub export: Vec<Export>,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputOptions,

    /// Build this binary and watch it
    #[arg(long, value_name = "NAME", help_heading = "Targets", group = "target")]
    pub bin: Option<String>,
    /// Build this example and watch it
    #[arg(long, value_name = "NAME", help_heading = "Targets", group = "target")]
    pub example: Option<String>,
    /// Build this test target and watch it
    #[arg(long, value_name = "NAME", help_heading = "Targets", group = "target")]
    pub test: Option<String>,
    /// Build this benchmark and watch it
    #[arg(long, value_name = "NAME", help_heading = "Targets", group = "target")]
    pub bench: Option<String>,
    /// What is built and how.
    #[command(flatten)]
    pub common: CommonOptions,
}

/// Which stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum StacksChoice {
    All,
    Blocked,
    None,
}

/// Whose exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ExitCodeChoice {
    Program,
    Own,
}

/// A file of stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Export {
    Folded(PathBuf),
    Firefox(PathBuf),
}

fn export(text: &str) -> Result<Export, String> {
    match text.split_once('=') {
        Some(("folded", file)) if !file.is_empty() => Ok(Export::Folded(file.into())),
        Some(("firefox", file)) if !file.is_empty() => Ok(Export::Firefox(file.into())),
        _ => Err("write folded=FILE or firefox=FILE".into()),
    }
}

fn numbers(text: &str) -> Result<usize, String> {
    match text.trim().parse() {
        Ok(number @ 1..=4096) => Ok(number),
        _ => Err("must be numbers from 1 to 4096, with commas between them".into()),
    }
}

fn placeholder(text: &str) -> Result<String, String> {
    if text.contains("{}") { Ok(text.to_owned()) } else { Err("must contain {} where the number belongs".into()) }
}
