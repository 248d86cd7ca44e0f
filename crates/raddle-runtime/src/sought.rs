//! The same failure without old values, where one was found in which loads see older stores than the last.
//!
//! Which of them it needs cannot be told from that execution alone: in a long one each load that sees another value makes
//! all go another way, so that it passes. So it is looked for once more, in a few executions in which each load sees the
//! last store ([`raddle_engine::strategy::Sequential`]). What is found there is a matter of order, which is what most
//! failures are, and easier to understand; what is not found may need weak memory, or luck.

use crate::explore::Explorer;
use crate::shrink::perform;
use crate::state::rt;
use crate::sys;
use raddle_engine::Strategy;
use raddle_engine::random::mix;
use raddle_engine::strategy::{Pos, RandomWalk, Sequential};
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Choice, ChoiceKind};

/// Executions performed at the most.
const MOST_TRIES: u64 = 400;
/// Schedule points passed at the most in all of them.
const MOST_POINTS: u64 = 3_000_000;
/// Nanoseconds at the most.
const MOST_NS: u64 = 3_000_000_000;
/// Failures at the most among which there may be one like it.
const MOST_FOUND: usize = 8;

/// Whether that is a question: a load has seen an older store than the last.
pub fn is_open(choices: &[Choice]) -> bool {
    choices.iter().any(|choice| choice.kind == ChoiceKind::ReadsFrom && choice.taken != 0)
}

/// The choices of executions that end as this one does, in which all loads see the last store.
pub fn in_order(explorer: &mut Explorer, execution: u64, wanted: &Outcome) -> Vec<Vec<Choice>> {
    let seed = mix(rt().plan.seed ^ mix(execution));
    let until_ns = sys::real_time_ns() + MOST_NS;
    let (mut found, mut points) = (Vec::new(), 0);
    for number in 0..MOST_TRIES {
        if points >= MOST_POINTS || found.len() >= MOST_FOUND || sys::real_time_ns() >= until_ns {
            break;
        }
        let seed = mix(seed ^ number);
        let strategy: Box<dyn Strategy> = if number % 2 == 0 {
            Box::new(Sequential::new(Pos::new(seed)))
        } else {
            Box::new(Sequential::new(RandomWalk::new(seed)))
        };
        let (_, choices, ended) = perform(explorer, execution, strategy);
        points += rt().points;
        if ended.is_same_end(wanted) {
            found.push(choices);
        }
    }
    found
}
