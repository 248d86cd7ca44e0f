//! `replay`: performs a recorded schedule again, every step traced and the program's own output live.

use crate::args::{MessageFormat, ReplayCommand};
use crate::building;
use crate::console::Console;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::judge::{Case, Judge};
use crate::process::{self, Ending, Output, Reply};
use crate::replay_store::{self, Record};
use crate::runtime_library::{self, RuntimeLibrary};
use crate::subject::{Origin, Source, Subject};
use crate::suite::Reporter;
use crate::verdict;
use raddle_instrument::compile::{Artifact, Build, Goal};
use raddle_instrument::selection::Selection;
use raddle_protocol::{Finding, Job, Message, Module, Outcome, RawFinding};
use raddle_report::events::Event;
use raddle_report::terminal;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Runs the command.
///
/// # Errors
/// When there is no such record, when the program has changed since, or when it cannot be built or started.
pub fn run(command: &ReplayCommand, console: &Console) -> Result<Exit> {
    let here = building::here()?;
    let record = replay_store::find(&places(command, &here)?, &command.token)?;
    let interrupt = Interrupt::listen()?;
    let runtime = RuntimeLibrary::provide()?;
    if record.runtime != runtime.fingerprint {
        return Err(changed("this schedule was recorded by another build of Raddle"));
    }
    let subject = subject(&record, &runtime, console, &interrupt)?;
    if record.executable != subject.source.executable.fingerprint {
        return Err(changed(&format!("`{}` has changed since this schedule was recorded", record.test)));
    }

    let live = console.format == MessageFormat::Human;
    let (raw, modules) = perform(&record, &subject, &runtime, live, console, &interrupt)?;
    let mut judge = Judge::default();
    let case = Case { subject: &subject, settings: &record.settings, tally: record.tally, leaks: None };
    let mut finding = judge.finding(&raw, &modules, &case);
    // Some mistakes are found in executions that pass, and one may show several.
    if raw.outcome == Outcome::Passed && finding.code.0 != record.code {
        let others = judge.suspects(&raw, &modules, &case);
        finding = others.into_iter().find(|other| other.code.0 == record.code).unwrap_or(finding);
    }
    finding.replay = command.token.clone();
    finding.schedule.execution = record.execution;
    finding.schedule.kept.clone_from(&record.kept);
    if live {
        let steps = judge.narrate(&raw, &modules, &case, &finding);
        console.human(&format!("\n{}", terminal::render_steps(&steps, &console.style)));
    }
    if raw.outcome == Outcome::Passed && finding.code.0 != record.code {
        return Err(Error::Usage {
            sentence: format!("the recorded choices now lead to an execution that passes: {} did not happen", record.code),
            remedy: Some("the program depends on something that a record does not hold, such as an environment variable or a file (`raddle explain RD0505`)".into()),
        });
    }
    report(finding, console, &interrupt);
    Ok(Exit::Findings)
}

fn report(finding: Finding, console: &Console, interrupt: &Interrupt) {
    Reporter { console, interrupt }.event(&Event::Finding(Box::new(finding)));
}

fn changed(sentence: &str) -> Error {
    Error::Usage {
        sentence: format!("{sentence}: its choices would mean something else now"),
        remedy: Some("run `cargo raddle test` or `cargo raddle run` again to get a new token".into()),
    }
}

/// Where records may be: the package's target directory, then the user's cache.
fn places(command: &ReplayCommand, here: &Path) -> Result<Vec<PathBuf>> {
    let target = match &command.target_dir {
        Some(target) => Some(here.join(target)),
        None => target_directory(command.manifest_path.as_deref(), here),
    };
    let mut places: Vec<PathBuf> = target.map(|target| target.join("raddle").join("replays")).into_iter().collect();
    match runtime_library::cache_directory() {
        Ok(cache) => places.push(cache.join("replays")),
        Err(error) if places.is_empty() => return Err(error),
        Err(_) => {}
    }
    Ok(places)
}

/// Cargo's target directory; `None` when there is no package here, in which case only programs can be replayed.
fn target_directory(manifest: Option<&Path>, here: &Path) -> Option<PathBuf> {
    let mut command = cargo_metadata::MetadataCommand::new();
    command.no_deps().current_dir(here);
    if let Some(manifest) = manifest {
        command.manifest_path(manifest);
    }
    command.exec().ok().map(|metadata| metadata.target_directory.into_std_path_buf())
}

/// Builds the executable again, which is nothing to do when nothing has changed.
fn subject(record: &Record, runtime: &RuntimeLibrary, console: &Console, interrupt: &Interrupt) -> Result<Subject> {
    let again = |directory: &Path, selection: Selection, goal: Goal| {
        building::build(directory, Selection { quiet: true, ..selection }, goal, runtime, console, interrupt)
    };
    let (source, environment) = match &record.origin {
        Origin::Tests { directory, build, target } => {
            let built = again(directory, build.selection(), Goal::Tests)?;
            built_source(record, &built, |artifact| crate::subject::Target::of(artifact) == *target)?
        }
        Origin::Program { directory, build, target } => {
            let built = again(directory, build.selection(), Goal::Programs)?;
            built_source(record, &built, |artifact| crate::subject::Target::of(artifact) == *target)?
        }
        Origin::File { path } => (building::file_source(path, &record.directory)?, Vec::new()),
    };
    Ok(Subject {
        name: record.test.clone(),
        invocation: process::Invocation {
            program: source.executable.path.clone(),
            arguments: record.arguments.iter().map(OsString::from).collect(),
            directory: record.directory.clone(),
            environment,
        },
        entry: record.entry(),
        source,
        kept_in: None,
    })
}

type Environment = Vec<(OsString, OsString)>;

fn built_source(
    record: &Record,
    build: &Build,
    wanted: impl Fn(&Artifact) -> bool,
) -> Result<(Arc<Source>, Environment)> {
    let Some(artifact) = build.artifacts.iter().find(|artifact| wanted(artifact)) else {
        return Err(changed(&format!("the package no longer has what `{}` was built from", record.test)));
    };
    let source = building::source(artifact, build, |_| record.origin.clone())?;
    Ok((source, artifact.environment.clone()))
}

/// Performs the recorded execution.
fn perform(
    record: &Record,
    subject: &Subject,
    runtime: &RuntimeLibrary,
    live: bool,
    console: &Console,
    interrupt: &Interrupt,
) -> Result<(RawFinding, Vec<Module>)> {
    let choices = record.choices()?;
    if live {
        let count = choices.len();
        console.human(&format!("Replaying {} (execution {}, {count} choices)\n\n", record.test, record.execution));
    }
    let job = Job::Replay { choices, accesses: record.accesses, ignored: record.ignored.clone(), live_output: live };
    let plan = record.settings.plan(subject, job);
    let output = if live { Output::Live } else { Output::Kept };
    let mut heard = verdict::Heard::default();
    let (mut modules, mut told) = (Vec::new(), 0);
    let mut judge = Judge::default();
    let ended = process::run(&subject.invocation, &runtime.load, &plan, output, interrupt, |message| {
        match message {
            Message::Ready { modules: loaded, .. } => modules = loaded,
            Message::Replayed(raw) => heard.raw.push(RawFinding { cause: record.cause.clone(), ..*raw }),
            Message::NeverEntered { status } => heard.never_entered = Some(status),
            Message::Ask { stack, whole } => {
                return Reply::Known(judge.answer(stack, whole, &modules, &subject.source, &mut told));
            }
            _ => {}
        }
        Reply::Nothing
    })?;
    if matches!(ended.ending, Ending::Interrupted) {
        return Err(Error::Interrupted);
    }
    if let Some(raw) = heard.raw.pop() {
        return Ok((raw, modules));
    }
    let told = verdict::verdict(&ended, &heard, &[]);
    let detail = told.as_ref().and_then(|verdict| verdict.detail.clone()).unwrap_or_default();
    Err(match ended.ending {
        Ending::Fault(sentence) => Error::Fault(sentence),
        _ => Error::usage(format!("the schedule could not be performed again. {detail}")),
    })
}
