//! How many executions there are, told early: random descents through the tree of the search.
//!
//! Knuth ("Estimating the efficiency of backtrack programs", Mathematics of Computation 1975): go down a tree by a random
//! branch at each node, and multiply the numbers of branches. The expected value of the product is the number of leaves.
//! Here the tree is one whose leaves that count are the classes of executions: at each node the threads of a persistent
//! set that do not sleep (Godefroid, *Partial-Order Methods for the Verification of Concurrent Systems*, LNCS 1032, 1996).
//! A descent that comes to where all of them sleep counts as 0.
//!
//! Why not from the path on which the search stands: what is to be tried near the root is found out last, so that such an
//! estimate is far too low for long. `tests` compares the two.
//!
//! Departures. What a thread may still touch is not known, but learnt: all that it has ever been seen to touch after so
//! many steps of its own, and how: an update that has never been more than a count down, or a compare-exchange that has
//! always failed, is taken to be so again. A thread that spins is left aside while others can run. The search tries more than one
//! execution of a class now and then.
//!
//! Cannot see: what no execution has touched so far. The mean of few products with a wide spread is more often too low than
//! too high; [`Probes::estimate`] is no bound of any kind.

use super::stale::Stale;
use super::tree::{MOST_READY, Pending};
use crate::access::{Access, AccessKind};
use crate::log::{Event, Logged};
use crate::random::Random;
use crate::strategy::{First, Hint, Question, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeMap;

/// Objects after which learning begins anew.
const MOST_OBJECTS: usize = 1 << 14;

/// Executions of the search before the first probe, so that a small test is done with before.
const UNPROBED: u64 = 32;

/// Entries of logs before the first probe, where nothing but the search is to be done: what it gets through in some
/// hundredths of a second needs no estimate, and probes come on top of the executions of the search.
const UNASKED: u64 = 100_000;

/// Probes after which their estimate is believed. They come one after the other; later ones now and then: one for so many
/// executions of the search.
pub const PROBES: u64 = 64;
/// See [`PROBES`].
const PROBED: u64 = 32;

/// Kinds of touching that differ in what they depend on.
const KINDS: usize = 3;

/// That of an access.
fn kind(access: Access) -> usize {
    if access.only_reads() {
        0
    } else if access.commutes() {
        1
    } else {
        2
    }
}

/// What a thread has been seen to do to an object: for each kind, the last of its own steps that was so.
struct Touch {
    thread: ThreadId,
    last: [u32; KINDS],
}

/// What threads do, as far as it has been seen.
#[derive(Default)]
struct Habits {
    touches: BTreeMap<u64, Vec<Touch>>,
    /// Who has created whom, and who waits for whose end after so many steps of his own.
    creators: BTreeMap<ThreadId, ThreadId>,
    joins: BTreeMap<(ThreadId, u32), ThreadId>,
    /// What a thread does after so many steps of its own.
    acts: BTreeMap<(ThreadId, u32), Access>,
}

impl Habits {
    fn learn(&mut self, steps: &[Logged]) {
        if self.touches.len() > MOST_OBJECTS {
            self.touches.clear();
            self.acts.clear();
        }
        let mut done = BTreeMap::<ThreadId, u32>::new();
        for step in steps {
            match step.event {
                Event::Spawned => drop(self.creators.insert(step.access.object as ThreadId, step.thread)),
                Event::Performed if step.access.is_shared() => {
                    let done = done.entry(step.thread).or_default();
                    if step.access.kind == AccessKind::Join {
                        self.joins.insert((step.thread, *done), step.access.object as ThreadId);
                    }
                    let act = self.acts.entry((step.thread, *done)).or_insert(step.access);
                    if kind(step.access) != kind(*act) || step.access.object != act.object {
                        *act = Access { kind: AccessKind::Update, ..step.access };
                    }
                    *done += 1;
                    let touches = self.touches.entry(step.access.object).or_default();
                    let known = touches.iter().position(|touch| touch.thread == step.thread).unwrap_or_else(|| {
                        touches.push(Touch { thread: step.thread, last: [0; KINDS] });
                        touches.len() - 1
                    });
                    let last = &mut touches[known].last[kind(step.access)];
                    *last = (*last).max(*done);
                }
                _ => {}
            }
        }
    }
}

impl Habits {
    /// What a thread that is about to do this does in the end, as far as it is known.
    fn act(&self, thread: ThreadId, done: u32, pending: Access) -> Access {
        let act = self.acts.get(&(thread, done)).filter(|act| act.object == pending.object);
        act.copied().filter(|_| pending.kind == AccessKind::Update).unwrap_or(pending)
    }
}

/// Where the present descent is.
#[derive(Default)]
struct Descent {
    weight: f64,
    asleep: Vec<Pending>,
    /// Entries of the log that are taken account of.
    absorbed: usize,
    /// Steps of each thread, and the object at which it began to wait last.
    threads: Vec<(u32, Option<u64>)>,
    held: Vec<u64>,
    ended: Vec<ThreadId>,
}

impl Descent {
    fn absorb(&mut self, steps: &[Logged]) {
        for step in steps.get(self.absorbed..).unwrap_or_default() {
            if step.event != Event::Performed {
                continue;
            }
            let id = step.thread as usize;
            if self.threads.len() <= id {
                self.threads.resize(id + 1, (0, None));
            }
            self.threads[id].0 += u32::from(step.access.is_shared());
            let object = step.access.object;
            match step.access.kind {
                AccessKind::Lock => self.held.push(object),
                AccessKind::Unlock => self.held.retain(|held| *held != object),
                AccessKind::Wait => self.threads[id].1 = Some(object),
                AccessKind::End => self.ended.push(step.thread),
                _ => {}
            }
            self.asleep.retain(|(thread, access)| *thread != step.thread && !step.access.depends_on(access));
        }
        self.absorbed = steps.len();
    }

    fn steps_of(&self, thread: ThreadId) -> u32 {
        self.threads.get(thread as usize).map_or(0, |(steps, _)| *steps)
    }

    /// Whether a thread can do what it is about to.
    fn is_able(&self, access: Access) -> bool {
        match access.kind {
            AccessKind::Lock => !self.held.contains(&access.object),
            AccessKind::Join => self.ended.iter().any(|ended| Access::on_thread(AccessKind::Join, *ended) == access),
            _ => true,
        }
    }
}

/// Descents, and what they have come to.
pub struct Probes {
    random: Random,
    habits: Habits,
    descent: Descent,
    stale: Stale,
    /// The present descent is over: this answers what remains of its execution.
    tail: Option<First>,
    members: Vec<ThreadId>,
    count: u64,
    sum: f64,
    /// Entries of logs of the search that are still to be written before the first descent.
    unasked: u64,
}

impl Probes {
    /// The descents of a seed.
    pub fn new(seed: u64) -> Self {
        Probes {
            random: Random::new(seed, 0),
            habits: Habits::default(),
            descent: Descent::default(),
            stale: Stale::default(),
            tail: None,
            members: Vec::new(),
            count: 0,
            sum: 0.0,
            unasked: 0,
        }
    }

    /// The same, but that there is none before the search has written many entries.
    pub fn late(seed: u64) -> Self {
        Probes { unasked: UNASKED, ..Probes::new(seed) }
    }

    /// Whether the next execution is one, after so many of the search.
    pub fn is_due(&self, executions: u64) -> bool {
        let due = executions.saturating_sub(UNPROBED) / PROBED + PROBES;
        executions >= UNPROBED && self.unasked == 0 && self.count < due
    }

    /// The number of executions, as far as it can be told. `None` before there were many descents, and when none has come
    /// to the end of one.
    pub fn estimate(&self) -> Option<f64> {
        (self.count >= PROBES && self.sum > 0.0).then(|| self.sum / self.count as f64)
    }

    /// Learns from an execution of the search, so many of which there were with it.
    pub fn searched(&mut self, executions: u64, steps: &[Logged]) {
        if executions <= UNPROBED || (self.unasked > 0 && executions.is_multiple_of(UNPROBED)) {
            self.habits.learn(steps);
        }
        self.unasked = self.unasked.saturating_sub(steps.len() as u64);
    }

    /// A descent begins.
    pub fn begin(&mut self) {
        self.descent = Descent { weight: 1.0, ..Descent::default() };
        self.stale.begin();
        self.tail = None;
    }

    /// The answer.
    pub fn choose(&mut self, question: &Question<'_>) -> usize {
        let answer = match (&self.tail, question.kind) {
            (Some(_), _) => None,
            (None, ChoiceKind::Thread) => self.thread(question),
            (None, _) => {
                let tried = self.stale.tried(question);
                let answer = self.random.below(tried);
                self.descent.weight *= tried as f64;
                self.stale.given(question, answer);
                Some(answer)
            }
        };
        answer.unwrap_or_else(|| self.tail.get_or_insert_default().choose(question))
    }

    /// The descent's execution has ended.
    pub fn end(&mut self, steps: &[Logged]) {
        self.habits.learn(steps);
        self.count += 1;
        if self.tail.is_none() {
            self.sum += self.descent.weight;
        }
    }

    /// Answers a question about threads; `None` where all that could follow belongs to other descents.
    fn thread(&mut self, question: &Question<'_>) -> Option<usize> {
        self.descent.absorb(question.steps);
        let count = question.threads.len();
        if question.pending.len() > MOST_READY {
            return Some(0);
        }
        if let Some(answer) = (0..count).find(|answer| question.pending(*answer).kind == AccessKind::Begins) {
            return Some(answer);
        }
        let waits = question.hint != Hint::None && question.thread(0) == question.current;
        let able: Vec<usize> =
            (usize::from(waits)..count).filter(|answer| self.descent.is_able(question.pending(*answer))).collect();
        // Whoever cannot go on does nothing if it is chosen.
        let Some(&first) = able.first() else { return Some(usize::from(waits)) };
        let mut least: Option<Vec<usize>> = None;
        for &seed in &able {
            let awake = self.persistent(question, question.thread(seed), &able);
            if least.as_ref().is_none_or(|least| awake.len() < least.len()) {
                least = Some(awake);
            }
        }
        let least = least.unwrap_or_else(|| vec![first]);
        if least.is_empty() {
            return None;
        }
        self.descent.weight *= least.len() as f64;
        let taken = self.random.below(least.len());
        for &earlier in &least[..taken] {
            let (thread, pending) = (question.thread(earlier), question.pending(earlier));
            let act = self.habits.act(thread, self.descent.steps_of(thread), pending);
            self.descent.asleep.push((thread, act));
        }
        Some(least[taken])
    }

    /// Those who are awake in the persistent set that a thread is in: the others, whatever they do, do nothing before that
    /// depends on what one of these is about to do.
    fn persistent(&mut self, question: &Question<'_>, seed: ThreadId, able: &[usize]) -> Vec<usize> {
        let Probes { habits, descent, members, .. } = self;
        members.clear();
        members.push(seed);
        let add = |members: &mut Vec<ThreadId>, thread: ThreadId| {
            if !members.contains(&thread) {
                members.push(thread);
            }
        };
        let mut at = 0;
        while at < members.len() {
            let id = members[at];
            at += 1;
            let Some(&access) = question.pending.get(id as usize) else {
                // It does not exist yet.
                habits.creators.get(&id).iter().for_each(|creator| add(members, **creator));
                continue;
            };
            let joined = match access.kind {
                AccessKind::Join => Some(access.object as ThreadId),
                AccessKind::Begins => habits.joins.get(&(id, descent.steps_of(id))).copied(),
                _ => None,
            };
            if let Some(joined) = joined {
                add(members, joined);
                continue;
            }
            let (object, kinds) = match access.kind {
                AccessKind::Local | AccessKind::Spawn | AccessKind::End => continue,
                // It waits to be woken up, or for time to pass.
                AccessKind::Begins => match descent.threads.get(id as usize).and_then(|(_, object)| *object) {
                    Some(object) => (object, [true; KINDS]),
                    None => {
                        question.threads.iter().for_each(|thread| add(members, *thread));
                        continue;
                    }
                },
                _ => {
                    let of = kind(habits.act(id, descent.steps_of(id), access));
                    let mut kinds = [true; KINDS];
                    kinds[of] = of == KINDS - 1;
                    (access.object, kinds)
                }
            };
            for touch in habits.touches.get(&object).into_iter().flatten() {
                let done = descent.steps_of(touch.thread);
                if (0..KINDS).any(|kind| kinds[kind] && touch.last[kind] > done) {
                    add(members, touch.thread);
                }
            }
        }
        let is_awake = |answer: &usize| {
            let thread = question.thread(*answer);
            members.contains(&thread) && !descent.asleep.iter().any(|(asleep, _)| *asleep == thread)
        };
        able.iter().copied().filter(is_awake).collect()
    }
}
