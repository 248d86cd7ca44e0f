//! Which locks threads take while they hold others, as the roles of call sites tell it.
//!
//! A writing operation at a site that takes a lock is taken to get it. Where it does not, a lock counts as held that is not;
//! what is made of it ([`raddle_engine::lock_order`]) is judged on the record of the execution.
//!
//! Not seen: the POSIX locks, and locks of libraries that have no roles.

use crate::state::rt;
use raddle_protocol::{Role, Site};

/// The running thread has written to this place.
#[inline(always)]
pub fn note(site: Site, place: u64) {
    match site.role {
        Role::MutexLock | Role::RwLockRead | Role::RwLockWrite => taken(place, true),
        Role::MutexTryLock | Role::RwLockTryRead | Role::RwLockTryWrite => taken(place, false),
        Role::MutexUnlock | Role::RwLockReadUnlock | Role::RwLockWriteUnlock => given_back(place),
        _ => {}
    }
}

#[inline(never)]
fn taken(place: u64, waits: bool) {
    let execution = &mut rt().execution;
    execution.locks.take(execution.running, place, waits);
}

#[inline(never)]
fn given_back(place: u64) {
    let execution = &mut rt().execution;
    execution.locks.give_back(execution.running, place);
}
