//! Executors: on whose behalf a thread runs when it polls a future.
//!
//! An executor calls a task's future through a function of its own that does nothing else. What is done inside that call
//! is done by the task, what is done outside by the executor. Known are the executors of tokio, of async-task (smol,
//! async-executor, async-std) and of futures.

use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Op;

/// Functions that call the future of a spawned task, and of one that a thread blocks on, by parts of their names.
const POLLS: [&str; 7] = [
    "tokio::runtime::task::core::Core<",
    "tokio::runtime::scheduler::current_thread::CoreGuard::block_on",
    "tokio::runtime::park::CachedParkThread::block_on",
    "tokio::task::local::LocalSet",
    "async_task::raw::RawTask<",
    "futures_lite::future::block_on",
    "futures_executor::local_pool::run_executor",
];

/// Functions between an executor and code that may block: there it keeps nobody waiting.
const MAY_BLOCK: [&str; 3] = ["blocking::task::BlockingTask", "block_in_place", "blocking::Executor"];

/// The poll that a thread is in.
#[derive(Clone, Copy, Debug)]
pub struct Poll<'a> {
    /// The outermost user function within it: the task's own.
    pub task: &'a SourceFrame,
}

/// The innermost poll that an operation is part of.
pub fn of(site: &Site) -> Option<Poll<'_>> {
    let names = |frame: &SourceFrame, list: &[&str]| list.iter().any(|name| frame.function.contains(name));
    let at = site.frames.iter().position(|frame| names(frame, &POLLS))?;
    let inside = &site.frames[..at];
    if inside.iter().any(|frame| names(frame, &MAY_BLOCK)) {
        return None;
    }
    inside.iter().rev().find(|frame| frame.origin == Origin::User).map(|task| Poll { task })
}

/// Whether an operation is performed by an executor or within one of its polls.
pub fn is_executor(site: &Site) -> bool {
    const RUNS: [&str; 5] =
        ["tokio::runtime::scheduler", "block_on", "async_task::raw", "async_executor::", "futures_executor::"];
    site.frames.iter().any(|frame| RUNS.iter().any(|name| frame.function.contains(name)))
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
