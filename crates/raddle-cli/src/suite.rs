//! Explores subjects, several at the same time, and tells what comes of it as events.
//!
//! Workers explore and judge; one thread receives their events, counts, and hands them to the console. Nothing else
//! passes between the two sides.

use crate::args::MessageFormat;
use crate::console::Console;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::judge::{self, Case, Judge, Judgement, Tally};
use crate::process::{self, Ending, Output};
use crate::runtime_library::RuntimeLibrary;
use crate::settings::Settings;
use crate::subject::Subject;
use crate::verdict::{self, Heard, Verdict};
use raddle_protocol::finding::{Code, Severity};
use raddle_protocol::message::Mode;
use raddle_protocol::{Finding, Job, Message, Module, Outcome, Summary};
use raddle_report::events::{
    Event, FindingRef, Progress, Search, SuiteFinished, SuiteStarted, TestFinished, TestOutcome, TestStarted,
};
use raddle_report::{suite, terminal};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

/// What is to be explored, and how.
#[derive(Debug)]
pub struct Suite<'a> {
    /// The tests or the program.
    pub subjects: Vec<Subject>,
    /// Tests left out because they are ignored.
    pub ignored: u64,
    /// Packages that the subjects belong to.
    pub packages: Vec<String>,
    /// The circumstances.
    pub settings: Settings,
    /// Whether each execution is performed twice and compared with itself, instead of looking for findings.
    pub verify: bool,
    /// Whether findings after a test's first are wanted.
    pub keep_going: bool,
    /// Which findings count.
    pub judgement: Judgement,
    /// How many at the same time.
    pub jobs: usize,
    /// The library to be loaded.
    pub runtime: &'a RuntimeLibrary,
}

/// From a worker to the one thread that prints.
enum Report {
    Event(Box<Event>),
    Progress(Progress),
    /// Schedules of a subject that the user has stopped before its end.
    Unfinished(u64),
    /// No more progress of the subject of this number. The flag tells whether Raddle itself has failed.
    Over(u64, bool),
}

impl Suite<'_> {
    /// Explores everything.
    pub fn run(&self, console: &Console, interrupt: &Interrupt) -> Exit {
        let begun = Instant::now();
        let tests = self.subjects.len() as u64;
        let mut finished =
            SuiteFinished { tests, ignored: self.ignored, seed: self.settings.seed, ..SuiteFinished::default() };
        let reporter = Reporter { console, interrupt };
        reporter.event(&Event::SuiteStarted(SuiteStarted {
            tests,
            ignored: self.ignored,
            seed: self.settings.seed,
            strategy: self.settings.strategy.clone(),
            packages: self.packages.clone(),
        }));

        let (sender, reports) = channel();
        let next = AtomicUsize::new(0);
        let mut exit = Exit::Clean;
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.clamp(1, self.subjects.len().max(1)) {
                let (sender, next) = (sender.clone(), &next);
                scope.spawn(move || self.work(next, interrupt, &sender));
            }
            drop(sender);
            for report in reports {
                match report {
                    Report::Event(event) => {
                        count(&mut finished, &event);
                        reporter.event(&event);
                    }
                    Report::Progress(progress) => console.progress(progress),
                    Report::Unfinished(schedules) => finished.schedules += schedules,
                    Report::Over(index, fault) => {
                        console.progress_ended(index);
                        if fault {
                            exit = Exit::Fault;
                        }
                    }
                }
            }
        });
        console.progress_over();
        finished.elapsed_ms = milliseconds(begun);
        finished.interrupted = interrupt.is_raised();
        if finished.failed + finished.errors > 0 {
            exit = exit.or_worse(Exit::Findings);
        }
        if finished.interrupted {
            exit = exit.or_worse(Exit::Interrupted);
        }
        reporter.event(&Event::SuiteFinished(finished));
        if exit == Exit::Fault {
            console.ask_for_report();
        }
        exit
    }

    /// Takes one subject after the other until there are no more.
    fn work(&self, next: &AtomicUsize, interrupt: &Interrupt, reports: &Sender<Report>) {
        let mut judge = Judge::default();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(subject) = self.subjects.get(index) else { return };
            if interrupt.is_raised() {
                return;
            }
            let number = index as u64 + 1;
            let send = |report| {
                // The receiver outlives all workers.
                let _ = reports.send(report);
            };
            send(Report::Event(Box::new(Event::TestStarted(TestStarted { test: subject.name.clone() }))));
            let fault = self.explore(subject, number, &mut judge, interrupt, &send);
            send(Report::Over(number, fault));
        }
    }

    /// Explores one subject. Returns whether Raddle itself has failed.
    fn explore(
        &self,
        subject: &Subject,
        index: u64,
        judge: &mut Judge,
        interrupt: &Interrupt,
        send: &dyn Fn(Report),
    ) -> bool {
        let begun = Instant::now();
        let asked_for = self.settings.strategy == "exhaustive";
        let progress = |schedules, estimate: Option<u64>| Progress {
            index,
            tests: self.subjects.len() as u64,
            test: subject.name.clone(),
            schedules,
            estimate: estimate.filter(|_| asked_for),
            elapsed_ms: milliseconds(begun),
        };
        send(Report::Progress(progress(0, None)));

        let settings = self.settings.for_program(&subject.source.executable.path);
        let plan = settings.plan(subject, if self.verify { Job::Verify } else { Job::Explore });
        let mut heard = Heard::default();
        let (mut modules, mut told): (Vec<Module>, usize) = (Vec::new(), 0);
        let mut mode = (if self.settings.fork { Mode::Fork } else { Mode::Rewind }, None);
        let ended = process::run(&subject.invocation, &self.runtime.load, &plan, Output::Kept, interrupt, |message| {
            match message {
                Message::Ready { modules: loaded, .. } => modules = loaded,
                Message::Mode { mode: new, why } => mode = (new, why),
                Message::NeverEntered { status } => heard.never_entered = Some(status),
                Message::Progress { schedules, estimate, .. } => {
                    heard.schedules = schedules;
                    send(Report::Progress(progress(schedules, estimate)));
                }
                Message::Finding(raw) | Message::Replayed(raw) => heard.raw.push(*raw),
                Message::Ask { stack, whole } => {
                    return Some(judge.answer(stack, whole, &modules, &subject.source, &mut told));
                }
                Message::Hello { .. } | Message::Finished(_) | Message::Fault(_) => {}
            }
            None
        });

        let mut test = TestFinished {
            test: subject.name.clone(),
            outcome: TestOutcome::Error,
            schedules: heard.schedules,
            distinct: 0,
            points: 0,
            digest: None,
            new_lately: 0,
            unseen_estimate: None,
            unseen_upper_bound: None,
            search: None,
            pct_guarantee: None,
            cancelled: None,
            elapsed_ms: 0,
            mode: mode.0.into(),
            mode_why: mode.1,
            detail: None,
            findings: Vec::new(),
        };
        let mut fault = false;
        match ended {
            Err(error) => test.detail = Some(format!("{error}.")),
            Ok(ended) => {
                if let Ending::Finished(Summary {
                    schedules,
                    distinct,
                    points,
                    digest,
                    new_lately,
                    unseen,
                    pct,
                    search,
                    cancelled,
                    ..
                }) = ended.ending
                {
                    (test.schedules, test.distinct, test.points) = (schedules, distinct, points);
                    test.new_lately = new_lately;
                    test.unseen_estimate = unseen.map(|[estimate, _]| estimate);
                    test.unseen_upper_bound = unseen.map(|[_, bound]| bound);
                    test.search = search.as_ref().map(|search| Search::new(search, asked_for));
                    test.pct_guarantee = pct;
                    test.cancelled = settings.world.cancel.then_some(cancelled);
                    test.digest = self.verify.then(|| format!("{digest:016x}"));
                }
                let findings = self.findings(subject, &settings, &ended.ending, &heard, &modules, judge);
                let Some(verdict) = verdict::verdict(&ended, &heard, &findings) else {
                    send(Report::Unfinished(heard.schedules));
                    return false;
                };
                test.findings = findings.iter().map(|finding| finding.code.clone()).collect();
                for finding in findings {
                    send(Report::Event(Box::new(Event::Finding(Box::new(finding)))));
                }
                let Verdict { outcome, detail, fault: failed } = verdict;
                (test.outcome, test.detail, fault) = (outcome, detail, failed);
            }
        }
        test.elapsed_ms = milliseconds(begun);
        send(Report::Event(Box::new(Event::TestFinished(test))));
        fault
    }

    /// What the raw records show, judged and kept, each only once.
    fn findings(
        &self,
        subject: &Subject,
        settings: &Settings,
        ending: &Ending,
        heard: &Heard,
        modules: &[Module],
        judge: &mut Judge,
    ) -> Vec<Finding> {
        if verdict::ordinary_failure(ending, &heard.raw).is_some() {
            return Vec::new();
        }
        let tally: Tally = match ending {
            Ending::Finished(summary) => (summary.passed, summary.failed),
            _ => (0, heard.raw.len() as u64),
        };
        let case = Case { subject, settings, tally };
        let mut findings: Vec<Finding> = Vec::new();
        for raw in &heard.raw {
            let found = match raw.outcome {
                Outcome::Passed if raw.differs.is_none() => judge.suspect(raw, modules, &case),
                _ if raddle_diagnose::is_cancelled(raw) => judge.suspect(raw, modules, &case),
                _ => Some(judge.finding(raw, modules, &case)),
            };
            let Some(mut finding) = found else { continue };
            if findings.iter().any(|known| same(known, &finding)) {
                continue;
            }
            self.judgement.apply(&mut finding);
            match judge::keep(&finding, raw, &case, self.runtime) {
                Ok(token) => finding.replay = token,
                Err(error) => finding.notes.push(format!("this schedule could not be kept for a replay: {error}")),
            }
            let last = finding.severity == Severity::Error && !self.keep_going;
            findings.push(finding);
            if last {
                break;
            }
        }
        findings
    }
}

/// Whether two findings are the same mistake, met twice.
fn same(one: &Finding, other: &Finding) -> bool {
    one.code == other.code && one.message == other.message && one.spans == other.spans
}

fn count(finished: &mut SuiteFinished, event: &Event) {
    match event {
        Event::TestFinished(test) => finished.count(test),
        Event::Finding(finding) => finished.findings.push(FindingRef {
            code: Code::clone(&finding.code),
            severity: finding.severity,
            test: finding.test.clone(),
            replay: finding.replay.clone(),
        }),
        Event::SuiteStarted(_) | Event::TestStarted(_) | Event::SuiteFinished(_) => {}
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Shows events in the form that the user has chosen.
pub struct Reporter<'a> {
    /// Where they are shown.
    pub console: &'a Console,
    /// Raised when nobody reads them any more.
    pub interrupt: &'a Interrupt,
}

impl Reporter<'_> {
    /// Shows one.
    pub fn event(&self, event: &Event) {
        if self.console.format == MessageFormat::Json {
            if !self.console.json(&raddle_report::json::event(event)) {
                self.interrupt.raise();
            }
            return;
        }
        let style = &self.console.style;
        self.console.human(&match event {
            Event::SuiteStarted(started) => suite::started(started, style),
            Event::TestStarted(_) => return,
            Event::Finding(finding) => format!("\n{}\n", terminal::render_finding(finding, style, &read_source)),
            Event::TestFinished(test) => suite::test(test, style),
            Event::SuiteFinished(finished) => suite::finished(finished, style),
        });
    }
}

/// The text of a source file.
pub fn read_source(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Number of processors of this machine that the command may use.
pub fn available_jobs() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
