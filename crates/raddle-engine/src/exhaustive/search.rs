//! The strategy: answers as the tree says, and makes the tree grow.

use super::probes::Probes;
use super::races::{Race, Races};
use super::stale::Stale;
use super::tree::{Kind, MOST_READY, Pending, Tree};
use crate::access::{Access, AccessKind};
use crate::log::{Event, Logged};
use crate::strategy::{First, Hint, Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::message::{Obstacle, Search};
use raddle_protocol::trace::ThreadId;

/// Questions about a thread that spins after which it is taken to wait. The longer it spins the more seldom it is asked:
/// so many are asked in the course of some four hundred looks, more than locks take before they sleep.
pub const LOOKS: u32 = 17;

/// Yields between its looks after which such a thread is taken to wait, at the next question about them: it is asked at each
/// yield, and the answers would soon be more than an execution may have.
const YIELDS: u32 = 20;

/// Answers in one execution after which the search gives up: a loop has no end.
pub(super) const MOST_ANSWERS: usize = 20_000;

/// The same in proportion to the first execution, and what is granted to short ones besides: an execution that is so much
/// longer goes round in a loop, and the next ones go round once more each.
pub(super) const LONGER: usize = 10;
/// See [`LONGER`].
pub(super) const GRANTED: usize = 200;

/// A thread that spins and is let go on, to see whether it gives up.
#[derive(Clone, Copy)]
struct Spin {
    thread: ThreadId,
    object: u64,
    /// The answer that let it go on first.
    node: usize,
    /// Entries of the log then.
    step: usize,
    questions: u32,
    yields: u32,
}

/// The search.
#[derive(Default)]
pub struct Exhaustive {
    tree: Tree,
    races: Races,
    /// The next answer to be given.
    next: usize,
    /// The last answer about threads among those given.
    last: Option<usize>,
    spin: Option<Spin>,
    stale: Stale,
    /// Threads that were found to look in vain for ever: at what, and how long the log was then.
    waiting: Vec<(ThreadId, u64, usize)>,
    /// Entries of the log when the present execution ceased to be of interest, and what answers since then.
    tail: Option<usize>,
    unsystematic: First,
    /// Entries of the log that are as they were in an earlier execution.
    known: usize,
    node_at: Vec<u32>,
    /// Answers in the first execution.
    usual: usize,
    executions: u64,
    redundant: u64,
    finished: bool,
    obstacle: Option<Obstacle>,
    lost: bool,
    /// What tells how many executions there are, and whether the present one is a probe.
    probes: Option<Probes>,
    probing: bool,
    /// The part of the tree that has been seen, by the path on which the search stands.
    seen: f64,
}

impl Exhaustive {
    /// A search that has not begun. It says how much lies ahead by the path on which it stands alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A search that finds out how much lies ahead by executions drawn at random from a seed. These are no part of it.
    #[must_use]
    pub fn with_probes(seed: u64) -> Self {
        Exhaustive { probes: Some(Probes::new(seed)), ..Self::default() }
    }

    /// The same, where nothing depends on the answer yet: a search that is soon done with is not asked.
    #[must_use]
    pub fn with_late_probes(seed: u64) -> Self {
        Exhaustive { probes: Some(Probes::late(seed)), ..Self::default() }
    }

    /// The number of executions, as far as it can be told. Most of what is to be tried near the root is not known before the
    /// end, so the path alone says too little; it is asked where there are no probes, or more executions than they have said.
    fn estimate(&self) -> f64 {
        let executions = self.executions as f64;
        if self.finished || self.seen <= 0.0 {
            return executions;
        }
        let classes = self.probes.as_ref().and_then(Probes::estimate).unwrap_or_default();
        let all = classes * executions / (self.executions - self.redundant).max(1) as f64;
        if all > executions { all } else { executions / self.seen }
    }

    /// Whether the next execution is a probe.
    fn is_to_probe(&self) -> bool {
        !self.is_over() && self.probes.as_ref().is_some_and(|probes| probes.is_due(self.executions))
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> Search {
        Search {
            executions: self.executions,
            redundant: self.redundant,
            finished: self.finished,
            obstacle: self.obstacle,
            estimate: self.estimate(),
        }
    }

    /// Whether it makes no sense to go on: all is seen, or the search has lost its way.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.finished || self.lost
    }

    fn hindered(&mut self, obstacle: Obstacle) {
        self.obstacle.get_or_insert(obstacle);
    }

    /// Whether the present execution has more answers than a search of it makes sense for.
    fn is_too_long(&self) -> bool {
        let most = if self.executions == 0 { MOST_ANSWERS } else { GRANTED + LONGER * self.usual };
        self.tree.len() >= most.min(MOST_ANSWERS)
    }

    /// Gives up: from now on nothing is learned any more.
    fn lose(&mut self, obstacle: Obstacle, step: usize) {
        self.hindered(obstacle);
        self.lost = true;
        self.tail = Some(step);
    }

    /// The answer that was given to this question in an earlier execution.
    fn known(&mut self, question: &Question<'_>) -> Option<usize> {
        let at = self.next;
        let node = *self.tree.get(at)?;
        self.next += 1;
        let same = match node.kind {
            Kind::Value(kind) => question.kind == kind && question.options == usize::from(node.options),
            Kind::Thread | Kind::Forced => {
                question.kind == ChoiceKind::Thread
                    && question.steps.len() == node.step as usize
                    && ready(question).eq(self.tree.ready(at).iter().copied())
            }
        };
        if !same {
            self.lose(Obstacle::Differs, 0);
            return None;
        }
        if let Kind::Value(_) = node.kind {
            self.stale.given(question, node.taken.into());
            return Some(node.taken.into());
        }
        self.last = Some(at);
        self.note_waiting(at);
        Some(answer(question, node.taken.into()))
    }

    /// Remembers who was found to look in vain for ever at this answer.
    fn note_waiting(&mut self, at: usize) {
        let node = self.tree.nodes()[at];
        if let Some(place) = node.waits {
            let (thread, access) = self.tree.ready(at)[usize::from(place)];
            self.waiting.retain(|(known, ..)| *known != thread);
            self.waiting.push((thread, access.object, node.step as usize));
        }
    }

    /// Whether a thread is known to look in vain until somebody writes to what it looks at, which nobody has done.
    fn is_waiting(&self, thread: ThreadId, access: Access, steps: &[Logged]) -> bool {
        let writes = |step: &Logged| step.event == Event::Performed && step.access.depends_on(&access);
        self.waiting.iter().any(|(known, object, since)| {
            *known == thread && *object == access.object && !steps[*since..].iter().any(writes)
        })
    }

    /// Whether the thread that was chosen last has performed what it was about to.
    fn has_performed(&self, at: usize, steps: &[Logged]) -> bool {
        let since = &steps[self.tree.nodes()[at].step as usize..];
        since.first().is_some_and(|step| step.event == Event::Performed && step.thread == self.tree.chosen(at).0)
    }

    /// Looks at what became of the last answer about threads. Whoever did nothing was not able to run; then those that
    /// were to be tried instead are to be tried now.
    fn settle(&mut self, steps: &[Logged]) -> u64 {
        let Some(last) = self.last else { return 0 };
        let node = self.tree.nodes()[last];
        if node.kind != Kind::Thread || node.looks || self.has_performed(last, steps) {
            return 0;
        }
        let (_, access) = self.tree.chosen(last);
        let is_waiting = self.is_waiting(self.tree.chosen(last).0, access, steps);
        if !is_waiting && matches!(access.kind, AccessKind::Read | AccessKind::Update | AccessKind::Write) {
            // It has looked in vain. The others have to be let go first, too.
            let others = (0..usize::from(node.options)).filter(|place| *place != usize::from(node.taken));
            let mut fit = others.filter(|place| {
                let (thread, access) = self.tree.ready(last)[*place];
                !self.tree.is_asleep(last, thread) && !self.is_waiting(thread, access, steps)
            });
            let other = fit.next();
            let node = self.tree.at(last);
            node.looks = true;
            node.todo |= other.map_or(0, |other| 1 << other);
            return 0;
        }
        self.tree.at(last).kind = Kind::Forced;
        node.todo & !(node.done | 1 << node.taken)
    }

    /// Adds an answer about threads. Whoever slept at the last one, or has been tried there, sleeps on unless it could
    /// tell what has happened since.
    fn grow(&mut self, question: &Question<'_>) -> usize {
        let at = self.tree.push_threads(question.steps.len() as u32, ready(question));
        let Some(last) = self.last else { return at };
        let node = self.tree.nodes()[last];
        let since = &question.steps[node.step as usize..];
        let chosen = self.tree.chosen(last);
        let looked = node.looks.then_some((chosen.0, Access { kind: AccessKind::Read, ..chosen.1 }));
        let performed =
            since.iter().filter(|step| step.event == Event::Performed).map(|step| (step.thread, step.access));
        let wakes = |(thread, access): Pending| {
            performed.clone().chain(looked).any(|(by, done)| by == thread || done.depends_on(&access))
        };
        for place in 0..self.tree.asleep(last).len() {
            let pending = self.tree.asleep(last)[place];
            if !wakes(pending) {
                self.tree.sleeps(pending);
            }
        }
        for place in 0..usize::from(node.options) {
            let pending = self.tree.ready(last)[place];
            if node.done >> place & 1 != 0 && !wakes(pending) {
                self.tree.sleeps(pending);
            }
        }
        at
    }

    /// Answers a new question about threads.
    fn thread(&mut self, question: &Question<'_>) -> Option<usize> {
        let step = question.steps.len();
        if self.is_too_long() || question.steps.len() >= crate::log::MOST_STEPS - 1 {
            self.lose(Obstacle::Endless, step);
            return None;
        }
        if question.threads.len() > MOST_READY {
            self.lose(Obstacle::ManyThreads, step);
            return None;
        }
        let inherited = self.settle(question.steps);
        let inherited = self.threads(inherited);
        let at = self.grow(question);
        let current = question.threads.binary_search(&question.current).ok();
        let mut out = None;
        if let Some(place) = current {
            match self.spins(question, at, place) {
                Spins::No => {}
                Spins::GoesOn => {
                    self.tree.choose(place, Kind::Forced);
                    self.last = Some(at);
                    return Some(answer(question, place));
                }
                Spins::Waits => {
                    out = Some(place);
                    self.tree.at(at).waits = Some(place as u16);
                    self.note_waiting(at);
                }
                Spins::Begins => {
                    self.tree.choose(place, Kind::Thread);
                    self.tree.at(at).looks = true;
                    if let Some(other) = self.eligible(question, at, Some(place)) {
                        self.tree.at(at).todo |= 1 << other;
                    }
                    self.last = Some(at);
                    return Some(answer(question, place));
                }
            }
        }
        let begins = |place: &usize| self.tree.ready(at)[*place].1.kind == AccessKind::Begins;
        if let Some(place) = (0..question.threads.len()).find(begins) {
            // What it does first is not known before it has come there, and nobody can tell when it does.
            self.tree.choose(place, Kind::Forced);
            self.last = Some(at);
            return Some(answer(question, place));
        }
        let mut todo = 0;
        for thread in inherited {
            if let Ok(place) = question.threads.binary_search(&thread)
                && !self.tree.is_asleep(at, thread)
                && out != Some(place)
            {
                todo |= 1 << place;
            }
        }
        let place = match todo {
            0 => self.eligible(question, at, out),
            todo => Some(u64::trailing_zeros(todo) as usize),
        };
        let Some(place) = place else {
            self.tree.pop();
            self.redundant += 1;
            self.tail = Some(step);
            return None;
        };
        self.tree.choose(place, Kind::Thread);
        self.tree.at(at).todo |= todo;
        self.last = Some(at);
        Some(answer(question, place))
    }

    /// The threads at places of the last answer.
    fn threads(&self, places: u64) -> Vec<ThreadId> {
        let Some(last) = self.last.filter(|_| places != 0) else { return Vec::new() };
        let ready = self.tree.ready(last);
        (0..ready.len()).filter(|place| places >> place & 1 != 0).map(|place| ready[place].0).collect()
    }

    /// Who is to go on: the running thread if it can, unless it offers its turn; otherwise the next one.
    fn eligible(&self, question: &Question<'_>, at: usize, out: Option<usize>) -> Option<usize> {
        let count = question.threads.len();
        let skip = usize::from(question.hint == Hint::Yields && question.threads.contains(&question.current));
        let places = (skip..count).chain(0..skip).map(|answer| question.place(answer));
        let is_fit = |place: &usize| !self.tree.is_asleep(at, question.threads[*place]) && out != Some(*place);
        let able = |place: &usize| {
            let (thread, access) = self.tree.ready(at)[*place];
            is_fit(place) && !self.is_waiting(thread, access, question.steps)
        };
        places.clone().find(able).or_else(|| places.clone().find(is_fit))
    }

    /// What to do with the running thread if it spins.
    fn spins(&mut self, question: &Question<'_>, at: usize, place: usize) -> Spins {
        let (thread, access) = self.tree.ready(at)[place];
        let goes_on = self.spin.filter(|spin| {
            let since = &question.steps[spin.step..];
            spin.thread == thread
                && since.iter().all(|step| step.thread == thread && step.access.kind == AccessKind::Local)
        });
        self.spin = goes_on;
        if question.hint == Hint::Spins && self.is_waiting(thread, access, question.steps) {
            self.spin = None;
            return Spins::Waits;
        }
        match (question.hint, goes_on) {
            (Hint::Yields, Some(spin)) => {
                self.spin = Some(Spin { yields: spin.yields + 1, ..spin });
                Spins::GoesOn
            }
            (Hint::Spins, Some(spin)) if spin.object == access.object => {
                if spin.questions < LOOKS && spin.yields < YIELDS {
                    self.spin = Some(Spin { questions: spin.questions + 1, ..spin });
                    return Spins::GoesOn;
                }
                // It would go on for ever: it waits, and was not able to run.
                self.spin = None;
                let node = self.tree.at(spin.node);
                (node.kind, node.looks) = (Kind::Forced, false);
                Spins::Waits
            }
            (Hint::Spins, _) if self.tree.is_asleep(at, thread) => {
                self.spin = None;
                Spins::Waits
            }
            (Hint::Spins, _) => {
                let step = question.steps.len();
                self.spin = Some(Spin { thread, object: access.object, node: at, step, questions: 1, yields: 0 });
                Spins::Begins
            }
            _ => {
                self.spin = None;
                Spins::No
            }
        }
    }

    /// Answers a new question that is not about threads: the first answer now, the others later, as far as they are tried.
    fn value(&mut self, question: &Question<'_>) -> Option<usize> {
        if self.is_too_long() {
            self.lose(Obstacle::Endless, 0);
            return None;
        }
        let tried = self.stale.tried(question);
        let step = self.last.map_or(0, |last| self.tree.nodes()[last].step);
        self.tree.push_value(question.kind, question.options, tried, step);
        Some(0)
    }

    /// Sees to it that the other order of a race is tried.
    fn reverse(&mut self, race: &Race, initials: std::ops::Range<usize>) {
        debug_assert_eq!(race.initials, initials);
        let Some(at) = self.node_at.get(race.first).filter(|at| **at != NONE).map(|at| *at as usize) else { return };
        let node = self.tree.nodes()[at];
        let ready = self.tree.ready(at);
        let (mut wanted, mut covered) = (None, false);
        for initial in self.races.initials(race) {
            covered |= self.tree.is_asleep(at, *initial);
            if let Ok(place) = ready.binary_search_by_key(initial, |(thread, _)| *thread) {
                covered |= (node.todo | node.done) >> place & 1 != 0;
                if wanted.is_none() || *initial == race.thread {
                    wanted = Some(place);
                }
            }
        }
        if let (Some(place), false) = (wanted, covered) {
            self.tree.at(at).todo |= 1 << place;
        }
    }

    /// Finds what else must be tried, now that the execution is known.
    fn learn(&mut self, steps: &[Logged], pending: &[Access]) {
        let complete = self.tail.is_none();
        let steps = &steps[..self.tail.unwrap_or(steps.len()).min(steps.len())];
        if complete {
            self.settle(steps);
        }
        self.node_at.clear();
        self.node_at.resize(steps.len(), NONE);
        for (at, node) in self.tree.nodes().iter().enumerate() {
            if node.kind == Kind::Thread && self.has_performed(at, steps) {
                self.node_at[node.step as usize] = at as u32;
            }
        }
        for at in 1..steps.len() {
            // What a thread does in one go belongs to one answer.
            let (before, now) = (steps[at - 1], steps[at]);
            if self.node_at[at] == NONE && before.thread == now.thread && now.event == Event::Performed {
                self.node_at[at] = self.node_at[at - 1];
            }
        }
        let pending = if complete { pending } else { &[] };
        self.races.find(steps, self.known, pending);
        debug_assert!(
            self.races.agrees_with(&Races::anew(steps, self.known, pending)),
            "what was kept is not as it was"
        );
        for index in 0..self.races.found().len() {
            let race = self.races.found()[index].clone();
            self.reverse(&race, race.initials.clone());
        }
        if complete {
            self.left_over(steps);
        }
    }

    /// Threads that could still run when the execution ended: they could have run before its last step.
    fn left_over(&mut self, steps: &[Logged]) {
        let Some(last) = self.last.filter(|last| self.tree.nodes()[*last].kind == Kind::Thread) else { return };
        let node = self.tree.nodes()[last];
        let since = &steps[node.step as usize..];
        for place in 0..usize::from(node.options) {
            let (thread, access) = self.tree.ready(last)[place];
            if self.is_waiting(thread, access, steps) {
                continue;
            }
            let has_run = since.iter().any(|step| step.thread == thread && step.event == Event::Performed);
            if place != usize::from(node.taken) && !has_run && !self.tree.is_asleep(last, thread) {
                self.tree.at(last).todo |= 1 << place;
            }
        }
    }
}

/// No answer belongs to this entry of the log.
const NONE: u32 = u32::MAX;

/// What to do with the running thread.
enum Spins {
    /// It does not spin.
    No,
    /// It is let go on, for the first time: others must be tried, too.
    Begins,
    /// It is let go on as before.
    GoesOn,
    /// It is not to go on.
    Waits,
}

/// Threads that can run, and what they are about to do.
fn ready<'a>(question: &'a Question<'a>) -> impl Iterator<Item = Pending> + 'a {
    let pending = |thread: &ThreadId| question.pending.get(*thread as usize).copied().unwrap_or_default();
    question.threads.iter().map(move |thread| (*thread, pending(thread)))
}

/// The answer that stands for the thread at a place.
fn answer(question: &Question<'_>, place: usize) -> usize {
    let count = question.threads.len();
    (place + count - question.first) % count
}

impl Strategy for Exhaustive {
    fn begin(&mut self, _: u64) {
        self.next = 0;
        self.last = None;
        self.spin = None;
        self.stale.begin();
        self.waiting.clear();
        self.tail = self.is_over().then_some(0);
        self.unsystematic = First::default();
        self.probing = self.is_to_probe();
        if let Some(probes) = self.probes.as_mut().filter(|_| self.probing) {
            probes.begin();
        }
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if let Some(probes) = self.probes.as_mut().filter(|_| self.probing) {
            return probes.choose(question);
        }
        let systematic = match (self.tail, self.next < self.tree.len(), question.kind) {
            (Some(_), ..) => None,
            (None, true, _) => self.known(question),
            (None, false, kind) => {
                let answer = if kind == ChoiceKind::Thread { self.thread(question) } else { self.value(question) };
                self.next = self.tree.len();
                answer
            }
        };
        systematic.unwrap_or_else(|| self.unsystematic.choose(question))
    }

    fn end(&mut self, seen: &Seen<'_>) {
        if self.is_over() {
            return;
        }
        if let Some(obstacle) = seen.obstacle {
            self.hindered(obstacle);
        }
        if !seen.passed {
            self.hindered(Obstacle::Failure);
        }
        if let Some(probes) = self.probes.as_mut().filter(|_| self.probing) {
            return probes.end(seen.steps);
        }
        self.executions += 1;
        if self.executions == 1 {
            self.usual = self.tree.len();
        }
        if let Some(probes) = &mut self.probes {
            probes.searched(self.executions, seen.steps);
        }
        if self.next < self.tree.len() {
            // It has ended before it came to where it was to differ.
            self.lose(Obstacle::Differs, 0);
            return;
        }
        self.learn(seen.steps, seen.pending);
        if self.races.overlaps() {
            self.hindered(Obstacle::Overlap);
        }
        if seen.steps.iter().any(|step| step.access.kind == AccessKind::Io) {
            self.hindered(Obstacle::InputOutput);
        }
        match self.tree.advance() {
            Some(at) => {
                self.known = self.tree.nodes()[at].step as usize;
                self.seen = self.tree.seen();
            }
            None => self.finished = true,
        }
    }

    fn search(&self) -> Option<Search> {
        Some(self.status())
    }

    fn is_sample(&self) -> bool {
        false
    }
}
