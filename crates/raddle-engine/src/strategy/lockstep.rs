//! Threads in step: after a beginning they take turns of one length, one after the other, round and round.
//!
//! A livelock needs its threads to keep pace, which chance undoes sooner or later: of two threads that give way to each
//! other, a random schedule soon lets one of them through. Under this one they meet each other at the same steps again
//! and again. It is as fair as a schedule can be (every thread that can run does so within a round), so an execution that
//! does not end under it is not one in which somebody was kept from running. Loops that such a schedule can keep going
//! are what the fair cycles of Musuvathi and Qadeer, "Fair stateless model checking" (PLDI 2008), are about; theirs is a
//! search with a fair scheduler, this is one schedule that loops easily.
//!
//! The beginning, drawn at random or recorded, shifts the threads against each other.

use super::random::one_in;
use super::{Hint, Question, Replay, Strategy};
use crate::random::Random;
use raddle_protocol::{Choice, ChoiceKind};

/// What comes before threads are in step.
#[derive(Clone, Debug)]
enum Beginning {
    /// So many turns, drawn at random.
    Drawn(Random, u64),
    /// This stream, as far as it goes.
    Recorded(Replay),
}

/// Threads in step.
#[derive(Clone, Debug)]
pub struct Lockstep {
    beginning: Beginning,
    /// Points that a turn lasts.
    turn: u64,
    passed: u64,
}

impl Lockstep {
    /// The `number`th of them: the first has no beginning and turns of one point, the others draw both.
    #[must_use]
    pub fn drawn(seed: u64, number: u64) -> Self {
        /// Points of a beginning at the most, and of a turn.
        const LONGEST: (usize, usize) = (32, 3);
        let mut random = Random::new(seed, number);
        let (points, turn) = match number {
            0 => (0, 1),
            _ => (random.below(LONGEST.0 + 1) as u64, 1 + one_in(2, &mut random, LONGEST.1) as u64),
        };
        Lockstep { beginning: Beginning::Drawn(random, points), turn, passed: 0 }
    }

    /// In step after these choices.
    #[must_use]
    pub fn after(choices: Vec<Choice>) -> Self {
        Lockstep { beginning: Beginning::Recorded(Replay::new(choices)), turn: 1, passed: 0 }
    }
}

impl Strategy for Lockstep {
    fn begin(&mut self, execution: u64) {
        if let Beginning::Recorded(replay) = &mut self.beginning {
            replay.begin(execution);
        }
        self.passed = 0;
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        match &mut self.beginning {
            Beginning::Recorded(replay) => {
                let taken = replay.choose(question);
                if replay.divergence().is_none() {
                    return taken;
                }
            }
            Beginning::Drawn(random, left) if *left > 0 && question.kind == ChoiceKind::Thread => {
                *left -= 1;
                return random.below(question.options);
            }
            Beginning::Drawn(..) => {}
        }
        // Answer 0 is the running thread if it can go on, else the one after it.
        if question.kind != ChoiceKind::Thread || question.thread(0) != question.current {
            self.passed = 0;
            return 0;
        }
        self.passed += 1;
        if self.passed < self.turn && question.hint == Hint::None {
            return 0;
        }
        self.passed = 0;
        1
    }

    fn is_sample(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schedule;
    use crate::strategy::Strategy;
    use crate::{Next, Tape};

    /// Who runs at each of the points of three threads that do not end.
    fn order(lockstep: Lockstep, points: usize) -> Vec<u32> {
        let mut schedule = Schedule::new();
        (1..3).for_each(|id| assert_eq!(schedule.spawn(), id));
        let mut tape = Tape::new(Box::new(lockstep) as Box<dyn Strategy>);
        tape.begin(1);
        let next = |schedule: &mut Schedule, tape: &mut Tape| match schedule.next(tape, Hint::None) {
            Next::Run(thread) => thread,
            Next::Stuck => panic!("all three can run"),
        };
        (0..points).map(|_| next(&mut schedule, &mut tape)).collect()
    }

    #[test]
    fn all_take_turns() {
        assert_eq!(order(Lockstep::drawn(1, 0), 7), [1, 2, 0, 1, 2, 0, 1]);
    }

    #[test]
    fn a_recorded_beginning_comes_first() {
        let stay = Choice { kind: ChoiceKind::Thread, options: 3, taken: 0 };
        assert_eq!(order(Lockstep::after(vec![stay; 2]), 5), [0, 0, 1, 2, 0]);
    }

    #[test]
    fn turns_and_beginnings_differ() {
        let orders: std::collections::BTreeSet<_> = (0..8).map(|n| order(Lockstep::drawn(1, n), 60)).collect();
        assert!(orders.len() > 4);
        assert!(orders.iter().all(|order| (0..3).all(|id| order[40..].contains(&id))));
    }
}
