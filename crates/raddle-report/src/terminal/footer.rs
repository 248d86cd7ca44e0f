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
    let mut lines = text::clean_lines(without_backtraces(&finding.output).trim_end(), style);
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

/// Without what std's panic hook says beyond the message: the frames of a backtrace, which it prints unasked where a panic
/// ends the process, and the advice to ask for one. The report shows the place; a replay prints all.
pub(crate) fn without_backtraces(output: &str) -> String {
    let frame = |line: &str| {
        let line = line.trim_start();
        let number = line.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        number || line.starts_with("at ")
    };
    let mut kept = String::with_capacity(output.len());
    let mut lines = output.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        if line.starts_with("note: run with `RUST_BACKTRACE=") {
            continue;
        }
        if line.trim_end() == "stack backtrace:" && lines.peek().is_some_and(|next| frame(next)) {
            while lines.next_if(|next| frame(next)).is_some() {}
            continue;
        }
        kept.push_str(line);
    }
    kept
}

/// How to see it again and how to learn more. Commands are never broken, so that they can be copied: where they do not
/// fit beside their labels, they stand below.
pub(super) fn commands(finding: &Finding, style: &Style) -> String {
    let mut rows: Vec<_> = again(finding, style).into_iter().collect();
    let code = finding.pattern.as_ref().unwrap_or(&finding.code);
    rows.push(("read what it means:", format!("cargo raddle explain {}", text::clean(&code.0, style))));
    table(&rows, style)
}

/// Only the command that shows it again.
pub(super) fn replay(finding: &Finding, style: &Style) -> String {
    table(&Vec::from_iter(again(finding, style)), style)
}

fn again(finding: &Finding, style: &Style) -> Option<(&'static str, String)> {
    let command = || format!("cargo raddle replay {}", text::clean(&finding.replay, style));
    (!finding.replay.is_empty()).then(|| ("see it happen again:", command()))
}

fn table(rows: &[(&str, String)], style: &Style) -> String {
    let labels = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    let beside = rows.iter().all(|(_, command)| labels + text::width(command) <= style.width);
    rows.iter()
        .map(|(label, command)| {
            let command = style.ink(Ink::Strong, command);
            if beside { format!("{}{command}\n", text::pad(label, labels)) } else { format!("{label}\n  {command}\n") }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::without_backtraces;

    #[test]
    fn of_a_panic_the_message_is_shown_and_not_its_backtrace() {
        let output = "at work\nthread 'a' (1) panicked at src/lib.rs:4:5:\nboom\nstack backtrace:\n   0:     0x55 - a::b\n             \
                      at /x/src/lib.rs:4:5\n   1:     0x66 - <unknown>\nthread caused non-unwinding panic. aborting.\n";
        let kept =
            "at work\nthread 'a' (1) panicked at src/lib.rs:4:5:\nboom\nthread caused non-unwinding panic. aborting.\n";
        assert_eq!(without_backtraces(output), kept);
        let advice = "boom\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\nbye\n";
        assert_eq!(without_backtraces(advice), "boom\nbye\n");
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for text in ["", "0: first\n1: second\n", "stack backtrace:\nnone\n", "at home\n", "no line break"] {
            assert_eq!(without_backtraces(text), text);
        }
    }
}
