//! Tasks: which one a thread of an executor runs at a step, and how tasks are called.
//!
//! An executor keeps a word of state for each task it has spawned, and changes it whenever it begins to poll the task. So
//! the word says which task a poll is of, and the heap block that the word lies in, where the task was spawned. Known are
//! the tasks of tokio and of async-task (smol, async-executor, async-std).
//!
//! A task is called after its future: the outermost function of the user's that is called in its polls. A block that was
//! written where it was spawned has no name of its own, only a number.
//!
//! Left to their threads: futures that a thread blocks on, and closures that an executor runs on a thread that may block.
//! Not seen: tasks of other executors; a task that was never polled.

use crate::blocks::Blocks;
use crate::context::Context;
use crate::function;
use crate::place::Place;
use crate::polls;
use crate::site::Sites;
use raddle_protocol::trace::{StackId, ThreadId, Trace};
use std::collections::BTreeMap;

/// Index of a task, in order of its first poll.
pub type TaskId = usize;

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// As a heading: `task handle_client`, `task 2`.
    pub heading: String,
    /// In a sentence: ``task `handle_client` ``, `task 2`.
    pub prose: String,
    /// Where it was spawned.
    pub spawned: Option<Place>,
    /// The thread that has spawned it.
    pub spawner: Option<ThreadId>,
    /// Number of the step before which it was made, as [`Trace::position`] counts.
    pub made: u64,
    /// Whether it has ended.
    pub ended: bool,
}

/// What a thread does for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Which task.
    pub task: TaskId,
    /// Step with which this poll begins.
    pub begun: usize,
}

/// The tasks of an execution.
pub struct Tasks {
    tasks: Vec<Task>,
    /// For each step, the poll whose code performs it.
    turns: Vec<Option<Turn>>,
    /// Tasks by the steps that begin to poll them.
    begun: BTreeMap<usize, TaskId>,
    /// Tasks by where their words lie, and the heap block around that.
    by_word: BTreeMap<(u64, Option<usize>), TaskId>,
    blocks: Blocks,
}

impl Tasks {
    /// Finds the tasks of `trace`.
    pub fn new(trace: &Trace, sites: &Sites, context: &Context<'_>) -> Self {
        let blocks = Blocks::new(trace);
        let mut tasks =
            Self { tasks: Vec::new(), turns: Vec::new(), begun: BTreeMap::new(), by_word: BTreeMap::new(), blocks };
        let depths: Vec<polls::Depth> =
            (0..trace.stacks.len() as StackId).map(|stack| polls::depth(sites.get(stack))).collect();
        let mut futures: Vec<Option<String>> = Vec::new();
        // What each thread polls: one poll may be within another.
        let mut polled: BTreeMap<(ThreadId, usize), Turn> = BTreeMap::new();
        for (at, step) in trace.steps.iter().enumerate() {
            let depth = depths.get(step.stack as usize).copied().unwrap_or_default();
            let site = sites.get(step.stack);
            if let Some(word) = polls::begins(site, &step.op) {
                let task = tasks.task(trace, sites, context, word, at);
                futures.resize(tasks.tasks.len(), None);
                polled.insert((step.thread, depth.around), Turn { task, begun: at });
                tasks.begun.insert(at, task);
            }
            let turn = depth.own.and_then(|own| polled.get(&(step.thread, own)).copied());
            if let (Some(turn), Some(frame)) = (turn, polls::future(site)) {
                futures[turn.task].get_or_insert_with(|| frame.function.to_string());
            }
            if let Some(task) = polls::ends(site, &step.op).and_then(|word| tasks.known(word, at)) {
                tasks.tasks[task].ended = true;
            }
            tasks.turns.push(turn);
        }
        tasks.name(&futures);
        tasks
    }

    /// The task whose word lies at `word` when step `at` happens; a new one if it has not been seen yet.
    fn task(&mut self, trace: &Trace, sites: &Sites, context: &Context<'_>, word: u64, at: usize) -> TaskId {
        let number = self.blocks.at(word, at);
        let next = self.tasks.len();
        let task = *self.by_word.entry((word, number)).or_insert(next);
        if task == next {
            let block = number.map(|number| &trace.blocks[number]);
            let (spawner, stack) = block.and_then(|block| block.allocated).unzip();
            let spawned = stack.and_then(|stack| sites.get(stack).user_frame());
            let spawned = spawned.and_then(|frame| Place::of(frame, context));
            let made = block.map_or_else(|| trace.position(at), |block| block.live.0);
            self.tasks.push(Task {
                heading: String::new(),
                prose: String::new(),
                spawned,
                spawner,
                made,
                ended: false,
            });
        }
        task
    }

    /// Names all of them.
    fn name(&mut self, futures: &[Option<String>]) {
        let names: Vec<Option<String>> = self
            .tasks
            .iter()
            .zip(futures)
            .map(|(task, future)| {
                let future = future.as_deref()?;
                let outer = |function: &str| function.split("::{").next().unwrap_or_default().to_owned();
                let by = task.spawned.as_ref().map(|place| outer(&place.function));
                (by != Some(outer(&function::plain(future)))).then(|| name_of(future))
            })
            .collect();
        for (id, task) in self.tasks.iter_mut().enumerate() {
            let number = id + 1;
            let shared = |name: &String| names.iter().flatten().filter(|other| *other == name).count() > 1;
            (task.heading, task.prose) = match &names[id] {
                Some(name) if shared(name) => (format!("{name} (task {number})"), format!("task {number} (`{name}`)")),
                Some(name) => (format!("task {name}"), format!("task `{name}`")),
                None => (format!("task {number}"), format!("task {number}")),
            };
        }
    }

    /// The task with this number.
    pub fn get(&self, task: TaskId) -> &Task {
        &self.tasks[task]
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.tasks.iter().enumerate()
    }

    /// The task that step `at` is a part of.
    pub fn of(&self, at: usize) -> Option<TaskId> {
        self.turn(at).map(|turn| turn.task)
    }

    /// The poll of a task that step `at` is a part of.
    pub fn turn(&self, at: usize) -> Option<Turn> {
        self.turns.get(at).copied().flatten()
    }

    /// The task that step `at` begins to poll.
    pub fn begun(&self, at: usize) -> Option<TaskId> {
        self.begun.get(&at).copied()
    }

    /// Steps that begin to poll a task.
    pub fn begins(&self) -> impl Iterator<Item = usize> {
        self.begun.keys().copied()
    }

    /// The task whose state is kept at `word` when step `at` happens.
    pub fn known(&self, word: u64, at: usize) -> Option<TaskId> {
        self.by_word.get(&(word, self.blocks.at(word, at))).copied()
    }

    /// With its place: ``task `handle_client` spawned at src/lib.rs:41``.
    pub fn long(&self, task: TaskId) -> String {
        let Task { prose, spawned, .. } = self.get(task);
        spawned.as_ref().map_or_else(|| prose.clone(), |place| format!("{prose} spawned at {}", place.short()))
    }
}

/// The future's own name: its function, or the type that is polled or dropped.
fn name_of(future: &str) -> String {
    let short = function::short(future);
    let of = short.strip_suffix("::poll").or_else(|| short.strip_suffix("::drop"));
    of.and_then(|of| of.rsplit("::").next()).unwrap_or_else(|| short.rsplit("::").next().unwrap_or(&short)).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_called_after_its_future() {
        assert_eq!(name_of("server::handle_client::{{closure}}"), "handle_client");
        assert_eq!(name_of("<server::Client as core::future::future::Future>::poll"), "Client");
        assert_eq!(name_of("<server::Client as core::ops::drop::Drop>::drop"), "Client");
        assert_eq!(name_of("server::main::{closure#0}::{closure#1}"), "main");
    }
}
