//! Locks that a library keeps for itself: an interleaving is told without them, as long as nobody ever waits for one.
//!
//! What a crate's function does inside is its own business, and its call is one line. A lock that is taken there is no
//! different, unless the execution turns on it.

use crate::action::{Action, What};
use crate::case::Case;
use crate::object::ObjectKind;
use raddle_engine::waits;
use std::collections::BTreeSet;

/// The locks and condition variables that only libraries use, that nobody has had to wait for, and on which no step of `keys`
/// turns.
pub(super) fn own_locks(case: &Case<'_>, keys: &BTreeSet<usize>) -> BTreeSet<waits::Object> {
    let actions = &case.reading.actions;
    let object_of = |action: &Action| {
        let object = action.object?;
        let kind = case.reading.objects.get(object).kind;
        matches!(kind, ObjectKind::Mutex | ObjectKind::RwLock | ObjectKind::Condvar).then_some(object)
    };
    let is_told = |action: &&Action| {
        let waits = matches!(action.what, What::Requested(_) | What::Refused(_) | What::WaitBegun | What::WaitEnded(_));
        waits || keys.contains(&action.at) || !case.sites.get(action.stack).is_of_library
    };
    let told: BTreeSet<_> = actions.iter().filter(is_told).filter_map(object_of).collect();
    actions.iter().filter_map(object_of).filter(|object| !told.contains(object)).collect()
}
