//! Measures Raddle beside what it is compared with, by turns in one run, and prints the figures as Markdown tables.
//!
//! | command | question |
//! |---|---|
//! | `speed` | how many schedules per second, against shuttle on the same bodies |
//! | `async` | how many schedules per second on tokio, against a plain loop and shuttle's stand-in for tokio |
//! | `rewind` | how much rewinding memory saves, against a process for each schedule |
//! | `weak` | what it costs to let loads see all that Rust's memory model allows |
//! | `accesses` | what it costs to watch accesses, against ThreadSanitizer on the same programs |
//! | `build` | how much longer a cold instrumented build takes than a plain one |
//! | `determinism` | whether the same seed gives the same executions twice |
//! | `first-failure` | how many schedules each strategy takes to find the mistakes of `buggy` |
//! | `first-failure-beside-shuttle` | the same, against shuttle's schedulers on the same programs |
//! | `loom` | how many executions a complete exploration takes, and how long, against loom on the same bodies |
//! | `division` | how much more a second process sees of one test in the same time |
//! | `growth` | how the time of a schedule grows with its length and with the number of threads |
//! | `quiet` | whether right programs are left alone |
//!
//! `cargo run --release -p compare -- all` asks them all, but for the two of `first-failure` and `growth`, which take
//! longest, and `division`, which takes the whole machine. Raddle is driven as a user drives it: through `cargo raddle test
//! --message-format json`.

mod accesses;
mod asynchronous;
mod beside_shuttle;
mod build;
mod child;
mod correct;
mod determinism;
mod division;
mod error;
mod first_failure;
mod growth;
mod loom;
mod machine;
mod plot;
mod printed;
mod quiet;
mod raddle;
mod rate;
mod rewind;
mod shuttle;
mod speed;
mod table;
mod weak;

use clap::{Args, Parser, Subcommand};
use error::Result;
use raddle::Raddle;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Measures Raddle beside what it is compared with
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    what: What,
    /// Measure this `cargo-raddle` instead of the one of this repository, built anew
    #[arg(long, global = true, value_name = "PATH")]
    cargo_raddle: Option<PathBuf>,
    /// Directory in which Raddle builds what it explores
    #[arg(long, global = true, value_name = "DIRECTORY")]
    target_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Schedules per second in shuttle and in Raddle, release profile
    Speed(Speed),
    /// Schedules per second with tokio, in a plain loop, in shuttle and in Raddle, release profile
    Async(Speed),
    /// Schedules per second with rewind and with fork, release profile
    Rewind(Speed),
    /// Schedules per second with the memory models `rc11` and `sc`, release profile
    Weak(Speed),
    /// Time and memory of programs that access memory: alone, with ThreadSanitizer, in Raddle
    Accesses(accesses::Options),
    /// Duration of a cold build, plain and instrumented
    Build(build::Options),
    /// The same seed twice, over all right tests of fixtures and examples
    Determinism(correct::Options),
    /// Findings in right tests of fixtures and examples: there must be none
    Quiet(correct::Options),
    /// Schedules until the first failure of each program in `buggy`, by strategy
    FirstFailure(first_failure::Options),
    /// Schedules until the first failure of each program in `buggy`, by Raddle and by shuttle's schedulers
    FirstFailureBesideShuttle(beside_shuttle::Options),
    /// Complete explorations by loom and by Raddle, release profile
    Loom(Speed),
    /// Classes of schedules that one process and two have seen of one test after the same time, release profile
    Division(Speed),
    /// Time of a schedule by its length and by the number of threads, release profile
    Growth(growth::Options),
    /// All of these but the two of `first-failure`, `growth` and `division`, with their defaults
    All,
    /// Runs a program and prints what it took
    #[command(name = child::COMMAND, hide = true)]
    Child {
        /// The program and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
}

/// How long is measured.
#[derive(Clone, Debug, Args)]
struct Speed {
    /// Times that each tool is measured
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that each long run of a tool takes
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Only bodies whose names contain this word
    #[arg(value_name = "FILTER", default_value = "")]
    filter: String,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let What::Child { words } = &cli.what {
        return match child::measure(words) {
            Ok(code) => ExitCode::from(code),
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::from(255)
            }
        };
    }
    match run(&cli) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all that must hold did hold.
fn run(cli: &Cli) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().map_err(error::doing("find the repository"))?;
    let target = cli.target_dir.clone().unwrap_or_else(|| root.join("bench/target"));
    let raddle = Raddle::new(&root, cli.cargo_raddle.as_deref(), &target)?;
    let all = match &cli.what {
        What::All => vec![
            What::Speed(Speed { rounds: 5, seconds: 1.0, filter: String::new() }),
            What::Rewind(Speed { rounds: 3, seconds: 1.0, filter: String::new() }),
            What::Weak(Speed { rounds: 3, seconds: 1.0, filter: String::new() }),
            What::Accesses(accesses::Options::default()),
            What::Build(build::Options::default()),
            What::Loom(Speed { rounds: 3, seconds: 0.0, filter: String::new() }),
            What::Determinism(correct::Options::default()),
            What::Quiet(correct::Options::default()),
        ],
        one => vec![one.clone()],
    };
    let mut good = true;
    for what in all {
        good &= match what {
            What::Speed(options) => speed::run(&root, &raddle, &options)?,
            What::Async(options) => asynchronous::run(&root, &raddle, &options)?,
            What::Rewind(options) => rewind::run(&root, &raddle, &options)?,
            What::Weak(options) => weak::run(&root, &raddle, &options)?,
            What::Accesses(options) => accesses::run(&root, &raddle, &options)?,
            What::Build(options) => build::run(&root, &raddle, &options)?,
            What::Determinism(options) => determinism::run(&root, &raddle, &options)?,
            What::Loom(options) => loom::run(&root, &raddle, &options)?,
            What::Division(options) => division::run(&root, &raddle, &options)?,
            What::Growth(options) => growth::run(&root, &raddle, &options)?,
            What::Quiet(options) => quiet::run(&root, &raddle, &options)?,
            What::FirstFailure(options) => first_failure::run(&root, &raddle, &options)?,
            What::FirstFailureBesideShuttle(options) => beside_shuttle::run(&root, &raddle, &options)?,
            What::All => unreachable!("replaced by its parts"),
            What::Child { .. } => unreachable!("done before"),
        };
    }
    Ok(good)
}
