//! RD0107, a torn read: a thread reads several words one after the other, another one writes them, and what is read is in part
//! the old value and in part the new one.
//!
//! Two pairs show it, both of which decide: the thread reads one word before the other thread stores to it, and another word
//! after the other thread has stored to that. With either pair the other way round, all that is read is old, or all is
//! new, and the execution passes. That the words belong together is taken from their lying side by side, and from being
//! read in one function and written in one.
//!
//! Not seen: a value that is torn only since a load sees an older store ([`super::cause`] names that load), and plain
//! accesses: of those an execution ends at the first of two that race (RD0101), before anything of them is mixed. What may
//! come of such a race is said there ([`super::conflict`]).

use super::cause::{Decides, Point};
use super::pattern::{Pattern, TORN_READ};
use crate::case::Case;
use raddle_protocol::Op;

/// Bytes that the words of one value lie apart at the most.
const NEAR: u64 = 64;

/// All that the pairs show.
pub fn find<'a>(case: &'a Case<'_>, pairs: &'a [Decides]) -> impl Iterator<Item = Pattern> + 'a {
    let pairs_of = move |reads_first: bool| {
        pairs.iter().filter_map(move |&(one, other)| {
            let (read, store) = if reads_first { (one, other) } else { (other, one) };
            let (at, to) = (read_from(case, read)?, stored_to(case, store)?);
            (at == to).then_some((at, read, store))
        })
    };
    pairs_of(true).flat_map(move |(old_at, old, over)| {
        let fits = move |(new_at, new, by): &(u64, Point, Point)| {
            *new_at != old_at
                && new_at.abs_diff(old_at) <= NEAR
                && (new.thread, by.thread) == (old.thread, over.thread)
                && is_in_one_function(case, old, *new)
                && is_in_one_function(case, over, *by)
        };
        let torn = move |(_, new, by)| Pattern {
            code: TORN_READ,
            look: old,
            change: over,
            act: new,
            besides: Some(by),
            decides: (old, over),
            suspended: None,
            both_decide: true,
        };
        pairs_of(false).filter(fits).map(torn)
    })
}

fn read_from(case: &Case<'_>, point: Point) -> Option<u64> {
    match case.trace().steps[point.at].op {
        Op::Load { address, .. } => Some(address),
        _ => None,
    }
}

fn stored_to(case: &Case<'_>, point: Point) -> Option<u64> {
    match case.trace().steps[point.at].op {
        Op::Store { address, .. } | Op::Rmw { address, .. } => Some(address),
        _ => None,
    }
}

fn is_in_one_function(case: &Case<'_>, one: Point, other: Point) -> bool {
    let function = |point: Point| case.frame_of(case.sites.get(point.stack)).map(|frame| frame.function.clone());
    function(one).is_some() && function(one) == function(other)
}
