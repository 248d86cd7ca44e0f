//! Searches to which a free process may go. Tests are begun side by side first: only who finds no test that has not been
//! begun comes here.

use super::division::Division;
use super::work::LEAST_MS;
use super::{Report, Suite, milliseconds};
use crate::interrupt::Interrupt;
use crate::judge::Judge;
use crate::process::{self, Ended, Ending, Output, Reply};
use crate::settings::Settings;
use crate::suite::worker::Worker;
use raddle_protocol::{Job, Message, Mode};
use raddle_report::events::Progress;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A search that is going on.
#[derive(Debug)]
pub struct Open {
    /// The test, counted from 1.
    pub index: u64,
    /// The circumstances of its search.
    pub settings: Settings,
    /// When that began.
    pub begun: Instant,
    /// Who does what.
    pub division: Division,
}

impl Open {
    /// What is left of its time, in milliseconds.
    fn left(&self) -> u64 {
        self.settings.time_ms.saturating_sub(milliseconds(self.begun))
    }
}

/// All searches that are going on.
#[derive(Debug)]
pub struct Board {
    state: Mutex<(Vec<Arc<Open>>, usize)>,
    changed: Condvar,
}

impl Board {
    /// None is going on; so many tests are to be explored.
    pub fn new(tests: usize) -> Self {
        Self { state: Mutex::new((Vec::new(), tests)), changed: Condvar::new() }
    }

    /// A search begins.
    pub fn open(&self, open: &Arc<Open>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.push(Arc::clone(open));
    }

    /// A search has come to its end.
    pub fn close(&self, open: &Arc<Open>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0.retain(|other| !Arc::ptr_eq(other, open));
    }

    /// A test is explored as long as what is returned is held.
    pub fn test(&self) -> impl Drop + '_ {
        Explored(self)
    }

    /// Waits for a search that can do with another process: the one with the fewest. `None` when there will be none.
    fn wait(&self, interrupt: &Interrupt) -> Option<Arc<Open>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if state.1 == 0 || interrupt.is_raised() {
                return None;
            }
            let able = state.0.iter().filter(|open| open.left() > LEAST_MS);
            let able = able.filter_map(|open| Some((open.division.helpers()?, open)));
            if let Some((_, open)) = able.min_by_key(|(helpers, _)| *helpers) {
                open.division.help(true);
                return Some(Arc::clone(open));
            }
            state = self.changed.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A test that is being explored.
struct Explored<'a>(&'a Board);

impl Drop for Explored<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).1 -= 1;
        self.0.changed.notify_all();
    }
}

impl Suite<'_> {
    /// Helps with one search after the other until all tests have been explored.
    pub(super) fn help(&self, board: &Board, judge: &mut Judge, interrupt: &Interrupt, send: &dyn Fn(Report)) {
        while let Some(open) = board.wait(interrupt) {
            self.help_with(&open, judge, interrupt, send);
            open.division.help(false);
        }
    }

    fn help_with(&self, open: &Open, judge: &mut Judge, interrupt: &Interrupt, send: &dyn Fn(Report)) {
        let subject = &self.subjects[open.index as usize - 1];
        let settings = Settings { time_ms: open.left().max(1), ..open.settings.clone() };
        let plan = settings.plan(subject, Job::Help);
        let mut worker = Worker::new(&open.division, subject, interrupt, true);
        let ended = process::run(&subject.invocation, &self.runtime.load, &plan, Output::Kept, interrupt, |message| {
            match message {
                Message::Mode { mode: Mode::Fork, why } => open.division.forks(why),
                Message::Progress { schedules, .. } => {
                    let reply = worker.goes_on();
                    // A search that has come to its end is not spoken of any more.
                    if matches!(reply, Reply::Nothing) && !worker.is_in_head() {
                        send(Report::Progress(Progress {
                            index: open.index,
                            tests: self.subjects.len() as u64,
                            test: subject.name.clone(),
                            schedules: worker.progress(schedules),
                            estimate: None,
                            elapsed_ms: milliseconds(open.begun),
                        }));
                    }
                    return reply;
                }
                other => return worker.hear(other, judge),
            }
            Reply::Nothing
        });
        let ended =
            ended.unwrap_or_else(|error| Ended { ending: Ending::Fault(error.to_string()), output: Vec::new() });
        // Where it could not even be started, or has ended in the head, the next one would do no better.
        let is_lost = !worker.takes_part();
        let ended = worker.end(ended);
        if is_lost || ended.is_some_and(|ended| !matches!(ended.ending, Ending::Finished(_))) {
            open.division.divide_no_more();
        }
    }
}
