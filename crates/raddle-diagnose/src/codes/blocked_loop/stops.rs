//! What stops a thread within a poll: the calls that RD0301 knows.
//!
//! Sleeping for a millisecond and more; waiting for the end of a thread or of a process, for input or output on a
//! descriptor or on several (`poll`, `select`), for the address of a host's name, for what has been written to lie on the
//! disk (`fsync`), for another future (`block_on`), for a channel, a condition or a barrier; and
//! waiting for a lock for a millisecond of virtual time and more, since a lock that is held for a moment is the right thing
//! also in async code. Of libraries that wait, the standard library, parking_lot and crossbeam-channel are known, where
//! the user calls them.
//!
//! Long computation is told by the number of plain memory accesses in one poll, where the user has set a bound
//! (`--poll-budget`): that is the same in every performance, as a time is not. Reading and writing files is part of that,
//! eight bytes an access: small files are read everywhere, and from the cache nobody waits for them.
//!
//! Not seen: opening and renaming files, and what else asks the file system alone.

use super::LEAST_NS;
use crate::case::Case;
use crate::polls;
use crate::site::Site;
use crate::words;
use raddle_instrument::symbols::Origin;
use raddle_protocol::{Op, POLL_SHARES, Role};

/// What stops a thread.
pub(super) struct Stop {
    /// The step with which it begins to wait, or the last one before, and the one with which it goes on.
    pub(super) steps: (usize, usize),
    /// The step at which the call is.
    pub(super) call: usize,
    /// What it does: after the task in the headline.
    pub(super) does: String,
    /// The call, after the task.
    pub(super) calls: String,
    /// The same, where it is marked.
    pub(super) label: String,
    /// What to use instead.
    pub(super) instead: &'static str,
}

/// A wait without a limit: what for, how it is called, and what to use instead.
type Wait = (&'static str, &'static str, &'static str);

const JOIN: Wait = (
    "the end of another thread",
    "joins another thread",
    "Let the thread say that it is done through a channel whose receiver can be awaited (`tokio::sync::oneshot`), and join it afterwards.",
);
const CHILD: Wait = (
    "the end of another process",
    "waits for another process",
    "Await the process: `tokio::process::Command`, or that of `async-process`.",
);
const NAME: Wait = (
    "the address of a host's name",
    "looks up the name of a host",
    "Look it up with the runtime's own function (`tokio::net::lookup_host`, or a name given to `TcpStream::connect` of tokio), which does so on a thread of its own.",
);
const DISK: Wait = (
    "the disk",
    "waits until what it has written lies on the disk",
    "Use the runtime's own files (`tokio::fs`, whose `sync_all` can be awaited), or write the file on a thread of its own.",
);
const BLOCK_ON: Wait =
    ("a future", "calls `block_on` within a poll", "Let the function be `async` and `.await` the future.");
const CHANNEL: Wait = (
    "a channel",
    "waits for a channel whose waiting blocks the thread",
    "Use a channel that can be awaited (`tokio::sync::mpsc`, `async-channel`).",
);
const CONDITION: Wait = (
    "a condition",
    "waits for a condition variable",
    "Use what can be awaited instead of a condition variable (`tokio::sync::Notify`, `watch`).",
);
const BARRIER: Wait =
    ("a barrier", "waits at a barrier", "Use a barrier that can be awaited (`tokio::sync::Barrier`).");

/// What begins or ends at this step, where the step is part of a poll.
pub(super) fn stop(case: &Case<'_>, at: usize) -> Option<Stop> {
    let steps = &case.trace().steps;
    let site = case.site_at(at)?;
    let step = &steps[at];
    let own = |index: &usize| steps[*index].thread == step.thread;
    let end = |ends: &dyn Fn(&Op) -> bool| (at + 1..steps.len()).filter(own).find(|index| ends(&steps[*index].op));
    let who = case.threads.prose(step.thread);
    let waits = |from: usize, to: usize, (what, calls, instead): Wait| Stop {
        steps: (from, to),
        call: at,
        does: format!("makes {who} wait for {what}"),
        calls: calls.to_owned(),
        label: format!("the whole thread waits here for {what}"),
        instead,
    };
    if let Op::FutexWait { .. } = step.op
        && polls::blocked_on(site).is_some()
    {
        return Some(waits(at, end(&|op| matches!(op, Op::FutexReturn { .. }))?, BLOCK_ON));
    }
    polls::of(site)?;
    let before = || (0..at).rev().find(own).unwrap_or(at);
    match &step.op {
        Op::Sleep { ns } if *ns >= LEAST_NS => {
            let waited = words::duration(*ns);
            Some(Stop {
                steps: (at, end(&|op| matches!(op, Op::Woke))?),
                call: at,
                does: format!("puts {who} to sleep for {waited}"),
                calls: "calls `thread::sleep`".to_owned(),
                label: format!("the whole thread sleeps here for {waited}"),
                instead: "Sleep with the runtime's own timer (`tokio::time::sleep(...).await`), which suspends the task and not the thread.",
            })
        }
        Op::JoinRequest { child } => {
            let end = end(&|op| matches!(op, Op::Joined { child: ended } if ended == child))?;
            let others = steps[at..end].iter().any(|other| other.thread != step.thread);
            others.then(|| waits(at, end, JOIN))
        }
        Op::Io { call, blocked: true, .. } if ["waitpid", "waitid"].contains(&call.as_str()) => {
            Some(waits(before(), at, CHILD))
        }
        Op::Io { call, blocked: true, .. } if call == "getaddrinfo" => Some(waits(before(), at, NAME)),
        Op::Io { call, blocked: true, .. } if ["fsync", "fdatasync"].contains(&call.as_str()) => {
            Some(waits(before(), at, DISK))
        }
        Op::Io { call, blocked: true, descriptor: -1 } => {
            let calls = format!("calls `{call}`, which waits for descriptors");
            let instead = "Let the runtime wait for them: its own sockets and pipes (`tokio::net`, `smol::Async`), or `AsyncFd` of tokio for others.";
            Some(Stop { calls, ..waits(before(), at, ("input or output", "", instead)) })
        }
        Op::Io { call, blocked: true, .. } => {
            let calls = format!("calls `{call}` on a descriptor that blocks");
            let instead =
                "Use the runtime's own sockets and pipes (`tokio::net`, `smol::Async`), whose calls can be awaited.";
            Some(Stop { calls, ..waits(before(), at, ("input or output", "", instead)) })
        }
        Op::Computed { .. } => computes(case, at, &who),
        Op::FutexWait { .. } if by_user(site) => {
            let end = end(&|op| matches!(op, Op::FutexReturn { .. }))?;
            let waited = steps[end].time_ns - step.time_ns;
            match site.outer()? {
                Role::ChannelReceive | Role::ChannelSend => Some(waits(at, end, CHANNEL)),
                Role::CondvarWait => Some(waits(at, end, CONDITION)),
                Role::BarrierWait => Some(waits(at, end, BARRIER)),
                Role::MutexLock | Role::RwLockRead | Role::RwLockWrite if waited >= LEAST_NS => {
                    let what = format!("a lock for {}", words::about(waited));
                    Some(Stop {
                        does: format!("makes {who} wait for {what}"),
                        label: format!("the whole thread waits here for {what}"),
                        ..waits(
                            at,
                            end,
                            (
                                "",
                                "asks for a lock that another thread holds for long",
                                "Hold the lock only for moments: do the long work outside it. Where it must be held for long, use the runtime's own async mutex.",
                            ),
                        )
                    })
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// A poll that makes more accesses than its budget has, with the step at which that is certain.
fn computes(case: &Case<'_>, at: usize, who: &str) -> Option<Stop> {
    let steps = &case.trace().steps;
    let turn = case.tasks.turn(at)?;
    let counted = |index: &usize| match steps[*index].op {
        Op::Computed { accesses } if case.tasks.turn(*index) == Some(turn) => Some(accesses),
        _ => None,
    };
    let shares: Vec<u64> = (turn.begun..=at).filter_map(|index| counted(&index)).collect();
    // The first share may have begun before the poll.
    if shares.len() as u64 != POLL_SHARES + 1 {
        return None;
    }
    let budget = words::thousands(shares[1..].iter().sum());
    let last = (at..steps.len()).rev().find(|index| case.tasks.turn(*index) == Some(turn))?;
    Some(Stop {
        steps: (turn.begun, last),
        call: at,
        does: format!("computes on {who} for more than {budget} memory accesses"),
        calls: format!("makes more than {budget} memory accesses in one poll, and is still at it"),
        label: format!("more than {budget} memory accesses after its poll began, it is here"),
        instead: "Cut the work into pieces with `tokio::task::yield_now().await` in between, or give it to a pool of threads of its own (`rayon`) and await the result.",
    })
}

/// Whether nothing but libraries that are known to wait for the user comes between the user and the operation.
fn by_user(site: &Site) -> bool {
    const LIBRARIES: [&str; 4] = ["parking_lot", "parking_lot_core", "lock_api", "crossbeam_channel"];
    site.user.is_some()
        && site.library().iter().all(|frame| {
            frame.origin == Origin::Standard || LIBRARIES.contains(&crate::function::krate(&frame.function).as_str())
        })
}
