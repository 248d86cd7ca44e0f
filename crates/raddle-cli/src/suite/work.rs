//! The work on one subject: its processes, and what they add up to.

use super::board::{Board, Open};
use super::division::{Conclusion, Division};
use super::worker::Worker;
use super::{Report, Suite, milliseconds};
use crate::interrupt::Interrupt;
use crate::judge::{self, Case, Judge, Tally};
use crate::process::{self, Ended, Ending, Output, Reply};
use crate::regressions::InFile;
use crate::settings::Settings;
use crate::subject::Subject;
use crate::verdict::{self, Heard, Verdict};
use raddle_protocol::finding::{KeptIn, Schedule, Severity};
use raddle_protocol::message::{End, Mode, Regressed};
use raddle_protocol::trace::ConflictKind;
use raddle_protocol::{Cause, Finding, Job, Message, Module, Outcome, Printed, RawFinding, Summary};
use raddle_report::events::{Bounded, Progress, Search, TestFinished, TestOutcome};
use std::sync::Arc;
use std::time::Instant;

/// Time left to a search, in milliseconds, for which another process is worth its start.
pub const LEAST_MS: u64 = 200;

/// Locks taken in orders that contradict each other, and what that leads to.
const INVERSION: &str = "RD0202";
const DEADLOCK: &str = "RD0201";
/// What is of interest only where nothing fails: the pattern from which failures grow, and outputs that differ.
const UNLESS_FAILED: [&str; 2] = ["RD0106", "RD0502"];

/// One subject, and what is known of it so far.
pub struct Work<'a> {
    pub suite: &'a Suite<'a>,
    pub subject: &'a Subject,
    index: u64,
    interrupt: &'a Interrupt,
    send: &'a dyn Fn(Report),
    board: &'a Board,
    pub begun: Instant,
    /// What is told in the end.
    pub test: TestFinished,
    /// What was found, each only once.
    pub findings: Vec<Finding>,
    /// What came of the kept schedule that was tried last.
    pub regressed: Option<Regressed>,
}

impl<'a> Work<'a> {
    /// Nothing is known yet.
    pub fn new(
        suite: &'a Suite<'a>,
        subject: &'a Subject,
        index: u64,
        interrupt: &'a Interrupt,
        send: &'a dyn Fn(Report),
        board: &'a Board,
    ) -> Self {
        let test = TestFinished {
            test: subject.name.clone(),
            outcome: TestOutcome::Error,
            schedules: 0,
            distinct: 0,
            points: 0,
            digest: None,
            new_lately: 0,
            unseen_estimate: None,
            unseen_upper_bound: None,
            search: None,
            bounded: None,
            pct_guarantee: None,
            cancelled: None,
            leaks: None,
            elapsed_ms: 0,
            mode: Mode::Rewind.into(),
            mode_why: None,
            detail: None,
            findings: Vec::new(),
            kept: Vec::new(),
        };
        let (begun, findings) = (Instant::now(), Vec::new());
        Self { suite, subject, index, interrupt, send, board, begun, test, findings, regressed: None }
    }

    /// How far the search for exhaustion is, too, where the user has asked for one.
    pub fn progress(&self, schedules: u64, estimate: Option<u64>) -> Progress {
        Progress {
            index: self.index,
            tests: self.suite.subjects.len() as u64,
            test: self.subject.name.clone(),
            schedules,
            estimate: estimate.filter(|_| self.searches_all()),
            elapsed_ms: milliseconds(self.begun),
        }
    }

    fn searches_all(&self) -> bool {
        self.suite.settings.strategy == "exhaustive"
    }

    /// Runs one process to its end, with others that help it if they can, and takes in what they have shown. `from` is the
    /// kept schedule that it tries, if it does. `None` when the user has stopped it.
    pub fn perform(
        &mut self,
        settings: &Settings,
        job: Job,
        from: Option<&InFile>,
        judge: &mut Judge,
    ) -> Option<Verdict> {
        let Self { suite, subject, interrupt, send, .. } = *self;
        let is_open = matches!(job, Job::Explore);
        let plan = settings.plan(subject, job);
        let mut heard = Heard::default();
        let (settings, division) = (settings.clone(), Division::default());
        let open = Arc::new(Open { index: self.index, settings, begun: Instant::now(), division });
        let (settings, division) = (&open.settings, &open.division);
        if is_open {
            self.board.open(&open);
        }
        let mut worker = Worker::new(division, subject, interrupt, false);
        let mut mode = (if settings.fork { Mode::Fork } else { Mode::Rewind }, None);
        let ended = process::run(&subject.invocation, &suite.runtime.load, &plan, Output::Kept, interrupt, |message| {
            match message {
                Message::Mode { mode: new, why } => mode = (new, why),
                Message::NeverEntered { status } => heard.never_entered = Some(status),
                Message::Progress { schedules, estimate, .. } => {
                    heard.schedules = worker.progress(schedules);
                    send(Report::Progress(self.progress(heard.schedules, estimate)));
                    return worker.goes_on();
                }
                Message::Finding(raw) if worker.is_in_head() => heard.raw.push(*raw),
                Message::Regressed(regressed) => heard.regressed = Some(regressed),
                other => return worker.hear(other, judge),
            }
            Reply::Nothing
        });
        let modules = std::mem::take(&mut worker.modules);
        let ended = ended.map(|ended| self.conclude(worker, ended, division, &mut heard, &mut mode));
        self.board.close(&open);
        self.regressed = heard.regressed;
        self.test.schedules = heard.schedules;
        (self.test.mode, self.test.mode_why) = (mode.0.into(), mode.1);
        match ended {
            Err(error) => {
                Some(Verdict { outcome: TestOutcome::Error, detail: Some(format!("{error}.")), fault: false })
            }
            Ok(ended) => {
                self.take_summary(&ended);
                self.take_findings(settings, &ended.ending, &heard, &modules, from, judge);
                verdict::verdict(&ended, &heard, &self.findings)
            }
        }
    }

    /// What the search has come to, its blocks included.
    fn conclude(
        &self,
        worker: Worker<'_>,
        ended: Ended,
        division: &Division,
        heard: &mut Heard,
        mode: &mut (Mode, Option<String>),
    ) -> Ended {
        // One that has died between two blocks has done so for all.
        let alone = worker.end(ended);
        let is_told = alone.as_ref().is_none_or(|ended| matches!(ended.ending, Ending::Finished(_)));
        let Some(Conclusion { ended, schedules, found, forks }) = division.conclude(self.interrupt) else {
            return alone.unwrap_or(Ended { ending: Ending::Stopped, output: Vec::new() });
        };
        heard.schedules = schedules;
        heard.raw.extend(found);
        if let Some(why) = forks {
            *mode = (Mode::Fork, why);
        }
        alone.filter(|_| !is_told).unwrap_or(ended)
    }

    fn take_summary(&mut self, ended: &Ended) {
        let Ending::Finished(summary) = &ended.ending else { return };
        let Summary {
            schedules,
            distinct,
            points,
            digest,
            new_lately,
            unseen,
            passed,
            pct,
            search,
            bounded,
            cancelled,
            leaks,
            ..
        } = &**summary;
        let asked_for = self.searches_all();
        let test = &mut self.test;
        (test.schedules, test.distinct, test.points, test.new_lately) = (*schedules, *distinct, *points, *new_lately);
        // Where none has ended, an estimate of what else there is would say that one had.
        let unseen = unseen.filter(|_| *passed > 0);
        test.unseen_estimate = unseen.map(|[estimate, _]| estimate);
        test.unseen_upper_bound = unseen.map(|[_, bound]| bound);
        test.search = search.as_ref().map(|search| Search::new(search, asked_for));
        test.bounded = bounded.as_ref().map(Bounded::new);
        test.pct_guarantee = *pct;
        test.cancelled = self.suite.settings.world.cancel.then_some(*cancelled);
        test.leaks = leaks.map(Into::into);
        test.digest = self.suite.verify.then(|| format!("{digest:016x}"));
    }

    /// What the raw records show, judged and kept, each only once.
    fn take_findings(
        &mut self,
        settings: &Settings,
        ending: &Ending,
        heard: &Heard,
        modules: &[Module],
        from: Option<&InFile>,
        judge: &mut Judge,
    ) {
        if verdict::ordinary_failure(ending, &heard.raw).is_some() {
            return;
        }
        let (suite, subject) = (self.suite, self.subject);
        let tally: Tally = match ending {
            Ending::Finished(summary) => (summary.passed, summary.failed),
            _ => (0, heard.raw.len() as u64),
        };
        let leaks = match ending {
            Ending::Finished(summary) => summary.leaks,
            _ => None,
        };
        let case = Case { subject, settings, tally, leaks };
        'all: for raw in &heard.raw {
            let found = match raw.outcome {
                Outcome::Passed if raw.differs.is_none() => judge.suspects(raw, modules, &case),
                _ if raddle_diagnose::is_cancelled(raw) || raddle_diagnose::is_in_step(raw) => {
                    judge.suspects(raw, modules, &case)
                }
                _ => vec![judge.finding(raw, modules, &case)],
            };
            for mut finding in found {
                if suite.judgement.silences(&finding) || self.findings.iter().any(|known| same(known, &finding)) {
                    continue;
                }
                // The same by the letter only, which has been told of before, is nothing beside it.
                if is_error(&finding) {
                    self.findings.retain(|known| is_error(known) || !is_alike(known, &finding));
                }
                // Behind a race only what is worse is of interest: a deadlock, memory used after it was freed, a wrong result.
                let is_race = is_race(&raw.outcome);
                let behind_a_race = !suite.keep_going && self.findings.iter().any(is_error);
                if behind_a_race && (is_race || finding.severity != Severity::Error) {
                    continue;
                }
                if finding.code.0 == INVERSION && self.settles_inversions(ending, heard, modules, &case, judge) {
                    continue;
                }
                suite.judgement.apply(&mut finding);
                match from.filter(|_| is_of_the_kept_one(raw, heard)) {
                    Some(from) => {
                        finding.schedule.execution = from.kept.number.saturating_sub(1);
                        finding.schedule.kept = Some(KeptIn { file: suite.regressions.shown(&from.file), new: false });
                    }
                    None => match suite.regressions.keep(subject.kept_in.as_ref(), &finding, raw, settings) {
                        Ok(kept) => finding.schedule.kept = kept,
                        Err(error) => {
                            finding.notes.push(format!("this schedule is not kept to be tried first: {error}"));
                        }
                    },
                }
                match judge::keep(&finding, raw, &case, suite.runtime) {
                    Ok(token) => finding.replay = token,
                    Err(error) => finding.notes.push(format!("this schedule could not be kept for a replay: {error}")),
                }
                if let Some((raw, finding_there)) = other_schedule(raw, &finding)
                    && let Ok(token) = judge::keep(&finding_there, &raw, &case, suite.runtime)
                {
                    finding.notes.push(format!("`cargo raddle replay {token}` performs the other schedule."));
                }
                let last = is_error(&finding) && !is_race && !suite.keep_going;
                self.findings.push(finding);
                if last {
                    break 'all;
                }
            }
        }
        // An inversion may have been told of before, when a kept schedule was tried.
        if self.findings.iter().any(|finding| finding.code.0 == DEADLOCK) {
            self.findings.retain(|finding| finding.code.0 != INVERSION);
        }
        let is_minor = |finding: &Finding| UNLESS_FAILED.contains(&finding.code.0.as_str());
        if self.findings.iter().any(|finding| is_error(finding) && !is_minor(finding)) {
            self.findings.retain(|finding| !is_minor(finding));
        }
    }

    /// Whether a lock-order inversion is not worth telling: the deadlock has been found, or another inversion told of; or
    /// there is none, since all schedules have been performed.
    fn settles_inversions(
        &self,
        ending: &Ending,
        heard: &Heard,
        modules: &[Module],
        case: &Case<'_>,
        judge: &mut Judge,
    ) -> bool {
        let is = |finding: &Finding, code: &str| finding.code.0 == code;
        let all =
            matches!(ending, Ending::Finished(summary) if summary.end == End::Exhausted && summary.left_early == 0);
        all || self.findings.iter().any(|known| is(known, INVERSION) || is(known, DEADLOCK))
            || heard.raw.iter().any(|raw| {
                matches!(raw.outcome, Outcome::Stuck | Outcome::NoProgress(_))
                    && is(&judge.finding(raw, modules, case), DEADLOCK)
            })
    }
}

/// Where a finding is about two executions that pass, the other one, in which it would be told likewise.
fn other_schedule(raw: &RawFinding, finding: &Finding) -> Option<(RawFinding, Finding)> {
    let printed = raw.cause.as_ref()?.printed.clone()?;
    let (execution, choices) = (printed.execution, printed.choices);
    let here =
        Printed { here: printed.there, there: printed.here, execution: raw.execution, choices: raw.choices.clone() };
    let cause = Some(Cause { printed: Some(here), ..Cause::default() });
    let schedule = Schedule { execution, ..finding.schedule.clone() };
    let (ignored, memory) = (raw.ignored.clone(), raw.memory);
    let raw = RawFinding { choices, cause, ignored, memory, ..RawFinding::new(Outcome::Passed, execution) };
    Some((raw, Finding { schedule, ..finding.clone() }))
}

/// Whether a record is that of the kept schedule itself: its execution comes right after the first, and where it is
/// followed by a search it has shown nothing.
fn is_of_the_kept_one(raw: &RawFinding, heard: &Heard) -> bool {
    raw.execution == 1 && matches!(heard.regressed, Some(Regressed::Fails | Regressed::Passes))
}

/// Whether an execution has ended at a race, which the search leaves alone from then on to look for what else is wrong.
fn is_race(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Conflict(found) if found.kind == ConflictKind::Race)
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// Whether two findings are the same mistake, met twice.
fn same(one: &Finding, other: &Finding) -> bool {
    is_alike(one, other) && one.severity == other.severity
}

/// Whether two findings say the same of the same places.
fn is_alike(one: &Finding, other: &Finding) -> bool {
    one.code == other.code && one.message == other.message && one.spans == other.spans
}
