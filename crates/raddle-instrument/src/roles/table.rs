//! The functions that have a meaning, and the crates that are known: data, in one place.
//!
//! Paths are those of the crates' own sources, without type arguments, and say nothing about how a user reaches them
//! (`std::sync::Mutex::lock` calls `std::sys::sync::mutex::futex::Mutex::lock`). For std they hold for Rust 1.95; the tests
//! compare them with what a compiled program says.

use raddle_protocol::Role;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Which operations within a function have its role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// All of them.
    Everything,
    /// All but loads, which are internal.
    Writes,
    /// Only weak compare-exchanges: other accesses are internal. For functions that acquire by a weak one and announce a
    /// waiter by a strong one.
    WeakExchanges,
    /// Accesses only: calls made from it belong to whoever called the function.
    Accesses,
}

/// A function with a meaning.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) role: Role,
    pub(super) on: On,
    standard: bool,
}

impl Rule {
    /// Whether the function runs code that it was given: then what happens below it in another crate is that crate's.
    pub(super) fn calls_back(&self) -> bool {
        self.standard || matches!(self.role, Role::OnceRun | Role::OnceWait)
    }
}

/// A group of functions of one type or module.
type Group = (&'static str, On, &'static [(&'static str, Role)]);

/// How a thread blocks: what stands below these in a function is a wait.
pub(super) const WAITS: &[&str] = &[
    "std::sys::pal::unix::futex::futex_wait",
    "parking_lot_core::thread_parker::imp::ThreadParker::park",
    "parking_lot_core::thread_parker::imp::ThreadParker::park_until",
    "parking_lot_core::thread_parker::imp::ThreadParker::futex_wait",
];

/// Crates whose operations without a role of their own are bookkeeping.
pub(super) const LIBRARIES: &[&str] = &[
    "arc_swap",
    "crossbeam",
    "crossbeam_channel",
    "crossbeam_deque",
    "crossbeam_epoch",
    "crossbeam_queue",
    "crossbeam_utils",
    "dashmap",
    "event_listener",
    "flume",
    "lock_api",
    "once_cell",
    "parking",
    "parking_lot",
    "parking_lot_core",
    "rayon",
    "rayon_core",
    "spin",
];

/// Modules of which every operation has one role.
const WHOLE_MODULES: &[(&str, On, Role)] =
    &[("alloc::sync::", On::Everything, Role::ReferenceCount), ("parking_lot_core::", On::Accesses, Role::Internal)];

const GROUPS: &[Group] = &[
    // std: the primitives.
    (
        "std::sys::sync::mutex::futex::Mutex",
        On::Writes,
        &[
            ("lock", Role::MutexLock),
            ("lock_contended", Role::MutexLock),
            ("try_lock", Role::MutexTryLock),
            ("unlock", Role::MutexUnlock),
            ("wake", Role::MutexUnlock),
        ],
    ),
    (
        "std::sys::sync::rwlock::futex::RwLock",
        On::Writes,
        &[
            ("read", Role::RwLockRead),
            ("try_read", Role::RwLockTryRead),
            ("read_unlock", Role::RwLockReadUnlock),
            ("write", Role::RwLockWrite),
            ("try_write", Role::RwLockTryWrite),
            ("write_unlock", Role::RwLockWriteUnlock),
            ("downgrade", Role::RwLockWriteUnlock),
        ],
    ),
    (
        "std::sys::sync::rwlock::futex::RwLock",
        On::WeakExchanges,
        &[("read_contended", Role::RwLockRead), ("write_contended", Role::RwLockWrite)],
    ),
    ("std::sys::sync::rwlock::futex::RwLock", On::Accesses, &[("wake_writer_or_readers", Role::Internal)]),
    (
        "std::sys::sync::condvar::futex::Condvar",
        On::Everything,
        &[
            ("wait", Role::CondvarWait),
            ("wait_timeout", Role::CondvarWait),
            ("wait_optional_timeout", Role::CondvarWait),
            ("notify_one", Role::CondvarNotify),
            ("notify_all", Role::CondvarNotify),
        ],
    ),
    ("std::sys::sync::once::futex::Once", On::Writes, &[("call", Role::OnceRun), ("wait", Role::OnceWait)]),
    ("std::sys::sync::once::futex::Once", On::Everything, &[("is_completed", Role::Internal)]),
    ("std::sys::sync::once::futex::CompletionGuard", On::Everything, &[("drop", Role::OnceRun)]),
    (
        "std::sys::sync::thread_parking::futex::Parker",
        On::Everything,
        &[("park", Role::Park), ("park_timeout", Role::Park), ("unpark", Role::Unpark)],
    ),
    // std: what is built from them.
    ("std::sync::barrier::Barrier", On::Everything, &[("wait", Role::BarrierWait)]),
    ("std::sync::mpmc::Sender", On::Everything, SENDER),
    ("std::sync::mpmc::Receiver", On::Everything, RECEIVER),
    ("std::thread::lifecycle", On::Everything, &[("spawn_unchecked", Role::Spawn)]),
    ("std::thread::lifecycle::JoinInner", On::Everything, &[("join", Role::Join)]),
    ("std::thread::scoped", On::Everything, &[("scope", Role::Join)]),
    // parking_lot, and the same locks inside dashmap.
    ("parking_lot::raw_mutex::RawMutex", On::Writes, RAW_MUTEX),
    ("parking_lot::raw_fair_mutex::RawFairMutex", On::Writes, RAW_MUTEX),
    ("parking_lot::raw_rwlock::RawRwLock", On::Writes, RAW_RWLOCK),
    ("parking_lot::raw_rwlock::RawRwLock", On::Accesses, &[("wait_for_readers", Role::Internal)]),
    ("dashmap::lock::RawRwLock", On::Writes, RAW_RWLOCK),
    ("dashmap::lock::RawRwLock", On::Accesses, &[("wait_for_readers", Role::Internal)]),
    (
        "parking_lot::condvar::Condvar",
        On::Everything,
        &[
            ("wait", Role::CondvarWait),
            ("wait_for", Role::CondvarWait),
            ("wait_until", Role::CondvarWait),
            ("wait_until_internal", Role::CondvarWait),
            ("notify_one", Role::CondvarNotify),
            ("notify_one_slow", Role::CondvarNotify),
            ("notify_all", Role::CondvarNotify),
            ("notify_all_slow", Role::CondvarNotify),
        ],
    ),
    ("parking_lot::once::Once", On::Writes, &[("call_once_slow", Role::OnceRun)]),
    // spin.
    (
        "spin::mutex::spin::SpinMutex",
        On::Writes,
        &[("lock", Role::MutexLock), ("try_lock", Role::MutexTryLock), ("force_unlock", Role::MutexUnlock)],
    ),
    ("spin::mutex::spin::SpinMutexGuard", On::Writes, &[("drop", Role::MutexUnlock)]),
    ("spin::mutex::ticket::TicketMutex", On::Writes, &[("lock", Role::MutexLock), ("try_lock", Role::MutexTryLock)]),
    ("spin::mutex::ticket::TicketMutexGuard", On::Writes, &[("drop", Role::MutexUnlock)]),
    ("spin::mutex::fair::FairMutex", On::Writes, &[("lock", Role::MutexLock), ("try_lock", Role::MutexTryLock)]),
    ("spin::mutex::fair::FairMutexGuard", On::Writes, &[("drop", Role::MutexUnlock)]),
    ("spin::mutex::Mutex", On::Writes, &[("try_lock_weak", Role::MutexTryLock)]),
    (
        "spin::rwlock::RwLock",
        On::Writes,
        &[
            ("read", Role::RwLockRead),
            ("try_read", Role::RwLockTryRead),
            ("upgradeable_read", Role::RwLockRead),
            ("try_upgradeable_read", Role::RwLockTryRead),
            ("write", Role::RwLockWrite),
            ("try_write", Role::RwLockTryWrite),
        ],
    ),
    ("spin::rwlock::RwLockReadGuard", On::Writes, &[("drop", Role::RwLockReadUnlock)]),
    ("spin::rwlock::RwLockUpgradableGuard", On::Writes, &[("drop", Role::RwLockReadUnlock)]),
    ("spin::rwlock::RwLockWriteGuard", On::Writes, &[("drop", Role::RwLockWriteUnlock)]),
    ("spin::once::Once", On::Writes, &[("try_call_once_slow", Role::OnceRun), ("poll", Role::OnceWait)]),
    ("spin::once::Finish", On::Writes, &[("drop", Role::OnceRun)]),
    ("spin::barrier::Barrier", On::Everything, &[("wait", Role::BarrierWait)]),
    // Channels.
    ("crossbeam_channel::channel::Sender", On::Everything, SENDER),
    ("crossbeam_channel::channel::Receiver", On::Everything, RECEIVER),
    ("flume::Sender", On::Everything, SENDER),
    ("flume::Receiver", On::Everything, RECEIVER),
    // Smaller things.
    ("crossbeam_utils::sync::parker::Inner", On::Everything, &[("park", Role::Park), ("unpark", Role::Unpark)]),
    ("crossbeam_utils::sync::wait_group::WaitGroup", On::Everything, &[("wait", Role::BarrierWait)]),
    ("parking::Inner", On::Everything, &[("park", Role::Park), ("unpark", Role::Unpark)]),
    ("event_listener::Event", On::Everything, EVENT),
    ("event_listener::EventListener", On::Everything, LISTENER),
    ("event_listener::InnerListener", On::Everything, LISTENER),
    ("once_cell::imp", On::Writes, &[("initialize_or_wait", Role::OnceRun), ("wait", Role::OnceWait)]),
    ("once_cell::imp::Guard", On::Writes, &[("drop", Role::OnceRun)]),
];

const SENDER: &[(&str, Role)] = &[
    ("send", Role::ChannelSend),
    ("try_send", Role::ChannelSend),
    ("send_timeout", Role::ChannelSend),
    ("send_deadline", Role::ChannelSend),
    ("drop", Role::ChannelClose),
];

const RECEIVER: &[(&str, Role)] = &[
    ("recv", Role::ChannelReceive),
    ("try_recv", Role::ChannelReceive),
    ("recv_timeout", Role::ChannelReceive),
    ("recv_deadline", Role::ChannelReceive),
    ("drop", Role::ChannelClose),
];

const EVENT: &[(&str, Role)] = &[("notify", Role::CondvarNotify)];

const LISTENER: &[(&str, Role)] = &[
    ("wait", Role::CondvarWait),
    ("wait_timeout", Role::CondvarWait),
    ("wait_deadline", Role::CondvarWait),
    ("wait_internal", Role::CondvarWait),
    ("wait_with_parker", Role::CondvarWait),
];

const RAW_MUTEX: &[(&str, Role)] = &[
    ("lock", Role::MutexLock),
    ("lock_slow", Role::MutexLock),
    ("try_lock", Role::MutexTryLock),
    ("try_lock_for", Role::MutexTryLock),
    ("try_lock_until", Role::MutexTryLock),
    ("unlock", Role::MutexUnlock),
    ("unlock_fair", Role::MutexUnlock),
    ("unlock_slow", Role::MutexUnlock),
    ("bump", Role::MutexUnlock),
    ("bump_slow", Role::MutexUnlock),
];

const RAW_RWLOCK: &[(&str, Role)] = &[
    ("lock_exclusive", Role::RwLockWrite),
    ("lock_exclusive_slow", Role::RwLockWrite),
    ("try_lock_exclusive", Role::RwLockTryWrite),
    ("try_lock_exclusive_for", Role::RwLockTryWrite),
    ("try_lock_exclusive_until", Role::RwLockTryWrite),
    ("unlock_exclusive", Role::RwLockWriteUnlock),
    ("unlock_exclusive_fair", Role::RwLockWriteUnlock),
    ("unlock_exclusive_slow", Role::RwLockWriteUnlock),
    ("lock_shared", Role::RwLockRead),
    ("lock_shared_recursive", Role::RwLockRead),
    ("lock_shared_slow", Role::RwLockRead),
    ("try_lock_shared", Role::RwLockTryRead),
    ("try_lock_shared_recursive", Role::RwLockTryRead),
    ("try_lock_shared_slow", Role::RwLockTryRead),
    ("try_lock_shared_for", Role::RwLockTryRead),
    ("try_lock_shared_until", Role::RwLockTryRead),
    ("unlock_shared", Role::RwLockReadUnlock),
    ("unlock_shared_fair", Role::RwLockReadUnlock),
    ("unlock_shared_slow", Role::RwLockReadUnlock),
    ("lock_upgradable", Role::RwLockRead),
    ("lock_upgradable_slow", Role::RwLockRead),
    ("try_lock_upgradable", Role::RwLockTryRead),
    ("try_lock_upgradable_slow", Role::RwLockTryRead),
    ("unlock_upgradable", Role::RwLockReadUnlock),
    ("unlock_upgradable_fair", Role::RwLockReadUnlock),
    ("unlock_upgradable_slow", Role::RwLockReadUnlock),
    ("upgrade", Role::RwLockWrite),
    ("upgrade_slow", Role::RwLockWrite),
    ("try_upgrade", Role::RwLockTryWrite),
    ("downgrade", Role::RwLockWriteUnlock),
    ("downgrade_slow", Role::RwLockWriteUnlock),
    ("downgrade_to_upgradable", Role::RwLockWriteUnlock),
];

/// The rule for a function's path.
pub(super) fn find(path: &str) -> Option<&'static Rule> {
    RULES
        .functions
        .get(path)
        .or_else(|| RULES.modules.iter().find(|(module, _)| path.starts_with(module)).map(|(_, rule)| rule))
}

struct Rules {
    functions: HashMap<String, Rule>,
    modules: Vec<(&'static str, Rule)>,
}

static RULES: LazyLock<Rules> = LazyLock::new(|| {
    let rule = |path: &str, role, on| Rule { role, on, standard: super::is_standard(path) };
    let mut functions = HashMap::new();
    for (owner, on, members) in GROUPS {
        for (name, role) in *members {
            let known = functions.insert(format!("{owner}::{name}"), rule(owner, *role, *on));
            assert!(known.is_none(), "{owner}::{name} has two lines");
        }
    }
    let modules = WHOLE_MODULES.iter().map(|(module, on, role)| (*module, rule(module, *role, *on))).collect();
    Rules { functions, modules }
});
