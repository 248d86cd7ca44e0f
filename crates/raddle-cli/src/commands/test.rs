//! `test`: builds a package's tests, chooses among them, explores them.

use crate::args::TestCommand;
use crate::args::harness::{Filter, Verdict};
use crate::building;
use crate::console::Console;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::judge::Judgement;
use crate::regressions::{self, Mode, Regressions};
use crate::report_files::ReportFiles;
use crate::runtime_library::RuntimeLibrary;
use crate::settings::Settings;
use crate::subject::{Origin, Subject, binary_id};
use crate::suite::{Suite, available_jobs};
use raddle_instrument::Unsupported;
use raddle_instrument::compile::{Artifact, Build, Goal};
use raddle_instrument::tests_list::{Listing, list};
use std::path::Path;
use std::time::Duration;

/// How long an executable may take to list its tests.
const LISTING_LIMIT: Duration = Duration::from_secs(60);

/// Runs the command.
///
/// # Errors
/// When nothing can be built, chosen or explored.
pub fn run(command: &TestCommand, console: &Console) -> Result<Exit> {
    let settings = Settings::new(&command.explore)?;
    let mut files = ReportFiles::open(&command.files)?;
    let mode = Mode::new(command.regressions, &|name| std::env::var(name).ok())?;
    let interrupt = Interrupt::listen()?;
    let runtime = RuntimeLibrary::provide()?;
    let directory = building::here()?;
    let selection = command.build.selection();
    let build = building::build(&directory, selection, Goal::Tests, &runtime, console, &interrupt)?;
    let filter = command.filter.filter();
    let chosen = choose(command, &filter, &build, &directory, console, &interrupt)?;
    if chosen.subjects.is_empty() {
        return Err(nothing_chosen(&filter, &chosen));
    }
    if chosen.libtest && !filter.without_effect.is_empty() {
        console.note(&format!(
            "{} has no effect: Raddle runs the tests itself, and shows the output of schedules that fail",
            filter.without_effect.join(", ")
        ));
    }
    let regressions = regressions(mode, command, &settings, &build, &chosen.subjects, console);
    let suite = Suite {
        subjects: chosen.subjects,
        ignored: chosen.ignored,
        packages: chosen.packages,
        settings,
        verify: command.explore.verify,
        keep_going: command.explore.keep_going,
        judgement: Judgement { allow: command.explore.allow.clone(), deny: command.explore.deny.clone() },
        jobs: command.explore.jobs.map_or_else(available_jobs, std::num::NonZero::get),
        regressions,
        runtime: &runtime,
    };
    let exit = suite.run(console, &interrupt, &mut files);
    files.write(&build.workspace_root)?;
    Ok(exit)
}

/// What is kept of earlier findings. To perform everything twice is not to look for any.
fn regressions(
    mode: Mode,
    command: &TestCommand,
    settings: &Settings,
    build: &Build,
    subjects: &[Subject],
    console: &Console,
) -> Regressions {
    if command.explore.verify {
        return Regressions::off();
    }
    let options = regressions::options(settings, &command.build.common);
    let places = subjects.iter().filter_map(|subject| subject.kept_in.as_ref());
    let (regressions, unread) = Regressions::read(mode, options, &build.workspace_root, places);
    unread.iter().for_each(|sentence| console.note(sentence));
    regressions
}

#[derive(Default)]
struct Chosen {
    subjects: Vec<Subject>,
    packages: Vec<String>,
    /// Tests whose names are right, left out because they are ignored.
    ignored: u64,
    /// Tests there are.
    all: u64,
    /// Executables there are.
    executables: usize,
    /// Whether any of them has the usual harness.
    libtest: bool,
}

fn choose(
    command: &TestCommand,
    filter: &Filter,
    build: &Build,
    directory: &Path,
    console: &Console,
    interrupt: &Interrupt,
) -> Result<Chosen> {
    let mut chosen = Chosen { executables: build.artifacts.len(), ..Chosen::default() };
    let whole = command.filter.of_whole_executables();
    let mut refused = Vec::new();
    for artifact in &build.artifacts {
        interrupt.check()?;
        let origin =
            |target| Origin::Tests { directory: directory.to_path_buf(), build: command.build.clone(), target };
        if artifact.is_macro {
            refused.push(of_the_compiler(artifact));
            continue;
        }
        let source = match building::source(artifact, build, origin) {
            Ok(source) => source,
            Err(Error::Instrument(raddle_instrument::Error::Unsupported(reason))) => {
                refused.push(reason);
                continue;
            }
            Err(error) => return Err(error),
        };
        let before = chosen.subjects.len();
        match list(artifact, LISTING_LIMIT)? {
            Listing::OwnHarness(_) => {
                chosen.all += 1;
                if whole.judge(&binary_id(artifact), false) == Verdict::Chosen {
                    chosen.subjects.push(Subject::own_harness(artifact, &filter.rest, &source));
                }
            }
            Listing::Tests(tests) => {
                chosen.libtest = true;
                if let Some(reason) = &filter.not_libtest {
                    let remedy = if filter.rest.iter().any(|word| word == "--list") {
                        "`cargo test -- --list` shows the names of tests"
                    } else {
                        "choose test targets with a harness of their own by --test NAME"
                    };
                    return Err(Error::Usage {
                        sentence: format!("the words after `--` are not for the test harness: {reason}"),
                        remedy: Some(remedy.into()),
                    });
                }
                chosen.all += tests.len() as u64;
                for test in tests {
                    match filter.judge(&test.name, test.ignored) {
                        Verdict::Chosen => chosen.subjects.push(Subject::test(artifact, &test.name, &source)),
                        Verdict::Ignored => chosen.ignored += 1,
                        Verdict::LeftOut => {}
                    }
                }
            }
        }
        if chosen.subjects.len() > before && !chosen.packages.contains(&artifact.package) {
            chosen.packages.push(artifact.package.clone());
        }
    }
    if refused.len() == chosen.executables
        && let Some(reason) = refused.pop()
    {
        return Err(raddle_instrument::Error::Unsupported(reason).into());
    }
    refused.iter().for_each(|reason| console.note(&reason.sentence));
    Ok(chosen)
}

/// Why the unit tests of a procedural macro are left out.
fn of_the_compiler(artifact: &Artifact) -> Unsupported {
    Unsupported {
        sentence: format!(
            "the tests of `{}` are not explored: they are not instrumented (a procedural macro is code of the compiler's)",
            binary_id(artifact)
        ),
        remedy: "put tests of the code that it generates into `tests/`; those are explored".into(),
    }
}

fn nothing_chosen(filter: &Filter, chosen: &Chosen) -> Error {
    let (sentence, remedy) = if chosen.executables == 0 {
        ("there are no tests here: this selection builds no test executable".into(), None)
    } else if chosen.all == 0 {
        let remedy = "tests in the documentation are not explored: only rustdoc can build them";
        ("there are no tests in what this selection builds".into(), Some(remedy))
    } else if chosen.ignored > 0 {
        let remedy = "add --include-ignored to explore them too, or --ignored to explore only them";
        (format!("all tests that match ({}) are marked `#[ignore]`", chosen.ignored), Some(remedy))
    } else {
        let words = filter.words.iter().map(|word| format!(" `{word}`")).collect::<Vec<_>>().join(" or");
        let remedy = "`cargo test -- --list` shows their names";
        let all = if chosen.all == 1 { "is one test".into() } else { format!("are {} tests", chosen.all) };
        (format!("no test matches{words}; there {all} to choose from"), Some(remedy))
    };
    Error::Usage { sentence, remedy: remedy.map(str::to_owned) }
}
