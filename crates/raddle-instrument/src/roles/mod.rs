//! What an operation means, by the library functions in which it happens.
//!
//! The frames of an operation are read from the innermost outwards, up to the first frame of the user's own. Methods of
//! the atomic types themselves only tell what kind of access it is. The first function with a line in the table decides:
//! it is the primitive that performs the operation, whoever called it. Who called it, and so whether a lock is the user's
//! or one inside a channel, is told by the frames further out, which a caller can ask about in turn.
//!
//! # What a role at an operation says
//!
//! * `MutexLock`, `MutexTryLock`, `RwLockRead`, ...: this operation, if it writes, is on the lock word itself and takes the
//!   lock or tries to. Whether it did is for the values to say: the same instruction may find the lock taken, and an
//!   exchange that announces a waiter looks like one that acquires. Where the source keeps the two apart, the one that
//!   cannot acquire is `Internal`. A lock taken for a bounded time shows as what its slow path is: the blocking form.
//! * `MutexUnlock`, `RwLockReadUnlock`, `RwLockWriteUnlock`: on the lock word, gives the lock back. A downgrade of a
//!   writer counts as `RwLockWriteUnlock`; an upgradable reader counts as a reader.
//! * `OnceRun`: takes or ends the run of a one-time initialisation; `OnceWait`: waits for another thread's.
//! * `CondvarWait`, `CondvarNotify`, `Park`, `Unpark`, `BarrierWait`, `ChannelSend`, `ChannelReceive`, `ChannelClose`,
//!   `Join`, `Spawn`: the operation is part of that call. The locks inside those libraries have roles of their own.
//! * `ReferenceCount`: the counts of `Arc` and `Weak`.
//! * A system call (a futex wait or wake, a wait for a thread) has the role of the function that makes it.
//! * `Internal`: looks but does not change (a spinning load, a completed one-time initialisation), or serves a library's
//!   own bookkeeping. `Atomic`: the user's own, or an unknown library's.
//!
//! What cannot be seen: where the optimizer has merged two operations into one instruction it drops the frames in which
//! they differ, and a library's operation may look like its caller's. A primitive that is copied into another crate under another path counts as an unknown library. In
//! code without optimization one physical frame holds too little to decide on; the whole stack decides
//! ([`crate::symbols::Symbols::role_of_stack`]).

pub(crate) mod sites;
mod steps;
mod table;

use crate::names::bare_path;
use crate::symbols::{Origin, SourceFrame};
use raddle_protocol::Role;
use table::{On, Rule};

/// What the frames below the first function with a meaning say about the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Load,
    /// Any write but those below.
    Write,
    WeakExchange,
    /// A system call that blocks.
    Wait,
    /// A call into something that is not part of these frames, or a system call that does not block.
    Call,
}

/// The role of an operation with these frames, innermost first.
pub fn role(frames: &[SourceFrame]) -> Role {
    let is_users = frames.iter().any(|frame| frame.origin == Origin::User);
    let frames = library(frames);
    let paths: Vec<String> = frames.iter().map(|frame| path(&frame.function)).collect();
    let access = access(&paths);
    let mut stranger = None;
    for (at, path) in paths.iter().enumerate() {
        if is_atomic(path) {
            continue;
        }
        if let Some(rule) = table::find(path) {
            // The library was called back from inside the function with the rule: that function is not who acts.
            if let Some(stranger) = stranger.filter(|stranger| rule.calls_back() && *stranger != root(path)) {
                return by_library(stranger);
            }
            if let Some(role) = decide(rule, access) {
                return blocking_form(role, paths.get(at + 1)).unwrap_or(role);
            }
        }
        // Compiler-made shims have no file; C that performs the operation itself has no Rust file.
        let origin = frames[at].origin;
        if stranger.is_none() && (origin == Origin::Dependency || origin == Origin::Unknown && at == 0) {
            stranger = Some(root(path));
        }
    }
    match stranger {
        Some(stranger) => by_library(stranger),
        None if paths.iter().all(|path| is_atomic(path)) && (is_users || !paths.is_empty()) => Role::Atomic,
        None => Role::Internal,
    }
}

/// The frames below the user's own.
fn library(frames: &[SourceFrame]) -> &[SourceFrame] {
    let end = frames.iter().position(|frame| frame.origin == Origin::User).unwrap_or(frames.len());
    &frames[..end]
}

/// A function's path without arguments, and without the closures within it.
fn path(function: &str) -> String {
    let mut path = bare_path(function);
    if let Some(closure) = path.find("::{closure") {
        path.truncate(closure);
    }
    path
}

fn by_library(root: &str) -> Role {
    if table::LIBRARIES.contains(&root) { Role::Internal } else { Role::Atomic }
}

fn access(paths: &[String]) -> Access {
    let methods: Vec<&str> =
        paths.iter().take_while(|path| is_atomic(path)).filter_map(|path| path.rsplit("::").next()).collect();
    let any = |is: fn(&str) -> bool| methods.iter().any(|method| is(method));
    if methods.is_empty() {
        let waits = paths.first().is_some_and(|path| table::WAITS.contains(&path.as_str()));
        return if waits { Access::Wait } else { Access::Call };
    }
    // The innermost method performs: an update loop loads, then exchanges.
    if any(|method| method == "atomic_load") {
        Access::Load
    } else if any(|method| method.ends_with("compare_exchange_weak")) {
        Access::WeakExchange
    } else if any(|method| method.starts_with("atomic_")) {
        Access::Write
    } else if any(|method| method == "load") {
        Access::Load
    } else {
        Access::Write
    }
}

/// What a rule says about an access; `None` when it leaves that to the frames further out.
fn decide(rule: &Rule, access: Access) -> Option<Role> {
    let is_call = matches!(access, Access::Call | Access::Wait);
    match rule.on {
        On::Everything => Some(if access == Access::Wait { waiting_form(rule.role) } else { rule.role }),
        On::Writes if access == Access::Load => Some(Role::Internal),
        On::WeakExchanges if !is_call && access != Access::WeakExchange => Some(Role::Internal),
        On::Writes | On::WeakExchanges => {
            Some(if access == Access::Wait { waiting_form(rule.role) } else { rule.role })
        }
        On::Accesses => (!is_call).then_some(rule.role),
    }
}

fn waiting_form(role: Role) -> Role {
    if role == Role::OnceRun { Role::OnceWait } else { role }
}

/// Some locks wait by trying again and again: then the function that tries was called by the one that waits.
fn blocking_form(role: Role, caller: Option<&String>) -> Option<Role> {
    let blocking = match role {
        Role::MutexTryLock => Role::MutexLock,
        Role::RwLockTryRead => Role::RwLockRead,
        Role::RwLockTryWrite => Role::RwLockWrite,
        _ => return None,
    };
    (table::find(caller?)?.role == blocking).then_some(blocking)
}

/// A method of an atomic type, or one of the functions that it is made of.
fn is_atomic(path: &str) -> bool {
    path.starts_with("core::sync::atomic::")
}

fn is_standard(path: &str) -> bool {
    matches!(root(path), "std" | "core" | "alloc")
}

/// The crate that a path begins with.
fn root(path: &str) -> &str {
    path.split("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests;
