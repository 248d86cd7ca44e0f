//! Waits at condition variables that end without a notification, as the documentation of all of them says they may.
//!
//! Right after the first execution, if that has had to do with a condition variable, a few are performed in which such waits
//! end so ([`raddle_engine::strategy::Spurious`] says which). What fails in one of them is told of when the search has come to
//! its end without finding anything: most who do not look again after a wait are mistaken in other ways too, which are
//! easier to believe.
//!
//! Asked of are the condition variables of the standard library and of POSIX. Those of other crates come back from a
//! notification only, if they say so, and are programs like any other if they do not.

use crate::explore::{Explorer, check_replay};
use crate::found::Found;
use crate::state::{recording, rt};
use raddle_engine::strategy::Spurious;
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Choice, ChoiceKind, Role, Site};

/// Waits of the execution without preemption that end so, one at a time, and random executions in which some do. Where each
/// is a process of its own, so many.
const TRIES: (u64, u64) = (16, 2);

/// Of the executions of a search, one in how many may be one of either kind.
const SHARE: u64 = 4;

/// Points passed in all of them at the most.
const MOST_POINTS: u64 = 200_000;

/// Whether this call of the futex system call is part of a condition variable of the standard library.
pub fn is_condition(call: Site) -> bool {
    call.step && matches!(call.role, Role::CondvarWait | Role::CondvarNotify)
}

/// The execution has to do with a condition variable.
pub fn noted() {
    rt().execution.has_conditions = true;
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

/// Whether a wait has ended so in an execution with these choices.
pub fn is_among(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| choice.kind == ChoiceKind::SpuriousWakeup && choice.taken != 0)
}

impl Explorer {
    /// Performs executions with such waits, after the first execution. The first of them that fails is kept.
    pub fn wake_spuriously(&mut self, found: &mut Found) {
        let runtime = rt();
        if !runtime.execution.has_conditions {
            return;
        }
        let (seed, most_points) = (runtime.plan.seed, runtime.plan.budget.steps);
        let tries = self.tries_beside(TRIES, SHARE);
        let ones = (0..tries).map(Spurious::at);
        let drawn = (0..tries).map(|number| Spurious::drawn(seed, number));
        let mut points = 0;
        for strategy in ones.chain(drawn) {
            let (outcome, choices) = self.perform_within(Box::new(strategy), most_points);
            if is_among(&choices) && !matches!(outcome, Outcome::Passed | Outcome::NoProgress(_)) {
                found.beside.get_or_insert((outcome, choices));
                return;
            }
            points += rt().points;
            if points >= MOST_POINTS {
                return;
            }
        }
    }
}
