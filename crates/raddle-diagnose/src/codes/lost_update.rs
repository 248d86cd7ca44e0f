//! The pattern of a lost update (RD0102) in the user's own atomic operations: a thread or a task reads a location, another
//! one changes it, and the first then stores to it.
//!
//! What was stored may or may not have been worked out from what was read; the trace does not say. The pattern is
//! therefore given as *likely*, never as the cause. Booleans are left out: a flag that is read and later set is no
//! update. Values behind a mutex are not operations of the trace and cannot be seen here.

use crate::action::{Action, What};
use crate::case::Case;
use crate::words::Type;
use raddle_engine::waits::Object;
use std::collections::BTreeMap;

/// A likely lost update, by indices of actions.
pub struct LostUpdate {
    /// What was updated.
    pub object: Object,
    /// The stale read.
    pub read: usize,
    /// The change by another.
    pub other: usize,
    /// The store by the one that read.
    pub store: usize,
}

/// The first one of the execution.
pub fn find(case: &Case<'_>) -> Option<LostUpdate> {
    // For each location and thread or task: its last read, and the first change by another since.
    let mut reads: BTreeMap<(Object, u32), (usize, Option<usize>)> = BTreeMap::new();
    for (index, action) in case.reading.actions.iter().enumerate() {
        let Some(object) = action.object else { continue };
        let actor = case.actor(action.at);
        let key = (object, actor);
        match action.what {
            What::Read { .. } if !is_flag(case, action) => {
                reads.insert(key, (index, None));
            }
            What::Wrote { .. } => {
                if let Some((read, Some(other))) = reads.remove(&key) {
                    return Some(LostUpdate { object, read, other, store: index });
                }
                changed(&mut reads, object, actor, index);
            }
            What::Updated { .. } | What::Compared { done: true, .. } => {
                reads.remove(&key);
                changed(&mut reads, object, actor, index);
            }
            _ => {}
        }
    }
    None
}

fn is_flag(case: &Case<'_>, action: &Action) -> bool {
    matches!(Type::at(case.sites.get(action.stack)), Type::Boolean | Type::Pointer)
}

/// Notes for all others' reads of `object` that it has changed.
fn changed(reads: &mut BTreeMap<(Object, u32), (usize, Option<usize>)>, object: Object, by: u32, index: usize) {
    for ((_, reader), (_, change)) in reads.range_mut((object, 0)..=(object, u32::MAX)) {
        if *reader != by {
            change.get_or_insert(index);
        }
    }
}
