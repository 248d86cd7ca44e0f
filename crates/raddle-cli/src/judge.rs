//! From the raw record of an execution to a finding that can be shown: symbols, diagnosis, the user's `--allow` and
//! `--deny`, and the token under which the schedule is kept.

use crate::error::{Error, Result};
use crate::libtest;
use crate::replay_store::{self, Record};
use crate::runtime_library::RuntimeLibrary;
use crate::settings::Settings;
use crate::subject::{Origin, Source, Subject};
use raddle_diagnose::Context;
use raddle_instrument::dwarf;
use raddle_instrument::symbols::Symbols;
use raddle_protocol::finding::Severity;
use raddle_protocol::trace::{Bound, Outcome};
use raddle_protocol::{Entry, Finding, Known, Leaks, Module, RawFinding, choice};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// Executions of a test that passed, and that failed.
pub type Tally = (u64, u64);

/// Which findings count.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Codes that fail nothing, and of which warnings are not shown.
    pub allow: Vec<String>,
    /// Codes that fail the run even as warnings.
    pub deny: Vec<String>,
}

impl Judgement {
    /// Whether the user does not want to hear of it: a warning whose code is allowed.
    #[must_use]
    pub fn silences(&self, finding: &Finding) -> bool {
        finding.severity == Severity::Warning && self.allow.contains(&finding.code.0)
    }

    /// Puts the user's judgement in the place of the catalogue's.
    pub fn apply(&self, finding: &mut Finding) {
        let named = |codes: &[String]| codes.contains(&finding.code.0);
        if named(&self.allow) {
            if finding.severity == Severity::Error {
                finding.severity = Severity::Warning;
                finding.notes.push(format!("`--allow {}` was given: this does not fail the run", finding.code));
            }
        } else if named(&self.deny) && finding.severity == Severity::Warning {
            finding.severity = Severity::Error;
            finding.notes.push(format!("`--deny {}` was given: this fails the run", finding.code));
        }
    }
}

/// What a record belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The test or program.
    pub subject: &'a Subject,
    /// The circumstances.
    pub settings: &'a Settings,
    /// How its executions ended.
    pub tally: Tally,
    /// What its executions have left in memory, where that has been counted.
    pub leaks: Option<Leaks>,
}

/// Names what executions have done. What has been read of an executable's debug information is kept for its next test.
#[derive(Default)]
pub struct Judge {
    symbols: Option<dwarf::Process>,
    /// What has been asked about its call stacks, in that order.
    known: Vec<Known>,
}

impl Judge {
    /// The finding that a raw record shows.
    pub fn finding(&mut self, raw: &RawFinding, modules: &[Module], case: &Case<'_>) -> Finding {
        let mut finding = self.with(modules, case, |symbols, context| raddle_diagnose::diagnose(raw, symbols, context));
        if matches!(case.subject.entry, Entry::Code(_)) {
            finding.output = libtest::without_closing_words(&finding.output).to_owned();
        }
        finding
    }

    /// As [`Judge::finding`], of an execution that passed: all that is wrong with it, if anything is.
    pub fn suspects(&mut self, raw: &RawFinding, modules: &[Module], case: &Case<'_>) -> Vec<Finding> {
        self.with(modules, case, |symbols, context| raddle_diagnose::suspects(raw, symbols, context))
    }

    /// All threads and all steps of a raw record, in the place of the finding's own.
    pub fn narrate(&mut self, raw: &RawFinding, modules: &[Module], case: &Case<'_>, finding: &Finding) -> Finding {
        let told = self.with(modules, case, |symbols, context| raddle_diagnose::narrate(raw, symbols, context));
        let (threads, steps) = told;
        Finding { threads, steps, root_cause: None, ..finding.clone() }
    }

    /// What the runtime of a process with these modules asks about a call stack, and what else is known of others by now.
    /// `told` is how much of that the process has been told already.
    pub fn answer(
        &mut self,
        stack: Vec<u64>,
        whole: bool,
        modules: &[Module],
        source: &Source,
        told: &mut usize,
    ) -> Vec<Known> {
        let asked = |known: &Known| known.whole == whole && known.stack == stack;
        self.symbols(modules, source);
        // What is asked now may have been found out for another process since this one was told.
        let new = (!self.known.iter().any(asked)).then(|| self.symbols(modules, source).site(&stack, whole));
        self.known.extend(new.map(|answer| Known { stack, whole, answer }));
        self.known[std::mem::replace(told, self.known.len())..].to_vec()
    }

    fn symbols(&mut self, modules: &[Module], source: &Source) -> &dwarf::Process {
        let current = self.symbols.take().filter(|symbols| symbols.modules().eq(modules));
        if current.is_none() {
            self.known.clear();
        }
        let new = || dwarf::Process::new(modules.to_vec(), &source.root, &source.target_directory);
        self.symbols.insert(current.unwrap_or_else(new))
    }

    fn with<T>(
        &mut self,
        modules: &[Module],
        case: &Case<'_>,
        work: impl FnOnce(&dwarf::Process, &Context<'_>) -> T,
    ) -> T {
        let root = &case.subject.source.root;
        let lines = SourceLines::default();
        let context = Context {
            test: case.subject.name.clone(),
            root: root.clone(),
            seed: case.settings.seed,
            passed: case.tally.0,
            failed: case.tally.1,
            leaks: case.leaks,
            source: &|path, line| lines.get(path, line),
        };
        work(self.symbols(modules, &case.subject.source), &context)
    }
}

/// Lines of source files, each file read once.
#[derive(Default)]
struct SourceLines(RefCell<HashMap<String, Vec<String>>>);

impl SourceLines {
    fn get(&self, path: &str, line: u32) -> Option<String> {
        let mut files = self.0.borrow_mut();
        let file = files.entry(path.to_owned()).or_insert_with(|| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        });
        file.get((line as usize).checked_sub(1)?).cloned()
    }
}

/// Where the records of a program's schedules are kept: beside what was built, or in the user's cache for programs that
/// Raddle has not built.
///
/// # Errors
/// [`Error::Unsupported`] when there is no cache directory.
pub fn records_of(source: &Source) -> Result<PathBuf> {
    match source.origin {
        Origin::Tests { .. } | Origin::Program { .. } => Ok(source.target_directory.join("replays")),
        Origin::File { .. } => Ok(crate::runtime_library::cache_directory()?.join("replays")),
    }
}

/// Keeps the schedule of a finding and returns its token.
///
/// # Errors
/// [`Error::File`] when it cannot be written; [`Error::Usage`] when an argument is not text.
pub fn keep(finding: &Finding, raw: &RawFinding, case: &Case<'_>, runtime: &RuntimeLibrary) -> Result<String> {
    let Case { subject, settings, tally, .. } = *case;
    let text = |argument: &OsString| argument.to_str().map(str::to_owned);
    let arguments: Option<Vec<String>> = subject.invocation.arguments.iter().map(text).collect();
    let record = Record {
        format: Record::format(),
        test: subject.name.clone(),
        code: finding.code.0.clone(),
        origin: subject.source.origin.clone(),
        executable: subject.source.executable.fingerprint.clone(),
        runtime: runtime.fingerprint.clone(),
        arguments: arguments.ok_or_else(|| Error::usage("an argument of the program is not UTF-8 text"))?,
        directory: subject.invocation.directory.clone(),
        entry: match &subject.entry {
            Entry::Main => None,
            Entry::Code(addresses) => Some(addresses.clone()),
        },
        settings: match raw.outcome {
            // It has been proven where the execution was cut off.
            Outcome::NoProgress(Bound::Round(points)) => {
                Settings { max_steps: points, memory: raw.memory, ..settings.clone() }
            }
            _ => Settings { memory: raw.memory, ..settings.clone() },
        },
        execution: finding.schedule.execution,
        kept: finding.schedule.kept.clone().filter(|kept| !kept.new),
        tally,
        accesses: raw.outcome.bytes().or(raw.cause.as_ref().and_then(|cause| cause.behind)),
        ignored: raw.ignored.clone(),
        cause: raw.cause.clone(),
        choices: choice::to_text(&raw.choices),
    };
    replay_store::store(&records_of(&subject.source)?, &record)
}
