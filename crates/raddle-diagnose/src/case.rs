//! Everything that is known about one execution, gathered once and shared by all parts of a diagnosis.

use crate::action::{Action, What};
use crate::context::Context;
use crate::names::Names;
use crate::place::Place;
use crate::reading::Reading;
use crate::site::{Site, Sites};
use crate::tasks::{TaskId, Tasks};
use crate::threads::Threads;
use crate::wrappers::Wrappers;
use raddle_engine::waits::{self, Holds};
use raddle_instrument::symbols::{Origin, SourceFrame, Symbols};
use raddle_protocol::finding::Span;
use raddle_protocol::trace::{Crash, Outcome, StackId, ThreadId, Trace};
use raddle_protocol::{RawFinding, Role};
use std::collections::{BTreeMap, BTreeSet};

/// One execution, read and named.
pub struct Case<'a> {
    /// As recorded.
    pub raw: &'a RawFinding,
    /// The circumstances.
    pub context: &'a Context<'a>,
    /// Its stacks.
    pub sites: Sites,
    /// Its actions.
    pub reading: Reading,
    /// Its objects' names.
    pub names: Names,
    /// Its threads' names.
    pub threads: Threads,
    /// The tasks of its executors.
    pub tasks: Tasks,
    /// Who holds what at the end.
    pub holds: Holds,
    /// The library in whose own memory accesses were in conflict.
    pub accessed_in: Option<String>,
    wrappers: Wrappers,
    mutexes: BTreeMap<(ThreadId, usize), waits::Object>,
}

impl<'a> Case<'a> {
    /// Reads and names everything.
    pub fn new(raw: &'a RawFinding, symbols: &dyn Symbols, context: &'a Context<'a>) -> Self {
        // Where a fault ended the execution, the stack begins at an instruction; elsewhere at a call.
        let crash = match raw.outcome {
            Outcome::Crashed { thread, cause: Crash::Signal | Crash::StackOverflow, .. } => {
                raw.trace.threads.get(thread as usize).and_then(|thread| thread.last)
            }
            _ => None,
        };
        let sites = Sites::new(&raw.trace, symbols, crash);
        let reading = Reading::new(&raw.trace, &sites);
        let names = Names::new(&raw.trace, &reading, &sites, symbols, context);
        let threads = Threads::new(&raw.trace, &sites, context);
        let tasks = Tasks::new(&raw.trace, &sites, context);
        let holds = Holds::after(&reading.events());
        let mutexes = mutexes_of_waits(&reading);
        let accessed_in = match &raw.outcome {
            Outcome::Conflict(found) => symbols.library_at(found.address),
            _ => None,
        };
        let acts = |action: &&Action| !matches!(action.what, What::Accessed(_));
        // There are far fewer stacks than actions.
        let stacks: BTreeSet<StackId> = reading.actions.iter().filter(acts).map(|action| action.stack).collect();
        let acted = stacks.into_iter().map(|stack| sites.get(stack));
        let wrappers = Wrappers::of(acted, |file, line| (context.source)(file, line));
        Self { raw, context, sites, reading, names, threads, tasks, holds, accessed_in, wrappers, mutexes }
    }

    /// The recorded steps and threads.
    pub fn trace(&self) -> &'a Trace {
        &self.raw.trace
    }

    /// The stack of step `at`.
    pub fn site_at(&self, at: usize) -> Option<&Site> {
        self.trace().steps.get(at).map(|step| self.sites.get(step.stack))
    }

    /// Who performs step `at`, in a sentence: the task that it is a part of, else the thread.
    pub fn who(&self, at: usize) -> String {
        match (self.tasks.of(at), self.trace().steps.get(at)) {
            (Some(task), _) => self.tasks.get(task).prose.clone(),
            (None, Some(step)) => self.threads.prose(step.thread),
            (None, None) => "a thread".to_owned(),
        }
    }

    /// The number under which a report has a task: those of threads come first.
    pub fn column_of(&self, task: TaskId) -> u32 {
        (self.trace().threads.len() + task) as u32
    }

    /// Who performs step `at`, as a number: that of the task's column, else of the thread.
    pub fn actor(&self, at: usize) -> u32 {
        let thread = || self.trace().steps.get(at).map_or(0, |step| step.thread);
        self.tasks.of(at).map_or_else(thread, |task| self.column_of(task))
    }

    /// Where step `at` was performed, as a reader can look at it.
    pub fn place_at(&self, at: Option<usize>) -> Option<Place> {
        self.place_of(self.trace().steps.get(at?).map(|step| step.stack))
    }

    /// The place of a stack: the call, where that is of a function that does one short thing for many callers.
    pub fn place_of(&self, stack: Option<StackId>) -> Option<Place> {
        let site = self.sites.get(stack?);
        self.frame_of(site).or_else(|| site.best_frame()).and_then(|frame| Place::of(frame, self.context))
    }

    /// The frame of user code at which to point for a site.
    pub fn frame_of<'s>(&self, site: &'s Site) -> Option<&'s SourceFrame> {
        self.wrappers.frame(site)
    }

    /// The function that does one short thing for many callers, where a site lies in one.
    pub fn wrapper_of<'s>(&self, site: &'s Site) -> Option<&'s SourceFrame> {
        let innermost = site.user_frame()?;
        self.frame_of(site).filter(|frame| frame.function != innermost.function).map(|_| innermost)
    }

    /// The innermost place of a stack that a reader can look at, whoever else comes by there.
    pub fn innermost_place_of(&self, stack: Option<StackId>) -> Option<Place> {
        self.sites.get(stack?).best_frame().and_then(|frame| Place::of(frame, self.context))
    }

    /// Where a thread was at the end.
    pub fn last_place(&self, thread: ThreadId) -> Option<Place> {
        self.place_of(self.trace().threads.get(thread as usize)?.last)
    }

    /// Where a thread was at the end, unless that was inside the standard library and nobody's call.
    pub fn last_place_outside_std(&self, thread: ThreadId) -> Option<Place> {
        let stack = self.trace().threads.get(thread as usize)?.last?;
        let frame = self.sites.get(stack).best_frame().filter(|frame| frame.origin != Origin::Standard)?;
        Place::of(frame, self.context)
    }

    /// Where in user code a thread was at the end.
    pub fn last_user_place(&self, thread: ThreadId) -> Option<Place> {
        let stack = self.trace().threads.get(thread as usize)?.last?;
        let site = self.sites.get(stack);
        site.user.and(site.best_frame()).and_then(|frame| Place::of(frame, self.context))
    }

    /// Where a thread waits: where it was at the end, else where it began to wait.
    pub fn wait_place(&self, thread: ThreadId, since: Option<usize>) -> Option<Place> {
        self.last_place(thread).or_else(|| self.place_at(since))
    }

    /// ` at src/lib.rs:10`, or nothing.
    pub fn at(&self, place: Option<&Place>) -> String {
        place.map_or_else(String::new, |place| format!(" at {}", place.short()))
    }

    /// Adds a span, if its place is known, and the same place is not yet labelled so.
    pub fn mark(&self, spans: &mut Vec<Span>, place: Option<Place>, label: impl Into<String>, primary: bool) {
        let Some(span) = place.map(|place| place.span(label, primary)) else { return };
        let same = |known: &Span| known.path == span.path && known.line == span.line && known.label == span.label;
        if !spans.iter().any(same) {
            spans.push(span);
        }
    }

    /// The mutex that the condition wait beginning with `wait` has given back.
    pub fn mutex_of_wait(&self, wait: &Action) -> Option<waits::Object> {
        self.mutexes.get(&(wait.thread, wait.call)).copied()
    }
}

/// For each condition wait, the mutex that it gave back just before.
fn mutexes_of_waits(reading: &Reading) -> BTreeMap<(ThreadId, usize), waits::Object> {
    let mut last: BTreeMap<ThreadId, (usize, usize, waits::Object)> = BTreeMap::new();
    let mut mutexes = BTreeMap::new();
    for action in &reading.actions {
        match (&action.what, action.object) {
            (What::Released, Some(object)) if action.within == Some(Role::CondvarWait) => {
                last.insert(action.thread, (action.call, action.at, object));
            }
            (What::WaitBegun, _) => {
                // One call of std's; two actions of the same step where the POSIX interface does both at once.
                let released = last.get(&action.thread).copied();
                if let Some((_, _, object)) = released.filter(|(call, at, _)| *call == action.call || *at == action.at)
                {
                    mutexes.insert((action.thread, action.call), object);
                }
            }
            _ => {}
        }
    }
    mutexes
}
