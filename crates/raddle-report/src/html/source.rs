//! The source lines that a finding is about, with what happened at them.

use super::finding::PLAIN;
use crate::Sources;
use crate::excerpt::covered;
use crate::page::{escape, sentence};
use crate::terminal::by_file;
use crate::text;
use raddle_protocol::Finding;
use raddle_protocol::finding::Span;
use std::collections::BTreeSet;

/// Lines shown before and after each that is meant.
const AROUND: usize = 1;

pub(super) fn excerpts(out: &mut String, finding: &Finding, sources: &dyn Sources) {
    if finding.spans.is_empty() {
        return;
    }
    out.push_str("<h4>Where</h4>\n");
    for spans in by_file(&finding.spans) {
        let text = sources.source(&spans[0].path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let (here, lost): (Vec<&Span>, Vec<&Span>) =
            spans.into_iter().partition(|span| (1..=lines.len()).contains(&(span.line as usize)));
        if !here.is_empty() {
            excerpt(out, &here, &lines);
        }
        for span in lost {
            let line = if span.line > 0 { format!(":{}", span.line) } else { String::new() };
            let label =
                if span.label.trim().is_empty() { String::new() } else { format!(": {}", sentence(&span.label)) };
            out.push_str(&format!("<p><code>{}{line}</code>{label}</p>\n", escape(&span.file)));
        }
    }
}

fn excerpt(out: &mut String, spans: &[&Span], lines: &[&str]) {
    let file = escape(&spans[0].file);
    out.push_str(&format!(
        "<div class=\"box scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{file}\">\n<table class=\"code\">\n<caption>{file}</caption>\n"
    ));
    let meant = spans.iter().map(|span| span.line as usize - 1);
    let shown: BTreeSet<usize> =
        meant.flat_map(|line| line.saturating_sub(AROUND)..(line + AROUND + 1).min(lines.len())).collect();
    // What all of it is indented by is of no use to anybody.
    let indents = shown.iter().filter(|line| !lines[**line].trim().is_empty());
    let indent = indents.map(|line| expanded(lines[*line]).len() - expanded(lines[*line]).trim_start().len()).min();
    let mut last = None;
    for line in shown {
        if last.is_some_and(|last| last + 1 < line) {
            out.push_str("<tr><th aria-hidden=\"true\">⋮</th><td></td></tr>\n");
        }
        last = Some(line);
        let here: Vec<&&Span> = spans.iter().filter(|span| span.line as usize - 1 == line).collect();
        let class = if here.is_empty() { "" } else { " class=\"at\"" };
        let code = marked(lines[line], &here, indent.unwrap_or(0));
        out.push_str(&format!("<tr{class}><th scope=\"row\">{}</th><td><pre>{code}</pre>", line + 1));
        for span in here.iter().filter(|span| !span.label.trim().is_empty()) {
            let class = if span.primary { "label primary" } else { "label" };
            out.push_str(&format!("<p class=\"{class}\">{}</p>", sentence(&text::clean(&span.label, &PLAIN))));
        }
        out.push_str("</td></tr>\n");
    }
    out.push_str("</table>\n</div>\n");
}

fn expanded(code: &str) -> String {
    code.replace('\t', "    ")
}

/// A line with what its spans cover marked, without so much of its indentation. Spans that overlap are marked as one.
fn marked(line: &str, spans: &[&&Span], indent: usize) -> String {
    let mut ranges: Vec<_> = spans.iter().map(|span| (covered(line, span.column), span.primary)).collect();
    ranges.retain(|(range, _)| !range.is_empty());
    ranges.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut pieces, mut done) = (Vec::new(), 0);
    for (range, primary) in ranges {
        let begin = range.start.max(done);
        if begin >= range.end {
            continue;
        }
        pieces.push((&line[done..begin], None));
        pieces.push((&line[begin..range.end], Some(primary)));
        done = range.end;
    }
    pieces.push((&line[done..], None));
    let mut out = String::new();
    for (number, (piece, mark)) in pieces.into_iter().enumerate() {
        let piece = expanded(piece);
        // Only blanks are left out: a line that is indented less than the others begins where it can.
        let blanks = if number == 0 { (piece.len() - piece.trim_start_matches(' ').len()).min(indent) } else { 0 };
        let piece = escape(&piece[blanks..]);
        match mark {
            None => out.push_str(&piece),
            Some(true) => out.push_str(&format!("<mark class=\"primary\">{piece}</mark>")),
            Some(false) => out.push_str(&format!("<mark>{piece}</mark>")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(column: u32, primary: bool) -> Span {
        Span { file: String::new(), path: String::new(), line: 1, column, label: String::new(), primary }
    }

    #[test]
    fn marks_cover_what_is_meant_and_do_not_overlap() {
        let (one, other) = (span(7, true), span(9, false));
        assert_eq!(marked("    a.lock(<b>);", &[&&one], 4), "a.<mark class=\"primary\">lock(&lt;b&gt;)</mark>;");
        assert_eq!(marked("    a.lock(b);", &[&&other, &&one], 4), "a.<mark class=\"primary\">lock(b)</mark>;");
        assert_eq!(marked("\tx", &[], 2), "  x");
        assert_eq!(marked("", &[&&one], 4), "");
    }
}
