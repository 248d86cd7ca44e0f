//! Futures that a test gives free with `raddle::cancellable` are dropped wherever they wait, with `--cancel` and only then.

mod support;

use serde_json::Value;

/// Tests that were explored with these options, and what was found in each.
fn found(options: &str) -> Vec<(String, Value)> {
    let (output, events) =
        support::explore("fixtures", &format!("-p cancellable --seed 1 --schedules 20 --time 1h {options}"));
    let finished = events.iter().filter(|event| event["type"] == "test-finished");
    let found: Vec<_> =
        finished.map(|event| (event["test"].as_str().unwrap().to_owned(), event["findings"].clone())).collect();
    assert_eq!(found.len(), 8, "{}", String::from_utf8_lossy(&output.stderr));
    found
}

#[test]
fn each_place_is_tried_where_it_is_asked_for() {
    for (test, findings) in found("--cancel") {
        let right = if test.ends_with("wrong") { "[\"RD0304\"]" } else { "[]" };
        assert_eq!(findings.to_string(), right, "{test}");
    }
}

#[test]
fn nothing_is_dropped_where_it_is_not() {
    for (test, findings) in found("") {
        assert_eq!(findings.to_string(), "[]", "{test}");
    }
}
