//! The lines around the findings: what is about to be explored, one line a test, how it all ended; and how far it is.
//!
//! Every function yields whole lines with a line break at the end of each, except [`progress`], which yields one line
//! without.

use crate::events::{
    Bounded, KeptOutcome, KeptSchedule, Leaks, Mode, Progress, Search, SuiteFinished, SuiteStarted, TestFinished,
    TestOutcome,
};
use crate::explain;
use crate::numbers::{about, counted, duration, percent_at_most, roughly, thousands};
use crate::style::{Ink, Style};
use crate::text;
use raddle_protocol::Severity;
use raddle_protocol::finding::Code;
use std::collections::BTreeMap;

/// Width of the word a line begins with, `EXHAUSTED` being the longest.
const WORD: usize = 9;
/// Where text stands that belongs to the line above it.
const INDENT: usize = WORD + 1;
/// Width of what is said about schedules, so that the names of the tests line up.
const COUNT: usize = 28;

/// What is about to be explored.
pub fn started(event: &SuiteStarted, style: &Style) -> String {
    let mut what = counted(event.tests, "test");
    if !event.packages.is_empty() {
        what.push_str(&format!(" of {}", event.packages.join(", ")));
    }
    if event.ignored > 0 {
        what.push_str(&format!(", {} more ignored", thousands(event.ignored)));
    }
    let how = format!("strategy {}, seed {}", event.strategy, event.seed);
    word(style, Ink::Good, "Exploring") + &hang(&what, style) + &indented(&how, style)
}

/// The line of one test, and lines below it for what else must be said.
pub fn test(event: &TestFinished, style: &Style) -> String {
    let (ink, name) = match event.outcome {
        TestOutcome::Passed => (Ink::Good, "PASS"),
        TestOutcome::Failed => (Ink::Error, "FAIL"),
        TestOutcome::Exhausted => (Ink::Good, "EXHAUSTED"),
        TestOutcome::SingleThreaded => (Ink::Good, "SINGLE"),
        TestOutcome::Error => (Ink::Error, "ERROR"),
    };
    let time = style.ink(Ink::Faint, &format!("[{:>7}]", duration(event.elapsed_ms)));
    let count = text::pad(&count(event), COUNT);
    let test = style.ink(Ink::Strong, &text::clean(&event.test, style));
    let unseen = match (event.outcome, event.unseen_upper_bound.and_then(percent_at_most)) {
        // One schedule tells nothing of others.
        (TestOutcome::Passed, _) if event.schedules == 1 => String::new(),
        // A bound that says nothing is not worth its number.
        (TestOutcome::Passed, Some(_)) if event.unseen_upper_bound.is_some_and(|bound| bound > 0.5) => {
            style.ink(Ink::Faint, "  (much is still new)")
        }
        (TestOutcome::Passed, Some(percent)) => {
            let at_most = style.signs().at_most;
            style.ink(Ink::Faint, &format!("  ({at_most}{percent} that the next is new)"))
        }
        _ => String::new(),
    };
    let mut out = format!("{}{time} {count}  {test}{unseen}\n", word(style, ink, name));

    // The first code of a failed test stands on its line; the others, and warnings of a passed one, follow.
    let named = usize::from(event.outcome == TestOutcome::Failed);
    let word = if event.outcome == TestOutcome::Failed { "also" } else { "warning:" };
    for code in event.findings.iter().skip(named) {
        out.push_str(&indented(&format!("{word} {}", titled(code)), style));
    }
    if event.mode == Mode::Fork
        && let Some(why) = &event.mode_why
    {
        out.push_str(&indented(&format!("fork: {}", why.trim()), style));
    }
    if let Some(tried) = event.cancelled.filter(|_| event.outcome != TestOutcome::Error) {
        let said = match tried {
            0 => "cancellation: nothing waits where something could be cut off".to_owned(),
            1 => "cancellation: tried once".to_owned(),
            _ => format!("cancellation: tried {} times, a schedule each", thousands(tried)),
        };
        out.push_str(&indented(&said, style));
    }
    if let Some(leaks) = event.leaks.as_ref().filter(|_| event.outcome != TestOutcome::Error) {
        out.push_str(&indented(&left(leaks), style));
    }
    if let (TestOutcome::Passed, Some(said)) =
        (event.outcome, event.search.as_ref().and_then(|search| searched(search, event)))
    {
        out.push_str(&indented(&said, style));
    }
    if let (TestOutcome::Passed, Some(said)) = (event.outcome, event.bounded.as_ref().and_then(bounded)) {
        out.push_str(&indented(&said, style));
    }
    if let Some(detail) = &event.detail {
        out.push_str(&indented(detail, style));
    }
    for kept in event.kept.iter().filter(|kept| kept.outcome == KeptOutcome::DoesNotFit) {
        out.push_str(&indented(&does_not_fit(kept), style));
    }
    out
}

/// What is to be said of memory that schedules leave behind.
fn left(leaks: &Leaks) -> String {
    let of = counted(leaks.of, "schedule");
    match (leaks.schedules, leaks.of) {
        (_, 0) => "leaks: no schedule could be looked at".to_owned(),
        (0, _) => format!("leaks: none of {of} leaves memory behind"),
        (some, _) => format!(
            "leaks: {} of {of} {} memory behind, {} in {} at the most",
            thousands(some),
            if some == 1 { "leaves" } else { "leave" },
            counted(leaks.most_bytes, "byte"),
            counted(leaks.most_blocks, "block"),
        ),
    }
}

/// What is to be said of a kept schedule that is another one now.
fn does_not_fit(kept: &KeptSchedule) -> String {
    // It was itself one of those that were tried.
    let tried = counted(kept.schedules.saturating_sub(1), "schedule");
    format!(
        "The schedule kept in `{}` no longer fits: the code, or what compiles it, has changed since. {tried} of its seed {} \
         were tried instead. Delete the file once the mistake is mended, or kept anew.",
        kept.file, kept.seed
    )
}

/// Milliseconds up to which a search through all executions is worth recommending.
const WORTH_WAITING_MS: f64 = 3_600_000.0;

/// What is to be said of a search that has not come to the end, or not to a clear one.
fn searched(search: &Search, event: &TestFinished) -> Option<String> {
    let count = counted(search.executions, "execution");
    let all = about(search.estimate);
    let takes_ms = event.elapsed_ms as f64 / event.schedules.max(1) as f64 * search.estimate as f64;
    let takes = roughly(takes_ms / 1000.0);
    match search.obstacle {
        Some(why) if search.finished => {
            Some(format!("All {count} that the search tells apart were explored; there may be others, since {why}."))
        }
        Some(why) if search.asked_for => Some(format!("The search stopped after {count}, since {why}.")),
        None if !search.finished && search.asked_for => Some(format!(
            "The search has explored {count} of about {all} (a rough estimate); at the pace of this run, all would take \
             about {takes}."
        )),
        None if !search.finished && search.executions > 0 && takes_ms <= WORTH_WAITING_MS => Some(format!(
            "There are about {all} executions (a rough estimate): `--strategy exhaustive` explores them all, in about \
             {takes} at the pace of this run."
        )),
        _ => None,
    }
}

/// What is to be said of a search in the order of preemptions.
fn bounded(search: &Bounded) -> Option<String> {
    let Some(completed) = search.completed else {
        return search.obstacle.map(|why| {
            let tried = counted(search.executions, "execution");
            format!("Not even all executions without preemption were explored, but {tried} of them: {why}.")
        });
    };
    let of_them = match completed {
        0 => "without preemption".to_owned(),
        1 => "with at most one preemption".to_owned(),
        more => format!("with at most {more} preemptions"),
    };
    let count = counted(search.within, "execution");
    Some(match (search.obstacle, search.everything) {
        (Some(why), _) => {
            format!(
                "All {count} {of_them} that the search tells apart were explored; there may be others, since {why}."
            )
        }
        (None, true) => format!("All {count} {of_them} were explored, and none needs more."),
        (None, false) => format!("All {count} {of_them} were explored."),
    })
}

/// What a test's line says about its schedules.
fn count(event: &TestFinished) -> String {
    let tried = counted(event.schedules, "schedule");
    let of_mode = |count: &str| {
        let mode = match event.mode {
            Mode::Rewind => "(rewind)",
            Mode::Fork => "(fork)",
        };
        format!("{count:>17}  {mode}")
    };
    match event.outcome {
        TestOutcome::Passed => of_mode(&tried),
        TestOutcome::Exhausted => match &event.search {
            Some(search) if search.executions > 0 => {
                format!("all {} explored", counted(search.executions, "execution"))
            }
            // Nothing was to be decided in the first one, so nobody had to search.
            _ if event.schedules == 1 => "the only execution there is".to_owned(),
            _ => of_mode(&format!("all {tried}")),
        },
        TestOutcome::SingleThreaded => "no concurrency: one schedule".to_owned(),
        TestOutcome::Error if event.schedules == 0 => "could not be explored".to_owned(),
        TestOutcome::Error => format!("stopped after {tried}"),
        TestOutcome::Failed => match event.findings.first() {
            Some(code) => format!("{code} in {tried}"),
            None => "fails under every schedule".to_owned(),
        },
    }
}

/// How it all ended.
pub fn finished(event: &SuiteFinished, style: &Style) -> String {
    let failed = event.failed > 0 || event.errors > 0;
    let (ink, name) = match (event.interrupted, failed) {
        (true, _) => (Ink::Warning, "Stopped"),
        (false, true) => (Ink::Error, "Summary"),
        (false, false) => (Ink::Good, "Summary"),
    };
    let rule = style.signs().horizontal.repeat(style.prose_width().min(60));
    let mut out = format!("{}\n", style.ink(Ink::Faint, &rule));
    let time = format!("[{:>7}] ", duration(event.elapsed_ms));
    out.push_str(&word(style, ink, name));
    out.push_str(&style.ink(Ink::Faint, &time));
    let first = format!("{}: {}", reached(event), outcomes(event));
    out.push_str(&hang_at(&first, INDENT + time.len(), style));

    let left = event.tests.saturating_sub(event.finished());
    if event.interrupted && left > 0 {
        let were = if left == 1 { "was" } else { "were" };
        out.push_str(&indented(
            &format!("interrupted: {} {were} not explored to the end", counted(left, "test")),
            style,
        ));
    }
    if event.schedules > 0 {
        out.push_str(&indented(&format!("{} tried", counted(event.schedules, "schedule")), style));
    }
    out.push_str(&by_code(event, style));
    out.push_str(&kept(event, style));
    out.push_str(&replays(event, style));
    if event.schedules > 0 {
        out.push('\n');
        out.push_str(&indented(&format!("Add `--seed {}` to try the same schedules again.", event.seed), style));
        if event.passed > 0 {
            out.push_str(&indented("Passed means: no schedule tried has failed. One not tried may.", style));
        }
        if event.estimated {
            let what = "New is a schedule that does something in an order in which no earlier one did it. The percentage \
                        is an upper bound, at 95% confidence, on how many further schedules would be new; more \
                        schedules (`--schedules`, `--time`) bring it down.";
            out.push_str(&indented(what, style));
        }
    }
    out
}

fn reached(event: &SuiteFinished) -> String {
    if event.interrupted {
        format!("{} of {}", thousands(event.finished()), counted(event.tests, "test"))
    } else {
        counted(event.tests, "test")
    }
}

pub(crate) fn outcomes(event: &SuiteFinished) -> String {
    let parts = [
        (event.passed, "passed"),
        (event.failed, "failed"),
        (event.exhausted, "passed in all schedules there are"),
        (event.single_threaded, "passed without concurrency"),
        (event.errors, "could not be explored"),
        (event.ignored, "ignored"),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(*count)))
        .collect();
    match (said.is_empty(), event.schedules) {
        (false, _) => said.join(", "),
        (true, 0) => "nothing was run".to_owned(),
        (true, _) => "none explored to the end".to_owned(),
    }
}

/// What became of failing schedules: those of this run, and those of earlier ones.
fn kept(event: &SuiteFinished, style: &Style) -> String {
    let mut out = String::new();
    let mut say = |sentence: String| out.push_str(&indented(&sentence, style));
    match &event.kept[..] {
        [] => {}
        [file] => {
            say(format!("The failing schedule is kept in `{file}` and tried first from now on: commit the file."))
        }
        [file, ..] => say(format!(
            "{} are kept in `.raddle`, `{file}` among them, and tried first from now on: commit the files.",
            counted(event.kept.len() as u64, "failing schedule")
        )),
    }
    let (pass, others) = event.kept_earlier;
    if pass > 0 {
        let verb = if pass == 1 { "passes" } else { "pass" };
        say(format!("{} of earlier findings {verb} now.", counted(pass, "kept schedule")));
    }
    if others > 0 {
        let were = if others == 1 { "was" } else { "were" };
        say(format!("{} {were} kept under other options, and not tried.", counted(others, "schedule")));
    }
    out
}

/// The command that shows each of them again, failures first; of warnings that say the same, one.
fn replays(event: &SuiteFinished, style: &Style) -> String {
    let mut out = String::new();
    let of = |severity| {
        let all = event.findings.iter().enumerate();
        all.filter(move |(_, finding)| finding.severity == severity && finding.repeats.is_none())
    };
    let blank = " ".repeat(INDENT);
    for (number, finding) in of(Severity::Error).chain(of(Severity::Warning)) {
        if finding.replay.is_empty() {
            continue;
        }
        let test = style.ink(Ink::Strong, &text::clean(&finding.test, style));
        let others = event.findings.iter().filter(|other| other.repeats == Some(number) && other.test != finding.test);
        let others = others.count() as u64;
        let also = match others {
            0 => String::new(),
            _ => format!(" and {}", counted(others, "other test")),
        };
        let command = format!("cargo raddle replay {}", text::clean(&finding.replay, style));
        let command = style.ink(Ink::Strong, &command);
        out.push_str(&format!("\n{blank}{} in {test}{also}\n{blank}  {command}\n", finding.code));
    }
    out
}

/// How many findings and warnings of each code.
fn by_code(event: &SuiteFinished, style: &Style) -> String {
    let mut out = String::new();
    for (severity, noun) in [(Severity::Error, "finding"), (Severity::Warning, "warning")] {
        let mut counts = BTreeMap::<&Code, u64>::new();
        for finding in event.findings.iter().filter(|finding| finding.severity == severity) {
            *counts.entry(&finding.code).or_default() += 1;
        }
        if counts.is_empty() {
            continue;
        }
        let times = style.signs().times;
        let parts: Vec<String> = counts
            .iter()
            .map(|(code, count)| match count {
                1 => titled(code),
                _ => format!("{} {times}{}", titled(code), thousands(*count)),
            })
            .collect();
        out.push_str(&indented(&format!("{}: {}", counted(counts.values().sum(), noun), parts.join(", ")), style));
    }
    if out.is_empty() && event.finished() > 0 && event.failed == 0 {
        out = indented("nothing found", style);
    }
    out
}

/// How far an exploration is, cut to the terminal's width. One line without a line break, to be overwritten.
pub fn progress(event: &Progress, style: &Style) -> String {
    // A rate from the first instants would jump about.
    let rate = if event.elapsed_ms >= 100 {
        let per_second = u128::from(event.schedules) * 1000 / u128::from(event.elapsed_ms);
        format!(", {}/s", thousands(u64::try_from(per_second).unwrap_or(u64::MAX)))
    } else {
        String::new()
    };
    let number = format!("{}/{}", event.index, event.tests);
    let mut count = counted(event.schedules, "schedule");
    if let Some(estimate) = event.estimate {
        let left_ms = estimate.saturating_sub(event.schedules) as f64 / event.schedules.max(1) as f64;
        let left = roughly(left_ms * event.elapsed_ms as f64 / 1000.0);
        count.push_str(&format!(" of about {} ({left} to go)", about(estimate)));
    }
    let time = duration(event.elapsed_ms);
    let line = format!("{number:>WORD$} [{time:>7}] {count}{rate}  {}", text::clean(&event.test, style));
    text::cut(&line, style.width.saturating_sub(1))
}

/// A code with its name, `RD0201 deadlock`.
pub(crate) fn titled(code: &Code) -> String {
    match explain::hazard(&code.0) {
        Some(hazard) => format!("{code} {}", hazard.name),
        None => code.0.clone(),
    }
}

fn word(style: &Style, ink: Ink, word: &str) -> String {
    format!("{}{} ", " ".repeat(WORD.saturating_sub(word.len())), style.ink(ink, word))
}

/// Text that follows a word on its line.
fn hang(what: &str, style: &Style) -> String {
    hang_at(what, INDENT, style)
}

fn hang_at(what: &str, column: usize, style: &Style) -> String {
    let lines = text::paragraph(what, style.prose_width().saturating_sub(column), style);
    let mut out = lines.join(&format!("\n{}", " ".repeat(column)));
    out.push('\n');
    out
}

/// Text on lines of its own, below what it belongs to.
fn indented(what: &str, style: &Style) -> String {
    text::paragraph(what, style.prose_width() - INDENT, style)
        .iter()
        .map(|line| format!("{}{line}\n", " ".repeat(INDENT)))
        .collect()
}
