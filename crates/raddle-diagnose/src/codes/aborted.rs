//! RD0304 as the mistake behind a failure (RD0501): a task was aborted where it waited, and the test fails after that.
//!
//! Here no time limit runs out: the schedule alone decides how far the task has come when it is aborted. That it was cut off
//! in the middle shows by its state: it is marked as cancelled after its first poll, and its future is not polled any more
//! but dropped. Named as the mistake only where it is known what decides (a pair of steps that fits no other pattern, or an
//! old value), and where the task was aborted after the first of the two and before the failure. That what comes after the `.await` was needed cannot be seen,
//! and is not claimed.
//!
//! Known are tasks of tokio, by `abort` of a handle or a set.

use super::Diagnosis;
use crate::case::Case;
use crate::site::Site;
use crate::tasks::TaskId;
use raddle_instrument::symbols::Origin;
use raddle_protocol::Op;

/// Its code.
pub const CANCELLED: &str = "RD0304";

/// tokio's bit for a task that has been aborted.
const CANCELLED_BIT: u64 = 1 << 5;

/// A task that was cut off.
pub(super) struct Aborted {
    task: TaskId,
    /// The step that marks it as cancelled.
    abort: usize,
    /// The last step of its last poll.
    pub(super) waited: usize,
    /// The step with which its executor finds that it is cancelled.
    pub(super) cut: usize,
}

/// Names the mistake behind a failure that is decided by what happens from step `from` on, if it is this one. Tells
/// whether it is.
pub fn explain(case: &Case<'_>, from: usize, diagnosis: &mut Diagnosis) -> bool {
    let fails = case.trace().steps.iter().rposition(|step| case.sites.get(step.stack).panics);
    let all = (from..fails.unwrap_or(usize::MAX).min(case.trace().steps.len())).filter_map(|at| aborted(case, at));
    let Some(found) = all.into_iter().find(|found| fails.is_none_or(|fails| found.cut < fails)) else { return false };
    let task = case.tasks.get(found.task);
    let (waited, abort) = (case.place_at(Some(found.waited)), case.place_at(Some(found.abort)));
    diagnosis.pattern = Some(CANCELLED);
    diagnosis.keys.extend([found.waited, found.abort]);
    diagnosis.about.insert(case.trace().steps[found.abort].thread);
    diagnosis.reason.push(format!(
        "A task was cancelled in the middle (RD0304): {} waited{} when {} aborted it{}. Its future was dropped there, so nothing that comes after that `.await` was done in it.",
        case.tasks.long(found.task),
        case.at(waited.as_ref()),
        case.who(found.abort),
        case.at(abort.as_ref()),
    ));
    case.mark(&mut diagnosis.spans, waited, format!("{} waited here when it was aborted", task.prose), false);
    case.mark(&mut diagnosis.spans, abort, format!("{} is aborted here", task.prose), false);
    diagnosis.fix.push(
        "If something must happen on every way out of that task, let a value that is held across the `.await` do it in its `Drop`; or ask the task to stop, by a message or a `CancellationToken`, and await its handle, where now it is aborted."
            .to_owned(),
    );
    true
}

/// The task that is aborted with step `at`, and cut off by that.
pub(super) fn aborted(case: &Case<'_>, at: usize) -> Option<Aborted> {
    let steps = &case.trace().steps;
    let calls = |site: &Site, what: &str| site.frames.iter().any(|frame| frame.function.contains(what));
    let site = case.site_at(at)?;
    let (Op::Rmw { address, old, new, .. } | Op::CompareExchange { address, old, new, done: true, .. }) = steps[at].op
    else {
        return None;
    };
    let marks = old & CANCELLED_BIT == 0 && new & CANCELLED_BIT != 0;
    if !marks || !calls(site, "transition_to_notified_and_cancel") || site.user.is_none() {
        return None;
    }
    let task = case.tasks.known(address, at)?;
    let on_it = |index: &usize| crate::polls::state_word(&steps[*index].op) == Some(address);
    let cut = (at + 1..steps.len()).filter(on_it).find(|index| {
        let site = case.site_at(*index);
        let found = match steps[*index].op {
            Op::Load { value, .. } => value,
            Op::CompareExchange { old, .. } | Op::Rmw { old, .. } => old,
            _ => 0,
        };
        let looks = |name: &str| site.is_some_and(|site| calls(site, name));
        found & CANCELLED_BIT != 0 && (looks("transition_to_running") || looks("transition_to_idle"))
    })?;
    let in_its_body = |index: &usize| {
        let site = case.site_at(*index);
        case.tasks.of(*index) == Some(task)
            && site.is_some_and(|site| {
                !calls(site, "drop_in_place") && site.frames.iter().any(|frame| frame.origin == Origin::User)
            })
    };
    let waited = (0..cut).rev().find(in_its_body)?;
    Some(Aborted { task, abort: at, waited, cut })
}
