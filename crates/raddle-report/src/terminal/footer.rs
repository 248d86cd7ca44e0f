//! What stands below the interleaving: what decides, the reason, the fix, notes, the program's own output, and the two
//! commands with which a reader goes on.

use crate::numbers::{counted, thousands};
use crate::style::{Ink, Style};
use crate::text;
use raddle_protocol::Finding;

/// Width of the labels `why`, `fix` and so on, with the blanks after them.
const LABEL: usize = 8;
/// Lines of the program's output that are shown.
const OUTPUT_LINES: usize = 20;
/// Columns of one line of the program's output that are shown.
const OUTPUT_COLUMNS: usize = 400;

/// `cause`, `why`, `fix` and `note`, each with its text hanging to its right.
pub(super) fn paragraphs(finding: &Finding, style: &Style) -> String {
    let mut blocks = Vec::new();
    if let Some(cause) = &finding.root_cause {
        let (first, second) = (cause.first + 1, cause.second + 1);
        let order = format!("step {first} came before step {second}");
        let because = cause.because.trim();
        let sentence = if because.is_empty() { format!("{order}.") } else { format!("{order}: {because}") };
        blocks.push(hanging("cause", &[sentence], style));
    }
    blocks.push(hanging("why", &finding.reason, style));
    blocks.push(hanging("fix", &finding.fix, style));
    blocks.extend(finding.notes.iter().map(|note| hanging("note", std::slice::from_ref(note), style)));
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n")
}

fn hanging(label: &str, paragraphs: &[String], style: &Style) -> String {
    let mut out = String::new();
    let shown = paragraphs.iter().filter(|paragraph| !paragraph.trim().is_empty());
    for (number, paragraph) in shown.enumerate() {
        if number > 0 {
            out.push('\n');
        }
        for (line_number, line) in
            text::paragraph(paragraph, style.prose_width() - LABEL, style).into_iter().enumerate()
        {
            let front = if number == 0 && line_number == 0 {
                style.ink(Ink::Heading, label) + &" ".repeat(LABEL - label.len())
            } else {
                " ".repeat(LABEL)
            };
            out.push_str(format!("{front}{line}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// The end of what the program printed in this execution.
pub(super) fn output(finding: &Finding, style: &Style) -> String {
    let mut lines = text::clean_lines(finding.output.trim_end(), style);
    while lines.first().is_some_and(|line| line.trim().is_empty()) {
        lines.remove(0);
    }
    if lines.is_empty() {
        return String::new();
    }
    let cut = lines.len().saturating_sub(OUTPUT_LINES);
    let title = style.ink(Ink::Heading, "what the program printed");
    let count = if cut == 0 {
        String::new()
    } else {
        let all = counted(lines.len() as u64, "line");
        style.ink(Ink::Faint, &format!("   the last {OUTPUT_LINES} of {all}"))
    };
    let bar = style.ink(Ink::Faint, style.signs().vertical);
    let room = style.width.saturating_sub(4).max(20);
    let mut out = format!("{title}{count}\n");
    for line in &lines[cut..] {
        let columns = text::width(line);
        let shown = if columns <= OUTPUT_COLUMNS {
            line.clone()
        } else {
            let left_out = columns - OUTPUT_COLUMNS;
            format!("{} ({} more columns)", text::cut(line, OUTPUT_COLUMNS), thousands(left_out as u64))
        };
        for part in text::wrap(&shown, room) {
            out.push_str(format!("  {bar} {part}").trim_end());
            out.push('\n');
        }
    }
    out
}

/// How to see it again and how to learn more. Commands are never broken, so that they can be copied: where they do not
/// fit beside their labels, they stand below.
pub(super) fn commands(finding: &Finding, style: &Style) -> String {
    let mut rows = Vec::new();
    if !finding.replay.is_empty() {
        rows.push(("see it happen again:", format!("cargo raddle replay {}", text::clean(&finding.replay, style))));
    }
    rows.push(("read what it means:", format!("cargo raddle explain {}", text::clean(&finding.code.0, style))));
    let labels = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    let beside = rows.iter().all(|(_, command)| labels + text::width(command) <= style.width);
    rows.iter()
        .map(|(label, command)| {
            let command = style.ink(Ink::Strong, command);
            if beside { format!("{}{command}\n", text::pad(label, labels)) } else { format!("{label}\n  {command}\n") }
        })
        .collect()
}
