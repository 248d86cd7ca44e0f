//! What the end of a process means for its test: plain data in, plain data out.

use crate::libtest;
use crate::process::{Ended, Ending, death};
use raddle_protocol::finding::Severity;
use raddle_protocol::message::{End, Regressed};
use raddle_protocol::{Finding, Outcome, RawFinding, Summary};
use raddle_report::events::TestOutcome;

/// Lines of a failing test's own output that are shown.
const OUTPUT_LINES: usize = 40;

/// What is said where time was up before the first schedule had ended.
const OUT_OF_TIME: &str = "Time was up before the first schedule had ended, so nothing has been explored. Give the test less \
                           to do, or more time with `--time`.";
/// What is said where none of the schedules has ended, and that is only a warning.
const NONE_ENDED: &str = "No schedule came to its end: nothing that lies behind the bound has been tested.";

/// What is said about a test beside its findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The word for it.
    pub outcome: TestOutcome,
    /// What else must be said.
    pub detail: Option<String>,
    /// Whether Raddle itself has failed.
    pub fault: bool,
}

/// Everything a process has told before its end.
#[derive(Debug, Default)]
pub struct Heard {
    /// Exit status with which the program ended before its entry was reached.
    pub never_entered: Option<i32>,
    /// Executions that must be looked at.
    pub raw: Vec<RawFinding>,
    /// Executions done, by the last report of progress.
    pub schedules: u64,
    /// What came of a kept schedule.
    pub regressed: Option<Regressed>,
}

/// The failed execution of a test that fails in an ordinary way under every schedule: what its harness or its exit status
/// says is all there is to say. A test that never ends, or crashes, under every schedule is a finding like any other.
pub fn ordinary_failure<'a>(ending: &Ending, raw: &'a [RawFinding]) -> Option<&'a RawFinding> {
    match ending {
        Ending::Finished(summary) if summary.end == End::AlwaysFails => {
            raw.iter().find(|raw| matches!(raw.outcome, Outcome::Exited(_)) && raw.differs.is_none())
        }
        _ => None,
    }
}

/// The verdict on a process that has ended; `None` when the user has stopped it. `findings` are those that count, after
/// `--allow` and `--deny`.
pub fn verdict(ended: &Ended, heard: &Heard, findings: &[Finding]) -> Option<Verdict> {
    let plain = |outcome| Verdict { outcome, detail: None, fault: false };
    let error = |sentence: String| {
        let detail = Some(sentence + &quoted("It printed:", &ended.output));
        // What has been found stays found.
        Verdict { outcome: TestOutcome::Error, detail, fault: false }
    };
    let verdict = match &ended.ending {
        Ending::Interrupted | Ending::Stopped => return None,
        Ending::Finished(summary) => match ordinary_failure(&ended.ending, &heard.raw) {
            Some(raw) => Verdict { detail: Some(always_fails(raw, summary)), ..plain(TestOutcome::Failed) },
            None if findings.iter().any(|finding| finding.severity == Severity::Error) => Verdict {
                detail: (summary.end == End::AlwaysFails).then(|| always_crashes(summary)),
                ..plain(TestOutcome::Failed)
            },
            None if summary.end == End::Exhausted && summary.most_threads <= 1 => plain(TestOutcome::SingleThreaded),
            // What would have come after an early end is not among what was explored.
            None if summary.end == End::Exhausted && summary.left_early == 0 => plain(TestOutcome::Exhausted),
            None if summary.schedules == 0 => error(OUT_OF_TIME.into()),
            None if summary.left_early > 0 => {
                Verdict { detail: Some(left_early(summary)), ..plain(TestOutcome::Passed) }
            }
            None if summary.passed == 0 => Verdict { detail: Some(NONE_ENDED.into()), ..plain(TestOutcome::Passed) },
            None if summary.failed > 0 && heard.raw.is_empty() => {
                Verdict { detail: Some(cut_off(summary)), ..plain(TestOutcome::Passed) }
            }
            None => plain(TestOutcome::Passed),
        },
        Ending::Fault(sentence) => Verdict { fault: true, ..error(format!("Raddle itself has failed: {sentence}.")) },
        Ending::Silent(time) => {
            error(format!("The process under test reported nothing for {} s and was killed.", time.as_secs()))
        }
        Ending::Died(..) if heard.never_entered.is_some() => {
            error(format!("The program ended with exit status {} before the test was reached.", heard.never_entered?))
        }
        Ending::Died(status, greeted) => {
            let when = if *greeted { "while it was explored" } else { "before Raddle's runtime took charge of it" };
            error(format!("The process under test {} {when}.", death(*status)))
        }
    };
    Some(verdict)
}

fn always_crashes(summary: &Summary) -> String {
    match summary.schedules {
        1 => "It crashes in the one schedule there is: the order of threads has no part in it.".to_owned(),
        schedules => format!(
            "It crashes in each of {schedules} schedules tried, the one without preemption among them: the order of \
             threads has no part in it."
        ),
    }
}

fn left_early(summary: &Summary) -> String {
    let which = match summary.left_early {
        all if all == summary.schedules => "every schedule".to_owned(),
        some => format!("{some} of the schedules"),
    };
    format!(
        "In {which} the process ended with exit status 0 before the test function had returned. What would have come \
         after that was not tested."
    )
}

/// What has failed and is none to be told of was not at its end.
fn cut_off(summary: &Summary) -> String {
    let were = if summary.failed == 1 { "was" } else { "were" };
    format!(
        "{} of {} schedules {were} cut off after as many schedule points as `--max-steps` allows: what comes after them \
         has not been tested there.",
        summary.failed, summary.schedules
    )
}

fn always_fails(raw: &RawFinding, summary: &Summary) -> String {
    // A failing test of the usual harness has this status; there is more to say about any other.
    let how = match raw.outcome {
        Outcome::Exited(status) if status != 101 => format!("ends with exit status {status}"),
        _ => "fails".to_owned(),
    };
    let sentence = match summary.schedules {
        1 => format!("It {how} in the one schedule there is: an ordinary failing test."),
        schedules => format!(
            "It {how} in each of {schedules} schedules tried, the one without preemption among them: an ordinary \
             failing test."
        ),
    };
    let output = String::from_utf8_lossy(&raw.trace.output);
    sentence + &quoted("It printed:", libtest::without_closing_words(&output).as_bytes())
}

/// The last lines of what a program printed, indented below a title.
fn quoted(title: &str, output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.trim_end().lines().skip_while(|line| line.trim().is_empty()).collect();
    if lines.is_empty() {
        return String::new();
    }
    let cut = lines.len().saturating_sub(OUTPUT_LINES);
    let mut out = format!("\n{title}");
    if cut > 0 {
        out.push_str(&format!(" ({cut} lines left out)"));
    }
    for line in &lines[cut..] {
        out.push_str(&format!("\n  {line}"));
    }
    out
}

#[cfg(test)]
mod tests;
