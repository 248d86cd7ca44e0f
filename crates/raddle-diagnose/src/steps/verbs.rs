//! What a thread does to something, in words.

use crate::object::ObjectKind;
use crate::site::Site;
use crate::threads::Threads;
use crate::words::{self, Type};
use raddle_engine::waits::Mode;
use raddle_protocol::trace::ThreadId;

/// Who keeps `thread` waiting for a lock, or for an initialisation (`once`), in brackets; nothing if nobody is known.
pub fn held_by(thread: ThreadId, holders: &[ThreadId], once: bool, threads: &Threads) -> String {
    match (holders.contains(&thread), once) {
        _ if holders.is_empty() => String::new(),
        (true, false) => " (which it holds itself)".to_owned(),
        (true, true) => " (which it does itself)".to_owned(),
        (false, false) => format!(" (held by {})", threads.list(holders)),
        (false, true) => format!(" (by {})", threads.list(holders)),
    }
}

/// What a thread that waits for a notification of this kind does; `None` when nothing is known.
pub fn waiting(kind: Option<ObjectKind>, name: &str) -> Option<String> {
    Some(match kind? {
        ObjectKind::Condvar => format!("waits on {name}"),
        ObjectKind::Futex => format!("sleeps on {name} until it is woken"),
        ObjectKind::Barrier => format!("waits at {name}"),
        ObjectKind::Channel => format!("waits for a message on {name}"),
        ObjectKind::ChannelRoom => format!("waits for room in {name}"),
        ObjectKind::ParkToken => "is parked".to_owned(),
        ObjectKind::Semaphore => format!("waits for a permit of {name}"),
        ObjectKind::Descriptor => format!("waits for input or output on descriptor {name}"),
        _ => return None,
    })
}

/// A call of a dependency's function, begun or gone on with.
pub fn call(site: &Site, goes_on: bool) -> Option<String> {
    let entry = &site.entry()?.function;
    let drops = ["drop", "drop_in_place", "drop_glue"].contains(&crate::function::method(entry).as_str());
    // What is dropped may only hold something of that type.
    let destructor = site.dependency().map(|frame| crate::function::short(&frame.function));
    let destructor = destructor.filter(|function| function.ends_with("::drop"));
    let function = if drops { destructor } else { Some(crate::function::short(entry)) };
    Some(match (function, drops, goes_on) {
        (Some(function), _, true) => format!("goes on in `{function}`"),
        (Some(function), true, false) => format!("drops a value (`{function}`)"),
        (Some(function), false, false) => format!("calls `{function}`"),
        (None, _, true) => "goes on dropping the value".to_owned(),
        (None, _, false) => "drops a value".to_owned(),
    })
}

/// Asking for a lock, in words.
pub fn request(kind: Option<ObjectKind>, mode: Mode, name: &str) -> String {
    match (kind, mode) {
        (Some(ObjectKind::RwLock), Mode::Shared) => format!("waits to read-lock {name}"),
        (Some(ObjectKind::RwLock), Mode::Exclusive) => format!("waits to write-lock {name}"),
        (Some(ObjectKind::Once), _) => format!("waits for {name} to be initialised"),
        _ => format!("waits for {name}"),
    }
}

pub fn acquire(kind: Option<ObjectKind>, mode: Mode, name: &str) -> String {
    match (kind, mode) {
        (Some(ObjectKind::RwLock), Mode::Shared) => format!("read-locks {name}"),
        (Some(ObjectKind::RwLock), Mode::Exclusive) => format!("write-locks {name}"),
        (Some(ObjectKind::Once), _) => format!("begins to initialise {name}"),
        _ => format!("locks {name}"),
    }
}

pub fn attempt(kind: Option<ObjectKind>, mode: Mode, name: &str) -> String {
    match (kind, mode) {
        (Some(ObjectKind::RwLock), Mode::Shared) => format!("tries to read-lock {name}"),
        (Some(ObjectKind::RwLock), Mode::Exclusive) => format!("tries to write-lock {name}"),
        _ => format!("tries to lock {name}"),
    }
}

pub fn passed(kind: Option<ObjectKind>, site: &Site, name: &str) -> String {
    match kind {
        Some(ObjectKind::Barrier) => format!("arrives at {name}"),
        Some(ObjectKind::ParkToken) => "parks and goes on at once, for it has been unparked before".to_owned(),
        Some(ObjectKind::Semaphore) => format!("takes a permit of {name}"),
        _ => match site.entry() {
            Some(entry) => format!("calls `{}` on {name}", crate::function::method(&entry.function)),
            None => format!("looks at {name}"),
        },
    }
}

pub fn update(site: &Site, name: &str, size: u8, old: u64, new: u64) -> String {
    let kind = Type::at(site);
    let method = words::atomic_method(site);
    let change = match (kind.value(old, size), kind.value(new, size)) {
        // What assembly leaves behind is not known.
        _ if method.is_empty() && old == new => String::new(),
        (Some(old), Some(new)) => format!("{old} → {new}"),
        _ => String::new(),
    };
    let mask = if size >= 8 { u64::MAX } else { (1 << (u32::from(size) * 8)) - 1 };
    let by = match method.as_str() {
        "fetch_add" => kind.value(new.wrapping_sub(old) & mask, size).map(|by| format!("adds {by} to {name}")),
        "fetch_sub" => kind.value(old.wrapping_sub(new) & mask, size).map(|by| format!("subtracts {by} from {name}")),
        "swap" => Some(format!("swaps {name}")),
        _ => None,
    };
    let does = by.unwrap_or_else(|| match method.as_str() {
        "" => format!("changes {name}"),
        method => format!("changes {name} by `{method}`"),
    });
    if change.is_empty() { does } else { format!("{does} ({change})") }
}

pub fn shown(arrow: &str, value: Option<String>) -> String {
    value.map_or_else(String::new, |value| format!("{arrow}{value}"))
}
