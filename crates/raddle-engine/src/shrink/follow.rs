//! Executions as deviations from the one without preemption: noting them, and following them.

#[cfg(test)]
mod tests;

use crate::log::{Event, Logged};
use crate::strategy::{First, Question, Replay, Strategy};
use raddle_protocol::trace::ThreadId;
use raddle_protocol::{Choice, ChoiceKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// A place in an execution that has a meaning in other executions too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The thread that ran last, and how many steps it had taken.
    thread: ThreadId,
    steps: u32,
    /// Whether it could not go on.
    stopped: bool,
    /// What was asked, as a number.
    kind: u8,
}

/// One answer that was not that of the execution without preemption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    place: Place,
    /// How many questions were asked at this place before.
    before: u32,
    /// For a question about threads the thread that goes on; else the answer.
    answer: u32,
    /// Answers given before this one in the execution that it was noted in.
    at: usize,
}

impl Deviation {
    /// Whether this kind of thing was asked.
    #[must_use]
    pub fn is_about(&self, kind: ChoiceKind) -> bool {
        self.place.kind == kind as u8
    }

    /// Whether this kind of thing was asked for any of these.
    pub(crate) fn are_about(all: &[Deviation], kind: ChoiceKind) -> bool {
        all.iter().any(|deviation| deviation.is_about(kind))
    }

    /// Where in the choice stream of the execution that it was noted in it stands.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// The answers of these deviations by where they belong.
    pub(crate) fn by_place(all: &[Deviation]) -> BTreeMap<(Place, u32), VecDeque<u32>> {
        let mut ahead: BTreeMap<(Place, u32), VecDeque<u32>> = BTreeMap::new();
        for Deviation { place, before, answer, .. } in all {
            ahead.entry((*place, *before)).or_default().push_back(*answer);
        }
        ahead
    }
}

/// The deviations of an execution, in order.
pub type Noted = Rc<RefCell<Vec<Deviation>>>;

/// Knows where in an execution a question is asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// Steps by thread.
    taken: Vec<u32>,
    /// Entries of the log that have been read.
    read: usize,
    last: Option<Place>,
    /// Questions asked about threads at each place.
    asked: BTreeMap<Place, u32>,
    /// Questions about other things since the last one about threads.
    others: u32,
}

impl Places {
    pub(crate) fn begin(&mut self) {
        self.taken.clear();
        self.asked.clear();
        (self.read, self.last, self.others) = (0, None, 0);
    }

    /// The place of a question, and how many were asked there before.
    pub(crate) fn of(&mut self, question: &Question<'_>) -> (Place, u32) {
        let kind = question.kind as u8;
        if question.kind != ChoiceKind::Thread {
            // Those do not tell what has happened; they are counted from the last that did.
            self.others += 1;
            let last = self.last.unwrap_or(Place { thread: 0, steps: 0, stopped: false, kind });
            return (Place { kind, ..last }, self.others);
        }
        self.others = 0;
        // Of a very long log the beginning is dropped.
        let from = if self.read <= question.steps.len() { self.read } else { 0 };
        for Logged { thread, event, .. } in &question.steps[from..] {
            if *event == Event::Performed {
                *self.steps(*thread) += 1;
            }
        }
        self.read = question.steps.len();
        let thread = question.current;
        let steps = *self.steps(thread);
        let place = Place { thread, steps, stopped: question.thread(0) != thread, kind };
        self.last = Some(place);
        let asked = self.asked.entry(place).or_default();
        *asked += 1;
        (place, *asked - 1)
    }

    /// Steps that a thread had taken when the last question about threads was asked.
    pub(crate) fn taken(&self, thread: ThreadId) -> usize {
        self.taken.get(thread as usize).map_or(0, |taken| *taken as usize)
    }

    fn steps(&mut self, thread: ThreadId) -> &mut u32 {
        if thread as usize >= self.taken.len() {
            self.taken.resize(thread as usize + 1, 0);
        }
        &mut self.taken[thread as usize]
    }
}

/// Replays a record, and notes where it deviates.
pub struct Note {
    replay: Replay,
    first: First,
    places: Places,
    noted: Noted,
    answered: usize,
}

impl Note {
    /// Replays this record. What is noted can be read from the second value, once the execution is over.
    #[must_use]
    pub fn new(choices: Vec<Choice>) -> (Self, Noted) {
        let noted = Noted::default();
        let (first, places) = (First::default(), Places::default());
        (Note { replay: Replay::new(choices), first, places, noted: Rc::clone(&noted), answered: 0 }, noted)
    }

    /// Notes where it deviates from this one.
    #[must_use]
    pub fn against(self, first: First) -> Self {
        Note { first, ..self }
    }
}

impl Strategy for Note {
    fn begin(&mut self, execution: u64) {
        self.replay.begin(execution);
        self.first.begin(execution);
        self.places.begin();
        self.noted.borrow_mut().clear();
        self.answered = 0;
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let (place, before) = self.places.of(question);
        let usual = self.first.choose(question);
        let taken = self.replay.choose(question).min(question.options - 1);
        if taken != usual {
            let answer = if question.kind == ChoiceKind::Thread { question.thread(taken) } else { taken as u32 };
            self.noted.borrow_mut().push(Deviation { place, before, answer, at: self.answered });
        }
        self.answered += 1;
        taken
    }

    fn allows(&self, kind: ChoiceKind) -> bool {
        self.replay.allows(kind)
    }
}

/// Goes without preemption, except where it is told to deviate. Deviations that do not fit are left out.
pub struct Follow {
    all: Vec<Deviation>,
    ahead: BTreeMap<(Place, u32), VecDeque<u32>>,
    first: First,
    places: Places,
}

impl Follow {
    /// Follows these deviations.
    #[must_use]
    pub fn new(deviations: &[Deviation]) -> Self {
        let (ahead, first, places) = (BTreeMap::new(), First::default(), Places::default());
        Follow { all: deviations.to_vec(), ahead, first, places }
    }

    /// Goes as this one does where it is not told to deviate.
    #[must_use]
    pub fn against(self, first: First) -> Self {
        Follow { first, ..self }
    }
}

impl Strategy for Follow {
    fn begin(&mut self, execution: u64) {
        self.first.begin(execution);
        self.places.begin();
        self.ahead = Deviation::by_place(&self.all);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let place = self.places.of(question);
        let usual = self.first.choose(question);
        let Some(answer) = self.ahead.get_mut(&place).and_then(VecDeque::pop_front) else { return usual };
        if question.kind == ChoiceKind::Thread {
            (0..question.options).find(|option| question.thread(*option) == answer).unwrap_or(usual)
        } else if (answer as usize) < question.options {
            answer as usize
        } else {
            usual
        }
    }

    fn allows(&self, kind: ChoiceKind) -> bool {
        Deviation::are_about(&self.all, kind)
    }
}
