//! What it costs to watch accesses: programs that do little else (`accesses/`), alone, under ThreadSanitizer and in
//! Raddle, for one schedule.
//!
//! Seconds are of processor time, less what the test `nothing` takes. The standard library is not compiled with
//! ThreadSanitizer, but its generic code is, being part of the program; with Raddle all of it is instrumented. Raddle
//! performs threads one at a time, so that a program with several takes longer by the clock than these figures say.

use crate::error::Result;
use crate::raddle::{FINDINGS, Raddle, tests_of};
use crate::rate::{median, span};
use crate::{child, machine, table};
use clap::Args;
use std::path::Path;
use std::process::Command;

/// The flag that lets rustc mix code that ThreadSanitizer watches with a standard library that it does not.
const SANITIZER: &str = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";
const HOST: &str = "x86_64-unknown-linux-gnu";
/// What a test costs that does nothing.
const NOTHING: &str = "nothing";
/// Those whose time is measured, and whose memory alone.
const TIMED: [&str; 7] = [
    "sorting::sorting_1",
    "sorting::sorting_4",
    "hashing::hashing_1",
    "hashing::hashing_4",
    "parsing::parsing_1",
    "parsing::parsing_4",
    "memory::shared_64_mib",
];
const LARGE: &str = "memory::shared_1_gib";

/// How often each is run.
#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Runs of each kind
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: 5 }
    }
}

/// Measures and prints.
///
/// # Errors
/// When a program cannot be built or fails.
pub fn run(root: &Path, raddle: &Raddle, options: &Options) -> Result<bool> {
    let facts = machine::facts(root, &raddle.version);
    let bench = root.join("bench");
    let plain = tests_of(&bench, "accesses", &[], &[])?;
    let sanitized =
        tests_of(&bench, "accesses", &["--target", HOST], &[("RUSTC_BOOTSTRAP", "1"), ("RUSTFLAGS", SANITIZER)])?;
    // Built before the first is timed.
    raddle.test(&bench, &["--release", "-p", "accesses", "--schedules", "1", "--exact", NOTHING])?;
    let took = |test: &str| -> Result<[child::Took; 3]> {
        let alone = |program: &Path| {
            let mut command = Command::new(program);
            command.args(["--exact", test]).env("TSAN_OPTIONS", "report_bugs=0");
            child::run(&command, &[])
        };
        let arguments = ["--release", "-p", "accesses", "--schedules", "1", "--jobs", "1", "--exact", test];
        Ok([alone(&plain)?, alone(&sanitized)?, child::run(&raddle.command(&bench, &arguments), &[FINDINGS])?])
    };

    let mut times = table::new([
        "test",
        "plain: s",
        "ThreadSanitizer: s",
        "Raddle: s",
        "Raddle/plain",
        "Raddle/ThreadSanitizer (min to max)",
    ]);
    let mut memory = table::new(["test", "plain: MiB", "ThreadSanitizer: MiB", "Raddle: MiB"]);
    for test in TIMED {
        let mut rounds = Vec::new();
        for _ in 0..options.rounds {
            let (nothing, all) = (took(NOTHING)?, took(test)?);
            rounds.push([0, 1, 2].map(|tool| all[tool].seconds - nothing[tool].seconds));
        }
        let [plain, sanitizer, ours] = [0, 1, 2].map(|tool| median(rounds.iter().map(|round| round[tool]).collect()));
        let (least, greatest) = span(rounds.iter().map(|[_, sanitizer, ours]| ours / sanitizer));
        times.add_row([
            test.to_owned(),
            format!("{plain:.2}"),
            format!("{sanitizer:.2}"),
            format!("{ours:.2}"),
            format!("{:.1}", ours / plain),
            format!("{:.2} ({least:.2} to {greatest:.2})", ours / sanitizer),
        ]);
        eprintln!("{test}: {:.2}", ours / sanitizer);
    }
    for test in [NOTHING, TIMED[TIMED.len() - 1], LARGE] {
        let cells = took(test)?.map(|took| table::count(took.mebibytes));
        memory.add_row(std::iter::once(test.to_owned()).chain(cells));
    }
    let remarks = [format!("Processor time, less that of `{NOTHING}`; medians of {} rounds by turns.", options.rounds)];
    table::print(
        "One schedule of programs that access memory: alone, with ThreadSanitizer, in Raddle",
        &facts,
        &times,
        &remarks,
    );
    let remarks = ["One run each. Raddle's includes the command and cargo, where those are greater.".to_owned()];
    table::print("Resident memory of the greatest process", &facts, &memory, &remarks);
    Ok(true)
}
