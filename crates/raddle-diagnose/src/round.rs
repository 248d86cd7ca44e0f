//! An execution that goes round for ever, from the first time that it does so: what leads there, and one round.
//!
//! The runtime has shown that after the last [`Trace::round`] steps everything is as it was before them. The same steps stand
//! there again and again; all but the first of these rounds are left out, so that the rest of the record ends where the
//! whole one does.

use crate::action::{Action, What};
use crate::case::Case;
use raddle_engine::waits::Object;
use raddle_protocol::RawFinding;
use raddle_protocol::trace::{Bound, Outcome, Step, ThreadId, Trace};
use std::borrow::Cow;

/// The record with one round; as it is, where there is none.
pub fn cut(raw: &RawFinding) -> Cow<'_, RawFinding> {
    let (steps, round) = (&raw.trace.steps, raw.trace.round as usize);
    if !matches!(raw.outcome, Outcome::NoProgress(Bound::Round(_))) || round == 0 || raw.trace.steps_cut > 0 {
        return Cow::Borrowed(raw);
    }
    let same = |at: &usize| is_same(&steps[*at], &steps[*at + round]);
    let rounds = (0..steps.len().saturating_sub(round)).rev().take_while(same).count() / round;
    let mut raw = raw.clone();
    raw.trace.steps.truncate(steps.len() - rounds * round);
    Cow::Owned(raw)
}

/// Whether one step is the other one again. Time may have passed.
fn is_same(step: &Step, later: &Step) -> bool {
    step.thread == later.thread && step.stack == later.stack && step.op == later.op
}

/// What the threads do in a round.
pub struct Round<'a> {
    /// In order.
    pub actions: &'a [Action],
    /// Who does anything.
    pub runners: Vec<ThreadId>,
}

/// A thread's attempt that has come to nothing because of another thread.
pub struct Vain<'a> {
    /// The attempt: a lock that is taken, a compare-exchange that fails, a look at a variable.
    pub attempt: &'a Action,
    /// What the other one has done to the same thing, the last time before.
    pub because: &'a Action,
}

impl<'a> Round<'a> {
    /// The round with which a case ends.
    pub fn of(case: &'a Case<'_>) -> Option<Round<'a>> {
        let Trace { steps, round, .. } = case.trace();
        if *round == 0 {
            return None;
        }
        let from = steps.len().checked_sub(*round as usize)?;
        let actions = &case.reading.actions[case.reading.actions.partition_point(|action| action.at < from)..];
        let mut runners: Vec<ThreadId> = steps[from..].iter().map(|step| step.thread).collect();
        runners.sort_unstable();
        runners.dedup();
        Some(Round { actions, runners })
    }

    /// What a thread tries in vain, the last time in the round.
    pub fn vain(&self, thread: ThreadId) -> Option<Vain<'a>> {
        let attempts = self.actions.iter().enumerate().rev().filter(|(_, action)| action.thread == thread);
        let mut vain = attempts.filter(|(_, action)| tries(action)).filter_map(|(at, attempt)| {
            // The round before was the same.
            let earlier = self.actions[..at].iter().rev().chain(self.actions[at..].iter().rev());
            let by_other = |other: &&Action| other.thread != thread && changed(other) == attempt.object;
            let because = earlier.filter(|other| changed(other).is_some()).find(by_other)?;
            Some(Vain { attempt, because })
        });
        let first = vain.next()?;
        // What has failed tells more than a look.
        let fails = |vain: &Vain<'_>| !matches!(vain.attempt.what, What::Read { .. });
        Some(if fails(&first) { first } else { vain.find(fails).unwrap_or(first) })
    }

    /// What a thread does to things that others use too, in order.
    pub fn changes(&self, thread: ThreadId) -> Vec<&'a Action> {
        let shared =
            |object: Object| self.actions.iter().any(|other| other.thread != thread && other.object == Some(object));
        self.actions.iter().filter(|action| action.thread == thread && changed(action).is_some_and(shared)).collect()
    }

    /// Who waits for a condition with this mutex, or asks for this lock, while others take it: the last to have taken it.
    pub fn passes(&self, lock: Object, except: ThreadId) -> Option<&'a Action> {
        let takes = |action: &&Action| {
            action.thread != except && action.object == Some(lock) && matches!(action.what, What::Acquired(_))
        };
        self.actions.iter().rev().find(takes)
    }
}

/// Whether this may be done in vain.
fn tries(action: &Action) -> bool {
    matches!(
        action.what,
        What::Refused(_) | What::Requested(_) | What::Read { .. } | What::Compared { done: false, .. }
    )
}

/// What this changes.
fn changed(action: &Action) -> Option<Object> {
    let changes = matches!(
        action.what,
        What::Acquired(_)
            | What::Released
            | What::Downgraded
            | What::Wrote { .. }
            | What::Updated { .. }
            | What::Compared { done: true, .. }
    );
    action.object.filter(|_| changes)
}
