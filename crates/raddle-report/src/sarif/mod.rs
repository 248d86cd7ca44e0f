//! The findings of a run as SARIF 2.1.0 (OASIS standard, 2020), for GitHub code scanning, editors and others.
//!
//! One rule for each code that occurs, with its page as help; one result for each finding. Warnings that say the same in
//! several tests are one result, as on a terminal. A result stands at the first place that the finding is about and that
//! lies in the repository, since GitHub shows no other; further places are related ones. The interleaving is a code flow with
//! a thread flow for each thread, whose steps are put in one order by `executionOrder`.
//!
//! The fingerprint is made of what stays when lines move: the code, the test, and the functions of the steps that decide.
//! It has a name of its own: the one that GitHub compares by is left to its upload, which makes it of the source line.
//!
//! What is not said: tests that fail under every schedule are the matter of `cargo test`, and no result.

mod log;
mod places;

pub use places::Roots;

use crate::events::TestOutcome;
use crate::headline::headline;
use crate::run::{Found, Run};
use crate::terminal::{Files, decisive, threads};
use crate::{Sources, Style, explain, text};
use log::{
    Bag, CodeFlow, Configuration, Driver, Invocation, Known, Level, Location, Log, Notification, Outcome, Rule, Text,
    ThreadFlow, ThreadFlowLocation, Tool,
};
use places::{BASE, Places};
use raddle_protocol::{Finding, Severity};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const STYLE: Style = Style { width: 80, color: false, unicode: true };

/// Under which name results are recognized again.
const FINGERPRINT: &str = "raddleFinding/v1";

/// The file, with a line break at its end.
#[must_use]
pub fn log(run: &Run, roots: &Roots, sources: &dyn Sources) -> String {
    let places = Places::new(roots, sources);
    let shown: Vec<&Found> = run.findings().filter(|found| found.repeats.is_none()).collect();
    let codes: BTreeSet<&str> = shown.iter().map(|found| found.finding.code.0.as_str()).collect();
    let codes: Vec<&str> = codes.into_iter().collect();
    let mut seen = BTreeMap::<String, u64>::new();
    let results = shown.iter().map(|found| {
        let finding = &found.finding;
        let fingerprint = fingerprint(finding);
        let number = seen.entry(fingerprint.clone()).or_default();
        *number += 1;
        let (locations, related_locations) = located(finding, &places);
        Outcome {
            rule_id: finding.code.0.clone(),
            rule_index: codes.iter().position(|code| *code == finding.code.0).unwrap_or_default(),
            level: finding.severity.into(),
            message: message(finding),
            locations,
            related_locations,
            code_flows: code_flow(finding, &places).into_iter().collect(),
            partial_fingerprints: [(FINGERPRINT, format!("{fingerprint}:{number}"))].into(),
            properties: properties(found, run),
        }
    });
    let results = results.collect();
    let log = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [log::Run {
            tool: Tool {
                driver: Driver {
                    name: "Raddle",
                    version: env!("CARGO_PKG_VERSION"),
                    rules: codes.iter().map(|code| rule(code)).collect(),
                },
            },
            invocations: [invocation(run)],
            original_uri_base_ids: [(BASE, places.base())].into(),
            column_kind: "utf16CodeUnits",
            results,
            properties: bag(json!({ "seed": run.started.seed.to_string(), "strategy": run.started.strategy })),
        }],
    };
    serde_json::to_string_pretty(&log).expect("plain data with text keys can always be written as JSON") + "\n"
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
        }
    }
}

fn bag(value: Value) -> Bag {
    match value {
        Value::Object(bag) => bag,
        _ => Bag::new(),
    }
}

fn rule(code: &str) -> Rule {
    let known = explain::page(code).map(|page| {
        let level = page.hazard.severity.into();
        let severity = if level == Level::Error { "error" } else { "warning" };
        Known {
            name: name(page.hazard.name),
            short_description: capitalized(page.hazard.name).into(),
            full_description: page.summary().into(),
            help: Text { text: page.render(&STYLE), markdown: Some(page.markdown()) },
            default_configuration: Configuration { level },
            // These keys are GitHub's: how alerts are sorted and filtered. A finding has happened.
            properties: bag(json!({
                "precision": if level == Level::Error { "very-high" } else { "high" },
                "problem.severity": severity,
                "tags": ["concurrency", "reliability"],
            })),
        }
    });
    Rule { id: code.to_owned(), known }
}

/// `LostWakeup` for `lost wakeup` (3.49.7).
fn name(words: &str) -> String {
    let words = words.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(capitalized).collect()
}

fn capitalized(word: &str) -> String {
    let mut rest = word.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}

fn invocation(run: &Run) -> Invocation {
    let notifications = run.tests.iter().filter_map(|test| {
        let finished = test.finished.as_ref().filter(|finished| finished.outcome == TestOutcome::Error)?;
        let detail = finished.detail.as_deref().unwrap_or("it could not be explored");
        let said = text::clean_lines(&format!("{}: {detail}", finished.test), &STYLE).join("\n");
        Some(Notification { level: Level::Error, message: said.into() })
    });
    let tool_execution_notifications: Vec<_> = notifications.collect();
    let ended = run.finished.as_ref().is_some_and(|finished| !finished.interrupted);
    Invocation { execution_successful: ended && tool_execution_notifications.is_empty(), tool_execution_notifications }
}

/// What happened, in which test, why, and what to do. Viewers with little room show the first sentence.
fn message(finding: &Finding) -> Text {
    let mut paragraphs = vec![headline(finding, &STYLE), format!("In `{}`.", text::clean(&finding.test, &STYLE))];
    if let Some(cause) = finding.root_cause.as_ref().filter(|cause| !cause.because.trim().is_empty()) {
        paragraphs.push(cause.because.clone());
    }
    paragraphs.extend(finding.reason.iter().chain(&finding.fix).chain(&finding.notes).cloned());
    if !finding.replay.is_empty() {
        paragraphs.push(format!("See it happen again: cargo raddle replay {}", text::clean(&finding.replay, &STYLE)));
    }
    paragraphs.retain(|paragraph| !paragraph.trim().is_empty());
    let paragraphs = paragraphs.iter().map(|paragraph| text::clean_lines(paragraph.trim_end(), &STYLE).join("\n"));
    // Brackets before parentheses would be a link (3.11.6).
    paragraphs.collect::<Vec<_>>().join("\n\n").replace("](", "\\](").into()
}

/// Where a result stands, and the places that are related to it.
fn located(finding: &Finding, places: &Places<'_>) -> (Vec<Location>, Vec<Location>) {
    let spans = &finding.spans;
    let inside = |at: &usize| places.is_inside(&spans[*at].path);
    let all = 0..spans.len();
    let first = (all.clone().filter(|at| spans[*at].primary).find(inside))
        .or_else(|| all.clone().find(inside))
        .or_else(|| all.clone().find(|at| spans[*at].primary))
        .or_else(|| all.clone().next());
    let step = || {
        let known = |step: &&raddle_protocol::finding::StepView| !step.file.is_empty();
        let step = finding.steps.iter().rev().find(known)?;
        let location = places.of_step(step, finding, text::clean(&step.action, &STYLE), &STYLE);
        Some(Location { logical_locations: Vec::new(), ..location })
    };
    let locations = match first {
        Some(at) => vec![places.of_span(&spans[at], &STYLE)],
        None => step().into_iter().collect(),
    };
    let others = all.filter(|at| Some(*at) != first).zip(1..);
    let related = others.map(|(at, id)| Location { id: Some(id), ..places.of_span(&spans[at], &STYLE) });
    (locations, related.collect())
}

/// The interleaving. Steps are numbered as on a terminal.
fn code_flow(finding: &Finding, places: &Places<'_>) -> Option<CodeFlow> {
    let decisive = decisive(finding);
    let flows: Vec<ThreadFlow> = (threads(finding, &Files::of(finding), &STYLE).into_iter())
        .filter(|thread| thread.acts)
        .map(|thread| {
            let steps = finding.steps.iter().enumerate().filter(|(_, step)| step.thread == thread.id);
            let locations = steps.map(|(index, step)| {
                let action = text::clean(&step.action, &STYLE);
                let action = if step.times > 1 { format!("{action} ×{}", step.times) } else { action };
                ThreadFlowLocation {
                    location: places.of_step(step, finding, action, &STYLE),
                    execution_order: index + 1,
                    importance: if decisive.contains(&index) { "essential" } else { "important" },
                }
            });
            ThreadFlow { id: thread.id.to_string(), message: thread.name.into(), locations: locations.collect() }
        })
        .collect();
    (!flows.is_empty()).then(|| CodeFlow { message: "what happened".to_owned().into(), thread_flows: flows })
}

/// What stays of a finding when lines move.
fn fingerprint(finding: &Finding) -> String {
    let mut hash = blake3::Hasher::new();
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_le_bytes()).update(text.as_bytes());
    };
    add(&finding.code.0);
    add(&finding.test);
    let steps = decisive(finding).into_iter().map(|index| &finding.steps[index]);
    let functions: BTreeSet<(&str, &str)> = steps
        .map(|step| (step.file.as_str(), step.function.as_str()))
        .filter(|(_, function)| !function.is_empty())
        .collect();
    for (file, function) in &functions {
        add(file);
        add(function);
    }
    if functions.is_empty() {
        let files: BTreeSet<&str> =
            finding.spans.iter().filter(|span| span.primary).map(|span| span.file.as_str()).collect();
        files.iter().for_each(|file| add(file));
    }
    hash.finalize().to_hex()[..32].to_owned()
}

fn properties(found: &Found, run: &Run) -> Bag {
    let Finding { test, replay, schedule, pattern, .. } = &found.finding;
    let others: Vec<&str> = (run.findings())
        .filter(|other| other.repeats == Some(found.number) && other.finding.test != *test)
        .map(|other| other.finding.test.as_str())
        .collect();
    let mut properties = bag(json!({
        "test": test,
        "replay": replay,
        "schedule": {
            "seed": schedule.seed.to_string(),
            "execution": schedule.execution,
            "preemptions": schedule.preemptions,
            "choices": schedule.choices,
        },
    }));
    if !others.is_empty() {
        properties.insert("alsoInTests".into(), others.into());
    }
    if let Some(pattern) = pattern {
        properties.insert("pattern".into(), pattern.0.as_str().into());
    }
    properties
}
