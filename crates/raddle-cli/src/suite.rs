//! Explores subjects, several at the same time, and tells what comes of it as events.
//!
//! Workers explore and judge; one thread receives their events, counts, and hands them to the console. Nothing else
//! passes between the two sides.

mod board;
mod division;
mod regress;
mod total;
mod work;
mod worker;

use crate::args::MessageFormat;
use crate::console::Console;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::judge::{Judge, Judgement};
use crate::regressions::Regressions;
use crate::report_files::ReportFiles;
use crate::runtime_library::RuntimeLibrary;
use crate::settings::Settings;
use crate::subject::Subject;
use crate::verdict::Verdict;
use board::Board;
use raddle_protocol::Job;
use raddle_protocol::finding::{Code, Severity};
use raddle_report::events::{Event, FindingRef, Progress, SuiteFinished, SuiteStarted, TestStarted};
use raddle_report::{Repeats, suite, terminal};
use regress::Next;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;
use work::Work;

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
    /// Failing schedules that were kept, and where new ones are.
    pub regressions: Regressions,
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
    /// Explores everything. What happens is shown, and goes into `files`, which are not written yet.
    pub fn run(&self, console: &Console, interrupt: &Interrupt, files: &mut ReportFiles) -> Exit {
        let begun = Instant::now();
        let tests = self.subjects.len() as u64;
        let mut finished =
            SuiteFinished { tests, ignored: self.ignored, seed: self.settings.seed, ..SuiteFinished::default() };
        let reporter = Reporter { console, interrupt };
        let mut repeats = Repeats::default();
        let started = Event::SuiteStarted(SuiteStarted {
            tests,
            ignored: self.ignored,
            seed: self.settings.seed,
            strategy: self.settings.strategy.clone(),
            packages: self.packages.clone(),
        });
        files.take(&started);
        reporter.event(&started);

        let (sender, reports) = channel();
        let (next, board) = (AtomicUsize::new(0), Board::new(self.subjects.len()));
        let mut exit = Exit::Clean;
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let (sender, next, board) = (sender.clone(), &next, &board);
                scope.spawn(move || self.work(next, board, interrupt, &sender));
            }
            drop(sender);
            for report in reports {
                match report {
                    Report::Event(event) => {
                        count(&mut finished, &mut repeats, &event);
                        files.take(&event);
                        reporter.show(&event, finished.shown_before());
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
        let finished = Event::SuiteFinished(finished);
        files.take(&finished);
        reporter.event(&finished);
        if exit == Exit::Fault {
            console.ask_for_report();
        }
        exit
    }

    /// Takes one subject after the other until there are no more; then helps with those of others.
    fn work(&self, next: &AtomicUsize, board: &Board, interrupt: &Interrupt, reports: &Sender<Report>) {
        let mut judge = Judge::default();
        let send = |report| {
            // The receiver outlives all workers.
            let _ = reports.send(report);
        };
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(subject) = self.subjects.get(index) else {
                return self.help(board, &mut judge, interrupt, &send);
            };
            if interrupt.is_raised() {
                return;
            }
            let number = index as u64 + 1;
            send(Report::Event(Box::new(Event::TestStarted(TestStarted {
                test: subject.name.clone(),
                binary: subject.binary().to_owned(),
            }))));
            let _explored = board.test();
            let fault = self.explore(subject, number, &mut judge, board, interrupt, &send);
            send(Report::Over(number, fault));
        }
    }

    /// Explores one subject. Returns whether Raddle itself has failed.
    fn explore(
        &self,
        subject: &Subject,
        index: u64,
        judge: &mut Judge,
        board: &Board,
        interrupt: &Interrupt,
        send: &dyn Fn(Report),
    ) -> bool {
        let mut work = Work::new(self, subject, index, interrupt, send, board);
        send(Report::Progress(work.progress(0, None)));
        let settings = self.settings.for_program(&subject.source.executable.path);
        let verdict = match work.regress(&settings, judge) {
            Next::Search(settings) => {
                let job = if self.verify { Job::Verify } else { Job::Explore };
                work.perform(&settings, job, None, judge)
            }
            Next::Nothing(verdict) => verdict,
        };
        let Work { mut test, findings, begun, .. } = work;
        let Some(Verdict { outcome, detail, fault }) = verdict else {
            send(Report::Unfinished(test.schedules));
            return false;
        };
        (test.outcome, test.detail) = (outcome, detail);
        // A failed test is called after what it failed by, not after a warning that came first.
        let (errors, warnings): (Vec<_>, Vec<_>) =
            findings.iter().partition(|finding| finding.severity == Severity::Error);
        test.findings = errors.into_iter().chain(warnings).map(|finding| finding.code.clone()).collect();
        for finding in findings {
            send(Report::Event(Box::new(Event::Finding(Box::new(finding)))));
        }
        test.elapsed_ms = milliseconds(begun);
        send(Report::Event(Box::new(Event::TestFinished(Box::new(test)))));
        fault
    }
}

fn count(finished: &mut SuiteFinished, repeats: &mut Repeats, event: &Event) {
    match event {
        Event::TestFinished(test) => finished.count(test),
        Event::Finding(finding) => {
            finished.kept.extend(finding.schedule.kept.as_ref().filter(|kept| kept.new).map(|kept| kept.file.clone()));
            finished.findings.push(FindingRef {
                code: Code::clone(&finding.code),
                severity: finding.severity,
                test: finding.test.clone(),
                replay: finding.replay.clone(),
                repeats: repeats.earlier(finding, finished.findings.len()),
            });
        }
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
        self.show(event, None);
    }

    /// Shows one; if it is a finding that says the same as one of the test `shown`, in short.
    fn show(&self, event: &Event, shown: Option<&str>) {
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
            Event::Finding(finding) => {
                let text = match shown {
                    Some(test) => terminal::render_repeat(finding, test, style),
                    None => terminal::render_finding(finding, style, &read_source),
                };
                format!("\n{text}\n")
            }
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
