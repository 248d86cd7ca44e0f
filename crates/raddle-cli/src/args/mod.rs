//! The words of the command line.
//!
//! Cargo's own selection options keep their names and meanings ([`build`]); a test's harness keeps its ([`harness`]);
//! what is left is Raddle's ([`explore`]).

pub mod build;
pub mod explore;
pub mod harness;
pub mod profile;
pub(crate) mod values;

use crate::exit::Exit;
use crate::regressions;
use build::{BuildOptions, Program};
use clap::{Args, Parser, Subcommand, ValueEnum};
use explore::ExploreOptions;
use harness::TestFilter;
use profile::ProfileCommand;
use std::ffi::OsString;
use std::path::PathBuf;

/// Puts the threads of a program in every order that matters, and tells which order breaks it and why
#[derive(Debug, Parser)]
#[command(
    name = "raddle",
    version,
    after_help = Exit::HELP,
    disable_help_subcommand = true,
    infer_subcommands = false,
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// When to colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    pub color: ColorChoice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Explores the tests of a package, in as many schedules as the budget allows
    Test(Box<TestCommand>),
    /// Explores a binary, an example, or any program that was built for Raddle
    Run(Box<RunCommand>),
    /// Performs a recorded schedule again, step by step, with the program's output live
    Replay(ReplayCommand),
    /// Watches a command or a running process, in any language, and says what holds it up
    Profile(Box<ProfileCommand>),
    /// Explains a code such as RD0201; lists all codes when none is given
    Explain(ExplainCommand),
}

/// `test`.
#[derive(Debug, Args)]
#[command(after_help = Exit::HELP)]
pub struct TestCommand {
    /// Which tests.
    #[command(flatten)]
    pub filter: TestFilter,
    /// What is built and how.
    #[command(flatten)]
    pub build: BuildOptions,
    /// How they are explored.
    #[command(flatten)]
    pub explore: ExploreOptions,
    /// What becomes of failing schedules: `keep` keeps them in `.raddle` beside the package and tries them first the next
    /// time, `try` only tries what is there, `off` does neither [default: `keep`; `try` where the variable CI is set]
    #[arg(long, value_name = "MODE", hide_possible_values = true, help_heading = "Exploration")]
    pub regressions: Option<regressions::Mode>,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputOptions,
    /// What is written to files.
    #[command(flatten)]
    pub files: FileOptions,
}

/// `run`.
#[derive(Debug, Args)]
#[command(
    after_help = Exit::HELP,
    override_usage = "raddle run [OPTIONS] [--bin NAME | --example NAME] [-- ARGS...]\n       raddle run [OPTIONS] -- PROGRAM [ARGS...]"
)]
pub struct RunCommand {
    /// Arguments of the package's program; or, when none of --bin, --example, --package and --manifest-path is given,
    /// any program that was built for Raddle, and its arguments
    #[arg(last = true, value_name = "ARGS")]
    pub words: Vec<OsString>,
    /// Which program of the package.
    #[command(flatten)]
    pub program: Program,
    /// How it is explored.
    #[command(flatten)]
    pub explore: ExploreOptions,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputOptions,
    /// What is written to files.
    #[command(flatten)]
    pub files: FileOptions,
}

/// `replay`.
#[derive(Debug, Args)]
#[command(after_help = Exit::HELP)]
pub struct ReplayCommand {
    /// Token that a report has given
    #[arg(value_name = "TOKEN")]
    pub token: String,
    /// Path to the Cargo.toml of the package in which the token was given
    #[arg(long, value_name = "PATH", help_heading = "Package")]
    pub manifest_path: Option<PathBuf>,
    /// Directory for all generated artifacts, as it was given to `test` or `run`
    #[arg(long, value_name = "DIRECTORY", help_heading = "Package")]
    pub target_dir: Option<PathBuf>,
    /// How it is shown.
    #[command(flatten)]
    pub output: OutputOptions,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// Code or name of a hazard
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// How results are shown.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputOptions {
    /// `human` writes to standard error; `json` writes one object a line to standard output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub message_format: MessageFormat,
}

/// Files that are written beside what is shown.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct FileOptions {
    /// Also write JUnit XML, for continuous integration
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Also write the findings as SARIF, for GitHub code scanning and for editors
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Also write a page for a browser
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Form of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum MessageFormat {
    Human,
    Json,
}

/// When to write escape sequences for colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// By which name Raddle was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// `raddle test`.
    Alone,
    /// `cargo raddle test`: cargo inserts the word `raddle`.
    ByCargo,
}

impl Cli {
    /// Reads a command line, the program's name included.
    ///
    /// # Errors
    /// Clap's explanation, which is also how help and version are delivered.
    pub fn read(called: Called, words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        use clap::{CommandFactory, FromArgMatches};
        let mut words: Vec<OsString> = words.into_iter().collect();
        let mut command = Cli::command();
        if called == Called::ByCargo {
            if words.get(1).is_some_and(|word| word == "raddle") {
                words.remove(1);
            }
            command = command.bin_name("cargo raddle");
            command = command.mut_subcommand("run", |run| {
                run.override_usage(
                    "cargo raddle run [OPTIONS] [--bin NAME | --example NAME] [-- ARGS...]\n       \
                     cargo raddle run [OPTIONS] -- PROGRAM [ARGS...]",
                )
            });
        }
        if called == Called::ByCargo {
            command = command.mut_subcommand("profile", |profile| {
                profile.override_usage(
                    "cargo raddle profile [OPTIONS] -- COMMAND [ARGS...]\n       \
                     cargo raddle profile [OPTIONS] --pid PID [--time DURATION]\n       \
                     cargo raddle profile [OPTIONS] --bin NAME [-- ARGS...]",
                )
            });
        }
        let mut matches = command.clone().try_get_matches_from(words)?;
        Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

#[cfg(test)]
mod tests;
