//! The strategy that performs an execution again with one thread delayed.

use super::Pair;
use crate::log::{Event, Logged};
use crate::shrink::{Deviation, Places};
use crate::strategy::{First, Question, Strategy};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::ThreadId;
use std::collections::{BTreeMap, VecDeque};

/// Questions in a row at which a thread is let go on without taking a step: it waits for another one in a loop.
const IN_VAIN: u32 = 32;

/// Takes the steps of threads in the order of a log, whoever can; but for one thread, which does not take a certain step
/// before another one has taken its own. Without that exception it is the same execution again, which a caller makes sure
/// of first. A thread that takes more steps than it did comes after those that do not.
pub struct Delay {
    /// For each thread when it took its steps.
    order: Vec<Vec<usize>>,
    delayed: Option<Pair>,
    /// Unusual answers that are not about threads.
    values: Vec<Deviation>,
    ahead: BTreeMap<(crate::shrink::Place, u32), VecDeque<u32>>,
    places: Places,
    first: First,
    /// Who was chosen last, how many entries the log had then, and for how long neither has changed.
    last: (ThreadId, usize, u32),
}

impl Delay {
    /// Follows this log, with the second step of `delayed` before its first, and with these answers where they are not
    /// about threads.
    #[must_use]
    pub fn new(steps: &[Logged], delayed: Option<Pair>, deviations: &[Deviation]) -> Self {
        let mut order: Vec<Vec<usize>> = Vec::new();
        for (entry, step) in steps.iter().enumerate().filter(|(_, step)| step.event == Event::Performed) {
            let thread = step.thread as usize;
            if thread >= order.len() {
                order.resize(thread + 1, Vec::new());
            }
            order[thread].push(entry);
        }
        let values = deviations.iter().filter(|deviation| !deviation.is_about(ChoiceKind::Thread)).copied().collect();
        Delay {
            order,
            delayed,
            values,
            ahead: BTreeMap::new(),
            places: Places::default(),
            first: First::default(),
            last: (0, 0, 0),
        }
    }

    /// The thread that must not go on yet.
    fn held(&mut self) -> Option<ThreadId> {
        let Pair { first, second, .. } = self.delayed?;
        let is_there = self.places.taken(first.thread) == first.before;
        (is_there && self.places.taken(second.thread) <= second.before).then_some(first.thread)
    }

    /// When a thread took the step that it is about to take; `None` when it never did.
    fn rank(&self, thread: ThreadId) -> Option<usize> {
        self.order.get(thread as usize)?.get(self.places.taken(thread)).copied()
    }

    /// The thread that has been let go on in vain for too long.
    fn in_vain(&self, question: &Question<'_>) -> Option<ThreadId> {
        let (thread, entries, times) = self.last;
        (entries == question.steps.len() && times >= IN_VAIN).then_some(thread)
    }
}

impl Strategy for Delay {
    fn begin(&mut self, execution: u64) {
        self.first.begin(execution);
        self.places.begin();
        self.ahead = Deviation::by_place(&self.values);
        self.last = (0, 0, 0);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        let place = self.places.of(question);
        let usual = self.first.choose(question);
        if question.kind != ChoiceKind::Thread {
            let answer = self.ahead.get_mut(&place).and_then(VecDeque::pop_front);
            return answer.map(|answer| answer as usize).filter(|answer| *answer < question.options).unwrap_or(usual);
        }
        let (held, in_vain) = (self.held(), self.in_vain(question));
        let is_fit = |option: &usize| Some(question.thread(*option)) != held;
        let others = |option: &usize| is_fit(option) && Some(question.thread(*option)) != in_vain;
        let ranked = |option: usize| Some((self.rank(question.thread(option))?, option));
        let best = (0..question.options).filter(others).filter_map(ranked).min().map(|(_, option)| option);
        let usual = Some(usual).filter(others).or_else(|| (0..question.options).find(others));
        let option = best.or(usual).or_else(|| (0..question.options).find(is_fit)).unwrap_or(0);
        let (thread, entries, times) = self.last;
        let chosen = question.thread(option);
        let again = thread == chosen && entries == question.steps.len();
        self.last = (chosen, question.steps.len(), if again { times + 1 } else { 0 });
        option
    }

    fn allows(&self, kind: ChoiceKind) -> bool {
        Deviation::are_about(&self.values, kind)
    }
}
