//! Where nothing is recommended, and why.

use super::super::facts::Facts;
use super::super::reasons::Reasons;
use crate::model::{Bottleneck, Recommendation};
use crate::words::{counted, percent};

/// Unknown waiting from which on nothing is recommended.
pub(super) const UNKNOWN: f64 = 0.5;
/// Idle time from which on a program has time to spare.
const SPARE: f64 = 0.25;

fn nothing(sentence: String) -> Recommendation {
    Recommendation { choice: None, size: None, sentence }
}

/// It was over before it could be measured.
pub(super) fn too_few_looks(facts: &Facts<'_>, _: &mut Reasons) -> Option<Recommendation> {
    if *facts.bottleneck != Bottleneck::NotEnough {
        return None;
    }
    Some(nothing(format!("Nothing can be recommended on {}.", counted(facts.m.sampling.ticks, "look"))))
}

/// It had no work.
pub(super) fn idle(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    if *facts.bottleneck != Bottleneck::Idle {
        return None;
    }
    reasons.because(
        "idle",
        "A program that has nothing to do does not need another model.",
        format!("{} of the time nobody worked", percent(facts.shares.idle())),
    );
    Some(nothing(format!(
        "Leave it as it is: it had work for {} of the time. Profile it again under load.",
        percent(1.0 - facts.shares.idle())
    )))
}

/// It waits for what Raddle does not know.
pub(super) fn unknown_waits(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    if facts.unknown() < UNKNOWN {
        return None;
    }
    reasons.because(
        "unknown-waits",
        "What to do about waiting depends on what is waited for.",
        format!("{} of the time it waited for something that Raddle does not know", percent(facts.unknown())),
    );
    Some(nothing(format!(
        "Nothing can be recommended: for {} of the time it is not known what the program waits for.",
        percent(facts.unknown())
    )))
}

/// It pauses by design.
pub(super) fn spare_time(facts: &Facts<'_>, reasons: &mut Reasons) -> Option<Recommendation> {
    let idle = facts.shares.idle();
    if idle < SPARE || facts.shares.computing() >= crate::verdict::DOMINANT {
        return None;
    }
    reasons.because(
        "spare-time",
        "A program that pauses by design is not held up by its processor.",
        format!("{} of the time nobody had anything to do", percent(idle)),
    );
    Some(nothing(format!(
        "Nothing to gain here by more concurrency: for {} of the time the program had nothing to do, and it \
         computed for {}. If its pauses are not meant, look at the longest waits.",
        percent(idle),
        percent(facts.shares.computing())
    )))
}
