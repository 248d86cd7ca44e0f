//! Executors: on whose behalf a thread runs when it polls a future.
//!
//! An executor calls a task's future through a function of its own that does nothing else. What is done inside that call
//! is done by the task, what is done outside by the executor. Known are the executors of tokio, of async-task (smol,
//! async-executor, async-std) and of futures. Of spawned tasks, those of tokio and async-task, it is also known by which
//! operations their state changes ([`begins`], [`readies`], [`ends`]): the bits are those of tokio 1 and async-task 4.

use crate::function;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Op;

/// Functions that call the future of a spawned task, and of one that a thread blocks on: a part of the path, and the names
/// that they go by there, if not any. What else lies below such a path may be called within any poll: there a task's waker is
/// cloned, and a thread that blocks is woken.
const POLLS: [(&str, &[&str]); 8] = [
    ("tokio::runtime::task::core::Core<", &[]),
    ("tokio::runtime::scheduler::current_thread::CoreGuard::block_on", &["block_on"]),
    ("tokio::runtime::park::CachedParkThread::block_on", &["block_on"]),
    ("tokio::task::local::LocalSet", &[]),
    ("async_task::raw::RawTask<", &["run", "drop_future"]),
    ("async_io::driver::block_on", &["block_on"]),
    ("futures_lite::future::block_on", &["block_on"]),
    ("futures_executor::local_pool::run_executor", &["run_executor"]),
];

/// Those of them that call the future of a spawned task, or drop it.
const OF_TASKS: [&str; 3] = [
    "tokio::runtime::task::core::Core::poll",
    "tokio::runtime::task::core::Core::drop_future_or_output",
    "async_task::raw::RawTask::run",
];

/// Those of them that a thread may block in, and that can be called within a poll.
const BLOCKS_ON: [&str; 4] = [
    "tokio::runtime::park::CachedParkThread::block_on",
    "async_io::driver::block_on",
    "futures_lite::future::block_on",
    "futures_executor::local_pool::run_executor",
];

/// Functions between an executor and code that may block: there it keeps nobody waiting.
const MAY_BLOCK: [&str; 2] = ["blocking::task::BlockingTask", "block_in_place"];

/// The executors of such closures, around them: tokio's and smol's.
const BLOCKING_EXECUTORS: [&str; 2] = ["tokio::runtime::blocking::pool", "blocking::Executor"];

/// They, and what else runs tasks.
const EXECUTORS: [&str; 4] =
    ["tokio::runtime::blocking::pool", "blocking::Executor", "tokio::runtime::scheduler", "async_executor::"];

/// The poll that a thread is in.
#[derive(Clone, Copy, Debug)]
pub struct Poll<'a> {
    /// The outermost user function within it: the task's own.
    pub task: &'a SourceFrame,
}

fn names(frame: &SourceFrame, list: &[&str]) -> bool {
    list.iter().any(|name| frame.function.contains(name))
}

/// Whether a function calls a future.
fn polls(frame: &SourceFrame) -> bool {
    let listed = POLLS.iter().find(|(path, _)| frame.function.contains(path));
    // Names are taken apart only where they may be among these.
    listed.is_some_and(|(_, names)| names.is_empty() || names.contains(&function::method(&frame.function).as_str()))
}

/// The innermost poll that an operation is part of.
pub fn of(site: &Site) -> Option<Poll<'_>> {
    let at = site.frames.iter().position(polls)?;
    poll(site, 0, at)
}

/// The poll whose function is frame `at`, as far as frames from `from` on say.
fn poll(site: &Site, from: usize, at: usize) -> Option<Poll<'_>> {
    let inside = &site.frames[from..at];
    // Where the executor is the package under test, its own functions cannot be told from those of a task.
    if site.frames[at].origin == Origin::User {
        return None;
    }
    if inside.iter().any(|frame| names(frame, &MAY_BLOCK)) || is_of_blocking_executor(site, at) {
        return None;
    }
    outermost(inside).map(|task| Poll { task })
}

/// Whether the executor that frame `at` belongs to runs closures that may block. tokio's workers are such closures
/// themselves, but have a scheduler of their own.
fn is_of_blocking_executor(site: &Site, at: usize) -> bool {
    let is_in = |frame: &SourceFrame, modules: &[&str]| {
        names(frame, modules) && {
            let path = function::plain(&frame.function);
            modules.iter().any(|module| path.starts_with(module))
        }
    };
    let mut executor = site.frames[at..].iter().take_while(|frame| frame.origin != Origin::User);
    executor.find(|frame| is_in(frame, &EXECUTORS)).is_some_and(|frame| is_in(frame, &BLOCKING_EXECUTORS))
}

/// The outermost function of the user's.
fn outermost(frames: &[SourceFrame]) -> Option<&SourceFrame> {
    frames.iter().rev().find(|frame| frame.origin == Origin::User)
}

/// The poll in which the user blocks on another future, where an operation is part of waiting for that one.
pub fn blocked_on(site: &Site) -> Option<Poll<'_>> {
    let user = site.user?;
    let blocks = |frame: &SourceFrame| names(frame, &BLOCKS_ON);
    let inner = site.frames[..user].iter().rposition(blocks)?;
    let outer = inner + 1 + site.frames[inner + 1..].iter().position(|frame| polls(frame) && !blocks(frame))?;
    (outer > user).then(|| poll(site, user, outer))?
}

/// The future that a thread blocks on, where an operation is performed in it: the outermost function below a crate's
/// `block_on` that is not that crate's. Also of executors that are not known here.
pub fn blocked_future(site: &Site) -> Option<&SourceFrame> {
    let is_block_on =
        |frame: &SourceFrame| frame.function.contains("block_on") && function::method(&frame.function) == "block_on";
    let at = site.frames.iter().position(|frame| frame.origin == Origin::Dependency && is_block_on(frame))?;
    let executor = function::krate(&site.frames[at].function);
    site.frames[..at].iter().rev().find(|frame| match frame.origin {
        Origin::User => true,
        Origin::Dependency => is_future(frame) && function::krate(&frame.function) != executor,
        _ => false,
    })
}

/// Whether a function may be a future that is polled. Of an `async fn` there is no function but its body.
pub fn is_future(frame: &SourceFrame) -> bool {
    function::method(&frame.function) == "poll" || frame.function.contains("::{closure")
}

/// Functions of executors, by parts of their names.
const RUNS: [&str; 5] =
    ["tokio::runtime::scheduler", "block_on", "async_task::raw", "async_executor::", "futures_executor::"];

/// Whether an operation is performed by an executor or within one of its polls.
pub fn is_executor(site: &Site) -> bool {
    site.frames.iter().any(|frame| names(frame, &RUNS))
}

/// Whether an operation is performed by an executor that the user has called, and not within one of its polls.
pub fn is_of_executor(site: &Site) -> bool {
    site.user.is_some() && site.library().iter().any(|frame| names(frame, &RUNS)) && !site.panics
}

/// Whether an operation is part of dropping the future of a spawned task, unfinished or not.
pub fn drops_task(site: &Site) -> bool {
    site.frames.iter().any(|frame| {
        names(frame, &["tokio::runtime::task::core::", "async_task::raw::"]) && frame.function.contains("drop_future")
    })
}

/// Polls of spawned tasks that a stack is within.
#[derive(Clone, Copy, Debug, Default)]
pub struct Depth {
    /// How many are around the executor that performs the operation.
    pub around: usize,
    /// How many are around the innermost, where the operation is part of that: performed by code of the user's.
    pub own: Option<usize>,
}

/// Whether a function calls the future of a spawned task, or drops it.
fn is_of_task(frame: &SourceFrame) -> bool {
    // Names are taken apart only where they may be among these.
    names(frame, &["tokio::runtime::task::core::Core", "async_task::raw::RawTask"])
        && OF_TASKS.contains(&function::plain(&frame.function).as_str())
}

/// Counts the polls of spawned tasks around an operation.
pub fn depth(site: &Site) -> Depth {
    let polls: Vec<usize> = (0..site.frames.len()).filter(|at| is_of_task(&site.frames[*at])).collect();
    let own = future(site).and_then(|_| polls.len().checked_sub(1));
    // async-task begins and ends a poll in the function that calls the future.
    let begins = own.is_none() && in_async_task(site, &["run"]);
    Depth { around: polls.len().saturating_sub(usize::from(begins)), own }
}

/// The outermost function of the user's in the innermost poll of a spawned task.
pub fn future(site: &Site) -> Option<&SourceFrame> {
    let at = site.frames.iter().position(is_of_task)?;
    outermost(&site.frames[..at]).filter(|_| !is_of_blocking_executor(site, at))
}

/// Whether an operation is on the state of a task of tokio's, in one of these functions.
fn in_state_of_tokio(site: &Site, functions: &[&str]) -> bool {
    site.frames.iter().any(|frame| functions.iter().any(|function| frame.function.contains(function)))
}

/// Whether async-task performs an operation itself, in one of these functions.
fn in_async_task(site: &Site, functions: &[&str]) -> bool {
    let by = site.frames.iter().find(|frame| frame.origin != Origin::Standard);
    by.is_some_and(|frame| {
        frame.function.contains("async_task::") && functions.contains(&function::method(&frame.function).as_str())
    })
}

/// Word, old and new value of an operation that writes.
fn change(op: &Op) -> Option<(u64, u64, u64)> {
    match op {
        Op::Rmw { address, old, new, .. } | Op::CompareExchange { address, old, new, done: true, .. } => {
            Some((*address, *old, *new))
        }
        _ => None,
    }
}

/// The state word of the task that an executor begins to poll, or to drop, with an operation.
pub fn begins(site: &Site, op: &Op) -> Option<u64> {
    /// tokio's bit for a task that is being polled or dropped.
    const RUNNING: u64 = 1;
    /// async-task's for one that is being polled.
    const POLLED: u64 = 1 << 1;
    let (word, old, new) = change(op)?;
    let sets = |bit: u64| old & bit == 0 && new & bit != 0;
    let begins = in_state_of_tokio(site, &["transition_to_running", "transition_to_shutdown"]) && sets(RUNNING)
        || in_async_task(site, &["run"]) && sets(POLLED);
    (begins && !is_of_blocking_executor(site, 0)).then_some(word)
}

/// The state word of the task that an operation makes ready to be polled.
pub fn readies(site: &Site, op: &Op) -> Option<u64> {
    /// tokio's bit for a task that is in a queue.
    const NOTIFIED: u64 = 1 << 2;
    /// async-task's.
    const SCHEDULED: u64 = 1;
    let (word, old, new) = change(op)?;
    let sets = |bit: u64| old & bit == 0 && new & bit != 0;
    let readies = in_state_of_tokio(site, &["transition_to_notified"]) && sets(NOTIFIED)
        || in_async_task(site, &["wake", "wake_by_ref"]) && sets(SCHEDULED);
    readies.then_some(word)
}

/// The state word of the task that has ended with an operation.
pub fn ends(site: &Site, op: &Op) -> Option<u64> {
    /// async-task's bit for a task whose future is done.
    const COMPLETED: u64 = 1 << 2;
    let (word, old, new) = change(op)?;
    let ends = in_state_of_tokio(site, &["transition_to_complete"])
        || in_async_task(site, &["run"]) && old & COMPLETED == 0 && new & COMPLETED != 0;
    ends.then_some(word)
}

/// The word that an atomic operation is on: of a runtime's operations on a task, that of the task's state.
pub fn state_word(op: &Op) -> Option<u64> {
    match op {
        Op::Load { address, .. }
        | Op::Store { address, .. }
        | Op::Rmw { address, .. }
        | Op::CompareExchange { address, .. } => Some(*address),
        _ => None,
    }
}
