//! The table of roles against what compiled programs say: every operation of `fixtures/roles` is performed with its call
//! stack recorded, with and without optimization.

mod support;

use raddle_instrument::compile::{self, Goal, Request};
use raddle_instrument::dwarf::Process;
use raddle_instrument::selection::Selection;
use raddle_instrument::symbols::Symbols;
use raddle_protocol::Role;
use std::collections::BTreeMap;
use std::path::Path;
use support::record::{self, Operation};

use Role::{
    Atomic, BarrierWait, ChannelClose, ChannelReceive, ChannelSend, CondvarNotify, CondvarWait, Join, MutexLock,
    MutexTryLock, MutexUnlock, OnceRun, Park, ReferenceCount, RwLockRead, RwLockReadUnlock, RwLockTryRead,
    RwLockTryWrite, RwLockWrite, RwLockWriteUnlock, Spawn, Unpark,
};

/// What each operation consists of: its distinct roles in order, runs folded, `Internal` left out.
const STANDARD: &[(&str, &[Role])] = &[
    ("atomic", &[Atomic]),
    ("atomic compare_exchange", &[Atomic]),
    ("fence", &[Atomic]),
    ("mutex lock", &[MutexLock]),
    ("mutex unlock", &[MutexUnlock]),
    ("mutex try_lock", &[MutexTryLock]),
    ("mutex try_lock in vain", &[MutexTryLock]),
    ("mutex lock contended", &[MutexLock]),
    ("rwlock read", &[RwLockRead]),
    ("rwlock read unlock", &[RwLockReadUnlock]),
    ("rwlock try_read", &[RwLockTryRead]),
    ("rwlock write", &[RwLockWrite]),
    ("rwlock write unlock", &[RwLockWriteUnlock]),
    ("rwlock try_write", &[RwLockTryWrite]),
    ("rwlock read contended", &[RwLockRead]),
    ("rwlock write contended", &[RwLockWrite]),
    ("condvar notify_one", &[CondvarNotify]),
    ("condvar notify_all", &[CondvarNotify]),
    ("condvar wait", &[CondvarWait, MutexUnlock, CondvarWait, MutexLock]),
    ("barrier wait", &[MutexLock, CondvarNotify, MutexUnlock]),
    ("once call", &[OnceRun]),
    ("once done", &[]),
    ("oncelock get_or_init", &[OnceRun]),
    ("oncelock get", &[]),
    ("lazylock", &[OnceRun]),
    ("channel send", &[ChannelSend]),
    ("channel recv", &[ChannelReceive]),
    ("channel try_recv", &[ChannelReceive]),
    ("sync_channel send", &[ChannelSend]),
    ("sync_channel try_send", &[ChannelSend]),
    ("sync_channel recv", &[ChannelReceive]),
    ("park", &[ReferenceCount, Park, ReferenceCount]),
    ("park_timeout", &[ReferenceCount, Park, ReferenceCount]),
    ("unpark", &[Unpark]),
    ("arc clone", &[ReferenceCount]),
    ("arc drop", &[ReferenceCount]),
    ("arc downgrade", &[ReferenceCount]),
    ("weak upgrade", &[ReferenceCount]),
    ("weak drop", &[ReferenceCount]),
    ("arc last drop", &[ReferenceCount]),
];

/// Roles that must be among those of an operation that does much else.
const STANDARD_AMONG: &[(&str, &[Role])] = &[
    ("channel recv_timeout", &[ChannelReceive, MutexLock, MutexUnlock, Park]),
    ("channel close", &[ChannelClose, MutexLock, MutexUnlock]),
    ("sync_channel close by the receiver", &[ChannelClose]),
    ("rendezvous send", &[ChannelSend, MutexLock, MutexUnlock, Park]),
    ("spawn", &[Spawn, ReferenceCount]),
    ("join", &[ReferenceCount]),
];

const LIBRARIES: &[(&str, &[Role])] = &[
    ("parking_lot mutex lock", &[MutexLock]),
    ("parking_lot mutex unlock", &[MutexUnlock]),
    ("parking_lot mutex try_lock", &[MutexTryLock]),
    ("parking_lot rwlock read", &[RwLockRead]),
    ("parking_lot rwlock read unlock", &[RwLockReadUnlock]),
    ("parking_lot rwlock try_read", &[RwLockTryRead]),
    ("parking_lot rwlock write", &[RwLockWrite]),
    ("parking_lot rwlock write unlock", &[RwLockWriteUnlock]),
    ("parking_lot rwlock try_write", &[RwLockTryWrite]),
    ("parking_lot rwlock upgradable", &[RwLockRead]),
    ("parking_lot once", &[OnceRun]),
    ("parking_lot reentrant lock", &[MutexLock]),
    ("parking_lot reentrant unlock", &[MutexUnlock]),
    ("spin mutex lock", &[MutexLock]),
    ("spin mutex try_lock in vain", &[MutexTryLock]),
    ("spin mutex unlock", &[MutexUnlock]),
    ("spin rwlock read", &[RwLockRead]),
    ("spin rwlock read unlock", &[RwLockReadUnlock]),
    ("spin rwlock write", &[RwLockWrite]),
    ("spin rwlock write unlock", &[RwLockWriteUnlock]),
    ("spin once", &[OnceRun]),
    ("crossbeam send", &[ChannelSend]),
    ("crossbeam recv", &[ChannelReceive]),
    ("crossbeam bounded send", &[ChannelSend]),
    ("crossbeam bounded try_recv", &[ChannelReceive]),
    ("flume send", &[MutexLock, ChannelSend, MutexUnlock]),
    ("flume recv", &[MutexLock, ChannelReceive, MutexUnlock]),
    ("once_cell get_or_init", &[OnceRun]),
    ("dashmap insert", &[RwLockWrite, RwLockWriteUnlock]),
    ("dashmap get", &[RwLockRead, RwLockReadUnlock]),
    ("crossbeam queue push", &[]),
    ("crossbeam park", &[Park]),
    ("crossbeam unpark", &[Unpark]),
    ("arc_swap load", &[]),
];

const LIBRARIES_AMONG: &[(&str, &[Role])] = &[
    ("parking_lot mutex lock contended", &[MutexLock]),
    ("parking_lot rwlock read contended", &[RwLockRead]),
    ("parking_lot rwlock write contended", &[RwLockWrite]),
    ("parking_lot condvar wait", &[CondvarWait, MutexUnlock, MutexLock]),
    ("parking_lot condvar notify", &[CondvarNotify]),
    ("crossbeam recv_timeout", &[ChannelReceive, MutexLock, MutexUnlock, Park]),
    ("crossbeam close", &[ChannelClose]),
    ("flume close", &[ChannelClose, MutexLock, MutexUnlock]),
    ("event listen", &[MutexLock, MutexUnlock]),
    ("event notify", &[CondvarNotify]),
    ("event wait", &[CondvarWait]),
    ("arc_swap store", &[ReferenceCount]),
    ("rayon join", &[MutexLock, CondvarWait]),
    ("crossbeam wait group", &[BarrierWait, CondvarNotify]),
    ("crossbeam sharded read", &[RwLockRead]),
];

/// Roles that an operation must not have: the work of a helper below it.
const NEVER: &[(&str, &[Role])] = &[
    ("arc_swap store", &[Atomic]),
    ("rayon join", &[Atomic, Join]),
    ("crossbeam epoch pin", &[Atomic]),
    ("parking_lot mutex lock contended", &[Atomic, RwLockRead]),
    ("parking_lot rwlock write contended", &[Atomic, RwLockRead]),
    ("parking_lot condvar notify", &[Atomic]),
    ("event wait", &[Atomic]),
];

struct Seen {
    roles: BTreeMap<String, Vec<Role>>,
    process: Process,
    operations: Vec<Operation>,
}

fn perform(features: &[&str], release: bool) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    let runtime = record::hooks(directory.path());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/roles");
    let selection = Selection {
        features: features.iter().map(|feature| (*feature).to_owned()).collect(),
        release,
        quiet: true,
        locked: true,
        target_dir: Some(directory.path().join("target")),
        ..Selection::default()
    };
    let request = Request { directory: root.clone(), selection, goal: Goal::Programs, runtime };
    let build = compile::build(&request, || ()).unwrap();
    let recording = record::run(&build.artifacts[0].executable);
    let process = Process::new(recording.modules, &root, &build.target_directory);
    let mut roles: BTreeMap<String, Vec<Role>> = BTreeMap::new();
    for operation in &recording.operations {
        let seen = roles.entry(operation.name.clone()).or_default();
        let pcs: Vec<u64> = operation.stack.iter().map(|(pc, _)| *pc).collect();
        let role = process.role_of_stack(&pcs);
        if role != Role::Internal && seen.last() != Some(&role) {
            seen.push(role);
        }
    }
    Seen { roles, process, operations: recording.operations }
}

impl Seen {
    fn assert(&self, exactly: &[(&str, &[Role])], among: &[(&str, &[Role])], never: &[(&str, &[Role])]) {
        let mut wrong = Vec::new();
        for (name, expected) in exactly {
            let seen = &self.roles[*name];
            if seen != expected {
                wrong.push(format!("{name}: {seen:?}, not {expected:?}"));
            }
        }
        for (name, expected) in among {
            let seen = &self.roles[*name];
            for role in expected.iter().filter(|role| !seen.contains(role)) {
                wrong.push(format!("{name}: {role:?} is not in {seen:?}"));
            }
        }
        for (name, unexpected) in never {
            let seen = self.roles.get(*name).map_or(&[][..], Vec::as_slice);
            for role in unexpected.iter().filter(|role| seen.contains(role)) {
                wrong.push(format!("{name}: {role:?} is in {seen:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// A lock is taken and given back through one word, and no other write has the role of it. (Of loads the optimizer may
    /// merge two into one, and drop the frames in which they differ.)
    fn assert_one_word(&self, names: &[&str]) {
        let mut words = BTreeMap::new();
        let writes = self.operations.iter().filter(|operation| operation.kind != "load");
        for operation in writes.filter(|operation| names.contains(&operation.name.as_str())) {
            let pcs: Vec<u64> = operation.stack.iter().map(|(pc, _)| *pc).collect();
            if self.process.role_of_stack(&pcs) != Role::Internal {
                words.insert(operation.address, operation.name.clone());
            }
        }
        assert_eq!(words.len(), 1, "{words:x?}");
    }
}

#[test]
fn the_standard_library() {
    for release in [false, true] {
        let seen = perform(&[], release);
        seen.assert(STANDARD, STANDARD_AMONG, &[]);
        seen.assert_one_word(&["mutex lock", "mutex unlock", "mutex try_lock", "mutex lock contended"]);
        seen.assert_one_word(&["rwlock read", "rwlock read unlock", "rwlock write contended", "rwlock read contended"]);
    }
}

#[test]
fn libraries_in_wide_use() {
    for release in [false, true] {
        let seen = perform(&["libraries"], release);
        seen.assert(LIBRARIES, LIBRARIES_AMONG, NEVER);
        seen.assert_one_word(&[
            "parking_lot mutex lock",
            "parking_lot mutex lock contended",
            "parking_lot mutex unlock",
        ]);
        seen.assert_one_word(&["spin rwlock read", "spin rwlock write", "spin rwlock write unlock"]);
    }
}
