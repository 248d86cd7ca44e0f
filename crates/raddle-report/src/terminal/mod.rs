//! One finding as rustc would show an error: headline, source, then what a compiler error has no need of, the
//! interleaving thread by thread, and last the reason, the fix and two commands.

mod footer;
mod interleaving;
mod layout;
mod names;
mod rows;
mod snippets;
mod stacks;

pub(crate) use footer::without_backtraces;
pub(crate) use names::{Files, Thread, threads};
pub(crate) use rows::{Length, Row, choose, decisive, is_decisive};
pub(crate) use snippets::{by_file, schedule};

use crate::{Sources, Style};
use raddle_protocol::Finding;

/// The whole report, several lines with a line break at the end of each.
pub fn render_finding(finding: &Finding, style: &Style, sources: &dyn Sources) -> String {
    let parts = [
        snippets::render(finding, style, sources),
        interleaving::render(finding, style, rows::Length::Elided),
        stacks::render(finding, style),
        footer::paragraphs(finding, style),
        footer::output(finding, style),
        footer::commands(finding, style),
    ];
    let mut text = String::new();
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(part);
    }
    text
}

/// A warning that says the same as one already shown, of the test `shown`.
pub fn render_repeat(finding: &Finding, shown: &str, style: &Style) -> String {
    snippets::repeat(finding, shown, style) + &footer::replay(finding, style)
}

/// Only the interleaving, with every step: what a replay shows.
pub fn render_steps(finding: &Finding, style: &Style) -> String {
    interleaving::render(finding, style, rows::Length::Full)
}
