//! Tells of a finding: performs the execution again for its record, lets it be made easier to read and its reason be looked
//! for, and sends what has come of that.

use crate::explore::{Explorer, send};
use crate::record::Recorder;
use crate::stalled::is_stalled;
use crate::state::{MOST_INVERTED, rt};
use crate::{cause, letter, record, sched, shrink, sought, spurious, sys, watch};
use raddle_engine::backlog::piles_up;
use raddle_engine::random::mix;
use raddle_engine::strategy::{First, Replay};
use raddle_protocol::trace::{Bound, Outcome, ThreadId};
use raddle_protocol::{Cause, Choice, Message, POLL_SHARES, RawFinding};
use std::collections::BTreeSet;

/// Nanoseconds for which a finding is made easier to read and its reason is looked for, each.
const ASIDE_NS: u64 = 5_000_000_000;
/// Schedule points that an execution performed for a report may have: so many times those of the one it is about, ...
const LONGER: u64 = 4;
/// ... and so many more.
const LONGEST_SHORT: u64 = 20_000;
/// Changes in a row to something that two threads share, from which on it is looked at as a queue.
const BACKLOG: usize = 100;

/// Looks of a thread at one place, with nobody interrupting it, that no loop comes to which ends by itself.
const ENDLESS: u32 = 15_000;

/// Locks at the most of which it is looked at what is behind them, ...
const MOST_BEHIND: usize = 3;
/// ... and how many bytes that is: more than a mutex and a vector or map in it take.
const BEHIND: u64 = 79;
/// Schedule points of an execution that is recorded for that, at the most.
const LONGEST_BEHIND: u64 = 10_000;

/// The execution that has just been recorded, as far as its record tells of it.
pub fn raw(outcome: Outcome, execution: u64, choices: Vec<Choice>, recorder: Box<Recorder>) -> RawFinding {
    let runtime = rt();
    let trace = recorder.into_trace(runtime, &outcome);
    let (ignored, memory) = (runtime.ignored.clone(), runtime.memory_model());
    RawFinding { choices, trace, ignored, memory, ..RawFinding::new(outcome, execution) }
}

/// What the thread that ran last has looked at for so many points, if it has done nothing else.
fn spins_since(points: u64) -> Option<Cause> {
    let place = sched::looked_at(u32::try_from(points).unwrap_or(u32::MAX))?;
    Some(Cause { spins: Some((rt().execution.number(), place)), ..Cause::default() })
}

impl Explorer {
    /// Performs an execution again, for the record.
    pub fn record(
        &mut self,
        execution: u64,
        choices: Vec<Choice>,
        accesses: Option<(u64, u64)>,
    ) -> (Outcome, Box<Recorder>) {
        self.record_long(execution, choices, accesses, 0)
    }

    /// Performs an execution again, for the record, that has so many schedule points; 0 where that is not known.
    fn record_long(
        &mut self,
        execution: u64,
        choices: Vec<Choice>,
        accesses: Option<(u64, u64)>,
        points: u64,
    ) -> (Outcome, Box<Recorder>) {
        let runtime = rt();
        watch::record_accesses_of(accesses);
        watch::count_accesses_by(runtime.plan.world.poll_budget.div_ceil(POLL_SHARES));
        runtime.recorder = Some(Box::new(Recorder::of_length(points)));
        // libtest's own judgement is part of what is performed again only where it was reached the first time; the
        // recorded choices end with it.
        let replay = Box::new(Replay::new(choices));
        let outcome = self.led_by(replay, |explorer| explorer.perform_reversibly(execution));
        let recorder = runtime.recorder.take().unwrap_or_default();
        watch::record_accesses_of(None);
        watch::count_accesses_by(0);
        (outcome, recorder)
    }

    /// Reports a finding with its record.
    pub fn report(&mut self, outcome: Outcome, execution: u64, choices: Vec<Choice>, known: &mut BTreeSet<u64>) {
        let accesses = outcome.bytes();
        let points = if let Outcome::NoProgress(Bound::Steps(points)) = outcome { points } else { 0 };
        let (mut again, mut recorder) = if is_stalled(&outcome) {
            self.record_stalled(&outcome, execution, &choices)
        } else {
            self.record_long(execution, choices.clone(), accesses, points)
        };
        let signature = recorder.signature(&outcome);
        if !known.insert(signature) {
            return;
        }
        let mut choices = choices;
        let can_be_compared = shrink::manner(&outcome, rt()).is_some();
        if again.is_same_end(&outcome) && can_be_compared && (execution != 0 || self.passes_uninterrupted) {
            // Where threads wait matters only where that is the failure.
            let places = |recorder: &Recorder| {
                ((outcome == Outcome::Stuck).then(|| recorder.signature(&outcome)), recorder.panics())
            };
            let wanted = places(&recorder);
            if cause::is_open(&outcome) && sought::is_open(&choices) {
                let found = self.briefly(|explorer| sought::in_order(explorer, execution, &outcome));
                // The same failure, as far as a reader is concerned, in one of those executions?
                let same = found.into_iter().find(|other| {
                    let (ended, recorder) = self.record(execution, other.clone(), accesses);
                    ended.is_same_end(&outcome) && wanted == places(&recorder)
                });
                choices = same.unwrap_or(choices);
            }
            for better in self.briefly(|explorer| shrink::easier_to_read(explorer, execution, &choices)) {
                (again, recorder) = self.record(execution, better.clone(), accesses);
                // The same kind of end is not enough: it must be in the same places.
                if again.is_same_end(&outcome) && wanted == places(&recorder) {
                    choices = better;
                    break;
                }
            }
        }
        let mut cause = match outcome {
            // Whoever looks may yield and sleep in between.
            Outcome::NoProgress(Bound::Steps(points)) => spins_since(points / 4),
            _ => None,
        };
        if again.is_same_end(&outcome) && self.has_passed && cause::is_open(&outcome) && !spurious::is_among(&choices) {
            let reasons = self.briefly(|explorer| cause::find(explorer, execution, &choices));
            (again, recorder) = self.record(execution, choices.clone(), accesses);
            cause = reasons.map(|reasons| recorder.places_of_reasons(&reasons, rt()));
        }
        let mut by_the_letter = false;
        if again.is_same_end(&outcome) && can_be_compared && letter::is_open(&choices) {
            by_the_letter = self.briefly(|explorer| letter::decides(explorer, execution, &choices));
            let reasons = by_the_letter && cause.is_none();
            let reasons =
                reasons.then(|| self.briefly(|explorer| cause::find(explorer, execution, &choices))).flatten();
            (again, recorder) = self.record(execution, choices.clone(), accesses);
            cause = cause.or(reasons.map(|reasons| recorder.places_of_reasons(&reasons, rt())));
        }
        let differs = (!again.is_same_end(&outcome)).then_some(again);
        let place = recorder.conflict_place();
        let raw = raw(outcome, execution, choices, recorder);
        let outcome = record::renumbered(raw.outcome, rt());
        let told = if by_the_letter { mix(signature) } else { signature };
        self.show(told, RawFinding { outcome, differs, cause, by_the_letter, ..raw });
        if by_the_letter {
            // What fails in the same places and does not need that is worse, and not known yet.
            known.remove(&signature);
            rt().memory.let_exchanges_fence(true);
        } else {
            rt().ignored.extend(place);
        }
    }

    /// Sends a finding.
    pub fn show(&mut self, signature: u64, raw: RawFinding) {
        if !self.silent {
            self.shown.push(signature);
            send(&Message::Finding(Box::new(raw)));
        }
    }

    /// The execution that has just passed is recorded, if something has happened in it that may be a mistake and had not
    /// happened in earlier ones.
    pub fn look_closer(&mut self, execution: u64) {
        let runtime = rt();
        let mut odd = runtime.execution.odd;
        odd.outlived &= execution == 0;
        odd.piled = execution == 0 && piles_up(runtime.execution.schedule.log().steps(), BACKLOG);
        let is_new = self.looked_at.inverted < MOST_INVERTED;
        odd.inverted = u8::from(is_new && runtime.execution.locks.contradicts_itself());
        let counts = execution == 0 && runtime.plan.world.poll_budget > 0;
        if !counts && !odd.beyond(self.looked_at) {
            return;
        }
        self.looked_at = self.looked_at.or(odd);
        if odd.inverted > 0 {
            // Each of them is one more to be looked at.
            odd.inverted = self.looked_at.inverted;
        }
        self.report_passed(execution, runtime.tape.record().to_vec(), odd.signature(), runtime.points);
    }

    /// The execution without preemption has passed, and locks were taken in it that may be held for too short: it is recorded
    /// for each of them once more, with what is behind the lock.
    pub fn look_behind_locks(&mut self, choices: &[Choice]) {
        if rt().points > LONGEST_BEHIND {
            return;
        }
        let locks: Vec<u64> = rt().execution.locks.retaken().take(MOST_BEHIND).collect();
        for lock in locks {
            let behind = (lock + 1, BEHIND);
            let perform = |explorer: &mut Self| explorer.record(0, choices.to_vec(), Some(behind));
            let (outcome, recorder) = self.aside(perform);
            if outcome != Outcome::Passed {
                return;
            }
            let cause = Some(Cause { behind: Some(behind), ..Cause::default() });
            self.show(mix(lock), RawFinding { cause, ..raw(outcome, 0, choices.to_vec(), recorder) });
        }
    }

    /// A thread has spun for long in the execution without preemption, which has passed. Whether it would have stopped by itself
    /// is seen where nobody interrupts it; if not, the execution is recorded.
    pub fn look_at_spinning(&mut self, choices: &[Choice]) {
        let Some(spins) = self.briefly(|explorer| explorer.endless_spinner()) else { return };
        let (outcome, recorder) = self.aside(|explorer| explorer.record(0, choices.to_vec(), None));
        if outcome == Outcome::Passed {
            let cause = Some(Cause { spins: Some(spins), ..Cause::default() });
            self.show(mix(spins.1), RawFinding { cause, ..raw(outcome, 0, choices.to_vec(), recorder) });
        }
    }

    /// The thread that spins without end when nobody interrupts it, and what it looks at.
    fn endless_spinner(&mut self) -> Option<(ThreadId, u64)> {
        let outcome = self.led_by(Box::new(First::without_slices()), |explorer| explorer.perform_reversibly(0));
        let is_cut_off = matches!(outcome, Outcome::NoProgress(Bound::Steps(_)));
        let place = sched::looked_at(ENDLESS).filter(|_| is_cut_off)?;
        Some((rt().execution.number(), place))
    }

    /// Sends the record of an execution that has passed, in which something may be a mistake. It has so many schedule points,
    /// or 0 where that is not known.
    pub fn report_passed(&mut self, execution: u64, choices: Vec<Choice>, signature: u64, points: u64) {
        let (outcome, recorder) = self.record_long(execution, choices.clone(), None, points);
        if outcome == Outcome::Passed {
            self.show(signature, raw(outcome, execution, choices, recorder));
        }
    }

    /// Performs executions for the report of the one before: none is much longer than that, and it does not go on for long.
    pub fn briefly<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let most = LONGER * rt().points + LONGEST_SHORT;
        self.aside_until_ns = sys::real_time_ns() + ASIDE_NS;
        self.stalling_after(ASIDE_NS / 1_000_000, |explorer| explorer.within(most, |explorer| explorer.aside(work)))
    }

    /// Whether what is done for a report has taken long enough.
    pub fn is_late(&self) -> bool {
        sys::real_time_ns() >= self.aside_until_ns
    }
}
