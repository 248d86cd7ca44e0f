//! A run as a page: the tests in a table, and each finding with its source, its interleaving, its reason and its fix.
//!
//! What holds of all pages stands in [`crate::page`]. Tables that become lists on narrow screens say their roles, which
//! browsers otherwise forget when a table is laid out as something else. Warnings that say the same in several tests are
//! shown once, as on a terminal.

mod finding;
mod source;
mod steps;

use crate::Sources;
use crate::events::{SuiteFinished, TestOutcome};
use crate::numbers::{counted, duration, percent_at_most, thousands};
use crate::page::{self, escape, section, sentence};
use crate::run::{Found, Run, Test};
use crate::suite;
use raddle_protocol::Severity;

const STYLE: &str = include_str!("run.css");

/// The page.
#[must_use]
pub fn page(run: &Run, sources: &dyn Sources) -> String {
    let title = title(run);
    let shown = |severity| {
        let all = run.findings().filter(|found| found.repeats.is_none());
        all.filter(move |found| found.finding.severity == severity).collect::<Vec<_>>()
    };
    let (errors, warnings) = (shown(Severity::Error), shown(Severity::Warning));
    let mut out = String::new();
    let skip = match (errors.is_empty(), warnings.is_empty()) {
        (false, _) => ("findings", "To the findings"),
        (true, false) => ("warnings", "To the warnings"),
        (true, true) => ("tests", "To the tests"),
    };
    page::begin(&mut out, &title, STYLE, skip);
    out.push_str(&format!("<h1>{}</h1>\n<p>{}</p>\n</header>\n<main>\n", escape(&title), escape(&subject(run))));
    tests(&mut out, run);
    for (id, title, found) in [("findings", "Findings", &errors), ("warnings", "Warnings", &warnings)] {
        if found.is_empty() {
            continue;
        }
        section(&mut out, id, title);
        found.iter().for_each(|found| finding::article(&mut out, run, found, sources));
        out.push_str("</section>\n");
    }
    out.push_str("</main>\n<footer>\n<h2>What this means</h2>\n<ul>\n");
    closing(&mut out, run);
    out.push_str("</ul>\n");
    page::end(&mut out);
    out
}

/// The anchor of a finding.
fn anchor(number: usize) -> String {
    format!("f{}", number + 1)
}

fn title(run: &Run) -> String {
    let count = |severity| run.findings().filter(|found| found.finding.severity == severity).count() as u64;
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let mut found = Vec::new();
    if errors > 0 {
        found.push(counted(errors, "finding"));
    }
    if warnings > 0 {
        found.push(counted(warnings, "warning"));
    }
    let found = if found.is_empty() { "nothing found".to_owned() } else { found.join(", ") };
    let whose = if run.started.packages.is_empty() {
        String::new()
    } else {
        format!(" in {}", run.started.packages.join(", "))
    };
    let stopped = if ended(run).is_none_or(|end| end.interrupted) { " (interrupted)" } else { "" };
    format!("Raddle: {found}{whose}{stopped}")
}

fn ended(run: &Run) -> Option<&SuiteFinished> {
    run.finished.as_ref()
}

fn subject(run: &Run) -> String {
    let how = format!("Strategy {}, seed {}", run.started.strategy, run.started.seed);
    match ended(run) {
        Some(end) => format!(
            "{}: {}. {} in {}. {how}.",
            counted(end.tests, "test"),
            suite::outcomes(end),
            counted(end.schedules, "schedule"),
            duration(end.elapsed_ms)
        ),
        None => format!("{}. {how}.", counted(run.started.tests, "test")),
    }
}

/// What needs somebody's attention comes first. Where anything does, the tests in which nothing was found can be opened.
fn tests(out: &mut String, run: &Run) {
    let mut tests: Vec<(u8, &Test)> = run.tests.iter().map(|test| (urgency(test), test)).collect();
    tests.sort_by_key(|(urgency, _)| *urgency);
    let (quiet, urgent): (Vec<_>, Vec<_>) = tests.into_iter().partition(|(urgency, _)| *urgency == NOTHING);
    section(out, "tests", "Tests");
    if !urgent.is_empty() {
        table(out, "Tests to look at", &urgent);
    }
    if !quiet.is_empty() {
        let open = if urgent.is_empty() { " open" } else { "" };
        let title = format!("{} in which nothing was found", counted(quiet.len() as u64, "test"));
        out.push_str(&format!("<details{open}><summary>{title}</summary>\n"));
        table(out, &title, &quiet);
        out.push_str("</details>\n");
    }
    if run.tests.is_empty() {
        out.push_str("<p>None was explored.</p>\n");
    }
    out.push_str("</section>\n");
}

/// Of a test about which there is nothing to do.
const NOTHING: u8 = 4;

fn urgency(test: &Test) -> u8 {
    match test.finished.as_ref().map(|finished| finished.outcome) {
        Some(TestOutcome::Failed) => 0,
        Some(TestOutcome::Error) => 1,
        None => 2,
        Some(_) if !test.findings.is_empty() => 3,
        Some(_) => NOTHING,
    }
}

fn table(out: &mut String, caption: &str, tests: &[(u8, &Test)]) {
    out.push_str(&format!("<table class=\"tests\" role=\"table\">\n<caption class=\"hidden\">{caption}</caption>\n"));
    out.push_str("<thead role=\"rowgroup\"><tr role=\"row\">");
    for (name, class) in HEAD {
        out.push_str(&format!("<th role=\"columnheader\" scope=\"col\"{}>{name}</th>", in_class(class)));
    }
    out.push_str("</tr></thead>\n<tbody role=\"rowgroup\">\n");
    tests.iter().for_each(|(_, test)| row(out, test));
    out.push_str("</tbody>\n</table>\n");
}

/// Columns, and the classes of their cells.
const HEAD: [(&str, &str); 7] = [
    ("Test", ""),
    ("Outcome", "outcome"),
    ("Found", ""),
    ("Schedules", "number"),
    ("Distinct", "number"),
    ("Next is new", "number"),
    ("Time", "number"),
];

fn in_class(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

fn row(out: &mut String, test: &Test) {
    let (class, word) = match test.finished.as_ref().map(|finished| finished.outcome) {
        Some(TestOutcome::Passed) => ("good", "passed"),
        Some(TestOutcome::Exhausted) => ("good", "passed in all schedules"),
        Some(TestOutcome::SingleThreaded) => ("good", "passed, no concurrency"),
        Some(TestOutcome::Failed) => ("bad", "failed"),
        Some(TestOutcome::Error) => ("bad", "not explored"),
        None => ("warn", "interrupted"),
    };
    let binary = format!("<span class=\"faint\">{}</span> ", escape(&test.started.binary));
    let name = test.started.name();
    let binary = if name == test.started.binary { String::new() } else { binary };
    let mut details = String::new();
    if let Some(finished) = &test.finished {
        let said = finished.mode_why.iter().map(|why| format!("Each schedule in a process of its own: {why}."));
        for said in said.chain(finished.detail.clone()) {
            details.push_str(&format!("<div class=\"detail\">{}</div>", finding::prose(&said)));
        }
    }
    out.push_str(&format!(
        "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">{binary}<code>{}</code>{details}</th>",
        escape(name)
    ));
    let cells = match &test.finished {
        Some(finished) => [
            thousands(finished.schedules),
            thousands(finished.distinct),
            match finished.outcome {
                TestOutcome::Passed if finished.schedules > 1 => match finished.unseen_upper_bound {
                    // A bound that says nothing is not worth its number.
                    Some(bound) if bound > 0.5 => "much".to_owned(),
                    bound => bound.and_then(percent_at_most).map_or_else(String::new, |most| format!("≤ {most}")),
                },
                _ => String::new(),
            },
            duration(finished.elapsed_ms),
        ],
        None => Default::default(),
    };
    let outcome = format!("<span class=\"{class}\">{word}</span>");
    let all = [outcome, links(test)].into_iter().chain(cells.map(|cell| escape(&cell)));
    for ((title, class), cell) in HEAD.iter().skip(1).zip(all) {
        let named = if *class != "number" { String::new() } else { format!(" data-name=\"{title}\"") };
        out.push_str(&format!("<td role=\"cell\"{}{named}>{cell}</td>", in_class(class)));
    }
    out.push_str("</tr>\n");
}

/// The codes of a test's findings, each leading to where it is shown.
fn links(test: &Test) -> String {
    let link = |found: &Found| {
        let warning = if found.finding.severity == Severity::Warning { " (warning)" } else { "" };
        let at = anchor(found.repeats.unwrap_or(found.number));
        format!("<a href=\"#{at}\">{}</a>{warning}", escape(&found.finding.code.0))
    };
    let of = |severity| test.findings.iter().filter(move |found| found.finding.severity == severity);
    of(Severity::Error).chain(of(Severity::Warning)).map(link).collect::<Vec<_>>().join(", ")
}

fn closing(out: &mut String, run: &Run) {
    let mut say = |text: &str| out.push_str(&format!("<li>{}</li>\n", sentence(text)));
    say("Passed means: no schedule tried has failed. One not tried may.");
    let estimated = run.tests.iter().any(|test| {
        test.finished.as_ref().is_some_and(|end| end.outcome == TestOutcome::Passed && end.unseen_upper_bound.is_some())
    });
    if estimated {
        say(
            "Next is new: an upper bound, at 95% confidence, on how many further schedules would do something in an order in which \
             no earlier one did it; much is more than half of them.",
        );
    }
    say(&format!("`--seed {}` tries the same schedules again.", run.started.seed));
    let ignored = run.started.ignored;
    if ignored > 0 {
        say(&format!(
            "{} marked `#[ignore]` and left out.",
            if ignored == 1 { "1 test is".into() } else { format!("{} tests are", thousands(ignored)) }
        ));
    }
}
