//! A run as JUnit XML, and what must hold of it whatever a program is called or prints.

mod runs;
mod samples;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus};
use raddle_report::events::{Event, TestOutcome};
use raddle_report::junit;
use samples::Samples;

fn read(text: &str) -> Report {
    Report::deserialize_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn case<'a>(report: &'a Report, name: &str) -> &'a TestCase {
    let mut cases = report.test_suites.iter().flat_map(|suite| &suite.test_cases);
    cases.find(|case| case.name.as_str() == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn a_run() {
    insta::assert_snapshot!(junit::report(&runs::run(&runs::events()), &Samples));
}

#[test]
fn names_counts_and_times_are_what_readers_of_such_files_expect() {
    let report = read(&junit::report(&runs::run(&runs::events()), &Samples));
    assert_eq!((report.tests, report.failures, report.errors, report.skipped), (10, 4, 1, 1));
    assert_eq!(report.time.unwrap().as_millis(), 7_350);
    let names: Vec<&str> = report.test_suites.iter().map(|suite| suite.name.as_str()).collect();
    assert_eq!(names, ["shop", "shop::pool"]);
    let failed = case(&report, "bank::tests::transfers_in_both_directions");
    assert_eq!(failed.classname.as_deref(), Some("shop"));
    assert_eq!(failed.time.unwrap().as_millis(), 1_250);
    let TestCaseStatus::NonSuccess { kind, ty, message, description, .. } = &failed.status else { panic!() };
    assert_eq!((kind, ty.as_deref()), (&NonSuccessKind::Failure, Some("RD0201")));
    assert!(message.as_deref().unwrap().starts_with("deadlock: `left` waits for `savings`"));
    let body = description.as_deref().unwrap();
    assert!(body.contains("what happened") && body.contains("cargo raddle replay shop-7f3a-12"), "{body}");
    let tokens: Vec<&str> = (failed.properties.iter())
        .filter(|property| property.name.as_str() == "replay")
        .map(|property| property.value.as_str())
        .collect();
    assert_eq!(tokens, ["shop-7f3a-12"]);
}

#[test]
fn a_warning_is_told_in_full_in_each_of_its_tests_and_fails_none() {
    let report = read(&junit::report(&runs::run(&runs::events()), &Samples));
    for name in ["bank::tests::audit", "bank::tests::opening"] {
        let case = case(&report, name);
        assert!(matches!(case.status, TestCaseStatus::Success { .. }));
        let out = case.system_out.as_deref().unwrap();
        assert!(out.contains("warning[RD0202]") && out.contains("what happened"), "{out}");
    }
    // A failure is called after what it failed by, and all that failed is in its text.
    let failed = case(&report, "stats::tests::every_request_is_counted");
    let TestCaseStatus::NonSuccess { ty, description, .. } = &failed.status else { panic!() };
    assert_eq!(ty.as_deref(), Some("RD0501"));
    let body = description.as_deref().unwrap();
    assert!(body.contains("error[RD0501]") && body.contains("error[RD0204]") && !body.contains("RD0207"), "{body}");
    assert!(failed.system_out.as_deref().unwrap().contains("warning[RD0207]"));
    assert!(failed.system_err.as_deref().unwrap().contains("a request was not counted"));
}

#[test]
fn hostile_text_gives_a_file_that_can_be_read() {
    let evil = "]]><x a='\"'>&\u{0}\u{1b}[2J\u{7}\u{202e}\u{fffe}\u{85}\r\n`漢";
    let mut finding = samples::crash();
    for text in [&mut finding.message, &mut finding.output, &mut finding.replay, &mut finding.code.0] {
        *text = evil.repeat(2);
    }
    for outcome in [TestOutcome::Failed, TestOutcome::Error, TestOutcome::Passed] {
        let mut events =
            runs::test(evil, evil, outcome, vec![finding.clone(), runs::warning("RD0202", finding.clone())]);
        if let Some(Event::TestFinished(test)) = events.last_mut() {
            test.detail = Some(evil.into());
        }
        let text = junit::report(&runs::run(&events), &Samples);
        let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\u{85}') || c == '\u{fffe}';
        assert_eq!(text.chars().find(|c| bad(*c)), None, "{text:?}");
        assert_eq!(read(&text).tests, 1);
    }
}

#[test]
fn a_run_of_nothing_is_a_file_too() {
    assert_eq!(read(&junit::report(&runs::run(&[]), &Samples)).tests, 0);
}
