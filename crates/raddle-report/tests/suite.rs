//! The lines of a run, on a terminal and as JSON.

mod samples;

use raddle_protocol::Severity;
use raddle_protocol::finding::Code;
use raddle_report::events::{
    Bounded, Event, FindingRef, KeptOutcome, KeptSchedule, Leaks, Mode, Progress, Search, SuiteFinished, SuiteStarted,
    TestFinished, TestOutcome, TestStarted,
};
use raddle_report::{Style, json, suite};

const UTF8: Style = Style { width: 100, color: false, unicode: true };

fn code(code: &str) -> Code {
    Code(code.into())
}

fn started() -> SuiteStarted {
    SuiteStarted {
        tests: 10,
        ignored: 2,
        seed: 20_231_124,
        strategy: "random".into(),
        packages: vec!["shop".into(), "shop-server".into()],
    }
}

fn passed(test: &str) -> TestFinished {
    TestFinished {
        test: test.into(),
        outcome: TestOutcome::Passed,
        schedules: 12_345,
        distinct: 11_870,
        points: 0,
        digest: None,
        new_lately: 960,
        unseen_estimate: None,
        unseen_upper_bound: None,
        search: None,
        bounded: None,
        pct_guarantee: None,
        cancelled: None,
        leaks: None,
        elapsed_ms: 520,
        mode: Mode::Rewind,
        mode_why: None,
        detail: None,
        findings: Vec::new(),
        kept: Vec::new(),
    }
}

fn search(executions: u64) -> Search {
    let estimate = executions * 3;
    Search { executions, redundant: 0, finished: false, estimate, obstacle: None, asked_for: false }
}

/// One test of every kind there is.
fn tests() -> Vec<TestFinished> {
    let mut tests = vec![
        TestFinished {
            unseen_estimate: Some(0.0123),
            unseen_upper_bound: Some(0.0312),
            pct_guarantee: Some([0.75, 0.125, 0.0]),
            ..passed("shop::stats::tests::reads_while_writing")
        },
        TestFinished {
            schedules: 100_000,
            elapsed_ms: 9_870,
            findings: vec![code("RD0202")],
            unseen_upper_bound: Some(0.7),
            ..passed("shop::bank::tests::audit")
        },
        TestFinished {
            outcome: TestOutcome::Failed,
            schedules: 13,
            elapsed_ms: 11,
            findings: vec![code("RD0201")],
            ..passed("shop::bank::tests::transfers_in_both_directions")
        },
        TestFinished {
            outcome: TestOutcome::Failed,
            schedules: 100_000,
            elapsed_ms: 10_000,
            findings: vec![code("RD0501"), code("RD0204")],
            ..passed("shop::stats::tests::every_request_is_counted")
        },
        TestFinished {
            outcome: TestOutcome::Failed,
            schedules: 20,
            elapsed_ms: 4,
            detail: Some("This test fails whatever the schedule, the first one included: run `cargo test`.".into()),
            ..passed("shop::prices::tests::rounding")
        },
        TestFinished {
            outcome: TestOutcome::Exhausted,
            search: Some(Search { finished: true, ..search(96) }),
            schedules: 196,
            distinct: 96,
            unseen_upper_bound: Some(0.0),
            elapsed_ms: 8,
            ..passed("shop::cache::tests::fills_once")
        },
        TestFinished {
            outcome: TestOutcome::Exhausted,
            search: Some(search(0)),
            schedules: 1,
            distinct: 1,
            elapsed_ms: 2,
            ..passed("shop::cache::tests::is_empty_at_first")
        },
        TestFinished {
            outcome: TestOutcome::SingleThreaded,
            schedules: 1,
            elapsed_ms: 1,
            ..passed("shop::prices::tests::parsing")
        },
        TestFinished {
            schedules: 2_418,
            elapsed_ms: 10_002,
            mode: Mode::Fork,
            mode_why: Some("the test starts a child process".into()),
            ..passed("shop-server::tests::restarts")
        },
        TestFinished {
            outcome: TestOutcome::Error,
            schedules: 0,
            elapsed_ms: 30,
            detail: Some(
                "The test reads from the terminal, which is not there while schedules are explored. Give it its input \
                 from a file, or leave it out with `--skip asks_for_a_name`."
                    .into(),
            ),
            ..passed("shop-server::tests::asks_for_a_name")
        },
    ];
    for test in &mut tests {
        test.distinct = test.distinct.min(test.schedules);
    }
    tests
}

fn finished() -> SuiteFinished {
    let finding = |code: &str, severity, test: &str, replay: &str| FindingRef {
        code: Code(code.into()),
        severity,
        test: test.into(),
        replay: replay.into(),
        repeats: None,
    };
    let repeat =
        |test: &str, of| FindingRef { repeats: Some(of), ..finding("RD0202", Severity::Warning, test, "shop-7f3a-4") };
    let mut suite = SuiteFinished {
        tests: 10,
        ignored: 2,
        seed: 20_231_124,
        elapsed_ms: 31_446,
        findings: vec![
            finding("RD0202", Severity::Warning, "shop::bank::tests::audit", "shop-7f3a-1"),
            finding("RD0201", Severity::Error, "shop::bank::tests::transfers_in_both_directions", "shop-7f3a-2"),
            finding("RD0501", Severity::Error, "shop::stats::tests::every_request_is_counted", "shop-7f3a-3"),
            finding("RD0501", Severity::Error, "shop::stats::tests::every_request_is_counted", ""),
            repeat("shop::bank::tests::closing", 0),
            repeat("shop::bank::tests::opening", 0),
        ],
        ..SuiteFinished::default()
    };
    for test in tests() {
        suite.count(&test);
    }
    suite
}

fn whole(style: &Style, finished: &SuiteFinished) -> String {
    let tests: String = tests().iter().map(|test| suite::test(test, style)).collect();
    suite::started(&started(), style) + &tests + &suite::finished(finished, style)
}

#[test]
fn a_run_on_a_terminal() {
    insta::assert_snapshot!("run", whole(&UTF8, &finished()));
    insta::assert_snapshot!("run_color", whole(&Style { color: true, ..UTF8 }, &finished()));
    insta::assert_snapshot!("run_narrow_ascii", whole(&Style { width: 60, color: false, unicode: false }, &finished()));
}

#[test]
fn a_run_that_finds_nothing() {
    let mut event = SuiteFinished { tests: 2, seed: 7, elapsed_ms: 1_040, ..SuiteFinished::default() };
    event.count(&passed("a"));
    event.count(&passed("b"));
    insta::assert_snapshot!("nothing_found", suite::finished(&event, &UTF8));
}

#[test]
fn a_run_with_kept_schedules() {
    let kept =
        |file: &str, outcome| KeptSchedule { file: format!(".raddle/{file}.txt"), outcome, schedules: 29, seed: 7 };
    let all = [KeptOutcome::Passes, KeptOutcome::DoesNotFit, KeptOutcome::OtherOptions, KeptOutcome::OtherOptions];
    let mended = TestFinished {
        kept: ["a", "b", "c", "d"].iter().zip(all).map(|(file, outcome)| kept(file, outcome)).collect(),
        ..passed("shop::cache::tests::fills_once")
    };
    let mut event = SuiteFinished { tests: 1, seed: 7, elapsed_ms: 1_040, ..SuiteFinished::default() };
    event.count(&mended);
    let none = event.clone();
    event.kept = vec![".raddle/e.txt".into()];
    let several = SuiteFinished { kept: vec!["x/.raddle/e.txt".into(), "y/.raddle/f.txt".into()], ..none };
    let shown = [suite::test(&mended, &UTF8), suite::finished(&event, &UTF8), suite::finished(&several, &UTF8)];
    insta::assert_snapshot!("kept", shown.join("\n"));
    insta::assert_snapshot!("kept_json", json::test_finished(&mended));
}

#[test]
fn what_schedules_leave_in_memory() {
    let said = |schedules: u64, of| {
        let (least_bytes, most_bytes, most_blocks) = (0, 1_248 * schedules.min(1), 3 * schedules.min(1));
        let leaks = Some(Leaks { schedules, of, least_bytes, most_bytes, most_blocks });
        let text = suite::test(&TestFinished { leaks, ..passed("shop::cache::tests::fills_once") }, &UTF8);
        text.lines().nth(1).unwrap().trim().to_owned()
    };
    assert_eq!(said(37, 1000), "leaks: 37 of 1,000 schedules leave memory behind, 1,248 bytes in 3 blocks at the most");
    assert_eq!(said(1, 1), "leaks: 1 of 1 schedule leaves memory behind, 1,248 bytes in 3 blocks at the most");
    assert_eq!(said(0, 1000), "leaks: none of 1,000 schedules leaves memory behind");
    assert_eq!(said(0, 0), "leaks: no schedule could be looked at");
}

#[test]
fn a_run_that_is_interrupted() {
    let mut event =
        SuiteFinished { tests: 10, seed: 7, elapsed_ms: 2_310, interrupted: true, ..SuiteFinished::default() };
    event.count(&passed("a"));
    insta::assert_snapshot!("interrupted", suite::finished(&event, &UTF8));
}

#[test]
fn a_run_that_is_interrupted_in_its_first_test_says_what_it_tried() {
    let event = SuiteFinished { tests: 2, schedules: 4_100, interrupted: true, ..SuiteFinished::default() };
    let text = suite::finished(&event, &UTF8);
    assert!(text.contains("0 of 2 tests: none explored to the end"), "{text}");
    assert!(text.contains("4,100 schedules tried"), "{text}");
}

#[test]
fn a_run_without_tests() {
    let event = SuiteFinished { ignored: 3, ..SuiteFinished::default() };
    insta::assert_snapshot!("no_tests", suite::finished(&event, &UTF8));
}

#[test]
fn a_search_by_preemptions_says_how_far_it_came() {
    let says = |completed, everything, obstacle| {
        let bounded = Some(Bounded { executions: 2_345, completed, within: 1_204, everything, obstacle });
        suite::test(&TestFinished { bounded, ..passed("shop::x") }, &UTF8)
    };
    let line = says(Some(2), false, None);
    assert!(line.ends_with("All 1,204 executions with at most 2 preemptions were explored.\n"), "{line}");
    let line = says(Some(0), true, None);
    assert!(line.ends_with("All 1,204 executions without preemption were explored, and none needs more.\n"), "{line}");
    assert!(says(Some(1), false, Some("it draws random numbers")).contains("others, since it draws random numbers."));
    assert!(!says(None, false, None).contains("explored"));
}

#[test]
fn one_schedule_says_nothing_of_what_is_new() {
    let with =
        |schedules| TestFinished { schedules, unseen_upper_bound: Some(1.0), ..passed("shop::starts_a_program") };
    assert!(suite::test(&with(2), &UTF8).contains("much is still new"));
    assert!(!suite::test(&with(1), &UTF8).contains("new"));
}

#[test]
fn progress_is_one_line_that_fits() {
    let mut progress =
        Progress { index: 3, tests: 14, test: "shop::x".into(), schedules: 12_345, estimate: None, elapsed_ms: 520 };
    let line = suite::progress(&progress, &UTF8);
    assert_eq!(line, "     3/14 [  0.52s] 12,345 schedules, 23,740/s  shop::x");
    let known = Progress { estimate: Some(2_345_678), ..progress.clone() };
    let line = suite::progress(&known, &UTF8);
    assert_eq!(line, "     3/14 [  0.52s] 12,345 schedules of about 2,300,000 (98 seconds to go), 23,740/s  shop::x");
    progress.test = "very_long::".repeat(30);
    let line = suite::progress(&progress, &UTF8);
    assert!(line.len() < 100 && !line.contains('\n'), "{line}");
    progress.elapsed_ms = 0;
    assert!(!suite::progress(&progress, &UTF8).contains("/s"));
}

/// Top-level keys of a JSON object in the order in which they are written.
fn keys(line: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(line).expect("a JSON object").0
}

#[test]
fn json_lines_have_their_type_first_and_the_keys_of_the_contract() {
    let contract: [(Event, &str, &[&str]); 5] = [
        (Event::SuiteStarted(started()), "suite-started", &["tests", "ignored", "seed", "strategy", "packages"]),
        (
            Event::TestStarted(TestStarted { test: "shop x".into(), binary: "shop".into() }),
            "test-started",
            &["test", "binary"],
        ),
        (
            Event::Finding(Box::new(samples::lost_update())),
            "finding",
            &[
                "code",
                "severity",
                "test",
                "message",
                "spans",
                "threads",
                "steps",
                "reason",
                "fix",
                "notes",
                "output",
                "replay",
                "schedule",
                "root_cause",
            ],
        ),
        (
            Event::TestFinished(Box::new(tests().remove(0))),
            "test-finished",
            &[
                "test",
                "outcome",
                "schedules",
                "distinct",
                "new_lately",
                "points",
                "unseen_estimate",
                "unseen_upper_bound",
                "search",
                "pct_guarantee",
                "elapsed_ms",
                "mode",
                "mode_why",
                "detail",
                "findings",
            ],
        ),
        (
            Event::SuiteFinished(finished()),
            "suite-finished",
            &[
                "tests",
                "passed",
                "failed",
                "exhausted",
                "single_threaded",
                "errors",
                "ignored",
                "schedules",
                "findings",
                "seed",
                "elapsed_ms",
                "interrupted",
            ],
        ),
    ];
    for (event, kind, expected) in contract {
        let line = json::event(&event);
        assert!(!line.contains('\n'));
        assert!(line.starts_with(&format!("{{\"type\":\"{kind}\"")), "{line}");
        assert_eq!(keys(&line)[0], "type");
        assert_eq!(&keys(&line)[1..], expected);
    }
}

#[test]
fn json_says_outcomes_modes_and_severities_in_the_words_of_the_contract() {
    let words = |key: &str| -> Vec<String> {
        let value =
            |test: &TestFinished| serde_json::from_str::<serde_json::Value>(&json::test_finished(test)).unwrap();
        tests().iter().map(|test| value(test)[key].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        words("outcome"),
        [
            "passed",
            "passed",
            "failed",
            "failed",
            "failed",
            "exhausted",
            "exhausted",
            "single-threaded",
            "passed",
            "error"
        ]
    );
    assert!(words("mode").iter().all(|mode| mode == "rewind" || mode == "fork"));
    let finding: serde_json::Value = serde_json::from_str(&json::finding(&samples::deadlock())).unwrap();
    assert_eq!(finding["severity"], "error");
    assert!(finding["root_cause"].is_null());
}

#[test]
fn json_of_a_run() {
    let mut lines = vec![json::suite_started(&started())];
    lines.extend(tests().iter().map(json::test_finished));
    lines.push(json::suite_finished(&finished()));
    lines.push(json::finding(&samples::self_deadlock()));
    insta::assert_snapshot!("json", lines.join("\n"));
}

#[test]
fn json_keeps_to_one_line_whatever_the_program_printed() {
    let mut finding = samples::crash();
    finding.output = String::from_utf8_lossy(b"caf\xe9\n\x1b[31m\0\xff").into_owned();
    finding.schedule.seed = u64::MAX;
    let line = json::finding(&finding);
    assert!(!line.chars().any(char::is_control), "{line}");
    assert!(line.contains(r"caf�\n\u001b[31m\u0000�"), "{line}");
    assert!(line.contains("\"seed\":18446744073709551615"), "{line}");
    let numbers = TestFinished { unseen_upper_bound: Some(f64::NAN), ..passed("x") };
    assert!(json::test_finished(&numbers).contains("\"unseen_upper_bound\":null"));
}
