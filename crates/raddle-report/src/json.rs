//! The events of a run as JSON: one object a line, `"type"` first.
//!
//! The contract: kinds `suite-started`, `test-started`, `finding`, `test-finished`, `suite-finished`; the keys are the
//! field names of [`crate::events`] and of [`raddle_protocol::Finding`]. Keys may be added; none is renamed or removed.
//! Text that was not UTF-8 in the program arrives here already with replacement characters, since it is held in
//! strings. Seeds are 64-bit integers and are written in full; a reader that holds numbers as doubles loses low digits.

use crate::events::{Event, SuiteFinished, SuiteStarted, TestFinished, TestStarted};
use raddle_protocol::Finding;
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// No line break at the end, and none inside: JSON strings escape them.
fn line<T: Serialize>(kind: &'static str, body: &T) -> String {
    serde_json::to_string(&Line { kind, body }).expect("plain data with text keys can always be written as JSON")
}

/// Any event as a line, without the line break.
pub fn event(event: &Event) -> String {
    match event {
        Event::SuiteStarted(body) => suite_started(body),
        Event::TestStarted(body) => test_started(body),
        Event::Finding(body) => finding(body),
        Event::TestFinished(body) => test_finished(body),
        Event::SuiteFinished(body) => suite_finished(body),
    }
}

/// `suite-started`.
pub fn suite_started(event: &SuiteStarted) -> String {
    line("suite-started", event)
}

/// `test-started`.
pub fn test_started(event: &TestStarted) -> String {
    line("test-started", event)
}

/// `finding`.
pub fn finding(finding: &Finding) -> String {
    line("finding", finding)
}

/// `test-finished`.
pub fn test_finished(event: &TestFinished) -> String {
    line("test-finished", event)
}

/// `suite-finished`.
pub fn suite_finished(event: &SuiteFinished) -> String {
    line("suite-finished", event)
}
