//! What is kept of an interleaving that is too long to be shown, and where its threads are interrupted.

use super::Steps;
use crate::action::What;
use crate::case::Case;
use raddle_protocol::finding::StepView;
use std::collections::BTreeSet;

/// Steps kept before and after one at which a thread is interrupted.
const AROUND: usize = 4;
/// Interruptions of which so much is kept, at the most: where there are more, none of them says much.
const MOST_INTERRUPTIONS: usize = 16;

impl Steps {
    /// Marks the steps after which another thread goes on although the thread could have.
    pub(super) fn mark_interruptions(&mut self, case: &Case<'_>) {
        let mut can_go_on = vec![false; self.views.len()];
        for (action, step) in case.reading.actions.iter().zip(&self.of_action) {
            if let Some(step) = step {
                can_go_on[*step] = !stops(&action.what);
            }
        }
        let mut acts_later = BTreeSet::new();
        for at in (0..self.views.len().saturating_sub(1)).rev() {
            acts_later.insert(self.views[at + 1].thread);
            let thread = self.views[at].thread;
            let is_switched = self.views[at + 1].thread != thread;
            self.views[at].interrupted = is_switched && can_go_on[at] && acts_later.contains(&thread);
        }
    }

    /// Drops all but the last `most` steps, keeping those on which the finding turns, and those around interruptions if they are
    /// few. Returns how many were dropped.
    pub fn shorten(&mut self, most: usize) -> usize {
        let spare = self.views.len().saturating_sub(most);
        let interrupted: Vec<usize> = (0..spare).filter(|at| self.views[*at].interrupted).collect();
        let near = |index: usize| {
            let next = interrupted.partition_point(|at| at + AROUND < index);
            interrupted.get(next).is_some_and(|at| at.saturating_sub(AROUND) <= index)
        };
        let are_few = interrupted.len() <= MOST_INTERRUPTIONS;
        let mut new_index = Vec::with_capacity(self.views.len());
        let mut kept = Vec::with_capacity(most);
        let mut left_out = 0;
        for (index, view) in core::mem::take(&mut self.views).into_iter().enumerate() {
            let keep = index >= spare || view.key || are_few && near(index);
            new_index.push(keep.then_some(kept.len()));
            if keep {
                kept.push(StepView { left_out: core::mem::take(&mut left_out), ..view });
            } else {
                left_out += 1;
            }
        }
        for step in &mut self.of_action {
            *step = step.and_then(|index| new_index[index]);
        }
        let dropped = new_index.iter().filter(|index| index.is_none()).count();
        self.views = kept;
        dropped
    }
}

/// Whether a thread does not go on by itself after this, or says that it need not.
fn stops(what: &What) -> bool {
    matches!(
        what,
        What::Requested(_)
            | What::WaitBegun
            | What::JoinBegun(_)
            | What::Slept(_)
            | What::Yielded
            | What::Ended
            | What::Stalled(_)
            | What::HeldBack(_)
            | What::Io { blocked: true, .. }
    )
}
