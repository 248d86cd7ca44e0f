//! What the pairs of steps that decide have in common with a known mistake.
//!
//! RD0102, a lost update: a thread reads an atomic variable, another one changes it, the first then stores to it. That the
//! change comes after the read decides, so what is stored has to do with what was read.
//!
//! RD0103, check-then-act: a thread looks (at a variable, or under a lock), another one changes what it has looked at, the
//! first goes on to do something. Both must decide, that the change comes after the look and that it comes before the act:
//! then the execution fails though both serial orders pass. RD0303 is the same of a task that has returned to its executor
//! in between.
//!
//! Departs from the catalogue: values behind locks are not part of a record, so that a lost update under two short locks
//! is called RD0103.

use crate::action::{Action, What};
use crate::case::Case;
use crate::codes::cause::Decides;
use crate::polls;
use crate::words::Type;
use raddle_engine::waits::Mode;

/// A lost update.
pub const LOST_UPDATE: &str = "RD0102";
/// Check-then-act.
pub const CHECK_THEN_ACT: &str = "RD0103";
/// Check-then-act in an asynchronous task that waits in between.
pub const ACROSS_AWAIT: &str = "RD0303";

/// Three steps: two of one thread, and one of another thread in between. By indices of actions.
#[derive(Debug)]
pub struct Pattern {
    /// Its code.
    pub code: &'static str,
    /// The thread looks.
    pub look: usize,
    /// The other thread changes what it has looked at.
    pub change: usize,
    /// The thread acts.
    pub act: usize,
    /// The pair that decides and is shown.
    pub decides: Decides,
}

/// The pattern that the pairs fit, whose steps lie closest together.
pub fn find(case: &Case<'_>, pairs: &[Decides]) -> Option<Pattern> {
    let actions = &case.reading.actions;
    let closest = |found: &Pattern| (found.act - found.look, found.look);
    let lost = pairs.iter().filter_map(|pair| lost_update(case, *pair)).min_by_key(closest);
    lost.or_else(|| {
        let looks = pairs.iter().filter(|(look, change)| {
            let (look, change) = (&actions[*look], &actions[*change]);
            look.object == change.object && is_look(look) && is_change(change)
        });
        let acts = |&(look, change): &Decides| {
            let fits = move |&&(before, act): &&Decides| {
                actions[act].thread == actions[look].thread
                    && actions[before].thread == actions[change].thread
                    && act > change
                    && !matches!(actions[act].what, What::Read { .. } | What::Refused(_))
            };
            pairs.iter().filter(fits).map(move |(_, act)| Pattern {
                code: code_of(case, look, *act),
                look,
                change,
                act: *act,
                decides: (look, change),
            })
        };
        looks.flat_map(acts).min_by_key(closest)
    })
}

/// The lost update whose read and change are this pair.
fn lost_update(case: &Case<'_>, (look, change): Decides) -> Option<Pattern> {
    let actions = &case.reading.actions;
    let (read, by) = (&actions[look], &actions[change]);
    let object = read.object?;
    let is_flag = matches!(Type::at(case.sites.get(read.stack)), Type::Boolean | Type::Pointer);
    let is_atomic = matches!(read.what, What::Read { .. }) && !matches!(by.what, What::Acquired(_));
    if by.object != Some(object) || is_flag || !is_atomic || !is_change(by) {
        return None;
    }
    let next = actions.iter().enumerate().skip(change + 1).find(|(_, action)| {
        action.thread == read.thread && action.object == Some(object) && !matches!(action.what, What::Called)
    });
    let (act, store) = next?;
    let again = actions[look + 1..act].iter().any(|action| action.thread == read.thread && action.object == Some(object));
    (matches!(store.what, What::Wrote { .. }) && !again).then_some(Pattern {
        code: LOST_UPDATE,
        look,
        change,
        act,
        decides: (look, change),
    })
}

fn is_look(action: &Action) -> bool {
    matches!(action.what, What::Read { .. } | What::Compared { done: false, .. } | What::Acquired(_) | What::Passed)
}

fn is_change(action: &Action) -> bool {
    matches!(
        action.what,
        What::Wrote { .. } | What::Updated { .. } | What::Compared { done: true, .. } | What::Acquired(Mode::Exclusive)
    )
}

/// Whether the task that looks and acts has been away in between.
fn code_of(case: &Case<'_>, look: usize, act: usize) -> &'static str {
    let actions = &case.reading.actions;
    let task = |action: &Action| polls::of(case.sites.get(action.stack)).map(|poll| poll.task.function.clone());
    let (look, act) = (&actions[look], &actions[act]);
    let (Some(one), Some(other)) = (task(look), task(act)) else { return CHECK_THEN_ACT };
    // What its executor does by itself is done between two polls.
    let mut between = case.trace().steps[look.at..act.at].iter().filter(|step| step.thread == look.thread);
    let is_away = between.any(|step| polls::of(case.sites.get(step.stack)).is_none());
    if one == other && is_away { ACROSS_AWAIT } else { CHECK_THEN_ACT }
}
