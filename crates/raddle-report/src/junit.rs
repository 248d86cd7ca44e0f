//! A run as JUnit XML, which continuous integration shows beside a build: one test suite an executable, one test case a
//! test, with the names and the library of cargo-nextest.
//!
//! No standard says what such a file holds; this one keeps to what Jenkins, GitLab and GitHub's actions read alike. A
//! failure carries the report as a terminal shows it. What is said of a test besides, warnings in full among it, is its
//! standard output, which these show of passing tests too; the whole output of the program in the failing schedule is its
//! standard error. A test that the user has stopped is a skipped one. Tests marked `#[ignore]` are left out, as
//! cargo-nextest leaves them out.

use crate::events::{TestFinished, TestOutcome};
use crate::headline::headline;
use crate::run::{Run, Test};
use crate::{Sources, Style, suite, terminal, text};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use raddle_protocol::Severity;
use std::time::Duration;

/// How reports are laid out: such a file is read by programs that show what stands in it as it stands.
const STYLE: Style = Style { width: 100, color: false, unicode: true };

/// The file, with a line break at its end.
#[must_use]
pub fn report(run: &Run, sources: &dyn Sources) -> String {
    let mut report = Report::new("raddle");
    if let Some(finished) = &run.finished {
        report.set_time(Duration::from_millis(finished.elapsed_ms));
    }
    for (binary, tests) in run.binaries() {
        let mut suite = TestSuite::new(binary);
        suite.add_property(("seed", run.started.seed.to_string().as_str()));
        suite.add_property(("strategy", run.started.strategy.as_str()));
        let elapsed = tests.iter().filter_map(|test| Some(test.finished.as_ref()?.elapsed_ms));
        suite.set_time(Duration::from_millis(elapsed.sum()));
        suite.add_test_cases(tests.into_iter().map(|test| case(run, test, sources)));
        report.add_test_suite(suite);
    }
    let text = report.to_string().expect("memory takes what is written to it");
    // The library leaves out all else that XML does not allow.
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

fn case(run: &Run, test: &Test, sources: &dyn Sources) -> TestCase {
    let Some(finished) = &test.finished else {
        let mut status = TestCaseStatus::skipped();
        status.set_message("the run was interrupted before this test had been explored");
        return named(test, status);
    };
    let mut case = named(test, status(test, finished, sources));
    case.set_time(Duration::from_millis(finished.elapsed_ms));
    for (name, value) in properties(run, test, finished) {
        case.add_property((name, value.as_str()));
    }
    let warnings = test.found(Severity::Warning).map(|finding| terminal::render_finding(finding, &STYLE, sources));
    let said: Vec<String> = std::iter::once(suite::test(finished, &STYLE)).chain(warnings).collect();
    case.set_system_out(said.join("\n"));
    if let Some(failure) = test.found(Severity::Error).find(|finding| !finding.output.is_empty()) {
        case.set_system_err(text::clean_lines(&failure.output, &STYLE).join("\n"));
    }
    case
}

fn named(test: &Test, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(test.started.name(), status);
    case.set_classname(test.started.binary.as_str());
    case
}

/// Success, or a failure whose type is the code of the first finding.
fn status(test: &Test, finished: &TestFinished, sources: &dyn Sources) -> TestCaseStatus {
    let kind = match finished.outcome {
        TestOutcome::Failed => NonSuccessKind::Failure,
        TestOutcome::Error => NonSuccessKind::Error,
        TestOutcome::Passed | TestOutcome::Exhausted | TestOutcome::SingleThreaded => return TestCaseStatus::success(),
    };
    let mut status = TestCaseStatus::non_success(kind);
    let detail = finished.detail.as_deref().unwrap_or_default();
    let detail = text::clean_lines(detail, &STYLE);
    // A test that could not be explored to its end is told of as such, whatever it has shown before.
    match test.found(Severity::Error).next().filter(|_| kind == NonSuccessKind::Failure) {
        Some(first) => {
            status.set_type(text::clean(&first.code.0, &STYLE));
            status.set_message(headline(first, &STYLE));
        }
        None => {
            status.set_type(if kind == NonSuccessKind::Failure {
                "fails-under-every-schedule"
            } else {
                "not-explored"
            });
            status.set_message(detail.first().map_or("", String::as_str));
        }
    }
    let reports = test.found(Severity::Error).map(|finding| terminal::render_finding(finding, &STYLE, sources));
    let detail = (!detail.is_empty()).then(|| detail.join("\n") + "\n");
    let body: Vec<String> = if kind == NonSuccessKind::Error {
        detail.into_iter().chain(reports).collect()
    } else {
        reports.chain(detail).collect()
    };
    status.set_description(body.join("\n"));
    status
}

/// What a program that reads the file may want to know, by name.
fn properties(run: &Run, test: &Test, finished: &TestFinished) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("outcome", finished.outcome.word().to_owned()),
        ("seed", run.started.seed.to_string()),
        ("strategy", run.started.strategy.clone()),
        ("schedules", finished.schedules.to_string()),
        ("distinct", finished.distinct.to_string()),
    ];
    for found in test.findings.iter().filter(|found| !found.finding.replay.is_empty()) {
        properties.push(("replay", text::clean(&found.finding.replay, &STYLE)));
    }
    properties
}
