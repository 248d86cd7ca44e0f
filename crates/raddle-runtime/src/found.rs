//! What is wrong with an execution, as far as that can be said before it is recorded: which end is a finding, which one may
//! be a test that always fails, and when there is enough. And the one execution that does not come from the search: a
//! schedule that has failed in an earlier build, kept to be tried first.

use crate::explore::{Explorer, send};
use crate::state::rt;
use raddle_engine::strategy::{First, Kept};
use raddle_protocol::message::{End, Regressed};
use raddle_protocol::trace::{Bound, ConflictKind, Outcome};
use raddle_protocol::{Choice, ChoiceKind, Message};
use std::collections::BTreeSet;

/// How many times as many schedule points as the first an execution has without anything being wrong with it: threads that are
/// in each other's way try again.
const LONGER: u64 = 4;

/// Distinct findings reported at the most, when all are wanted.
const MOST_FINDINGS: usize = 16;

/// What an exploration has come upon so far.
#[derive(Clone, Default)]
pub struct Found {
    /// The execution without preemption, if it has failed and none has passed yet.
    pub first_failure: Option<(Outcome, Vec<Choice>)>,
    /// Signatures of what has been reported.
    pub known: BTreeSet<u64>,
    /// Whether any has failed in a way which is left alone from then on: at a race, or by the letter only.
    pub left_alone: bool,
    /// An execution beside the search that has failed: in step, or with a wait that ended for no reason.
    pub beside: Option<(Outcome, Vec<Choice>)>,
}

impl Explorer {
    /// Reports what is wrong with the execution that has just been performed. Returns whether that is enough.
    pub fn weigh(&mut self, outcome: Outcome, execution: u64, found: &mut Found) -> bool {
        let runtime = rt();
        match outcome {
            Outcome::Passed => {
                if runtime.pass_mark.is_none() {
                    runtime.pass_mark = runtime.returned;
                }
                if let Some((outcome, choices)) = found.first_failure.take() {
                    self.report(outcome, 0, choices, &mut found.known);
                    if !runtime.plan.keep_going {
                        return true;
                    }
                }
                self.left.count(execution);
                let is_first = execution == 0;
                if is_first {
                    self.first_points = runtime.points;
                }
                let has_spun = is_first && runtime.execution.has_spun;
                let choices = if is_first { runtime.tape.record().to_vec() } else { Vec::new() };
                self.look_closer(execution);
                self.compare_output(execution);
                if is_first && runtime.outcome == Outcome::Passed {
                    self.look_behind_locks(&choices);
                }
                if has_spun {
                    self.look_at_spinning(&choices);
                }
            }
            Outcome::Exited(_) | Outcome::Crashed { .. } if execution == 0 => {
                found.first_failure = Some((outcome, runtime.tape.record().to_vec()));
            }
            // Nothing but a schedule that passes makes the first failure a matter of order.
            Outcome::Exited(_) if found.first_failure.is_some() => {}
            Outcome::Crashed { .. } if matches!(found.first_failure, Some((Outcome::Crashed { .. }, _))) => {}
            outcome => {
                let choices = runtime.tape.record().to_vec();
                let race = matches!(&outcome, Outcome::Conflict(found) if found.kind == ConflictKind::Race);
                if let Outcome::NoProgress(Bound::Steps(points)) = outcome {
                    if self.continues_in_step(execution, &choices, found) {
                        return !runtime.plan.keep_going || found.known.len() >= MOST_FINDINGS;
                    }
                    // The first one has nobody kept from running.
                    let is_only_long = points < LONGER * self.first_points;
                    if execution > 0 && (is_only_long || self.ends_in_step(&choices, points)) {
                        return false;
                    }
                }
                let before = runtime.memory_model();
                self.report(outcome, execution, choices, &mut found.known);
                let is_left_alone = race || runtime.memory_model() != before;
                if !(runtime.plan.keep_going || is_left_alone) || found.known.len() >= MOST_FINDINGS {
                    return true;
                }
                found.left_alone |= is_left_alone;
            }
        }
        false
    }

    /// Where the first execution has failed, and a thread's turn has ended in it before the thread had to wait: performs one in
    /// which that does not happen, as an execution that the search knows nothing of. If it passes, the failure is a matter of
    /// order, however many schedules fail. Returns how the search ends, if it does.
    pub fn compare_with_no_slices(&mut self, found: &mut Found) -> Option<End> {
        let (_, choices) = found.first_failure.as_ref()?;
        if !choices.iter().any(|choice| choice.kind == ChoiceKind::Thread && choice.taken != 0) {
            return None;
        }
        let points = LONGER * rt().points;
        let outcome = self.led_by(Box::new(First::without_slices()), |explorer| {
            explorer.within(points, |explorer| explorer.perform_reversibly(1))
        });
        if outcome != Outcome::Passed {
            return None;
        }
        self.passes_uninterrupted = true;
        self.count(&outcome);
        self.weigh(outcome, 1, found).then_some(End::Finding)
    }

    /// Performs a kept stream, as an execution that the search knows nothing of. Returns how the search ends where there is
    /// nothing to be searched for: it fails as it did, or it fits and passes.
    pub fn regress(&mut self, choices: Vec<Choice>, found: &mut Found) -> Option<End> {
        let kept = Box::new(Kept::new(choices.clone()));
        let outcome = self.led_by(kept, |explorer| {
            let outcome = explorer.perform_reversibly(1);
            explorer.count(&outcome);
            outcome
        });
        let regressed = match outcome {
            Outcome::Passed if rt().tape.record() == choices => Regressed::Passes,
            Outcome::Passed => Regressed::DoesNotFit,
            _ => Regressed::Fails,
        };
        send(&Message::Regressed(regressed));
        if self.weigh(outcome, 1, found) {
            return Some(End::Finding);
        }
        (regressed != Regressed::DoesNotFit).then_some(End::Budget)
    }
}
