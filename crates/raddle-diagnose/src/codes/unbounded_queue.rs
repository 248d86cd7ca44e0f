//! RD0402: a queue without a limit, filled as fast as its producer can, while the one who empties it could run but does not.
//!
//! Judged on the execution without preemption, which favours whoever runs: a producer in a loop keeps its turn for a thousand
//! points. Told from [`MOST`] messages on, all sent from one place, with nothing taken out in between although a thread that
//! takes from the queue could have run: then nothing but luck keeps the queue short. Fewer are what tests send on purpose, to
//! be looked at afterwards. So is all that is sent before the receiver begins to receive, by the same thread or while the
//! receiver waits for the sender to end.
//!
//! Seen: the unbounded channels of the standard library, crossbeam and tokio. Not seen: queues that a program builds itself;
//! and tasks that share one thread, where a sender that never waits keeps the receiver from running anyway.

use super::Diagnosis;
use crate::case::Case;
use crate::function;
use crate::site::Site;
use crate::words;
use raddle_protocol::Op;
use raddle_protocol::trace::{StackId, ThreadId};
use std::collections::BTreeMap;

/// Messages in a row at the least.
pub const MOST: usize = 100;

/// What one does to a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Sends,
    Receives,
}

/// Queues without a limit, by the type whose methods work on them.
const UNBOUNDED: &[&str] = &[
    "std::sync::mpmc::list::Channel::",
    "crossbeam_channel::flavors::list::Channel::",
    "tokio::sync::mpsc::unbounded::UnboundedSender::",
    "tokio::sync::mpsc::unbounded::UnboundedReceiver::",
];

/// Messages that one thread has sent from one place since anything was taken out.
#[derive(Clone, Copy)]
struct Run {
    thread: ThreadId,
    stack: StackId,
    /// The first and the last of them.
    steps: (usize, usize),
    sent: usize,
    last_call: usize,
}

/// The first such queue.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    if case.raw.execution != 0 {
        return None;
    }
    let mut sides = Sides { case, known: BTreeMap::new() };
    let (queue, run) = longest(case, &mut sides)?;
    let receiver = receiver(case, &mut sides, queue, &run)?;
    let mut diagnosis = Diagnosis { code: "RD0402", warning: true, ..Diagnosis::default() };
    let (who, other) = (case.threads.prose(run.thread), case.threads.prose(receiver.thread));
    diagnosis.about.extend([run.thread, receiver.thread]);
    diagnosis.keys.extend([run.steps.0, run.steps.1, receiver.at]);
    diagnosis.message = format!(
        "queue without backpressure: {who} has sent {}, and {other} has taken none of them yet",
        words::count(run.sent as u64, "message")
    );
    let (sends, takes) = (case.place_of(Some(run.stack)), case.place_at(Some(receiver.at)));
    let made = case.trace().blocks[queue].allocated.and_then(|(_, stack)| case.place_of(Some(stack)));
    diagnosis.reason.push(format!(
        "The queue{} has no limit. {} sends to it in a loop{}, {} in a row, while {other}, which takes from it{}, could run but does not. Nothing makes the sender wait: the queue gets as long as there is work to be sent, and its memory with it. In a test that is over soon; in a program that is busy, with a receiver that is slow, it goes on until there is no memory left, and each message waits behind all the others.",
        made.as_ref().map_or_else(String::new, |place| format!(" made at {}", place.short())),
        words::capital(&who),
        case.at(sends.as_ref()),
        words::count(run.sent as u64, "message"),
        case.at(takes.as_ref()),
    ));
    case.mark(&mut diagnosis.spans, made, "the queue is made here, without a limit".to_owned(), true);
    case.mark(&mut diagnosis.spans, sends, format!("{who} sends here, and never has to wait"), true);
    case.mark(&mut diagnosis.spans, takes, format!("{other} takes from the queue here"), false);
    diagnosis.fix = vec![
        "Give the queue a limit, so that a sender that is too fast waits for room: `sync_channel(n)` of the standard library, `bounded(n)` of crossbeam, `channel(n)` of tokio's `mpsc`.".to_owned(),
        "Where the sender must not wait, use `try_send` and decide what is done when the queue is full: drop the message, merge it with the last one, or refuse the work where it comes in.".to_owned(),
    ];
    diagnosis.notes.push(
        "A queue is fine without a limit where something else limits what is sent to it; then `--allow RD0402`."
            .to_owned(),
    );
    Some(diagnosis)
}

/// What operations do to queues.
struct Sides<'a> {
    case: &'a Case<'a>,
    /// By the stacks of operations, of which there are far fewer.
    known: BTreeMap<StackId, Option<Side>>,
}

impl Sides<'_> {
    /// What an operation does to which queue.
    fn on_queue(&mut self, at: usize) -> Option<(usize, Side)> {
        let step = &self.case.trace().steps[at];
        let side = (*self.known.entry(step.stack).or_insert_with(|| side(self.case.sites.get(step.stack))))?;
        let address = crate::encoding::address(&step.op)?;
        Some((self.case.reading.objects.block_at(address, at)?, side))
    }
}

fn side(site: &Site) -> Option<Side> {
    site.library().iter().find_map(|frame| {
        let name = function::plain(&frame.function);
        let method =
            UNBOUNDED.iter().find_map(|queue| Some(name.split_once(queue)?.1.split("::").next()?.to_owned()))?;
        match method.as_str() {
            "send" | "try_send" | "start_send" => Some(Side::Sends),
            "recv" | "try_recv" | "start_recv" | "poll_recv" | "recv_many" => Some(Side::Receives),
            _ => None,
        }
    })
}

/// The longest run of messages sent to any queue, and that queue.
fn longest(case: &Case<'_>, sides: &mut Sides<'_>) -> Option<(usize, Run)> {
    let mut calls = case.reading.actions.iter().map(|action| (action.at, action.call));
    let calls: BTreeMap<usize, usize> = calls.by_ref().collect();
    let mut runs: BTreeMap<usize, Run> = BTreeMap::new();
    let mut longest: Option<(usize, Run)> = None;
    for (at, step) in case.trace().steps.iter().enumerate() {
        let Some((queue, side)) = sides.on_queue(at) else { continue };
        let Some(call) = calls.get(&at).copied() else { continue };
        let same_place = |one: StackId, other: StackId| case.sites.get(one).call == case.sites.get(other).call;
        match runs.get_mut(&queue) {
            _ if side == Side::Receives => drop(runs.remove(&queue)),
            Some(run) if run.thread == step.thread && same_place(run.stack, step.stack) => {
                run.sent += usize::from(run.last_call != call);
                (run.last_call, run.steps.1) = (call, at);
            }
            _ => {
                let new = Run { thread: step.thread, stack: step.stack, steps: (at, at), sent: 1, last_call: call };
                runs.insert(queue, new);
            }
        }
        if let Some(run) = runs.get(&queue).filter(|run| run.sent >= MOST)
            && longest.as_ref().is_none_or(|(_, known)| known.sent < run.sent)
        {
            longest = Some((queue, *run));
        }
    }
    longest
}

/// Somebody who takes from a queue.
struct Receiver {
    thread: ThreadId,
    /// A step at which it does.
    at: usize,
}

/// A thread that takes from the queue, and could have during the run.
fn receiver(case: &Case<'_>, sides: &mut Sides<'_>, queue: usize, run: &Run) -> Option<Receiver> {
    let steps = &case.trace().steps;
    let mut takes =
        |at: &usize| steps[*at].thread != run.thread && sides.on_queue(*at) == Some((queue, Side::Receives));
    let mut all = (0..steps.len()).filter(|at| takes(at)).map(|at| Receiver { thread: steps[at].thread, at });
    all.find(|receiver| could_run(case, receiver.thread, run.steps))
}

/// Whether a thread could run by the end of these steps, although it did nothing from their middle on.
fn could_run(case: &Case<'_>, thread: ThreadId, (from, to): (usize, usize)) -> bool {
    let steps = &case.trace().steps;
    let middle = from + (to - from) / 2;
    let woken = |at: usize| {
        steps[at..middle].iter().any(|step| match &step.op {
            Op::FutexWake { woken, .. } | Op::CondvarNotify { woken, .. } => woken.contains(&thread),
            _ => false,
        })
    };
    let started = steps[..middle].iter().any(|step| matches!(step.op, Op::Spawn { child } if child == thread));
    match steps[..middle].iter().rposition(|step| step.thread == thread) {
        None => started,
        Some(last) => match steps[last].op {
            Op::FutexWait { .. } | Op::CondvarWait { .. } => woken(last),
            Op::JoinRequest { .. } | Op::LockRequest { .. } | Op::Sleep { .. } | Op::End => false,
            Op::Io { blocked, .. } => !blocked,
            _ => true,
        },
    }
}
