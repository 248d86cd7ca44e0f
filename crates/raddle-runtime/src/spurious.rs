//! What happens for no reason: waits at condition variables that end without a notification, and weak compare-exchanges that
//! fail although the values are equal, as the documentation of all of them says they may.
//!
//! Right after the first execution, if that has had to do with such a thing, a few are performed in which it happens
//! ([`raddle_engine::strategy::Spurious`] says when). What fails in one of them is told of when the search has come to
//! its end without finding anything: most who do not look again are mistaken in other ways too, which are easier to believe.
//!
//! Asked of are the condition variables of the standard library and of POSIX. Those of other crates come back from a
//! notification only, if they say so, and are programs like any other if they do not. Weak compare-exchanges of the standard
//! library itself are taken to be used rightly.

use crate::explore::{Explorer, check_replay};
use crate::found::Found;
use crate::state::{recording, rt};
use raddle_engine::strategy::{SPURIOUS, Spurious};
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Choice, ChoiceKind, Role, Site};

/// Times that one kind of thing happens in the execution without preemption, one at a time, and random executions in which it
/// does some of the times. Where each is a process of its own, so many.
const TRIES: (u64, u64) = (16, 2);

/// Of the executions of a search, one in how many may be one of either kind.
const SHARE: u64 = 4;

/// Points passed in all executions for one kind at the most.
const MOST_POINTS: u64 = 200_000;

/// What an execution has had to do with, of [`SPURIOUS`].
#[derive(Clone, Copy, Default, Debug)]
pub struct Met {
    conditions: bool,
    weak: bool,
}

/// Whether this call of the futex system call is part of a condition variable of the standard library.
pub fn is_condition(call: Site) -> bool {
    call.step && matches!(call.role, Role::CondvarWait | Role::CondvarNotify)
}

/// The execution has to do with a condition variable.
pub fn noted() {
    rt().execution.met.conditions = true;
}

/// Whether the compare-exchange that is about to happen may fail for no reason.
#[inline]
pub fn may_fail(site: Site) -> bool {
    if site.weak.is_none() {
        return false;
    }
    let runtime = rt();
    runtime.execution.met.weak = true;
    runtime.tape.may_fail_spuriously() && !runtime.epilogue
}

/// Whether the wait at a condition variable that is about to begin ends without a notification.
pub fn wakes() -> bool {
    noted();
    let runtime = rt();
    if runtime.epilogue {
        return false;
    }
    let wakes = runtime.tape.wakes_spuriously();
    if recording() {
        check_replay();
    }
    wakes
}

/// Whether anything has happened for no reason in an execution with these choices.
pub fn is_among(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| SPURIOUS.contains(&choice.kind) && choice.taken != 0)
}

impl Explorer {
    /// Performs executions in which such things happen, after the first execution. The first of them that fails is kept.
    pub fn let_happen(&mut self, found: &mut Found) {
        let Met { conditions, weak } = rt().execution.met;
        let met = [(ChoiceKind::SpuriousWakeup, conditions), (ChoiceKind::WeakFailure, weak)];
        for (kind, _) in met.into_iter().filter(|(_, is_met)| *is_met) {
            if !self.is_out_of_time() {
                self.let_one_happen(kind, found);
            }
        }
    }

    fn let_one_happen(&mut self, kind: ChoiceKind, found: &mut Found) {
        let (seed, most_points) = (rt().plan.seed, rt().plan.budget.steps);
        let tries = self.tries_beside(TRIES, SHARE);
        let ones = (0..tries).map(|number| Spurious::at(kind, number));
        let drawn = (0..tries).map(|number| Spurious::drawn(kind, seed, number));
        let mut points = 0;
        for strategy in ones.chain(drawn) {
            let (outcome, choices) = self.perform_within(Box::new(strategy), most_points);
            if is_among(&choices) && !matches!(outcome, Outcome::Passed | Outcome::NoProgress(_)) {
                found.beside.get_or_insert((outcome, choices));
                return;
            }
            points += rt().points;
            if points >= MOST_POINTS || self.is_out_of_time() {
                return;
            }
        }
    }
}
