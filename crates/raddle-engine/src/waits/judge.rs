//! Chooses the cause among all the waits of a stuck execution.
//!
//! Every thread that has not ended waits, most of them only because another one does. The causes are looked for from the
//! surest to the vaguest:
//!
//! 1. a thread that waits for its own lock (it would hang without any other thread);
//! 2. a shortest cycle of waits for locks and for the ends of threads;
//! 3. the same with the edges "waits for a notification of the thread that notified last", if a lock takes part;
//! 4. a lock whose holder has ended with it. No cycle, because the holder waits for nothing: the release is a wake-up
//!    that nobody is left to give, hence [`Verdict::LostWakeup`];
//! 5. a notification that came too early, or went to another thread;
//! 6. a notification that nobody is left to send: the waits on which most other threads wait in turn come first, and
//!    those of servants last.
//!
//! A servant is a thread that a library has started. It waits whenever there is no work, and is notified whenever there is
//! some, whether it waits or not; so a notification that found it at work is none that it has missed, and one that woke
//! another servant was for that one.

use super::cycle::shortest_cycle;
use super::event::{Event, Final, Kind, Mode, Object, Thread, WaitFor};
use super::holds::{Hold, Holds};
use super::order::breaking_order;
use super::verdict::{Because, Deadlock, Fate, Link, LostWakeup, SelfDeadlock, Verdict};
use std::collections::BTreeSet;

/// Judges an execution in which no thread can run: `events` in order, `threads[i]` what thread `i` was doing at the end.
pub fn judge(events: &[Event], threads: &[Final]) -> Verdict {
    judge_with(events, threads, &BTreeSet::new())
}

/// Judges one in which some threads are servants.
pub fn judge_with(events: &[Event], threads: &[Final], servants: &BTreeSet<Thread>) -> Verdict {
    let stuck = Stuck { events, threads, servants, holds: Holds::after(events) };
    if let Some(own) = stuck.self_deadlock() {
        return Verdict::SelfDeadlock(own);
    }
    if let Some(cycle) = stuck.cycle(false).or_else(|| stuck.cycle(true)) {
        let (order, against_order) = match breaking_order(&cycle, events) {
            Some((order, thread)) => (order, Some(thread)),
            None => (Vec::new(), None),
        };
        return Verdict::Deadlock(Deadlock { cycle, order, against_order });
    }
    stuck.lost_wakeup().map_or(Verdict::Unexplained, Verdict::LostWakeup)
}

/// The situation at the end.
struct Stuck<'a> {
    events: &'a [Event],
    threads: &'a [Final],
    servants: &'a BTreeSet<Thread>,
    holds: Holds,
}

/// The wait of one thread.
type Waiter<'a> = (Thread, &'a WaitFor, Option<usize>);

impl<'a> Stuck<'a> {
    fn waiters(&self) -> impl Iterator<Item = Waiter<'a>> + '_ {
        self.threads.iter().zip(0..).filter_map(|(state, thread)| match state {
            Final::Waiting(what, since) => Some((thread, what, *since)),
            Final::Ended | Final::Runnable => None,
        })
    }

    fn self_deadlock(&self) -> Option<SelfDeadlock> {
        self.waiters().find_map(|(thread, waits, since)| {
            let WaitFor::Lock(object, wanted) = *waits else { return None };
            let held = *self.holds.of(object).iter().find(|hold| hold.thread == thread)?;
            let second_read = held.mode == Mode::Shared && wanted == Mode::Shared;
            let writer = if second_read { self.queued_writers(object).next() } else { None };
            Some(SelfDeadlock { thread, held, wanted, since, writer })
        })
    }

    /// Threads that wait to hold `object` alone.
    fn queued_writers(&self, object: Object) -> impl Iterator<Item = (Thread, Option<usize>)> + '_ {
        self.waiters()
            .filter(move |(_, waits, _)| **waits == WaitFor::Lock(object, Mode::Exclusive))
            .map(|(thread, _, since)| (thread, since))
    }

    /// The threads that `waiter` waits for, and why. `notifiers`: guess who would notify from who did.
    fn waits_for(&self, (thread, waits, _): Waiter<'_>, notifiers: bool) -> Vec<(Thread, Because)> {
        match waits {
            WaitFor::Lock(object, mode) => {
                let holders = self.holds.of(*object);
                let mut edges: Vec<_> = holders.iter().map(|hold| (hold.thread, Because::Holds(*hold))).collect();
                if *mode == Mode::Shared && holders.iter().all(|hold| hold.mode == Mode::Shared) {
                    // Shared holders do not keep a reader out; the writer that queues before it does.
                    edges = self
                        .queued_writers(*object)
                        .map(|(writer, since)| (writer, Because::Queued { object: *object, since }))
                        .collect();
                }
                edges
            }
            WaitFor::Ends(children) => children
                .iter()
                .filter(|child| self.threads.get(**child as usize) != Some(&Final::Ended))
                .map(|child| (*child, Because::Join))
                .collect(),
            WaitFor::Notification(object) if notifiers => self
                .last_notification(*object, |by, woken, remembered| by != thread && (remembered || !woken.is_empty()))
                .map(|(by, at, _)| (by, Because::Notifies { object: *object, at }))
                .into_iter()
                .collect(),
            WaitFor::Notification(_) => Vec::new(),
        }
    }

    /// The last notification of `object` that is `fit`: its sender, place, and whom it woke.
    fn last_notification(
        &self,
        object: Object,
        fit: impl Fn(Thread, &[Thread], bool) -> bool,
    ) -> Option<(Thread, Option<usize>, &'a [Thread])> {
        self.events.iter().rev().find_map(|event| match &event.kind {
            Kind::Notified { woken, remembered } if event.object == object && fit(event.thread, woken, *remembered) => {
                Some((event.thread, event.at, woken.as_slice()))
            }
            _ => None,
        })
    }

    /// The edges of the wait-for graph by thread.
    fn graph(&self, notifiers: bool) -> Vec<Vec<(Thread, Because)>> {
        let mut graph = vec![Vec::new(); self.threads.len()];
        for waiter in self.waiters() {
            graph[waiter.0 as usize] = self.waits_for(waiter, notifiers);
        }
        graph
    }

    fn cycle(&self, notifiers: bool) -> Option<Vec<Link>> {
        let graph = self.graph(notifiers);
        let targets: Vec<Vec<usize>> =
            graph.iter().map(|edges| edges.iter().map(|(thread, _)| *thread as usize).collect()).collect();
        let cycle = shortest_cycle(&targets)?;
        let mut links = Vec::with_capacity(cycle.len());
        for (place, &node) in cycle.iter().enumerate() {
            let next = cycle[(place + 1) % cycle.len()];
            let (_, because) = *graph[node].iter().find(|(thread, _)| *thread as usize == next)?;
            let Final::Waiting(waits, since) = &self.threads[node] else { return None };
            links.push(Link { thread: node as Thread, waits: waits.clone(), since: *since, because });
        }
        let held = |link: &Link| matches!(link.because, Because::Holds(_) | Because::Queued { .. });
        let sure = !links.iter().any(|link| matches!(link.because, Because::Notifies { .. }));
        (sure || links.iter().any(held)).then_some(links)
    }

    fn lost_wakeup(&self) -> Option<LostWakeup> {
        let graph = self.graph(false);
        let mut causes: Vec<_> = self
            .waiters()
            .filter_map(|waiter| Some((self.fate(waiter)?, waiter)))
            .map(|(fate, waiter)| (fate, waiter, self.behind(&graph, waiter.0)))
            .collect();
        // A stable sort: of equals, the thread that was created first.
        causes.sort_by_key(|(fate, (thread, _, since), behind)| {
            (rank(fate), core::cmp::Reverse(behind.len()), self.servants.contains(thread), *since)
        });
        let (fate, (thread, waits, since), behind) = causes.into_iter().next()?;
        let behind: Vec<(Thread, WaitFor)> = behind
            .into_iter()
            .filter_map(|other| match &self.threads[other as usize] {
                Final::Waiting(what, _) => Some((other, what.clone())),
                _ => None,
            })
            .collect();
        let others = self
            .waiters()
            .filter(|(other, _, _)| *other != thread && behind.iter().all(|(waits, _)| waits != other))
            .map(|(other, what, _)| (other, what.clone()))
            .collect();
        Some(LostWakeup {
            thread,
            waits: waits.clone(),
            since,
            fate,
            behind,
            others,
            holds: self.holds.by(thread).collect(),
        })
    }

    /// What became of the event that `waiter` waits for; `None` when its wait follows from that of another thread.
    fn fate(&self, (thread, waits, since): Waiter<'_>) -> Option<Fate> {
        match waits {
            WaitFor::Lock(object, _) => {
                let holders = self.holds.of(*object);
                let gone = |hold: &&Hold| {
                    !matches!(self.threads.get(hold.thread as usize), Some(Final::Waiting(..) | Final::Runnable))
                };
                match (holders.iter().find(gone), holders.is_empty()) {
                    (Some(hold), _) => Some(Fate::OwnerEnded(*hold)),
                    (None, true) => Some(Fate::OwnerUnknown),
                    (None, false) => None,
                }
            }
            WaitFor::Notification(object) => {
                let before = |at: Option<usize>| since.is_none() || at < since;
                let last = self.last_notification(*object, |by, woken, remembered| {
                    by != thread && !remembered && !woken.contains(&thread)
                });
                Some(match last {
                    Some((by, at, []))
                        if before(at)
                            && !self.woken_since(*object, thread, at)
                            && self.missed(*object, thread, at, since) =>
                    {
                        Fate::SentEarly { by, at }
                    }
                    Some((by, at, [woken, ..]))
                        if !self.woken_since(*object, thread, at) && !self.servants.contains(&thread) =>
                    {
                        Fate::WokeAnother { by, at, woken: *woken }
                    }
                    _ => Fate::NeverSent,
                })
            }
            WaitFor::Ends(children) => {
                // Whoever is waited for waits too, and has a fate of its own.
                let known = children.iter().all(|child| (*child as usize) < self.threads.len());
                (!known || children.is_empty()).then_some(Fate::NeverSent)
            }
        }
    }

    /// Whether `thread` was woken through `object` by a notification after `at`.
    fn woken_since(&self, object: Object, thread: Thread, at: Option<usize>) -> bool {
        self.events.iter().any(|event| {
            event.object == object
                && event.at > at
                && matches!(&event.kind, Kind::Notified { woken, .. } if woken.contains(&thread))
        })
    }

    /// Whether the wait of `thread` since `since` may have missed a notification of `object` that came before it, at `at`.
    /// Who has waited and gone on in between has looked again. A servant has missed only what came between its look and
    /// its wait: when it held a lock, and has taken none afterwards.
    fn missed(&self, object: Object, thread: Thread, at: Option<usize>, since: Option<usize>) -> bool {
        let mut later = self.events.iter().filter(|event| event.thread == thread && event.at > at);
        if later.clone().any(|event| event.object == object && event.kind == Kind::WaitEnded) {
            return false;
        }
        let before = self.events.partition_point(|event| event.at <= at);
        let held = || Holds::after(&self.events[..before]).by(thread).next().is_some();
        let mut takes = || later.any(|event| event.at < since && matches!(event.kind, Kind::Acquired(_)));
        !self.servants.contains(&thread) || held() && !takes()
    }

    /// The threads that wait for `thread`, directly or through others, in order of number.
    fn behind(&self, graph: &[Vec<(Thread, Because)>], thread: Thread) -> BTreeSet<Thread> {
        let mut behind = BTreeSet::new();
        let mut reached = vec![thread];
        while let Some(target) = reached.pop() {
            for (edges, from) in graph.iter().zip(0..) {
                if from != thread && edges.iter().any(|(to, _)| *to == target) && behind.insert(from) {
                    reached.push(from);
                }
            }
        }
        behind
    }
}

/// The order in which fates are believed to be the cause.
fn rank(fate: &Fate) -> u8 {
    match fate {
        Fate::OwnerEnded(_) => 0,
        Fate::SentEarly { .. } => 1,
        Fate::WokeAnother { .. } => 2,
        Fate::NeverSent => 3,
        Fate::OwnerUnknown => 4,
    }
}
