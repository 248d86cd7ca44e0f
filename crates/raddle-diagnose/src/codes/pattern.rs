//! What the pairs of steps that decide have in common with a known mistake.
//!
//! RD0102, a lost update: a thread reads an atomic variable, another one changes it, the first then stores to it. That the
//! change comes after the read decides, so what is stored has to do with what was read.
//!
//! RD0103, check-then-act: a thread looks (at a variable, or under a lock), another one changes what it has looked at, the
//! first goes on to do something. Both must decide, that the change comes after the look and that it comes before the act:
//! then the execution fails though both serial orders pass. Where what it looks at and what it changes is one variable, and the
//! text shows that the change depends on the look, the first of the two is enough.
//!
//! RD0104, file-system check-then-use: the same with a path. There it is enough that one of the two orders decides, for the
//! use itself shows the contrary of what the look had shown.
//!
//! RD0107, a torn read: [`super::torn`].
//! RD0303, check-then-act across await: either of the first two, where the one who looks and acts is a task, and has been
//! suspended in between.
//!
//! Departs from the catalogue: values behind locks are not part of a record, so that a lost update under two short locks
//! is called RD0103. What decides is looked for among steps of different threads; two tasks of one thread are the business
//! of [`super::one_thread`].

use crate::action::{Action, What};
use crate::carried;
use crate::case::Case;
use crate::codes::cause::{Decides, Point};
use crate::codes::{one_thread, torn};
use crate::paths;
use crate::polls;
use crate::words::Type;
use raddle_engine::waits::Mode;
use raddle_protocol::Op;

/// A lost update.
pub const LOST_UPDATE: &str = "RD0102";
/// Check-then-act.
pub const CHECK_THEN_ACT: &str = "RD0103";

/// Check-then-use of a path.
pub const CHECK_THEN_USE: &str = "RD0104";

/// A torn read.
pub const TORN_READ: &str = "RD0107";

/// Check-then-act across await.
pub const ACROSS_AWAIT: &str = "RD0303";

/// Three steps: two of one thread or task, and one of another in between.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// Its code.
    pub code: &'static str,
    /// The thread looks.
    pub look: Point,
    /// The other thread changes what it has looked at.
    pub change: Point,
    /// The thread acts.
    pub act: Point,
    /// Of a torn read: the other thread stores to what the thread reads last.
    pub besides: Option<Point>,
    /// The pair that decides and is shown.
    pub decides: Decides,
    /// The step after which the task was suspended that looks and acts.
    pub suspended: Option<usize>,
    /// That the act comes after the change decides too.
    pub both_decide: bool,
}

/// The pattern that the pairs fit, whose steps lie closest together.
pub fn find(case: &Case<'_>, pairs: &[Decides]) -> Option<Pattern> {
    let Some(found) = of_threads(case, pairs) else { return one_thread::find(case, pairs) };
    match suspension(case, &found) {
        Some(at) if ![CHECK_THEN_USE, TORN_READ].contains(&found.code) => {
            Some(Pattern { code: ACROSS_AWAIT, suspended: Some(at), ..found })
        }
        _ => Some(found),
    }
}

/// The last step of the poll in which a task looks, where it acts in a later one. The task may also be the future that a
/// thread blocks on; then the thread has been outside of all polls in between.
fn suspension(case: &Case<'_>, found: &Pattern) -> Option<usize> {
    let (look, act) = (found.look.at, found.act.at);
    match (case.tasks.turn(look), case.tasks.turn(act)) {
        (Some(first), Some(second)) if first.task == second.task && first != second => {
            (look..act).rev().find(|at| case.tasks.turn(*at) == Some(first))
        }
        (None, None) => {
            let own = |at: &usize| case.trace().steps[*at].thread == found.look.thread;
            let polled = |at: usize| case.site_at(at).is_some_and(|site| polls::of(site).is_some());
            let outside = |at: usize| case.site_at(at).is_some_and(polls::is_executor) && !polled(at);
            let left = (look..act).filter(own).find(|at| outside(*at)).filter(|_| polled(look) && polled(act))?;
            (look..left).rev().find(own)
        }
        _ => None,
    }
}

/// As [`find`], without regard to what a task does between the two steps.
fn of_threads(case: &Case<'_>, pairs: &[Decides]) -> Option<Pattern> {
    let actor = |point: Point| case.actor(point.at);
    let closest = |found: &Pattern| (found.act.at.abs_diff(found.look.at), found.look.at);
    if let Some(found) = check_then_use(case, pairs) {
        return Some(found);
    }
    let lost = pairs.iter().filter_map(|pair| lost_update(case, *pair)).min_by_key(closest);
    let limit = || pairs.iter().filter_map(|pair| check_then_update(case, *pair)).min_by_key(closest);
    lost.or_else(|| torn::find(case, pairs).min_by_key(closest))
        .or_else(|| {
            let is_look_and_change = |pair: &&Decides| {
                is_on_the_same(case, pair.0, pair.1) && is_look(case, pair.0) && is_change(case, pair.1)
            };
            let all = pairs.iter().filter(is_look_and_change).flat_map(|&(look, change)| {
                let fits = move |&&(before, act): &&Decides| {
                    actor(act) == actor(look)
                        && actor(before) == actor(change)
                        && act.at > change.at
                        && is_act(case, act)
                };
                pairs.iter().filter(fits).map(move |&(before, act)| {
                    // A step that a library takes by itself cannot be pointed at.
                    let decides =
                        if look.action.is_none() && before.action.is_some() { (before, act) } else { (look, change) };
                    Pattern {
                        code: CHECK_THEN_ACT,
                        look,
                        change,
                        act,
                        besides: None,
                        decides,
                        suspended: None,
                        both_decide: true,
                    }
                })
            });
            all.min_by_key(closest)
        })
        .or_else(limit)
}

/// The first use of a path whose check was out of date, if that decides.
fn check_then_use(case: &Case<'_>, pairs: &[Decides]) -> Option<Pattern> {
    let actions = &case.reading.actions;
    paths::checks_out_of_date(actions).into_iter().find_map(|found| {
        let [look, change, act] = [found.look, found.change, found.act].map(|index| Point::of_action(case, index));
        let turns = |first: Point, second: Point| {
            pairs.iter().any(|(one, other)| (one.action, other.action) == (first.action, second.action))
        };
        let decides = [(look, change), (change, act)].into_iter().find(|(first, second)| turns(*first, *second))?;
        Some(Pattern {
            code: CHECK_THEN_USE,
            look,
            change,
            act,
            besides: None,
            decides,
            suspended: None,
            both_decide: false,
        })
    })
}

/// The lost update whose read and change are this pair.
fn lost_update(case: &Case<'_>, pair: Decides) -> Option<Pattern> {
    let read = &case.reading.actions[pair.0.action?];
    let is_flag = matches!(Type::at(case.sites.get(read.stack)), Type::Boolean | Type::Pointer);
    over_a_change(case, pair, LOST_UPDATE)
        .filter(|found| !is_flag && what(case, found.act).is_some_and(|what| matches!(what, What::Wrote { .. })))
}

/// The check-then-act on one variable whose look and change are this pair: a counter that is kept below a limit.
fn check_then_update(case: &Case<'_>, pair: Decides) -> Option<Pattern> {
    let found = over_a_change(case, pair, CHECK_THEN_ACT)?;
    let updates = matches!(what(case, found.act)?, What::Updated { .. });
    let [look, act] = [found.look, found.act].map(|point| case.place_of(Some(point.stack)));
    let (look, act) = (look?, act?);
    let text = |line| (case.context.source)(&look.path, line);
    (updates && look.path == act.path && carried::is_carried(look.line, act.line, text)).then_some(found)
}

/// What a thread does next with a variable that it has read, after another thread has changed it.
fn over_a_change(case: &Case<'_>, (look, change): Decides, code: &'static str) -> Option<Pattern> {
    let actions = &case.reading.actions;
    let (first, by) = (look.action?, change.action?);
    let read = &actions[first];
    let object = read.object?;
    let changes =
        matches!(actions[by].what, What::Wrote { .. } | What::Updated { .. } | What::Compared { done: true, .. });
    if actions[by].object != Some(object) || !changes || !matches!(read.what, What::Read { .. }) {
        return None;
    }
    let reader = case.actor(read.at);
    let own = |action: &Action| case.actor(action.at) == reader && action.object == Some(object);
    let next = (first + 1..actions.len()).find(|index| own(&actions[*index]))?;
    let act = Point::of_action(case, next);
    let decides = (look, change);
    let found = Pattern { code, look, change, act, besides: None, decides, suspended: None, both_decide: false };
    (next > by).then_some(found)
}

fn what<'a>(case: &'a Case<'_>, point: Point) -> Option<&'a What> {
    point.action.map(|index| &case.reading.actions[index].what)
}

fn op<'a>(case: &'a Case<'_>, point: Point) -> &'a Op {
    &case.trace().steps[point.at].op
}

/// Whether a step is a look at something.
pub(super) fn is_look(case: &Case<'_>, point: Point) -> bool {
    match what(case, point) {
        Some(what) => matches!(what, What::Read { .. } | What::Compared { done: false, .. } | What::Acquired(_)),
        None => matches!(op(case, point), Op::Load { .. }),
    }
}

/// Whether a step changes something, or may.
pub(super) fn is_change(case: &Case<'_>, point: Point) -> bool {
    match what(case, point) {
        Some(What::Acquired(mode)) => *mode == Mode::Exclusive,
        Some(What::Read { .. } | What::Refused(_)) => false,
        _ => matches!(op(case, point), Op::Store { .. } | Op::Rmw { .. } | Op::CompareExchange { done: true, .. }),
    }
}

/// Whether a step does something.
pub(super) fn is_act(case: &Case<'_>, point: Point) -> bool {
    !matches!(what(case, point), Some(What::Read { .. } | What::Refused(_)))
        && !matches!(op(case, point), Op::Load { .. })
}

/// Whether two steps are on the same thing.
fn is_on_the_same(case: &Case<'_>, one: Point, other: Point) -> bool {
    let object = |point: Point| point.action.and_then(|index| case.reading.actions[index].object);
    let word = |point: Point| polls::state_word(op(case, point));
    let named = object(one).is_some() && object(one) == object(other);
    named || (word(one).is_some() && word(one) == word(other))
}
