//! Every execution with no preemption, then every one with a single preemption, and so on.
//!
//! Iterative context bounding (Musuvathi and Qadeer, "Iterative context bounding for systematic testing of multithreaded
//! programs", PLDI 2007). Most mistakes need few preemptions, and how many executions have few of them grows with the
//! length of a program like a polynomial. A preemption is a switch away from a thread that could go on and neither spins nor
//! offers its turn.
//!
//! Partial-order reduction by its races is not sound under such a bound (Coons, Musuvathi and McKinley, "Bounded partial-order
//! reduction", OOPSLA 2013): a representative of a class may need more preemptions than another member. What is sound is
//! not to go on where one has been: two executions so far of the same class lead to the same state (the happens-before
//! cache of CHESS: Musuvathi, Qadeer, Ball, Basler, Nainar and Neamtiu, "Finding and reproducing Heisenbugs in concurrent
//! programs", OSDI 2008), and what can follow with so many more preemptions depends on that, on who runs, and on who can.
//! Bounds increase, so that whoever was there first had no fewer preemptions left.
//!
//! The statement, when a bound has been completed: each class of executions that has a member with at most so many
//! preemptions was performed. `tests/litmus` and `tests/memory` hold it to a naive enumeration that counts preemptions.
//!
//! Departures: what is said in `crate::exhaustive` of spinning holds here too: a thread that spins or offers its turn is left
//! at once, or let go on until it gives up. Answers that are not about threads are all given, and cost nothing.
//!
//! Cannot see: what the class of an execution does not tell, just like the search without a bound. Two different classes
//! with the same hash, among millions a chance of one in millions, would be taken for one.

use super::search::{GRANTED, LONGER, LOOKS, MOST_ANSWERS};
use crate::access::AccessKind;
use crate::classes::Canonical;
use crate::log::{Event, Logged, MOST_STEPS};
use crate::random::mix;
use crate::strategy::{First, Hint, Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::message::{self, Obstacle};
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeSet;

/// Places that are remembered at the most.
const MOST_PLACES: usize = 1 << 22;

/// Answers that are kept to go on from, at the most.
const MOST_KEPT: usize = 1 << 22;

/// One answer on the way.
#[derive(Clone, Copy)]
struct Answer {
    kind: ChoiceKind,
    options: u16,
    /// The answer that is tried first; the others follow, around the end.
    first: u16,
    /// How many are tried without a preemption, and how many in all.
    free: u16,
    all: u16,
    /// Which of them is given, counted from `first`.
    taken: u16,
}

impl Answer {
    fn value(&self) -> usize {
        usize::from(self.first + self.taken) % usize::from(self.options)
    }
}

/// An execution that was performed.
struct Path {
    answers: Vec<Answer>,
    /// Answers before this one belong to earlier paths too.
    own: usize,
}

/// A thread that is let go on although it spins, or offers its turn.
#[derive(Clone, Copy)]
struct Stay {
    thread: ThreadId,
    step: usize,
    questions: u32,
}

/// The search.
#[derive(Default)]
pub struct Bounded {
    /// Preemptions in the executions performed now, and the most that are asked for.
    bound: u32,
    most: u32,
    path: Vec<Answer>,
    /// The next answer to be given; answers of the path that stay while the present work lasts; the first new one.
    next: usize,
    fixed: usize,
    own: usize,
    /// Executions from which one more preemption is to be tried, and where: path, place in it, answer.
    work: Vec<Path>,
    cursor: (usize, usize, u16),
    /// The same for the next bound.
    later: Vec<Path>,
    kept: usize,
    places: BTreeSet<u64>,
    /// The present execution as far as it is known.
    class: Canonical,
    absorbed: usize,
    values: u64,
    stay: Option<Stay>,
    tail: Option<First>,
    /// Answers in the first execution.
    usual: usize,
    executions: u64,
    completed: Option<u32>,
    within: u64,
    everything: bool,
    lost: bool,
    obstacle: Option<Obstacle>,
}

impl Bounded {
    /// A search of all executions with up to `most` preemptions.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Bounded { most, ..Self::default() }
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> message::Bounded {
        message::Bounded {
            executions: self.executions,
            completed: self.completed,
            within: self.within,
            everything: self.everything,
            obstacle: self.obstacle,
        }
    }

    /// Whether it makes no sense to go on.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.lost || self.everything || self.completed.is_some_and(|completed| completed >= self.most)
    }

    fn lose(&mut self, obstacle: Obstacle) {
        self.obstacle.get_or_insert(obstacle);
        self.lost = true;
        self.tail.get_or_insert_default();
    }

    /// An answer that belongs to this question, none of them given yet; `None` where one has been before.
    fn answer(&mut self, question: &Question<'_>) -> Option<Answer> {
        let options = question.options as u16;
        let some = |first, free, all| Some(Answer { kind: question.kind, options, first, free, all, taken: 0 });
        if question.kind != ChoiceKind::Thread {
            // Whether a look in vain is repeated, or an attempt to take a lock, makes no difference.
            let tried = if question.hint == Hint::None { options } else { 1 };
            return some(0, tried, tried);
        }
        let goes_on = question.thread(0) == question.current;
        if goes_on
            && question.hint != Hint::None
            && let Some(stay) = self.stay
        {
            return if stay.questions < LOOKS { some(0, 1, 1) } else { some(1, options - 1, options - 1) };
        }
        if !self.places.insert(self.place(question)) {
            return None;
        }
        match (goes_on, question.hint) {
            (true, Hint::None) => some(0, 1, options),
            (true, _) => some(1, options, options),
            (false, _) => some(0, options, options),
        }
    }

    /// What can follow depends on this.
    fn place(&self, question: &Question<'_>) -> u64 {
        let runs = if question.thread(0) == question.current { u64::from(question.current) } else { u64::MAX };
        let who = question.threads.iter().fold(mix(runs), |who, id| mix(who ^ u64::from(*id)));
        mix(self.class.hash() ^ mix(who ^ mix(self.values ^ question.hint as u64)))
    }

    /// Takes account of what has happened up to a question.
    fn follow(&mut self, question: &Question<'_>) {
        let steps = question.steps;
        if question.kind != ChoiceKind::Thread {
            return;
        }
        if steps.len() >= MOST_STEPS - 1 || steps.len() < self.absorbed {
            self.lose(Obstacle::Endless);
            return;
        }
        self.class.absorb(&steps[self.absorbed..]);
        self.absorbed = steps.len();
        let is_idle = |stay: &Stay| {
            let is_his = |step: &Logged| step.thread == stay.thread && step.access.kind == AccessKind::Local;
            stay.thread == question.current && steps[stay.step..].iter().all(is_his)
        };
        self.stay = self.stay.filter(is_idle);
    }

    /// Takes account of an answer.
    fn given(&mut self, question: &Question<'_>, value: usize) {
        if question.kind != ChoiceKind::Thread {
            // The first answer is what happens where nothing is asked.
            if value != 0 {
                let by = question.steps.last().map_or(0, |step| step.thread);
                let nth = question.steps.iter().filter(|step| step.thread == by).count() as u64;
                let which = mix(mix(u64::from(by) << 32 ^ nth) ^ question.kind as u64);
                self.values = self.values.wrapping_add(mix(which ^ value as u64));
            }
            return;
        }
        let goes_on = question.hint != Hint::None && question.thread(value) == question.current;
        let questions = self.stay.map_or(0, |stay| stay.questions);
        let step = self.stay.map_or(question.steps.len(), |stay| stay.step);
        self.stay = goes_on.then_some(Stay { thread: question.current, step, questions: questions + 1 });
    }

    /// The answer as far as the search has one.
    fn systematic(&mut self, question: &Question<'_>) -> Option<usize> {
        self.follow(question);
        if self.tail.is_some() {
            return None;
        }
        let answer = match self.path.get(self.next) {
            Some(known) if known.kind == question.kind && usize::from(known.options) == question.options => *known,
            Some(_) => {
                self.lose(Obstacle::Differs);
                return None;
            }
            None if self.path.len() >= MOST_ANSWERS.min(self.longest()) => {
                self.lose(Obstacle::Endless);
                return None;
            }
            None => {
                let answer = self.answer(question)?;
                self.path.push(answer);
                answer
            }
        };
        self.next += 1;
        self.given(question, answer.value());
        Some(answer.value())
    }

    fn longest(&self) -> usize {
        if self.executions == 0 { MOST_ANSWERS } else { GRANTED + LONGER * self.usual }
    }

    /// Goes to the next execution: the last answer that can be another one without a preemption is; or else a preemption is
    /// tried elsewhere.
    fn advance(&mut self) {
        self.keep();
        while self.path.len() > self.fixed {
            let last = self.path.len() - 1;
            let answer = &mut self.path[last];
            if answer.taken + 1 < answer.free {
                answer.taken += 1;
                self.own = last + 1;
                return;
            }
            self.path.pop();
        }
        while !self.work_on() {
            (self.completed, self.within) = (Some(self.bound), self.executions);
            self.everything = self.later.is_empty();
            if self.is_over() {
                return;
            }
            self.bound += 1;
            self.work = std::mem::take(&mut self.later);
            self.kept = 0;
            self.cursor = (0, 0, 0);
        }
    }

    /// Keeps the present path, if a preemption can be tried on it.
    fn keep(&mut self) {
        let own = &self.path[self.own.min(self.path.len())..];
        let Some(last) = own.iter().rposition(|answer| answer.free < answer.all) else { return };
        let answers = self.path[..=self.own + last].to_vec();
        self.kept += answers.len();
        self.later.push(Path { answers, own: self.own });
    }

    /// Takes up the next preemption that is to be tried; tells whether there is one.
    fn work_on(&mut self) -> bool {
        let (mut path, mut place, mut answer) = self.cursor;
        while let Some(Path { answers, own }) = self.work.get(path) {
            place = place.max(*own);
            let Some(at) = answers.get(place) else {
                self.work[path].answers = Vec::new();
                (path, place, answer) = (path + 1, 0, 0);
                continue;
            };
            answer = answer.max(at.free);
            if answer < at.all {
                self.path.clear();
                self.path.extend_from_slice(&answers[..=place]);
                self.path[place].taken = answer;
                (self.fixed, self.own) = (place + 1, place + 1);
                self.cursor = (path, place, answer + 1);
                return true;
            }
            (place, answer) = (place + 1, 0);
        }
        false
    }
}

impl Strategy for Bounded {
    fn begin(&mut self, _: u64) {
        self.next = 0;
        self.class.begin();
        self.absorbed = 0;
        self.values = 0;
        self.stay = None;
        self.tail = self.is_over().then(First::default);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if self.tail.is_none()
            && let Some(answer) = self.systematic(question)
        {
            return answer;
        }
        self.tail.get_or_insert_default().choose(question)
    }

    fn end(&mut self, seen: &Seen<'_>) {
        if self.is_over() {
            return;
        }
        self.executions += 1;
        if self.executions == 1 {
            self.usual = self.path.len();
        }
        let io = seen.steps.iter().any(|step| step.event == Event::Performed && step.access.kind == AccessKind::Io);
        let failed = (!seen.passed).then_some(Obstacle::Failure);
        let obstacle = seen.obstacle.or(io.then_some(Obstacle::InputOutput)).or(failed);
        self.obstacle = self.obstacle.or(obstacle);
        if self.next < self.path.len() {
            self.lose(Obstacle::Differs);
            return;
        }
        self.advance();
        self.lost |= self.places.len() > MOST_PLACES || self.kept > MOST_KEPT;
    }

    fn bounded(&self) -> Option<message::Bounded> {
        Some(self.status())
    }

    fn is_sample(&self) -> bool {
        false
    }
}
