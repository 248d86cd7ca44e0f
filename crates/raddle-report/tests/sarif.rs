//! The findings of a run as SARIF: what the standard and GitHub ask of such a file.
//!
//! The published schema is not checked here: a library that does is larger than all that is tested. What it requires of the
//! objects that are written is asserted one by one.

mod runs;
mod samples;

use raddle_protocol::Finding;
use raddle_report::Sources;
use raddle_report::events::TestOutcome;
use raddle_report::sarif::{self, Roots};
use samples::Samples;
use serde_json::Value;

fn roots() -> Roots {
    Roots { repository: "/home/ada".into(), workspace: "/home/ada/shop".into() }
}

fn log(events: &[raddle_report::events::Event]) -> Value {
    serde_json::from_str(&sarif::log(&runs::run(events), &roots(), &Samples)).unwrap()
}

/// The only result of a run with this finding.
fn result(finding: Finding) -> Value {
    let log = log(&runs::test("shop", "a_test", TestOutcome::Failed, vec![finding]));
    log["runs"][0]["results"][0].clone()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn a_run() {
    let mut shown = log(&runs::test("shop", "stats::tests::counts", TestOutcome::Failed, vec![samples::lost_update()]));
    for rule in shown["runs"][0]["tool"]["driver"]["rules"].as_array_mut().unwrap() {
        for form in ["text", "markdown"] {
            let help = rule["help"][form].as_str().unwrap();
            assert!(help.contains("How to fix it"), "{help}");
            rule["help"][form] = "[the page]".into();
        }
    }
    shown["runs"][0]["tool"]["driver"]["version"] = "[version]".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap());
}

/// Every place in a value: the objects with an `artifactLocation`.
fn places<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(object) => {
            if object.contains_key("artifactLocation") {
                found.push(value);
            }
            object.values().for_each(|value| places(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| places(value, found)),
        _ => {}
    }
}

#[test]
fn what_the_standard_and_github_require_is_there() {
    let log = log(&runs::events());
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = list(&run["tool"]["driver"]["rules"]);
    let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["RD0201", "RD0202", "RD0204", "RD0207", "RD0501", "RD0504"]);
    for rule in rules {
        for key in ["name", "/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            let key = if key.starts_with('/') { key.to_owned() } else { format!("/{key}") };
            let text = rule.pointer(&key).and_then(Value::as_str).unwrap_or_default();
            // GitHub cuts descriptions at 1024 characters.
            assert!(!text.is_empty() && (key.starts_with("/help") || text.len() <= 1024), "{key} of {rule}");
        }
        assert!(["error", "warning"].map(Value::from).contains(&rule["defaultConfiguration"]["level"]));
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false, "it was interrupted");
    assert_eq!(list(&run["invocations"][0]["toolExecutionNotifications"]).len(), 1);
    assert_eq!(run["originalUriBaseIds"]["%SRCROOT%"]["uri"], "file:///home/ada/");
    let results = list(&run["results"]);
    // Two tests have the same warning; it is told once.
    assert_eq!(results.len(), 6);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(result["message"]["text"].as_str().unwrap().contains("See it happen again: cargo raddle replay"));
        assert_eq!(list(&result["locations"]).len(), 1);
        let at = &result["locations"][0]["physicalLocation"];
        assert_eq!(at["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        let uri = at["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with("shop/"), "relative to the repository: {uri}");
        assert!(result["partialFingerprints"]["raddleFinding/v1"].is_string());
        assert!(result["properties"]["replay"].is_string() && result["properties"]["schedule"]["choices"].is_string());
        let ids: Vec<_> = list(&result["relatedLocations"]).iter().map(|place| place["id"].as_u64().unwrap()).collect();
        assert!(ids.iter().copied().eq(1..=ids.len() as u64), "{ids:?}");
    }
    let mut all = Vec::new();
    places(&log, &mut all);
    for place in all {
        assert!(!place["artifactLocation"]["uri"].as_str().unwrap().starts_with('/'), "{place}");
        if let Some(region) = place.get("region") {
            assert!(region["startLine"].as_u64().unwrap() >= 1);
            if let Some(column) = region.get("startColumn") {
                assert!(1 <= column.as_u64().unwrap() && column.as_u64() <= region["endColumn"].as_u64(), "{region}");
            }
        }
    }
    let both = results.iter().find(|result| result["ruleId"] == "RD0202").unwrap();
    assert_eq!(both["properties"]["alsoInTests"], serde_json::json!(["shop bank::tests::opening"]));
}

/// The steps of all threads, put in one order, are those of the finding.
#[test]
fn the_interleaving_has_a_flow_for_each_thread() {
    let finding = samples::lost_update();
    let result = result(finding.clone());
    let flows = list(&result["codeFlows"][0]["threadFlows"]);
    assert_eq!(flows.len(), 3);
    let mut steps: Vec<&Value> = flows.iter().flat_map(|flow| list(&flow["locations"])).collect();
    steps.sort_by_key(|step| step["executionOrder"].as_u64());
    for (number, (step, told)) in (1..).zip(steps.iter().zip(&finding.steps)) {
        assert_eq!(step["executionOrder"], number);
        assert_eq!(step["location"]["message"]["text"], told.action.as_str());
        let decides = told.key || [3, 4].contains(&number);
        assert_eq!(step["importance"], if decides { "essential" } else { "important" }, "step {number}");
        assert_eq!(step["location"]["physicalLocation"]["region"]["startLine"], told.line);
        assert_eq!(step["location"]["physicalLocation"]["artifactLocation"]["uri"], "shop/src/stats.rs");
    }
    assert_eq!(steps.len(), finding.steps.len());
}

#[test]
fn a_place_outside_the_repository_is_no_alert_if_there_is_another() {
    let mut finding = samples::crash();
    finding.spans.rotate_right(1);
    finding.spans[0].primary = true;
    let result = result(finding);
    assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "shop/src/ring.rs");
    let elsewhere = &result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    // Cargo's own directory may lie in the repository, but is no part of it.
    assert_eq!(elsewhere, ".cargo/registry/src/crossbeam-utils-0.8.21/src/thread.rs");
    // Without a place of its own it stands at its last step.
    let mut finding = samples::lost_update();
    finding.spans.clear();
    let at = &self::result(finding)["locations"][0]["physicalLocation"];
    assert_eq!(at["artifactLocation"]["uri"], "shop/src/stats.rs");
}

#[test]
fn a_finding_is_recognized_when_lines_have_moved() {
    let print = |finding: Finding| result(finding)["partialFingerprints"]["raddleFinding/v1"].clone();
    let mut finding = samples::lost_update();
    for step in &mut finding.steps {
        step.function = "stats::Stats::serve".into();
    }
    let before = print(finding.clone());
    let mut moved = finding.clone();
    moved.spans.iter_mut().for_each(|span| span.line += 7);
    moved.steps.iter_mut().for_each(|step| step.line += 7);
    moved.message.push_str(" (left: 1)");
    moved.schedule.execution += 1;
    assert_eq!(print(moved), before);
    let mut other = finding;
    other.steps[2].function = "stats::Stats::reset".into();
    assert_ne!(print(other), before);
}

#[test]
fn hostile_text_is_harmless() {
    let evil = "\u{1b}]52;c;\u{7}[x](javascript:1) `\u{202e} \"%\n漢é#?".to_owned();
    let mut finding = samples::crash();
    for text in [&mut finding.message, &mut finding.test, &mut finding.replay, &mut finding.code.0] {
        text.clone_from(&evil);
    }
    for span in &mut finding.spans {
        (span.file, span.path, span.label) = (evil.clone(), format!("/home/ada/{evil}"), evil.clone());
    }
    for step in &mut finding.steps {
        (step.action, step.file, step.function) = (evil.clone(), evil.clone(), evil.clone());
    }
    let source = |_: &str| Some(format!("{evil}\n").repeat(30));
    let run = runs::run(&runs::test("shop", "a", TestOutcome::Failed, vec![finding]));
    let text = sarif::log(&run, &roots(), &source as &dyn Sources);
    let log: Value = serde_json::from_str(&text).unwrap();
    let message = log["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
    assert!(!message.contains("[x](") && !message.contains(['\u{1b}', '\u{202e}']), "{message}");
    let mut all = Vec::new();
    places(&log, &mut all);
    assert!(all.iter().all(|place| place["artifactLocation"]["uri"].as_str().unwrap().is_ascii()));
}

#[test]
fn a_run_without_findings_says_so() {
    let mut events = runs::test("shop", "a", TestOutcome::Passed, Vec::new());
    events.push(raddle_report::events::Event::SuiteFinished(raddle_report::events::SuiteFinished::default()));
    let log = log(&events);
    assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
    assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], true);
}
