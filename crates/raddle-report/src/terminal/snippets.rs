//! Headline and source lines, drawn by annotate-snippets as rustc draws its own.
//!
//! What is underlined is read off the source line. Source that has changed since the build is shown as it is now.

use crate::excerpt::covered;
use crate::headline::headline;
use crate::numbers::thousands;
use crate::style::Style;
use crate::{Sources, text};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use raddle_protocol::finding::Span;
use raddle_protocol::{Finding, Severity};

/// Headline, snippets, and one line each on the test and on the schedule.
pub(super) fn render(finding: &Finding, style: &Style, sources: &dyn Sources) -> String {
    let mut group = titled(finding, style);
    for file in by_file(&finding.spans) {
        let source = sources.source(&file[0].path).filter(|source| !source.is_empty());
        let (found, lost): (Vec<&Span>, Vec<&Span>) = match &source {
            Some(source) => {
                let lines = source.lines().count();
                file.iter().partition(|span| span.line >= 1 && span.line as usize <= lines)
            }
            None => (Vec::new(), file),
        };
        if let (Some(source), false) = (source, found.is_empty()) {
            let source = Shown::new(&source, style);
            let last = found.iter().map(|span| span.line).max().unwrap_or(0);
            let gutter = last.to_string().len() + " | ".len();
            let shared = |span: &Span| found.iter().filter(|other| at(other) == at(span)).count() > 1;
            let annotations: Vec<Annotation<'_>> =
                found.iter().flat_map(|span| source.annotations(span, shared(span), gutter, style)).collect();
            let path = text::clean(&found[0].file, style);
            group = group.element(Snippet::source(source.text).path(path).annotations(annotations));
        }
        for span in lost {
            group = group.element(origin(span, style));
            if !span.label.trim().is_empty() {
                group = group.element(Level::NOTE.no_name().message(text::clean(&span.label, style)));
            }
        }
    }
    let facts = [("test", finding.test.clone()), ("schedule", schedule(finding))];
    draw(with_facts(group, finding, facts, style), style)
}

/// Headline, the place, and one line each on the test and on the one of which the same has been shown.
pub(super) fn repeat(finding: &Finding, shown: &str, style: &Style) -> String {
    let mut group = titled(finding, style);
    if let Some(span) = finding.spans.iter().find(|span| span.primary) {
        group = group.element(origin(span, style));
    }
    let facts = [("test", finding.test.clone()), ("shown above", format!("the same place, in {shown}"))];
    draw(with_facts(group, finding, facts, style), style)
}

fn titled<'a>(finding: &Finding, style: &Style) -> Group<'a> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let code = text::clean(&finding.code.0, style);
    Group::with_title(level.primary_title(fitted(finding, style)).id(code))
}

fn with_facts<'a>(
    mut group: Group<'a>,
    finding: &Finding,
    facts: [(&'static str, String); 2],
    style: &Style,
) -> Group<'a> {
    let number_width = finding.spans.iter().map(|span| span.line).max().unwrap_or(0).to_string().len();
    for (name, fact) in facts {
        // Left of it stand the width of a line number, a blank, a sign with its blank, and the name with its colon.
        let room = style.width.max(40).saturating_sub(number_width + 3 + name.len() + 2);
        let fact = text::clean(&fact, style);
        group = group.element(Level::NOTE.with_name(name).message(text::wrap(&fact, room).join("\n")));
    }
    group
}

fn draw(group: Group<'_>, style: &Style) -> String {
    let renderer = if style.color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let decor = if style.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii };
    let drawn = renderer.term_width(style.width.max(40)).decor_style(decor).render(&[group]);
    drawn.lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// The hazard's name and what happened, fitted to the width.
fn fitted(finding: &Finding, style: &Style) -> String {
    let front = "warning[]: ".len() + finding.code.0.len();
    text::wrap(&headline(finding, style), style.width.max(40).saturating_sub(front)).join("\n")
}

/// Where the failing execution stands in the search, without the word preemption.
pub(crate) fn schedule(finding: &Finding) -> String {
    let schedule = &finding.schedule;
    let interrupted = match schedule.preemptions {
        0 => "no thread is interrupted while it could go on".to_owned(),
        1 => "it interrupts a thread once".to_owned(),
        n => format!("it interrupts threads {} times", thousands(n)),
    };
    let found = match &schedule.kept {
        Some(kept) if !kept.new => format!("kept in {} from an earlier run", kept.file),
        _ => format!("found by number {} of seed {}", schedule.execution.saturating_add(1), schedule.seed),
    };
    format!("{found}; as shown here {interrupted}")
}

fn origin<'a>(span: &Span, style: &Style) -> Origin<'a> {
    let mut origin = Origin::path(text::clean(&span.file, style));
    if span.line > 0 {
        origin = origin.line(span.line as usize);
        if span.column > 0 {
            origin = origin.char_column(span.column as usize);
        }
    }
    origin
}

/// Spans of the same file together, files in the order in which they are first named, those of primary spans first.
pub(crate) fn by_file(spans: &[Span]) -> Vec<Vec<&Span>> {
    let mut files: Vec<Vec<&Span>> = Vec::new();
    let (primary, secondary): (Vec<&Span>, Vec<&Span>) = spans.iter().partition(|span| span.primary);
    for span in primary.into_iter().chain(secondary) {
        match files.iter_mut().find(|file| file[0].path == span.path) {
            Some(file) if file.iter().any(|other| same(other, span)) => {}
            Some(file) => file.push(span),
            None => files.push(vec![span]),
        }
    }
    files
}

fn same(one: &Span, other: &Span) -> bool {
    at(one) == at(other) && one.label == other.label
}

/// Where a span begins in its file.
fn at(span: &Span) -> (u32, u32) {
    (span.line, span.column)
}

/// A source file as it is shown.
struct Shown {
    text: String,
    /// Where each line begins in `text`.
    starts: Vec<usize>,
    /// The lines as they are in the file, to which columns refer.
    lines: Vec<String>,
}

impl Shown {
    fn new(source: &str, style: &Style) -> Self {
        let mut shown = Shown { text: String::with_capacity(source.len()), starts: Vec::new(), lines: Vec::new() };
        for line in source.lines() {
            shown.starts.push(shown.text.len());
            shown.text.push_str(&clean_code(line, style));
            shown.text.push('\n');
            shown.lines.push(line.to_owned());
        }
        shown
    }

    /// The underlining of one place with its label. A label too long to stand beside the underline goes below it, as
    /// several labels of the same place, which annotate-snippets stacks in the order in which it gets them. So do the
    /// labels of several spans at the same place (`shared`).
    fn annotations<'a>(&self, span: &Span, shared: bool, gutter: usize, style: &Style) -> Vec<Annotation<'a>> {
        let index = span.line as usize - 1;
        let line = &self.lines[index];
        let range = covered(line, span.column);
        // Cleaning may change lengths: the range is that of the cleaned parts.
        let before = clean_code(&line[..range.start], style);
        let code = clean_code(&line[range], style);
        let begin = self.starts[index] + before.len();
        let kind = if span.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
        let annotation = || kind.span(begin..begin + code.len());

        let label = text::clean(&span.label, style);
        if label.trim().is_empty() {
            return vec![annotation()];
        }
        let left = gutter + columns(&before);
        let beside = left + columns(&code) + 1 + text::width(&label);
        if !shared && beside <= style.width {
            return vec![annotation().label(label)];
        }
        let below = style.width.saturating_sub(left).max(NARROWEST_LABEL);
        let mut parts = text::wrap(&label, below);
        // A single label would be put beside the underline again.
        if parts.len() == 1 && !shared {
            parts = text::wrap(&label, text::width(&label) / 2 + 4);
        }
        // Below each other, labels are told apart by where they begin.
        if parts.len() > 1 && shared {
            parts = text::wrap(&label, below.saturating_sub(HANG.len()));
            parts.iter_mut().skip(1).for_each(|part| part.insert_str(0, HANG));
        }
        parts.into_iter().map(|part| annotation().label(part)).collect()
    }
}

/// What the second and further lines of a label are indented by, where another label follows.
const HANG: &str = "  ";

/// A label is not broken into lines shorter than this; source lines are cut at the left instead, to make room.
const NARROWEST_LABEL: usize = 32;

/// Columns of source code as annotate-snippets draws it, with four for each tab.
fn columns(code: &str) -> usize {
    text::width(&code.replace('\t', "    "))
}

/// Source code keeps its tabs: annotate-snippets expands them.
fn clean_code(code: &str, style: &Style) -> String {
    code.split('\t').map(|part| text::clean(part, style)).collect::<Vec<_>>().join("\t")
}
