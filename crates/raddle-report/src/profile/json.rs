//! A profile as one JSON object on one line, `"type"` first: the fields of [`raddle_profile::model::Report`].

use raddle_profile::model::Report;
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    report: &'a Report,
}

/// The line, without a line break.
pub fn line(report: &Report) -> String {
    serde_json::to_string(&Line { kind: "profile", report })
        .expect("plain data with text keys can always be written as JSON")
}
