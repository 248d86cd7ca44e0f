//! RD0303 among tasks of one thread: a task looks, is suspended, another task of the same thread changes what it has looked
//! at, and the first goes on and acts.
//!
//! Two tasks of one thread never meet within a poll. What decides between them lies elsewhere: whether what the first one
//! awaits is there at once, so that it is not suspended at all; or whose answer comes first, that of the one or of the
//! other. So the pair of steps that has been tried out is one of these two:
//!
//! - a step of the poll that ends in the suspension, from the look on, and what another thread does to end it;
//! - what another thread does to make the second task ready to change it, and what is done to make the first one ready to
//!   act.
//!
//! Named only where such a pair decides, and three accesses to one object are there as described.
//!
//! Not seen: futures that are joined within one task; values in cells, which are plain memory; what the task awaits from
//! others of its own thread, or from time alone, for nothing of that can be turned around.

use super::cause::{Decides, Point};
use super::pattern::{ACROSS_AWAIT, Pattern, is_act, is_change, is_look};
use crate::case::Case;
use crate::polls;
use crate::tasks::{TaskId, Turn};
use raddle_engine::waits::Object;
use std::collections::BTreeMap;

/// An access of a task to something.
#[derive(Clone, Copy)]
struct Access {
    point: Point,
    /// The poll it is made in.
    turn: Turn,
}

/// The pattern that one of these pairs decides, whose steps lie closest together.
pub fn find(case: &Case<'_>, pairs: &[Decides]) -> Option<Pattern> {
    let mut seen: BTreeMap<Object, Vec<Access>> = BTreeMap::new();
    for (index, action) in case.reading.actions.iter().enumerate() {
        let Some(object) = action.object.filter(|object| !case.names.get(*object).internal) else { continue };
        let Some(turn) = case.tasks.turn(action.at) else { continue };
        let point = Point::of_action(case, index);
        seen.entry(object).or_default().push(Access { point, turn });
    }
    let triples = seen.values().flat_map(|accesses| (0..accesses.len()).filter_map(|act| triple(case, accesses, act)));
    let fitting = triples.filter_map(|[look, change, act]| {
        let decides = *pairs.iter().find(|pair| decides(case, pair, look, change, act))?;
        let suspended = (look.point.at..change.point.at).rev().find(|at| case.tasks.turn(*at) == Some(look.turn))?;
        Some(Pattern {
            code: ACROSS_AWAIT,
            look: look.point,
            change: change.point,
            act: act.point,
            besides: None,
            decides,
            suspended: Some(suspended),
            both_decide: false,
        })
    });
    fitting.min_by_key(|found| (found.act.at - found.look.at, found.look.at))
}

/// The look in an earlier poll and the change in between that go with this act.
fn triple(case: &Case<'_>, accesses: &[Access], act: usize) -> Option<[Access; 3]> {
    let (before, act) = (&accesses[..act], accesses[act]);
    let is_own = |access: &&Access| access.turn.task == act.turn.task && access.turn != act.turn;
    let look = before.iter().rev().filter(is_own).find(|access| is_look(case, access.point))?;
    let in_between = before.iter().rev().take_while(|access| access.point.at > look.point.at);
    let change =
        in_between.filter(|access| access.turn.task != act.turn.task).find(|access| is_change(case, access.point));
    let change = change.filter(|change| change.point.thread == act.point.thread)?;
    (is_act(case, act.point) && look.point.thread == act.point.thread).then_some([*look, *change, act])
}

/// Whether the order of these two steps is what lets the change come in between.
fn decides(case: &Case<'_>, (first, second): &Decides, look: Access, change: Access, act: Access) -> bool {
    let thread = act.point.thread;
    if second.thread == thread {
        return false;
    }
    // It would not have been suspended.
    let suspends = first.thread == thread && first.at >= look.point.at && case.tasks.turn(first.at) == Some(look.turn);
    // It would have acted first.
    let readied = |task: TaskId, by: &Point, before: usize| {
        (by.at..before).any(|at| {
            let step = &case.trace().steps[at];
            let word = case.site_at(at).and_then(|site| polls::readies(site, &step.op));
            step.thread == by.thread && word.and_then(|word| case.tasks.known(word, at)) == Some(task)
        })
    };
    let overtakes = first.thread != thread
        && readied(change.turn.task, first, change.turn.begun)
        && readied(act.turn.task, second, act.turn.begun);
    (suspends && second.at < act.turn.begun) || overtakes
}
