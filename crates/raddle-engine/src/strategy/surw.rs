//! SURW, the selectively uniform random walk: among the orders in which a few chosen operations can happen, each is
//! equally likely.
//!
//! Zhao, Wolff, Mathur and Roychoudhury, "Selectively Uniform Concurrency Testing", ASPLOS'25. A random walk that
//! decides evenly at each step favours orders in which the threads' ends lie far apart. If the next thread is drawn in
//! proportion to how many operations each still has before it, every order is equally likely. Counting only operations
//! of interest, and letting the others happen as they may, makes the orders that matter few enough to be sampled.
//!
//! Departures. Of interest are, drawn for each execution: all operations on one shared object (three eighths of the
//! executions), on two (a quarter), or on any (three eighths). An object is shared if several threads touch it and one changes
//! it; not counted as such are threads, and objects that references are counted in ([`AccessKind::CountDown`]): the order at
//! these seldom matters, and there are several for each thread. Objects are drawn in proportion to how many threads beside
//! the first touch them, since those that all threads meet at are few. How many operations of interest each thread has is
//! counted in earlier executions, one of which is drawn for each execution; where the program does something else this time,
//! what is pending shows it, and counts are corrected. A thread that has not been created yet is weighed with its creator, and
//! those that it will create with it. While operations of interest are held back for the
//! thread whose turn it is, the others are drawn evenly; if that thread cannot go on, spins, or goes on for a thousand
//! points without coming to one, another's turn is drawn.
//!
//! Every schedule keeps a probability above zero once counts are right; a count of 0 is corrected only after the thread
//! has come to an operation of interest.

#[cfg(test)]
mod tests;

use super::common::{Common, Wish, unread};
use super::{Hint, Question, Seen, Strategy};
use crate::access::{Access, AccessKind};
use crate::log::{Event, Logged};
use crate::random::Random;
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeMap;

/// The first executions, all of which are counted in full, and one in how many later ones.
const COUNTED: u64 = 4;
/// See [`COUNTED`].
const COUNTED_LATER: u64 = 64;
/// Executions whose counts are kept.
const REMEMBERED: usize = 4;
/// Points without an operation of interest after which another thread's turn is drawn.
const PATIENCE: usize = 1000;

/// What of all operations is of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Interest {
    All,
    Objects([u64; 2]),
}

/// What an earlier execution was made of.
#[derive(Clone, Debug, Default)]
struct Profile {
    /// For each shared object: how often each thread touches it.
    objects: Vec<(u64, Vec<u32>)>,
    /// How many threads touch each of them, less one.
    meets: Vec<u64>,
    /// Other objects, in ascending order.
    others: Vec<u64>,
    /// How often each thread touches any shared object.
    all: Vec<u32>,
    /// Who created whom.
    parents: Vec<ThreadId>,
}

impl Profile {
    fn of(steps: &[Logged]) -> Self {
        let mut objects: BTreeMap<u64, Touched> = BTreeMap::new();
        let mut profile = Profile::default();
        for step in steps {
            match step.event {
                Event::Performed if step.access.is_shared() => {
                    let touched = objects.entry(step.access.object).or_default();
                    *at(&mut touched.counts, step.thread) += 1;
                    touched.is_changed |= !step.access.only_reads();
                    touched.is_count |= step.access.kind == AccessKind::CountDown;
                }
                Event::Spawned => *at(&mut profile.parents, step.access.object as ThreadId) = step.thread,
                _ => {}
            }
        }
        for (object, touched) in objects {
            let threads = touched.counts.iter().filter(|count| **count > 0).count() as u64;
            if Access::is_thread(object) || touched.is_count || !touched.is_changed || threads < 2 {
                profile.others.push(object);
                continue;
            }
            for (thread, count) in (0..).zip(&touched.counts) {
                *at(&mut profile.all, thread) += count;
            }
            profile.meets.push(threads - 1);
            profile.objects.push((object, touched.counts));
        }
        profile
    }

    /// Whether an operation is of interest. Of what is not known it is not known that it is not shared.
    fn has(&self, interest: Interest, access: Access) -> bool {
        access.is_shared()
            && match interest {
                Interest::All => {
                    !Access::is_thread(access.object) && self.others.binary_search(&access.object).is_err()
                }
                Interest::Objects(objects) => objects.contains(&access.object),
            }
    }
}

/// How an object is touched in an execution.
#[derive(Clone, Debug, Default)]
struct Touched {
    /// How often, by each thread.
    counts: Vec<u32>,
    is_changed: bool,
    /// Whether references are counted in it.
    is_count: bool,
}

/// The place of a thread in a list by thread numbers, which is made long enough.
fn at<T: Clone + Default>(list: &mut Vec<T>, thread: ThreadId) -> &mut T {
    if thread as usize >= list.len() {
        list.resize(thread as usize + 1, T::default());
    }
    &mut list[thread as usize]
}

/// Selectively uniform random walk.
#[derive(Clone, Debug)]
pub struct Surw {
    common: Common,
    /// What earlier executions were made of, and which of them this one goes by.
    profiles: Vec<Profile>,
    profile: usize,
    ended: u64,
    /// Only [`Interest::All`], as the paper's unselective URW has it.
    always_all: bool,
    interest: Interest,
    /// Operations of interest that each thread still has before it.
    left: Vec<u32>,
    /// By thread: what it was about to do last, and whether that is of interest.
    known: Vec<(Access, bool)>,
    /// Threads that have been created in this execution.
    created: Vec<bool>,
    /// Entries of the log that have been taken account of.
    read: usize,
    /// Whose operation of interest comes next.
    turn: Option<ThreadId>,
    /// Points since the last one.
    waited: usize,
    /// Room to work in.
    weights: Vec<u64>,
    held: Vec<bool>,
    free: Vec<usize>,
}

impl Surw {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Surw {
            common: Common::new(seed, "surw"),
            profiles: vec![Profile::default()],
            profile: 0,
            ended: 0,
            always_all: false,
            interest: Interest::All,
            left: Vec::new(),
            known: Vec::new(),
            created: Vec::new(),
            read: 0,
            turn: None,
            waited: 0,
            weights: Vec::new(),
            held: Vec::new(),
            free: Vec::new(),
        }
    }

    /// With all operations of interest: the uniform random walk.
    #[must_use]
    pub fn urw(seed: u64) -> Self {
        Surw { always_all: true, ..Surw::new(seed) }
    }

    /// Whether an operation is of interest in this execution.
    #[inline]
    fn has(&self, access: Access) -> bool {
        self.profiles[self.profile].has(self.interest, access)
    }

    /// Looks at what the threads that can run are about to do: which of it has to wait for its turn, and whether counts fall
    /// short of it. One that goes on from a wait comes to an operation of interest within the same step, if it has any left:
    /// it takes the lock again that it waited with.
    fn look(&mut self, question: &Question<'_>) {
        let threads = question.threads.last().map_or(0, |last| *last as usize + 1);
        if self.known.len() < threads {
            self.known.resize(threads, (Access::default(), false));
            self.created.resize(threads.max(self.created.len()), false);
            self.left.resize(threads.max(self.left.len()), 0);
        }
        self.held.clear();
        for answer in 0..question.options {
            let (thread, pending) = (question.thread(answer), question.pending(answer));
            let at = thread as usize;
            // The same is asked at each point, and what threads are about to do seldom changes.
            if self.known[at].0 != pending {
                self.known[at] = (pending, self.has(pending));
            }
            let has = self.known[at].1;
            self.created[at] = true;
            if has && self.left[at] == 0 {
                self.left[at] = 1;
            }
            self.held.push(has || (self.left[at] > 0 && pending == Access::begins(thread)));
        }
    }

    /// Draws whose turn it is. A thread has the weight of what is left for it, and for those that it or its descendants
    /// have still to create.
    fn draw_turn(&mut self) {
        self.weigh();
        self.turn = draw(&self.weights, &mut self.common.random).map(|thread| thread as ThreadId);
    }

    fn weigh(&mut self) {
        self.weights.clear();
        self.weights.resize(self.left.len(), 0);
        for (thread, left) in self.left.iter().enumerate().filter(|(_, left)| **left > 0) {
            let creator = self.creator_of(thread);
            self.weights[creator] += u64::from(*left);
        }
    }

    /// The thread itself if it exists, else the nearest of those it descends from that does.
    fn creator_of(&self, thread: usize) -> usize {
        let mut thread = thread;
        // Creators have lower numbers than those they create.
        while !self.created.get(thread).copied().unwrap_or(false) {
            match self.profiles[self.profile].parents.get(thread) {
                Some(parent) if (*parent as usize) < thread => thread = *parent as usize,
                _ => break,
            }
        }
        thread
    }

    /// Takes account of what has happened since the last question.
    fn catch_up(&mut self, steps: &[Logged]) {
        let mut performed = false;
        for step in unread(steps, &mut self.read) {
            match step.event {
                Event::Performed if self.has(step.access) => {
                    let left = at(&mut self.left, step.thread);
                    *left = left.saturating_sub(1);
                    performed = true;
                }
                Event::Spawned => self.meet(step.access.object as ThreadId, step.thread),
                _ => {}
            }
        }
        if performed {
            self.waited = 0;
            self.turn = None;
        }
    }

    /// A new thread may take over its creator's turn.
    fn meet(&mut self, thread: ThreadId, creator: ThreadId) {
        *at(&mut self.created, thread) = true;
        *at(&mut self.created, creator) = true;
        if self.turn == Some(creator) {
            // What is left for those that the creator has still to create stays with it.
            self.weigh();
            let of = |thread: ThreadId| self.weights.get(thread as usize).copied().unwrap_or(0);
            let (own, all) = (of(thread), of(thread) + of(creator));
            if all > 0 && (self.common.random.below(all as usize) as u64) < own {
                self.turn = Some(thread);
            }
        }
    }

    /// Draws whose turn it is among the threads that can run.
    fn turn_of_ready(&mut self, question: &Question<'_>, except: Option<usize>) -> usize {
        self.weights.clear();
        for answer in 0..question.options {
            let left = u64::from(*at(&mut self.left, question.thread(answer))).max(1);
            self.weights.push(if except == Some(answer) { 0 } else { left });
        }
        let answer = draw(&self.weights, &mut self.common.random).unwrap_or(0);
        self.turn = Some(question.thread(answer));
        self.waited = 0;
        answer
    }
}

/// An index with a probability in proportion to its weight.
fn draw(weights: &[u64], random: &mut Random) -> Option<usize> {
    let sum: u64 = weights.iter().sum();
    if sum == 0 {
        return None;
    }
    let mut at = random.below(sum as usize) as u64;
    weights.iter().position(|weight| {
        let here = at < *weight;
        at = at.saturating_sub(*weight);
        here
    })
}

impl Strategy for Surw {
    fn begin(&mut self, execution: u64) {
        self.common.begin(execution);
        self.created.clear();
        self.left.clear();
        self.known.clear();
        (self.read, self.waited) = (0, 0);
        let random = &mut self.common.random;
        self.profile = random.below(self.profiles.len());
        let Profile { objects, meets, all, .. } = &self.profiles[self.profile];
        let which = random.below(8);
        if self.always_all || objects.is_empty() || which < 3 {
            self.interest = Interest::All;
            self.left.extend(all);
        } else {
            let one = &objects[draw(meets, random).unwrap_or(0)];
            let two = if which < 5 { &objects[draw(meets, random).unwrap_or(0)] } else { one };
            self.interest = Interest::Objects([one.0, two.0]);
            self.left.extend(&one.1);
            if one.0 != two.0 {
                for (thread, count) in (0..).zip(&two.1) {
                    *at(&mut self.left, thread) += count;
                }
            }
        }
        self.turn = None;
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if let Some(answer) = self.common.settled(question) {
            return answer;
        }
        self.catch_up(question.steps);
        self.look(question);
        if self.turn.is_none() {
            self.draw_turn();
        }
        let wish = self.common.wish(question);
        if wish == Wish::Stay {
            return 0;
        }
        self.waited += 1;
        let leaves = wish == Wish::Leave;
        // Who yields keeps its turn: the others come to theirs, and go no further.
        let gives_up = leaves && question.hint == Hint::Spins && self.turn == Some(question.thread(0));
        if gives_up || self.waited > PATIENCE {
            self.turn_of_ready(question, leaves.then_some(0));
        }
        self.free.clear();
        for answer in usize::from(leaves)..question.options {
            let is_its_turn = self.turn.is_none_or(|turn| turn == question.thread(answer));
            if is_its_turn || !self.held[answer] {
                self.free.push(answer);
            }
        }
        match self.free.len() {
            0 => self.turn_of_ready(question, leaves.then_some(0)),
            1 => self.free[0],
            many => self.free[self.common.random.below(many)],
        }
    }

    fn end(&mut self, seen: &Seen<'_>) {
        let counted = self.ended < COUNTED || self.ended.is_multiple_of(COUNTED_LATER);
        self.ended += 1;
        if counted {
            let profile = Profile::of(seen.steps);
            match self.ended as usize {
                1 => self.profiles = vec![profile],
                _ if self.profiles.len() < REMEMBERED => self.profiles.push(profile),
                ended => self.profiles[ended / COUNTED_LATER as usize % REMEMBERED] = profile,
            }
        }
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
