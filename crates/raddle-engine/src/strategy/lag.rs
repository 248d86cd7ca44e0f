//! Long delays: threads run without preemption, but for a few that stand still for long, right before or after they change
//! something that others look at.
//!
//! Some mistakes need a thread to stand still while another does a great deal: goes to sleep after many rounds of looking
//! for work, or leaves its function and ends. Strategies that draw at every step let the thread go on long before. Here
//! a thread that stands still is not chosen while any other can run. Non-preemptive runs with few delays find many
//! mistakes: Emmi, Qadeer and Rakamarić, "Delay-bounded scheduling", POPL'11. Where to delay follows the noise makers:
//! Edelstein, Farchi, Goldin, Nir, Ratsaby and Ur, "Framework for testing multi-threaded Java programs", CCPE 2003,
//! whose delays stand around accesses to shared variables.
//!
//! Departures. A delay has no length: it ends when nobody else can run, when those that can only spin, or after some
//! thousand points. How many are to be expected is drawn for each execution between 1 and 32, and all objects have the
//! same share of them, however often they are changed: most changes are bookkeeping. What only one thread ever touched in
//! the executions looked at is left out. Which of several that stand still goes on first is drawn for each execution: the
//! first, the last, any, or the one of the highest rank; ranks may drop as those of PCT do. Every second one goes on for one
//! step: if others look at what it changes by that, it stands still again, behind all of them, until they have made of it
//! what they can. So does one that has set a flag that others wait for, and that is to touch what lies beside the flag when
//! they have left. A thread that yields keeps its turn if all others stand still, since it may go to sleep after many yields.
//! Apart from such second delays there are no more than twice those to be expected. Loads read the latest store in every
//! second execution.
//!
//! Cannot reach: a preemption between two loads. Other strategies are there for that.

#[cfg(test)]
mod tests;

use super::common::{Common, Wish, unread};
use super::{Hint, Question, Seen, Strategy};
use crate::access::Access;
use crate::log::{Event, Logged};
use crate::random::mix;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeMap;

/// How many delays are to be expected in an execution.
const EXPECTED: [usize; 8] = [1, 2, 4, 8, 12, 16, 24, 32];
/// The first executions, all of which are looked at for who touches what, and one in how many later ones.
const COUNTED: u64 = 4;
/// See [`COUNTED`].
const COUNTED_LATER: u64 = 64;
/// After so many times the delays to be expected there are no more in an execution: one that goes on for ever if somebody
/// keeps coming late would not end.
const TIMES_EXPECTED: usize = 2;
/// Points after which a thread goes on that stands still; drawn for each execution. Most waiting is noticed long before;
/// a pool's worker passes some hundred points before it sleeps.
const PATIENCE: [usize; 2] = [1000, 4000];
/// One in how many yields lets a thread go on that stands still, when nobody else could.
const YIELDS: usize = 512;

/// Who goes on when all that can run stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    FirstCome,
    LastCome,
    Any,
    Rank,
    Drop,
}

/// The orders of which one is drawn. The last comes first more often: whoever stands still longest is then the one that
/// all others overtake. By rank, one thread stays behind whatever the others do, however often they stand still
/// themselves. With drops, a thread that goes on may fall behind all others for good, as in PCT: it comes to its place late,
/// and is then late to leave it.
const ORDERS: [Order; 9] = [
    Order::FirstCome,
    Order::LastCome,
    Order::LastCome,
    Order::Any,
    Order::Rank,
    Order::Rank,
    Order::Drop,
    Order::Drop,
    Order::Drop,
];
/// How many of them an execution has that somebody else has begun: there all that matters is who comes last.
const LATE_ORDERS: usize = 6;
/// One in how many threads that go on falls behind all others, where they may.
const DROPS: usize = 4;
/// One in how many threads that go on does so for one step.
const STEPS: usize = 2;

/// What is known of an object.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Who touches it, if it is only one thread.
    owner: Option<ThreadId>,
    /// How often it was changed, in how many executions.
    changes: usize,
    executions: usize,
}

/// Long delays at few places.
#[derive(Clone, Debug)]
pub struct Lag {
    common: Common,
    /// Who stands still, in the order in which they came to.
    still: Vec<ThreadId>,
    order: Order,
    /// What makes the ranks of threads in this execution.
    ranks: u64,
    /// Threads that have fallen behind all others, the last one last.
    behind: Vec<ThreadId>,
    /// Who goes on for one step only.
    stepping: Option<ThreadId>,
    /// How many delays are to be expected, and how many there have been.
    expected: usize,
    delays: usize,
    /// This execution's pick of [`PATIENCE`].
    patience: usize,
    /// Entries of the log that have been looked at.
    read: usize,
    /// Points since the one that stands still longest came to.
    waited: usize,
    /// Whether loads read the latest store in this execution.
    latest: bool,
    ended: u64,
    objects: BTreeMap<u64, Known>,
    /// How many of them several threads touched and one changed, in all executions that have been looked at, and how many
    /// executions these are.
    shared: usize,
    learnt: usize,
    /// Room to work in.
    free: Vec<usize>,
}

impl Lag {
    /// The executions of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Lag {
            common: Common::new(seed, "lag"),
            still: Vec::new(),
            order: Order::Any,
            ranks: 0,
            behind: Vec::new(),
            stepping: None,
            expected: 1,
            delays: 0,
            patience: PATIENCE[0],
            read: 0,
            waited: 0,
            latest: true,
            ended: 0,
            objects: BTreeMap::new(),
            shared: 0,
            learnt: 0,
            free: Vec::new(),
        }
    }

    /// A thread has done this, or is about to: if it changes what others touch, the thread may come to stand still.
    fn place(&mut self, thread: ThreadId, access: Access) {
        if !access.is_shared() || access.only_reads() || self.delays >= TIMES_EXPECTED * self.expected {
            return;
        }
        let times = match self.objects.get(&access.object) {
            Some(Known { owner: Some(_), .. }) => return,
            Some(known) => known.changes.div_ceil(known.executions),
            None => 1,
        };
        let rate = (self.shared * times / self.learnt.max(1) / self.expected).max(2);
        if self.common.random.below(rate) == 0 && !self.still.contains(&thread) {
            if self.still.is_empty() {
                self.waited = 0;
            }
            self.still.push(thread);
            self.delays += 1;
        }
    }

    /// Who has gone on for one step stands still again behind all others, if others look at what it has changed.
    fn step_back(&mut self, thread: ThreadId, access: Access) {
        let is_own = matches!(self.objects.get(&access.object), Some(Known { owner: Some(_), .. }));
        if access.is_shared() && !access.only_reads() && !is_own && !self.still.contains(&thread) {
            self.still.push(thread);
            self.delays += 1;
            self.put_behind(thread);
        }
    }

    fn put_behind(&mut self, thread: ThreadId) {
        self.behind.retain(|other| *other != thread);
        self.behind.push(thread);
    }

    /// Learns from an execution who touches what, and how often.
    fn learn(&mut self, steps: &[Logged]) {
        let mut seen: BTreeMap<u64, Known> = BTreeMap::new();
        for step in steps.iter().filter(|step| step.event == Event::Performed && step.access.is_shared()) {
            let fresh = Known { owner: Some(step.thread), changes: 0, executions: 1 };
            let known = seen.entry(step.access.object).or_insert(fresh);
            known.owner = known.owner.filter(|owner| *owner == step.thread);
            known.changes += usize::from(!step.access.only_reads());
        }
        self.shared += seen.values().filter(|known| known.owner.is_none() && known.changes > 0).count();
        self.learnt += 1;
        for (object, new) in seen {
            let fresh = Known { owner: new.owner, changes: 0, executions: 0 };
            let known = self.objects.entry(object).or_insert(fresh);
            known.owner = known.owner.filter(|owner| Some(*owner) == new.owner);
            known.changes += new.changes;
            known.executions += 1;
        }
    }

    /// Takes account of what has happened since the last question: whoever has changed something may stand still.
    fn catch_up(&mut self, question: &Question<'_>) {
        for step in unread(question.steps, &mut self.read) {
            match step.event {
                Event::Performed | Event::Spawned => {
                    if self.stepping.take_if(|stepping| *stepping == step.thread).is_some() {
                        self.step_back(step.thread, step.access);
                    }
                    self.place(step.thread, step.access);
                }
                Event::Woken | Event::TimedOut => {}
            }
        }
    }

    /// Takes over an execution that somebody else has begun: whoever can run stands still already, or does not, each with
    /// the same probability.
    pub(super) fn go_on(&mut self, question: &Question<'_>) {
        self.read = question.steps.len();
        self.order = ORDERS[self.common.random.below(LATE_ORDERS)];
        for thread in question.threads {
            if self.common.random.below(2) == 0 {
                self.still.push(*thread);
            }
        }
    }

    /// Who stands still, a bit for each.
    pub(super) fn stand_still(&self) -> u64 {
        self.still.iter().fold(0, |all, thread| all | 1 << (thread % u64::BITS))
    }

    /// Lets one of those go on that stand still, in this order; returns its answer.
    fn release(&mut self, question: &Question<'_>, order: Order, except: Option<usize>) -> usize {
        let answer = |thread: ThreadId| {
            (0..question.options).find(|answer| question.thread(*answer) == thread && Some(*answer) != except)
        };
        let mut able: Vec<(usize, usize)> =
            self.still.iter().enumerate().filter_map(|(at, thread)| Some((at, answer(*thread)?))).collect();
        let is_behind = |(at, _): &(usize, usize)| self.behind.contains(&self.still[*at]);
        if order != Order::FirstCome && !able.iter().all(is_behind) {
            able.retain(|one| !is_behind(one));
        }
        let (at, answer) = match (order, able.len()) {
            (_, 0) => return usize::from(except == Some(0)),
            (Order::FirstCome, _) => able[0],
            (Order::LastCome, many) => able[many - 1],
            (Order::Any, many) => able[self.common.random.below(many)],
            (Order::Rank | Order::Drop, _) => {
                let rank = |(at, _): &(usize, usize)| {
                    let thread = self.still[*at];
                    let behind = self.behind.iter().position(|other| *other == thread);
                    (core::cmp::Reverse(behind.map(|at| at + 1)), mix(self.ranks ^ u64::from(thread)))
                };
                able.iter().copied().max_by_key(rank).unwrap_or(able[0])
            }
        };
        let thread = self.still.remove(at);
        if order == Order::Drop && self.common.random.below(DROPS) == 0 {
            self.put_behind(thread);
        }
        self.stepping = (self.common.random.below(STEPS) == 0).then_some(thread);
        if at == 0 {
            self.waited = 0;
        }
        answer
    }
}

impl Strategy for Lag {
    fn begin(&mut self, execution: u64) {
        self.common.begin(execution);
        self.still.clear();
        self.behind.clear();
        self.stepping = None;
        (self.read, self.waited, self.delays) = (0, 0, 0);
        let random = &mut self.common.random;
        self.latest = random.below(2) == 0;
        self.order = ORDERS[random.below(ORDERS.len())];
        self.ranks = random.bits();
        self.patience = PATIENCE[random.below(PATIENCE.len())];
        self.expected = EXPECTED[random.below(EXPECTED.len())];
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind == ChoiceKind::ReadsFrom && self.latest {
            return 0;
        }
        if let Some(answer) = self.common.settled(question) {
            return answer;
        }
        self.catch_up(question);
        let runs_on = question.thread(0) == question.current;
        if runs_on {
            self.place(question.current, question.pending(0));
        }
        let wish = self.common.wish(question);
        if wish == Wish::Stay {
            return 0;
        }
        self.waited += 1;
        if self.waited > self.patience {
            self.waited = 0;
            return self.release(question, Order::FirstCome, None);
        }
        let turn_is_over = runs_on && self.common.turn_is_over(question.current);
        let leaves = wish == Wish::Leave || turn_is_over;
        let is_still = |answer: usize| self.still.contains(&question.thread(answer));
        if runs_on && !leaves && !is_still(0) {
            return 0;
        }
        let free = usize::from(leaves)..question.options;
        self.free.clear();
        self.free.extend(free.filter(|answer| !is_still(*answer)));
        match self.free.len() {
            0 if question.hint == Hint::Yields
                && !turn_is_over
                && !is_still(0)
                && self.common.random.below(YIELDS) != 0 =>
            {
                0
            }
            0 => self.release(question, self.order, leaves.then_some(0)),
            1 => self.free[0],
            many => self.free[self.common.random.below(many)],
        }
    }

    fn end(&mut self, seen: &Seen<'_>) {
        if self.ended < COUNTED || self.ended.is_multiple_of(COUNTED_LATER) {
            self.learn(seen.steps);
        }
        self.ended += 1;
    }

    fn is_sample(&self) -> bool {
        false
    }

    fn opening(&self) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.clone()))
    }
}
