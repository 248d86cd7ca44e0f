//! Pairs of steps that could have happened in the other order.
//!
//! Happens-before by vector clocks over the log: program order, creation, wake-ups, and the order of dependent steps. A
//! pair of dependent steps of two threads is a race if the second would not have come later anyway, by what its thread
//! had done before. To see it the other way around, the search must begin, before the first step, with a thread that can
//! come first in what happened between the two without depending on the first: an initial.
//!
//! An execution of the search begins as the one before it did. What is known of the entries that both have stays ([`Undo`]);
//! only those behind them are looked at. In builds with debug assertions the search compares the outcome with that of a
//! [`Races`] that has seen nothing yet.

use crate::access::{Access, AccessKind};
use crate::log::{Event, Logged};
use raddle_protocol::trace::ThreadId;
use std::collections::BTreeMap;
use std::ops::Range;

/// A race.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Race {
    /// The entry of the first step.
    pub first: usize,
    /// The thread of the second.
    pub thread: ThreadId,
    /// Threads with which an execution of the other order can begin: where in [`Races::initials`] they are listed.
    pub initials: Range<usize>,
}

/// What has been done to an object so far.
#[derive(Default)]
struct Object {
    /// All steps, by their entries.
    steps: Vec<u32>,
    /// Where in `steps` the last one is that depends on all others.
    changed: Option<usize>,
    /// Bytes of memory, at the most.
    size: u8,
}

/// What an entry has changed, to be put back when the next execution goes on from before it.
#[derive(Clone, Copy)]
struct Undo {
    /// The object that it is a step on, if it is one.
    object: Option<u32>,
    /// What was true of the object before, and of all together.
    changed: Option<usize>,
    size: u8,
    overlap: bool,
}

/// Finds races. What is known is kept from one execution to the next.
#[derive(Default)]
pub struct Races {
    /// Numbers of objects by their keys, and the objects of the present execution.
    numbers: BTreeMap<u64, usize>,
    objects: Vec<Object>,
    /// For each entry that is known.
    undo: Vec<Undo>,
    /// Whether memory was accessed in pieces that overlap without beginning at the same address.
    overlap: bool,
    width: usize,
    /// What lies in the past of each entry: for every thread the number of its last entry there, plus one.
    past: Vec<u32>,
    /// The same for each thread as it stands.
    now: Vec<u32>,
    candidates: Vec<u32>,
    found: Vec<Race>,
    initials: Vec<ThreadId>,
    firsts: Vec<(ThreadId, usize)>,
}

/// The widest atomic operation, in bytes.
const WIDEST: u64 = 16;

/// Objects after which the numbering begins anew.
const MOST_OBJECTS: usize = 1 << 16;

impl Races {
    /// Finds the races of an execution whose second step is the entry `from` or a later one. Entries before `from` are
    /// those of the execution looked at last, if there was one. `pending` is what each thread was about to do in the end.
    pub fn find(&mut self, steps: &[Logged], from: usize, pending: &[Access]) {
        self.begin(steps, from, pending.len());
        for at in self.undo.len()..steps.len() {
            self.step(steps, at, from);
        }
        self.at_end(steps, pending);
    }

    /// Finds the races with what threads have never come to do.
    fn at_end(&mut self, steps: &[Logged], pending: &[Access]) {
        for (thread, access) in pending.iter().enumerate() {
            if matches!(access.kind, AccessKind::Lock | AccessKind::Acquire) {
                self.candidates(steps, thread as ThreadId, *access);
                self.judge(steps, steps.len(), thread as ThreadId);
            }
        }
    }

    /// The races of an execution, found without knowing any other.
    pub fn anew(steps: &[Logged], from: usize, pending: &[Access]) -> Self {
        let mut races = Races::default();
        races.begin(steps, 0, pending.len());
        for at in 0..steps.len() {
            races.step(steps, at, from);
        }
        races.at_end(steps, pending);
        races
    }

    /// Whether another, which has seen other executions before, has come to the same.
    pub fn agrees_with(&self, other: &Races) -> bool {
        self.found == other.found && self.initials == other.initials && self.overlap == other.overlap
    }

    /// Whether the execution accessed memory in pieces that overlap without beginning at the same address. The order of
    /// such accesses is not seen to matter.
    pub fn overlaps(&self) -> bool {
        self.overlap
    }

    /// The races found.
    pub fn found(&self) -> &[Race] {
        &self.found
    }

    /// The initials of a race.
    pub fn initials(&self, race: &Race) -> &[ThreadId] {
        &self.initials[race.initials.clone()]
    }

    fn begin(&mut self, steps: &[Logged], from: usize, threads: usize) {
        let last = steps.iter().map(|step| match step.event {
            Event::Performed => step.thread,
            Event::Spawned | Event::Woken | Event::TimedOut => step.thread.max(step.access.object as ThreadId),
        });
        let width = last.max().map_or(0, |last| last as usize + 1).max(threads);
        self.found.clear();
        self.initials.clear();
        if width != self.width || self.numbers.len() > MOST_OBJECTS {
            self.width = width;
            self.forget();
        }
        self.go_back(from.min(steps.len()));
        self.stand(steps);
    }

    /// Nothing is known any more.
    fn forget(&mut self) {
        self.numbers.clear();
        self.objects.clear();
        self.undo.clear();
        self.past.clear();
        self.overlap = false;
    }

    /// Only the first entries, so many, are known from now on.
    fn go_back(&mut self, entries: usize) {
        while self.undo.len() > entries
            && let Some(undo) = self.undo.pop()
        {
            let Some(object) = undo.object else { continue };
            let object = &mut self.objects[object as usize];
            object.steps.pop();
            object.changed = undo.changed;
            object.size = undo.size;
            self.overlap = undo.overlap;
        }
        self.past.truncate(self.undo.len() * self.width);
    }

    /// Works out where each thread stands after the entries that are known.
    fn stand(&mut self, steps: &[Logged]) {
        self.now.clear();
        self.now.resize(self.width * self.width, 0);
        for (at, step) in steps.iter().enumerate().take(self.undo.len()) {
            let past = at * self.width..(at + 1) * self.width;
            let own = self.row(step.thread);
            self.now[own].copy_from_slice(&self.past[past]);
            match step.event {
                Event::Spawned => self.learn_entry(step.access.object as ThreadId, at),
                Event::TimedOut => (0..self.width as ThreadId).for_each(|thread| self.learn_entry(thread, at)),
                Event::Performed | Event::Woken => {}
            }
        }
    }

    /// Notes how much memory an access touches.
    fn touch(&mut self, number: usize, access: Access) {
        if access.size <= self.objects[number].size {
            return;
        }
        self.objects[number].size = access.size;
        let (start, end) = (access.object, access.object.saturating_add(access.size.into()));
        for (&other, &number) in self.numbers.range(start.saturating_sub(WIDEST)..end) {
            self.overlap |= other != start && other.saturating_add(self.objects[number].size.into()) > start;
        }
    }

    fn number(&mut self, key: u64) -> usize {
        let next = self.objects.len();
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            self.objects.push(Object::default());
        }
        number
    }

    fn row(&self, thread: ThreadId) -> Range<usize> {
        let start = thread as usize * self.width;
        start..start + self.width
    }

    /// Lets a thread know all that another one knows.
    fn learn(&mut self, thread: ThreadId, from: ThreadId) {
        for column in 0..self.width {
            let known = self.now[from as usize * self.width + column];
            let own = &mut self.now[thread as usize * self.width + column];
            *own = (*own).max(known);
        }
    }

    /// Lets a thread know an entry and all that lies in its past.
    fn learn_entry(&mut self, thread: ThreadId, entry: usize) {
        for column in 0..self.width {
            let known = self.past[entry * self.width + column];
            let own = &mut self.now[thread as usize * self.width + column];
            *own = (*own).max(known);
        }
    }

    fn step(&mut self, steps: &[Logged], at: usize, from: usize) {
        let Logged { thread, event, access } = steps[at];
        if event == Event::Woken {
            self.learn(thread, access.object as ThreadId);
        }
        let mut undo = Undo { object: None, changed: None, size: 0, overlap: self.overlap };
        let is_step = event == Event::Performed && access.is_shared();
        if is_step {
            let number = self.number(access.object);
            if at >= from {
                self.candidates_of(steps, thread, access, number);
            }
            let object = &self.objects[number];
            undo = Undo { object: Some(number as u32), changed: object.changed, size: object.size, ..undo };
            self.touch(number, access);
            for place in undo.changed.unwrap_or(0)..self.objects[number].steps.len() {
                let entry = self.objects[number].steps[place] as usize;
                if steps[entry].access.depends_on(&access) {
                    self.learn_entry(thread, entry);
                }
            }
            let object = &mut self.objects[number];
            if !access.commutes() {
                object.changed = Some(object.steps.len());
            }
            object.steps.push(at as u32);
        }
        if event == Event::TimedOut {
            // Time moves when nobody can run: all that has happened is before all that will.
            (0..self.width as ThreadId).for_each(|other| self.learn(thread, other));
        }
        self.now[thread as usize * self.width + thread as usize] = at as u32 + 1;
        let row = self.row(thread);
        self.past.extend_from_slice(&self.now[row]);
        self.undo.push(undo);
        match event {
            Event::Spawned => self.learn_entry(access.object as ThreadId, at),
            Event::TimedOut => (0..self.width as ThreadId).for_each(|other| self.learn_entry(other, at)),
            Event::Performed | Event::Woken => {}
        }
        if is_step && at >= from {
            self.judge(steps, at, thread);
        }
    }

    /// Whether an entry of another thread lies in the past of what a thread does next, by what that has done so far.
    fn is_past(&self, thread: ThreadId, of: ThreadId, entry: usize) -> bool {
        self.now[thread as usize * self.width + of as usize] as usize > entry
    }

    /// Collects the steps that this step of a thread depends on, and that it could have come before.
    fn candidates(&mut self, steps: &[Logged], thread: ThreadId, access: Access) {
        let number = self.number(access.object);
        self.candidates_of(steps, thread, access, number);
    }

    /// The same, where the object's number is known.
    fn candidates_of(&mut self, steps: &[Logged], thread: ThreadId, access: Access, number: usize) {
        self.candidates.clear();
        if access.kind == AccessKind::Join {
            // Nobody joins a thread before its end.
            return;
        }
        for &entry in self.objects[number].steps.iter().rev() {
            let Logged { thread: other, access: earlier, .. } = steps[entry as usize];
            if other == thread || !earlier.depends_on(&access) {
                if !earlier.commutes() {
                    break;
                }
                continue;
            }
            // A lock is not taken before it is given back; the other who has taken it is whom to come before.
            if access.kind == AccessKind::Lock && earlier.kind == AccessKind::Unlock {
                continue;
            }
            if !self.is_past(thread, other, entry as usize) {
                self.candidates.push(entry);
            }
            // Whether permits are left is not known here: any earlier step may be what to come before.
            if !earlier.commutes() && access.kind != AccessKind::Acquire {
                break;
            }
        }
        if access.kind == AccessKind::Acquire {
            return;
        }
        // Of two of which one comes before the other, the later one is to be reversed first.
        let mut at = 0;
        while at < self.candidates.len() {
            let entry = self.candidates[at] as usize;
            let of = steps[entry].thread as usize;
            let is_before =
                |other: &u32| *other as usize != entry && self.past[*other as usize * self.width + of] as usize > entry;
            if self.candidates.iter().any(is_before) {
                self.candidates.swap_remove(at);
            } else {
                at += 1;
            }
        }
    }

    /// Turns the candidates before the entry `at`, a step of `thread`, into races. `at` may be one past the end: a step
    /// that was never performed.
    fn judge(&mut self, steps: &[Logged], at: usize, thread: ThreadId) {
        for index in 0..self.candidates.len() {
            let first = self.candidates[index] as usize;
            let start = self.initials.len();
            self.collect(steps, first, at, thread);
            let initials = start..self.initials.len();
            self.found.push(Race { first, thread, initials });
        }
    }

    /// The initials of what lies between two entries and does not depend on the first, followed by the second.
    fn collect(&mut self, steps: &[Logged], first: usize, at: usize, thread: ThreadId) {
        let width = self.width;
        let of = steps[first].thread as usize;
        self.firsts.clear();
        for (entry, step) in steps.iter().enumerate().take(at).skip(first + 1) {
            let depends = self.past[entry * width + of] as usize > first;
            let is_known = self.firsts.iter().any(|(known, _)| *known == step.thread);
            if step.event != Event::Performed || depends || is_known || step.thread as usize == of {
                continue;
            }
            self.firsts.push((step.thread, entry));
        }
        if !self.firsts.iter().any(|(known, _)| *known == thread) {
            self.firsts.push((thread, at));
        }
        for &(initial, entry) in &self.firsts {
            let past = if entry < steps.len() {
                &self.past[entry * width..(entry + 1) * width]
            } else {
                &self.now[initial as usize * width..(initial as usize + 1) * width]
            };
            let comes_later =
                |(other, earlier): &(ThreadId, usize)| *other != initial && past[*other as usize] as usize > *earlier;
            if !self.firsts.iter().any(comes_later) {
                self.initials.push(initial);
            }
        }
    }
}
