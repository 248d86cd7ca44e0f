//! The rules, in the order in which they are tried. The first that recommends decides; the remarks only add.

mod computing;
mod nothing;
mod remarks;
mod serial;
mod waiting;

use super::facts::Facts;
use super::queueing;
use super::reasons::Reasons;
use crate::model::{Advice, Bottleneck, Choice, Recommendation};

/// Recommends, or has nothing to say. Gives its reasons only when it recommends.
type Rule = fn(&Facts<'_>, &mut Reasons) -> Option<Recommendation>;

const RULES: &[Rule] = &[
    nothing::too_few_looks,
    nothing::idle,
    nothing::unknown_waits,
    serial::interpreter_lock,
    serial::one_lock,
    serial::small_turns,
    serial::serial_fraction,
    waiting::busy_event_loop,
    nothing::spare_time,
    waiting::overlapping,
    computing::short_lived,
    computing::oversubscribed,
    computing::memory_map,
    computing::loop_beside_pool,
    computing::one_chain,
];

fn recommend(choice: Choice, size: Option<u64>, sentence: String) -> Recommendation {
    Recommendation { choice: Some(choice), size, sentence }
}

pub(super) fn advise(facts: &Facts<'_>) -> Advice {
    let mut reasons = Reasons::default();
    let recommendation =
        RULES.iter().find_map(|rule| rule(facts, &mut reasons)).unwrap_or_else(|| computing::pool(facts, &mut reasons));
    remarks::memory_of_threads(facts, &mut reasons);
    remarks::long_events(facts, &mut reasons);
    let usable =
        !matches!(facts.bottleneck, Bottleneck::NotEnough | Bottleneck::Idle) && facts.unknown() < nothing::UNKNOWN;
    let what_if = usable.then(|| queueing::what_if(facts));
    Advice { recommendation, fired: reasons.fired, steps: reasons.steps, what_if }
}
