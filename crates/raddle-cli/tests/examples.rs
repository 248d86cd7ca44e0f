//! What `examples/EXPECTED.toml` says of each example is what the command finds.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;

/// What is right for a test.
struct Expected {
    /// Codes one of which must be found: `none`, or one or more.
    codes: Vec<String>,
    /// Warnings that may be given besides.
    also: Vec<String>,
    /// Codes that are told of besides, where a race is found first: the search goes on behind it.
    then: Vec<String>,
    /// The code that is named as the reason.
    pattern: Option<String>,
    /// How one of the sentences begins that say why.
    reason: Option<String>,
}

/// What is right for each test when the command is run with this option, or without any. A mistake that takes an option is
/// not found without it.
fn expected(text: &str, option: Option<&str>) -> BTreeMap<String, Expected> {
    let mut all = BTreeMap::new();
    for entry in text.split("[[test]]").skip(1) {
        let value = |key: &str| {
            let line = entry.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            line.map(|value| value.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        };
        let one = |key: &str| value(key).unwrap().remove(0);
        let mut codes = value("expected").unwrap();
        codes.extend(value("or").unwrap_or_default());
        let takes = value("with").map(|mut with| with.remove(0));
        match (takes.as_deref(), option) {
            (Some(_), None) => codes = vec!["none".to_owned()],
            (takes, Some(_)) if takes != option => continue,
            _ => {}
        }
        let [also, then] = ["also", "then"].map(|key| value(key).unwrap_or_default());
        let [pattern, reason] = ["pattern", "reason"].map(|key| value(key).map(|mut values| values.remove(0)));
        all.insert(format!("{} {}", one("binary"), one("test")), Expected { codes, also, then, pattern, reason });
    }
    all
}

/// Whether each test ends as is expected of it, and all of them do.
fn check(mut left: BTreeMap<String, Expected>, events: &[Value]) {
    let mut wrong = Vec::new();
    for event in events.iter().filter(|event| event["type"] == "test-finished") {
        let test = event["test"].as_str().unwrap();
        let Some(Expected { codes, also, then, pattern, reason }) = left.remove(test) else {
            wrong.push(format!("{test} is not in EXPECTED.toml"));
            continue;
        };
        let found = event["findings"].as_array().unwrap().iter().map(|code| code.as_str().unwrap());
        let found: Vec<&str> = found.filter(|code| !also.iter().any(|also| also == code)).collect();
        let right = match found[..] {
            [] => codes == ["none"] && event["outcome"] != "failed" && event["outcome"] != "error",
            [race, ref behind @ ..] if race == "RD0101" => codes.iter().any(|code| code == race) && behind == then,
            [code] => codes.iter().any(|expected| expected == code),
            _ => false,
        };
        if !right {
            wrong.push(format!("{test}: expected {codes:?}, found {found:?}, {}", event["outcome"]));
        }
        let finding = events.iter().find(|event| event["type"] == "finding" && event["test"] == test);
        let named = finding.and_then(|finding| finding["pattern"].as_str());
        if pattern.is_some() && named != pattern.as_deref() {
            wrong.push(format!("{test}: expected {pattern:?} as the reason, found {named:?}"));
        }
        if let (Some(reason), Some(finding)) = (&reason, finding) {
            let said = finding["reason"].as_array().unwrap();
            if !said.iter().any(|sentence| sentence.as_str().unwrap().starts_with(reason)) {
                wrong.push(format!("{test}: expected the reason {reason:?}, found {said:?}"));
            }
        }
    }
    wrong.extend(left.keys().map(|test| format!("{test} was not explored")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn text() -> String {
    std::fs::read_to_string(support::at_top("examples/EXPECTED.toml")).unwrap()
}

/// Explores examples that are run without an option of their own, those whose name `chosen` takes.
fn check_examples(arguments: &str, chosen: impl Fn(&str) -> bool) {
    // Bounds in wall-clock time are long, so that a loaded machine finds the same. The one test that runs into the bound
    // for stalls has to wait for it.
    let bounds = "--seed 1 --time 1h --stall 3s";
    let (output, events) = support::explore("examples", &format!("{bounds} {arguments}"));
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stderr));
    let mut left = expected(&text(), None);
    left.retain(|test, _| chosen(test));
    assert!(!left.is_empty());
    check(left, &events);
}

#[test]
fn each_wrong_one_is_found_and_each_fixed_one_is_left_alone() {
    let apart = ["rd0104", "rd0206"];
    check_examples("--schedules 6000 --max-steps 50000 --skip rd0104 --skip rd0206", |test| {
        !apart.iter().any(|name| test.contains(name))
    });
}

/// These wait until others have come to an end, so that a schedule that favours the others is long.
#[test]
fn those_that_wait_for_others_are_found_and_left_alone_likewise() {
    check_examples("--schedules 5000 -p hazards rd0206", |test| test.contains("rd0206"));
}

/// These change files, so that each execution is a process of its own.
#[test]
fn those_that_use_files_are_found_and_left_alone_likewise() {
    check_examples("--schedules 2000 --max-steps 50000 -p hazards rd0104", |test| {
        test.starts_with("hazards ") && test.contains("rd0104")
    });
}

#[test]
fn what_cancellations_leave_behind_is_found_where_it_is_looked_for() {
    let bounds =
        "--seed 1 --schedules 20 --time 1h --cancel -p hazards-async rd0304_cancellation rd0304_overtaken rd0404";
    let (output, events) = support::explore("examples", bounds);
    assert_eq!(output.status.code(), Some(100), "{}", String::from_utf8_lossy(&output.stderr));
    check(expected(&text(), Some("--cancel")), &events);
}

#[test]
fn what_is_left_in_memory_is_found_where_it_is_looked_for() {
    let bounds = "--seed 1 --schedules 200 --time 1h --leaks -p hazards rd0404";
    let (output, events) = support::explore("examples", bounds);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    check(expected(&text(), Some("--leaks")), &events);
    for event in events.iter().filter(|event| event["type"] == "test-finished") {
        let (leaks, is_wrong) = (&event["leaks"], event["test"].as_str().unwrap().ends_with("wrong"));
        let [some, of] = ["schedules", "of"].map(|key| leaks[key].as_u64().unwrap());
        // It takes a certain order of steps.
        assert!(some < of && (some > 0) == is_wrong && (leaks["most_bytes"] != 0) == is_wrong, "{event}");
    }
}

#[test]
fn nothing_is_found_in_the_programs() {
    let (output, events) = support::explore("examples/programs", "--seed 1 --schedules 30 --time 1h");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let tests: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
    assert!(tests.len() >= 6, "{}", tests.len());
    for test in tests {
        // One of them has nothing to do for more than one thread.
        assert!(["passed", "exhausted", "single-threaded"].iter().any(|right| test["outcome"] == *right), "{test}");
        assert_eq!(test["findings"], Value::Array(Vec::new()), "{test}");
    }
}

/// What delta debugging leaves of a schedule may interrupt threads more often than it takes.
#[test]
fn a_deadlock_of_three_is_shown_with_two_interruptions() {
    for seed in 1..=5 {
        let (_, events) = support::explore("examples", &format!("--seed {seed} --time 1h -p philosophers wrong"));
        let finding = events.iter().find(|event| event["type"] == "finding").unwrap();
        assert_eq!(
            (&finding["code"], &finding["schedule"]["preemptions"]),
            (&"RD0201".into(), &2.into()),
            "seed {seed}"
        );
    }
}
