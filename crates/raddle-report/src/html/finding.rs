//! One finding of the page.

use super::{anchor, source, steps};
use crate::headline::headline;
use crate::page::{escape, sentence};
use crate::run::{Found, Run};
use crate::terminal::{schedule, without_backtraces};
use crate::{Sources, Style, text};
use raddle_protocol::{Finding, Severity};

/// How text is cleaned; layout is the browser's.
pub(super) const PLAIN: Style = Style { width: 100, color: false, unicode: true };

/// Lines of the program's output that are shown; there may be millions.
const OUTPUT_LINES: usize = 2_000;

pub(super) fn article(out: &mut String, run: &Run, found: &Found, sources: &dyn Sources) {
    let finding = &found.finding;
    let id = anchor(found.number);
    let (class, kind, word) = match finding.severity {
        Severity::Error => ("error", "bad", "error"),
        Severity::Warning => ("warning", "warn", "warning"),
    };
    out.push_str(&format!(
        "<article id=\"{id}\" class=\"{class}\" aria-labelledby=\"{id}-t\" tabindex=\"-1\">\n<h3 id=\"{id}-t\"><span class=\"{kind}\">{word} \
         {}</span> {}</h3>\n",
        escape(&finding.code.0),
        sentence(&headline(finding, &PLAIN))
    ));
    facts(out, run, found);
    source::excerpts(out, finding, sources);
    steps::table(out, finding, &id);
    stacks(out, finding);
    texts(out, finding);
    output(out, finding);
    commands(out, finding);
    out.push_str("</article>\n");
}

fn facts(out: &mut String, run: &Run, found: &Found) {
    let finding = &found.finding;
    let code = |test: &str| format!("<code>{}</code>", escape(test));
    let mut rows = vec![("Test", code(&finding.test))];
    let others = run.findings().filter(|other| other.repeats == Some(found.number));
    let others: Vec<String> = others.map(|other| code(&other.finding.test)).collect();
    if !others.is_empty() {
        rows.push(("The same in", others.join(", ")));
    }
    rows.push(("Schedule", escape(&text::clean(&schedule(finding), &PLAIN))));
    out.push_str("<dl>\n");
    rows.iter().for_each(|(name, value)| out.push_str(&format!("<dt>{name}</dt><dd>{value}</dd>\n")));
    out.push_str("</dl>\n");
}

fn stacks(out: &mut String, finding: &Finding) {
    for stack in &finding.stacks {
        out.push_str(&format!("<details class=\"stack\"><summary>{}</summary>\n<ol>\n", sentence(&stack.title)));
        for frame in &stack.frames {
            let place = if frame.line > 0 {
                format!(" <span class=\"faint\">{}:{}</span>", escape(&frame.file), frame.line)
            } else {
                String::new()
            };
            out.push_str(&format!("<li><code>{}</code>{place}</li>\n", escape(&frame.function)));
        }
        out.push_str("</ol>\n</details>\n");
    }
}

fn texts(out: &mut String, finding: &Finding) {
    let cause: Vec<String> = finding
        .root_cause
        .iter()
        .map(|cause| {
            let order = format!("Step {} came before step {}", cause.first + 1, cause.second + 1);
            let because = cause.because.trim();
            if because.is_empty() { format!("{order}.") } else { format!("{order}: {because}") }
        })
        .collect();
    let parts = [
        ("What decides", &cause),
        ("Why", &finding.reason),
        ("How to fix it", &finding.fix),
        ("Notes", &finding.notes),
    ];
    for (title, texts) in parts {
        if texts.iter().all(|text| text.trim().is_empty()) {
            continue;
        }
        out.push_str(&format!("<h4>{title}</h4>\n"));
        texts.iter().for_each(|text| out.push_str(&prose(text)));
    }
}

/// Paragraphs; lines that are indented are listings, and stay as they are.
pub(super) fn prose(text: &str) -> String {
    let mut out = String::new();
    let lines = text::clean_lines(text.trim_end(), &PLAIN);
    for block in lines.chunk_by(|one, other| one.starts_with("  ") == other.starts_with("  ")) {
        if block[0].starts_with("  ") {
            let listing: Vec<String> = block.iter().map(|line| escape(line)).collect();
            out.push_str(&format!("<div class=\"box text\"><pre>{}</pre></div>\n", listing.join("\n")));
            continue;
        }
        for paragraph in block.split(|line| line.trim().is_empty()).filter(|lines| !lines.is_empty()) {
            out.push_str(&format!("<p>{}</p>\n", sentence(&paragraph.join(" "))));
        }
    }
    out
}

fn output(out: &mut String, finding: &Finding) {
    let output = without_backtraces(&finding.output);
    let lines = text::clean_lines(output.trim_end(), &PLAIN);
    if lines.iter().all(|line| line.trim().is_empty()) {
        return;
    }
    let left_out = lines.len().saturating_sub(OUTPUT_LINES);
    let count = crate::numbers::counted(lines.len() as u64, "line");
    let cut = if left_out > 0 { format!(", the last {OUTPUT_LINES} of them here") } else { String::new() };
    let text: Vec<String> = lines[left_out..].iter().map(|line| escape(line)).collect();
    out.push_str(&format!(
        "<details{}><summary>What the program printed: {count}{cut}</summary>\n<div class=\"box text\"><pre tabindex=\"0\">{}</pre></div>\n\
         </details>\n",
        if lines.len() <= 20 { " open" } else { "" },
        text.join("\n")
    ));
}

fn commands(out: &mut String, finding: &Finding) {
    let mut rows = Vec::new();
    if !finding.replay.is_empty() {
        rows.push(("See it happen again", format!("cargo raddle replay {}", finding.replay)));
    }
    let code = finding.pattern.as_ref().unwrap_or(&finding.code);
    rows.push(("Read what it means", format!("cargo raddle explain {code}")));
    for (title, command) in rows {
        out.push_str(&format!(
            "<h4>{title}</h4>\n<div class=\"box scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{title}\"><pre><code>{}</code></pre></div>\n",
            escape(&text::clean(&command, &PLAIN))
        ));
    }
}
