//! RD0202: threads take locks in orders that contradict each other, though this execution has not come to a deadlock.
//!
//! The lock graph of Havelund, "Using Runtime Analysis to Guide Model Checking of Java Programs" (SPIN 2000), with what keeps
//! threads apart as in Agarwal, Wang and Stoller, "Detecting potential deadlocks with static analysis and run-time
//! monitoring" (2005): a cycle of requests counts if each is made by another thread under the lock that the one before asks
//! for, if no two of them are made under one lock besides (a gate lock), and if none must come before another
//! ([`crate::before`]). Readers do not keep each other out.
//!
//! Told are locks that the user's code takes by itself and waits for. Judged on executions that passed; whether a deadlock
//! was found after all, or all schedules were performed without one, is for the command to know.
//!
//! Not seen: cycles of more than [`LONGEST`] threads; readers that queue up behind a writer; the POSIX locks; locks tried
//! for, or asked for with a time limit; and what an execution without all of its steps does. Told in vain: where a thread takes its locks in
//! that order only because of what it has found behind one of them.

use super::{Diagnosis, lock_held};
use crate::action::What;
use crate::before::Before;
use crate::case::Case;
use crate::function;
use crate::object::ObjectKind;
use crate::words;
use raddle_engine::waits::{Hold, Holds, Mode, Object};
use raddle_protocol::trace::ThreadId;
use std::collections::{BTreeMap, BTreeSet};

/// Threads in a cycle.
const LONGEST: usize = 4;
/// Requests with the same locks, by the same thread, that are looked at.
const MOST_ALIKE: usize = 8;
/// Cycles looked at.
const MOST_CYCLES: usize = 256;

/// A lock taken by a thread that holds others.
#[derive(Clone, Debug)]
struct Request {
    thread: ThreadId,
    lock: Object,
    mode: Mode,
    at: usize,
    holds: Vec<Hold>,
}

impl Request {
    /// The hold for which a request of this lock would have to wait.
    fn keeps_out(&self, other: &Request) -> Option<&Hold> {
        self.holds
            .iter()
            .find(|hold| hold.object == other.lock && !(hold.mode == Mode::Shared && other.mode == Mode::Shared))
    }

    /// Whether a lock that both hold keeps the two apart.
    fn is_kept_from(&self, other: &Request) -> bool {
        let apart = |one: &Hold, two: &Hold| {
            one.object == two.object && !(one.mode == Mode::Shared && two.mode == Mode::Shared)
        };
        self.holds.iter().any(|one| other.holds.iter().any(|two| apart(one, two)))
    }
}

/// One thread of a cycle: it holds a lock, and takes the next.
struct Turn<'a> {
    request: &'a Request,
    held: Hold,
}

/// The first such cycle.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let requests = requests(case)?;
    let mut cycles = Cycles { requests: &requests, found: Vec::new() };
    for first in 0..requests.len() {
        cycles.extend(&mut vec![first]);
    }
    let mut orders: BTreeMap<Vec<Object>, Before> = BTreeMap::new();
    let is_own = |turn: &Turn<'_>| turn.held.at.is_some_and(|at| waits_for_it(case, at));
    let cycle = cycles.found.into_iter().find(|cycle| {
        if !turns(&requests, cycle).is_some_and(|turns| turns.iter().all(is_own)) {
            return false;
        }
        let mut locks: Vec<Object> = cycle.iter().map(|at| requests[*at].lock).collect();
        locks.sort_unstable();
        let asked = |at| requests.iter().any(|request| request.at == at);
        let order = orders.entry(locks.clone()).or_insert_with(|| Before::new(case, &locks, asked));
        cycle.iter().enumerate().all(|(place, one)| {
            cycle[..place].iter().all(|other| !order.is_ordered(requests[*one].at, requests[*other].at))
        })
    })?;
    Some(told(case, &turns(&requests, &cycle)?))
}

/// All requests made under another lock, as far as they can be trusted: of a lock that a thread seems to have twice, or to
/// keep for ever, it is not known when it is given back.
fn requests(case: &Case<'_>) -> Option<Vec<Request>> {
    if case.trace().steps_cut > 0 {
        return None;
    }
    let mut holds = Holds::default();
    let mut odd: BTreeSet<Object> = BTreeSet::new();
    let mut requests: Vec<Request> = Vec::new();
    for action in &case.reading.actions {
        let Some(event) = action.event() else { continue };
        if let What::Acquired(mode) = action.what {
            let held: Vec<Hold> = holds.by(action.thread).collect();
            if held.iter().any(|hold| hold.object == event.object) {
                odd.insert(event.object);
            }
            let own = action.within.is_none() && waits_for_it(case, action.at);
            if own && !held.is_empty() {
                let request = Request { thread: action.thread, lock: event.object, mode, at: action.at, holds: held };
                let alike = |known: &&Request| {
                    (known.thread, known.lock) == (request.thread, request.lock)
                        && known.holds.iter().map(|hold| hold.object).eq(request.holds.iter().map(|hold| hold.object))
                };
                if requests.iter().filter(alike).count() < MOST_ALIKE {
                    requests.push(request);
                }
            }
        }
        holds.apply(&event);
    }
    let ended = |thread: ThreadId| {
        let state = case.trace().threads.get(thread as usize).map(|thread| &thread.state);
        state.is_none_or(|state| *state == raddle_protocol::trace::State::Ended)
    };
    for thread in (0..case.trace().threads.len() as ThreadId).filter(|thread| ended(*thread)) {
        odd.extend(holds.by(thread).map(|hold| hold.object));
    }
    let is_known = |object: Object| !odd.contains(&object) && !case.names.get(object).internal;
    requests.retain(|request| is_known(request.lock));
    Some(requests)
}

/// Whether the user's code takes a lock here, and waits until it has it.
fn waits_for_it(case: &Case<'_>, at: usize) -> bool {
    let Some(site) = case.site_at(at) else { return false };
    let tries = site.library().iter().any(|frame| function::method(&frame.function).starts_with("try_"));
    lock_held::is_users(site) && !tries
}

struct Cycles<'a> {
    requests: &'a [Request],
    found: Vec<Vec<usize>>,
}

impl Cycles<'_> {
    /// Finds the cycles that go on from these requests, each made under what the one before asks for. The first is that of
    /// the thread with the smallest number.
    fn extend(&mut self, chain: &mut Vec<usize>) {
        let requests = self.requests;
        let (first, last) = (&requests[chain[0]], &requests[chain[chain.len() - 1]]);
        for (next, request) in requests.iter().enumerate() {
            if self.found.len() >= MOST_CYCLES {
                return;
            }
            let fits = request.thread > first.thread
                && request.keeps_out(last).is_some()
                && chain.iter().all(|known| {
                    let known = &requests[*known];
                    known.thread != request.thread && !known.is_kept_from(request)
                });
            if !fits {
                continue;
            }
            chain.push(next);
            if first.keeps_out(request).is_some() {
                self.found.push(chain.clone());
            } else if chain.len() < LONGEST {
                self.extend(chain);
            }
            chain.pop();
        }
    }
}

/// What each thread of a cycle holds when it takes the next lock.
fn turns<'a>(requests: &'a [Request], cycle: &[usize]) -> Option<Vec<Turn<'a>>> {
    let n = cycle.len();
    let turn = |place: usize| {
        let (before, request) = (&requests[cycle[(place + n - 1) % n]], &requests[cycle[place]]);
        Some(Turn { request, held: *request.keeps_out(before)? })
    };
    (0..n).map(turn).collect()
}

fn told(case: &Case<'_>, turns: &[Turn<'_>]) -> Diagnosis {
    let name = |object: Object| case.names.short(object);
    let mut diagnosis = Diagnosis { code: "RD0202", warning: true, ..Diagnosis::default() };
    let order = |turn: &Turn<'_>| {
        let who = case.threads.prose(turn.request.thread);
        format!("{who} takes {} and then {}", name(turn.held.object), name(turn.request.lock))
    };
    let orders: Vec<String> = turns.iter().map(order).collect();
    diagnosis.message = format!("lock-order inversion: {}", orders.join(", "));
    for Turn { request, held } in turns {
        let who = case.threads.prose(request.thread);
        let [took, takes] = [held.at, Some(request.at)].map(|at| case.place_at(at));
        diagnosis.about.insert(request.thread);
        diagnosis.keys.extend([held.at, Some(request.at)].into_iter().flatten());
        diagnosis.reason.push(format!(
            "{} locks {}{} and, while it holds that, {}{}.",
            words::capital(&who),
            name(held.object),
            case.at(took.as_ref()),
            name(request.lock),
            case.at(takes.as_ref()),
        ));
        let label = format!("{who} takes {} here, while it holds {}", name(request.lock), name(held.object));
        case.mark(&mut diagnosis.spans, takes, label, true);
        case.mark(&mut diagnosis.spans, took, format!("{who} takes {} here", name(held.object)), false);
    }
    let each = if turns.len() == 2 { "Both" } else { "All of them" };
    diagnosis.reason.push(format!(
        "{each} have gone through it, one after the other. Nothing that could be seen makes them: no other lock is held by both, none waits for the other to end or for a message from it. Had each taken its first lock before another took its second, all would wait for ever: a deadlock (RD0201)."
    ));
    diagnosis.fix.push(
        "Take the locks in one order everywhere, or give the first one back before taking the second.".to_owned(),
    );
    if is_one_place(case, turns) {
        diagnosis.fix.push(
            "All of them pass through the same lines, so which lock comes first depends on the values here, not on the code. Order the locks by something that does not change, such as an index or an identifier, and take the smaller one first."
                .to_owned(),
        );
    }
    diagnosis.notes.push(
        "No schedule that was tried has come to the deadlock. Threads that are kept apart by time alone, such as one that sleeps first, are hardly ever brought together here; on a busy machine they meet. Where something does keep them apart, nothing need be done."
            .to_owned(),
    );
    diagnosis
}

/// Whether all take their second lock at the same line, so that no order can be read off the source.
fn is_one_place(case: &Case<'_>, turns: &[Turn<'_>]) -> bool {
    let mutexes = turns.iter().all(|turn| case.reading.objects.get(turn.request.lock).kind == ObjectKind::Mutex);
    let mut places = turns.iter().map(|turn| case.place_at(Some(turn.request.at)));
    let first = places.next().flatten();
    mutexes && first.is_some() && places.all(|place| place == first)
}
