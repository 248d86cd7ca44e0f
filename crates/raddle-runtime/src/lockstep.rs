//! Looks for executions that go round for ever although every thread has its turn (see [`crate::rounds`]): threads that keep
//! in step fall into such rounds easily, and chance gets them out of it soon. So a few executions in step are performed right
//! after the first, and one after the beginning of any that has reached its limit.
//!
//! The contrary too: an execution that has reached its limit because a thread was kept from running for whom others spin
//! comes to its end in step, and is no mistake.

use crate::explore::Explorer;
use crate::found::Found;
use crate::rounds;
use crate::stalled::is_stalled;
use crate::state::rt;
use raddle_engine::strategy::Lockstep;
use raddle_protocol::Choice;
use raddle_protocol::trace::{Bound, Outcome};
use std::collections::BTreeSet;

/// Executions in step that are performed at the most; where each is a process of its own, so many.
const TRIES: (u64, u64) = (128, 4);

/// Points passed in all of them at the most, and in step behind the limit of an execution.
const MOST_POINTS: u64 = 200_000;

/// Of the executions of a search, one in how many may be in step.
const SHARE: u64 = 2;

/// Points of an execution in step at the most: what has not begun to go round by then is left alone.
const POINTS: u64 = 2 * rounds::SHORTEST;

/// Executions in step that come to that without going round, after which no more are tried.
const LONG: u64 = 4;

/// Choices of an execution that has reached its limit, after which its threads are put in step.
const BEGINNING: usize = 1_000;

/// Points of the execution that comes of it.
const CONTINUED: u64 = 4 * rounds::SHORTEST;

impl Explorer {
    /// Performs executions in step, of which one that goes round is sent, as number 0: whether it is a mistake is judged on its
    /// record, for a lock that spins may be in vain for ever in such a schedule, by design. So the search goes on.
    pub fn in_step(&mut self, found: &mut Found) {
        let runtime = rt();
        let (seed, tries) = (runtime.plan.seed, self.tries_beside(TRIES, SHARE));
        let (mut unfinished, mut points) = (0, 0);
        for number in 0..tries {
            if self.is_out_of_time() {
                return;
            }
            let (outcome, choices) = self.perform_within(Box::new(Lockstep::drawn(seed, number)), POINTS);
            if matches!(outcome, Outcome::NoProgress(Bound::Round(_))) {
                // Should the search come upon it too, it is reported then.
                return self.report_round(outcome, 0, choices, &mut BTreeSet::new());
            }
            let stalls = is_stalled(&outcome);
            if stalls || !matches!(outcome, Outcome::Passed | Outcome::NoProgress(_)) {
                found.beside.get_or_insert((outcome, choices));
            }
            // One stall takes seconds, and if the search meets none, this one is told of.
            if stalls {
                break;
            }
            // Such a test takes long, or counts its laps.
            unfinished += u64::from(rt().points >= POINTS);
            points += rt().points;
            if unfinished >= LONG || points >= MOST_POINTS {
                break;
            }
        }
    }

    /// An execution has reached its limit. If it goes round when its threads are put in step, that is reported in its place.
    pub fn continues_in_step(&mut self, execution: u64, choices: &[Choice], found: &mut Found) -> bool {
        let beginning = choices[..choices.len().min(BEGINNING)].to_vec();
        let (outcome, choices) = self.perform_within(Box::new(Lockstep::after(beginning)), CONTINUED);
        let goes_round = matches!(outcome, Outcome::NoProgress(Bound::Round(_)));
        if goes_round {
            self.report_round(outcome, execution.max(1), choices, &mut found.known);
        }
        goes_round
    }

    /// Whether an execution that has reached its limit at so many points comes to its end if its threads are put in step from
    /// there on. Then it was long because somebody was kept from running for whom others spin, which no machine does for long.
    pub fn ends_in_step(&mut self, choices: &[Choice], points: u64) -> bool {
        let (limit, in_step) = (points + MOST_POINTS, Box::new(Lockstep::after(choices.to_vec())));
        let (outcome, _) = self.limited_to(limit, |explorer| explorer.perform_within(in_step, limit));
        outcome == Outcome::Passed
    }

    fn report_round(&mut self, outcome: Outcome, execution: u64, choices: Vec<Choice>, known: &mut BTreeSet<u64>) {
        let Outcome::NoProgress(Bound::Round(points)) = outcome else { return };
        self.within(points, |explorer| explorer.report(outcome, execution, choices, known));
    }
}
