//! A run with one test of every kind, as the runner would tell of it.

use crate::samples;
use raddle_protocol::{Finding, Severity};
use raddle_report::Run;
use raddle_report::events::{
    Event, FindingRef, Mode, SuiteFinished, SuiteStarted, TestFinished, TestOutcome, TestStarted,
};

/// What is told of one test of `binary`, from its beginning to its end.
pub fn test(binary: &str, name: &str, outcome: TestOutcome, findings: Vec<Finding>) -> Vec<Event> {
    let test = format!("{binary} {name}");
    let mut finished = finished(&test, outcome);
    finished.findings = findings.iter().map(|finding| finding.code.clone()).collect();
    let named = |finding| Finding { test: test.clone(), ..finding };
    let found = findings.into_iter().map(|finding| Event::Finding(Box::new(named(finding))));
    let begun = Event::TestStarted(TestStarted { test: test.clone(), binary: binary.into() });
    std::iter::once(begun).chain(found).chain([Event::TestFinished(Box::new(finished))]).collect()
}

fn finished(test: &str, outcome: TestOutcome) -> TestFinished {
    TestFinished {
        test: test.into(),
        outcome,
        schedules: 1_200,
        distinct: 96,
        new_lately: 3,
        points: 123_456,
        digest: None,
        unseen_estimate: Some(0.002),
        unseen_upper_bound: Some(0.004),
        search: None,
        bounded: None,
        pct_guarantee: None,
        cancelled: None,
        leaks: None,
        elapsed_ms: 1_250,
        mode: Mode::Rewind,
        mode_why: None,
        detail: None,
        findings: Vec::new(),
        kept: Vec::new(),
    }
}

/// A finding as a warning of this code.
pub fn warning(code: &str, finding: Finding) -> Finding {
    let mut finding = Finding { severity: Severity::Warning, ..finding };
    finding.code.0 = code.into();
    finding
}

/// The events of a whole run: passed, warned, failed in three ways, not explored; the last test has been interrupted.
pub fn events() -> Vec<Event> {
    use TestOutcome::{Error, Exhausted, Failed, Passed, SingleThreaded};
    let mut events = vec![Event::SuiteStarted(SuiteStarted {
        tests: 9,
        ignored: 2,
        seed: 20_231_124,
        strategy: "auto".into(),
        packages: vec!["shop".into()],
    })];
    let inversion = || warning("RD0202", samples::deadlock());
    events.extend(test("shop", "prices::tests::parsing", SingleThreaded, Vec::new()));
    events.extend(test("shop", "bank::tests::audit", Passed, vec![inversion()]));
    events.extend(test("shop", "bank::tests::opening", Passed, vec![inversion()]));
    events.extend(test("shop", "bank::tests::transfers_in_both_directions", Failed, vec![samples::deadlock()]));
    let two = vec![warning("RD0207", samples::self_deadlock()), samples::lost_update(), samples::lost_wakeup()];
    events.extend(test("shop", "stats::tests::every_request_is_counted", Failed, two));
    events.extend(test("shop::pool", "one_producer_one_consumer", Failed, vec![samples::crash()]));
    let mut ordinary = test("shop::pool", "rounding", Failed, Vec::new());
    if let Some(Event::TestFinished(test)) = ordinary.last_mut() {
        let said =
            "It fails in each of 20 schedules tried: an ordinary failing test.\nIt printed:\n  a <b> & \u{1b}[31mc";
        test.detail = Some(said.into());
    }
    events.extend(ordinary);
    let mut lost = test("shop::pool", "asks_for_a_name", Error, Vec::new());
    if let Some(Event::TestFinished(test)) = lost.last_mut() {
        test.schedules = 0;
        test.detail = Some("The process under test was killed by SIGKILL while it was explored.".into());
    }
    events.extend(lost);
    events.extend(test("shop::pool", "one_after_the_other", Exhausted, Vec::new()));
    let begun = TestStarted { test: "shop::pool stopped".into(), binary: "shop::pool".into() };
    events.push(Event::TestStarted(begun));
    let mut end = SuiteFinished {
        tests: 10,
        ignored: 2,
        seed: 20_231_124,
        elapsed_ms: 7_350,
        interrupted: true,
        ..SuiteFinished::default()
    };
    for event in &events {
        match event {
            Event::TestFinished(test) => end.count(test),
            Event::Finding(finding) => end.findings.push(FindingRef {
                code: finding.code.clone(),
                severity: finding.severity,
                test: finding.test.clone(),
                replay: finding.replay.clone(),
                repeats: None,
            }),
            _ => {}
        }
    }
    events.push(Event::SuiteFinished(end));
    events
}

/// What these events add up to.
pub fn run(events: &[Event]) -> Run {
    let mut run = Run::default();
    events.iter().for_each(|event| run.add(event));
    run
}
