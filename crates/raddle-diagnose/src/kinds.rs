//! What a role is about: which kind of lock it takes or gives back and how, what it waits on or notifies.

use crate::object::ObjectKind;
use raddle_engine::waits::Mode;
use raddle_protocol::Role;

/// How a role takes a lock: mode, whether it waits for it, and the kind of lock.
pub fn lock_role(role: Role) -> Option<(Mode, bool, ObjectKind)> {
    Some(match role {
        Role::MutexLock => (Mode::Exclusive, true, ObjectKind::Mutex),
        Role::MutexTryLock => (Mode::Exclusive, false, ObjectKind::Mutex),
        Role::RwLockRead => (Mode::Shared, true, ObjectKind::RwLock),
        Role::RwLockTryRead => (Mode::Shared, false, ObjectKind::RwLock),
        Role::RwLockWrite => (Mode::Exclusive, true, ObjectKind::RwLock),
        Role::RwLockTryWrite => (Mode::Exclusive, false, ObjectKind::RwLock),
        _ => return None,
    })
}

/// The kind of lock that a role gives back.
pub fn unlock_role(role: Role) -> Option<ObjectKind> {
    Some(match role {
        Role::MutexUnlock => ObjectKind::Mutex,
        Role::RwLockReadUnlock | Role::RwLockWriteUnlock => ObjectKind::RwLock,
        _ => return None,
    })
}

/// The object that a role waits on or notifies.
pub fn signal_role(role: Role) -> Option<ObjectKind> {
    Some(match role {
        Role::CondvarWait | Role::CondvarNotify => ObjectKind::Condvar,
        Role::BarrierWait => ObjectKind::Barrier,
        Role::ChannelSend => ObjectKind::ChannelRoom,
        Role::ChannelReceive | Role::ChannelClose => ObjectKind::Channel,
        Role::Park | Role::Unpark => ObjectKind::ParkToken,
        _ => return None,
    })
}

/// Whether a role is a one-time initialisation.
pub fn is_once(role: Role) -> bool {
    matches!(role, Role::OnceRun | Role::OnceWait)
}
