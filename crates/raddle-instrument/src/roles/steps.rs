//! Calls of the standard library that count as one step each.
//!
//! A lock, a condition, a channel, a parked thread is made of many atomic operations, and the standard library's are
//! taken to be right: linearizable, so that a program cannot tell an execution in which the operations of two calls are
//! interleaved from one in which one call comes after the other (Filipović, O'Hearn, Rinetzky and Yang, "Abstraction for
//! concurrent objects", TCS 2010). So it is enough to switch threads where a call begins. Here is which of its operations
//! comes first in each, and is the schedule point; the others belong to it. Where a call waits others run, and what it does
//! when it goes on is a step again, which begins with its being chosen.
//!
//! Giving a lock back is no step of its own at all but belongs to what its thread did before: until then nobody else can
//! do anything with the lock but wait for it (a left mover; Lipton, "Reduction", CACM 1975). Unless the program tries
//! locks: that it fails, others can tell.
//!
//! What is not here is explored operation by operation, other crates' locks and channels among them: they are what is
//! tested.

use super::{Access, is_standard, root};

/// How an operation stands to the call that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the call's first.
    Begins(Begin),
    /// It is the call's first if it is relaxed.
    BeginsIfRelaxed(Begin),
    /// It is the call's first, and counts down what others only ask about whether it is 0 yet.
    CountsDown(Begin),
    /// It asks whether something has been counted down to 0, and waits if it has not.
    WaitsForNone,
    /// It comes later.
    Belongs,
    /// It gives back a lock.
    GivesBack,
}

/// What a call does as a whole, seen from others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Begin {
    /// It takes a lock, and waits without anybody noticing if it cannot.
    pub(super) locks: bool,
    /// It changes its object although its first operation is a load.
    pub(super) changes: bool,
    /// How many bytes before the place of its first operation its object lies, of which other calls begin elsewhere.
    pub(super) back: u8,
}

/// How a first operation is told from the others in its call.
#[derive(Clone, Copy)]
enum First {
    /// The lock word of a mutex is exchanged.
    Locks,
    /// A relaxed load in this function.
    Relaxed(&'static str, Begin),
    /// A load of a number in this function.
    Number(&'static str, Begin),
    /// A write in the call's own body.
    Write(Begin),
    /// The same, which counts down.
    CountDown(Begin),
}

const CHANGES: Begin = Begin { locks: false, changes: true, back: 0 };
const TAKES: Begin = Begin { locks: true, changes: false, back: 0 };
/// The end of a channel at which messages go in lies so many bytes behind the one at which they come out, with which it
/// makes up the channel.
const SENDS: Begin = Begin { locks: false, changes: true, back: 128 };

/// Calls made of other calls.
const COMPOUND: &[(&str, First)] = &[
    ("std::sync::barrier::Barrier::wait", First::Locks),
    ("std::sync::mpmc::array::Channel::send", First::Relaxed("std::sync::mpmc::array::Channel::start_send", SENDS)),
    ("std::sync::mpmc::array::Channel::try_send", First::Relaxed("std::sync::mpmc::array::Channel::start_send", SENDS)),
    ("std::sync::mpmc::array::Channel::recv", First::Relaxed("std::sync::mpmc::array::Channel::start_recv", CHANGES)),
    (
        "std::sync::mpmc::array::Channel::try_recv",
        First::Relaxed("std::sync::mpmc::array::Channel::start_recv", CHANGES),
    ),
    ("std::sync::mpmc::array::Channel::disconnect_senders", First::Write(SENDS)),
    ("std::sync::mpmc::array::Channel::disconnect_receivers", First::Write(SENDS)),
    ("std::sync::mpmc::list::Channel::send", First::Number("std::sync::mpmc::list::Channel::start_send", SENDS)),
    ("std::sync::mpmc::list::Channel::try_send", First::Number("std::sync::mpmc::list::Channel::start_send", SENDS)),
    ("std::sync::mpmc::list::Channel::recv", First::Number("std::sync::mpmc::list::Channel::start_recv", CHANGES)),
    ("std::sync::mpmc::list::Channel::try_recv", First::Number("std::sync::mpmc::list::Channel::start_recv", CHANGES)),
    ("std::sync::mpmc::list::Channel::disconnect_senders", First::Write(SENDS)),
    ("std::sync::mpmc::list::Channel::disconnect_receivers", First::Write(SENDS)),
    ("std::sync::mpmc::zero::Channel::send", First::Locks),
    ("std::sync::mpmc::zero::Channel::try_send", First::Locks),
    ("std::sync::mpmc::zero::Channel::recv", First::Locks),
    ("std::sync::mpmc::zero::Channel::try_recv", First::Locks),
    ("std::sync::mpmc::zero::Channel::disconnect", First::Locks),
    ("std::thread::scoped::ScopeData::decrement_num_running_threads", First::CountDown(CHANGES)),
];

const MUTEX: &str = "std::sys::sync::mutex::futex::Mutex::";
const RW_LOCK: &str = "std::sys::sync::rwlock::futex::RwLock::";
const CONDVAR: &str = "std::sys::sync::condvar::futex::Condvar::";
/// What channels are made of.
const CHANNELS: &str = "std::sync::mpmc::";
const FUTEX: &str = "std::sys::pal::unix::futex::";
const SCOPE: &str = "std::thread::scoped::scope";
const PARKER: &str = "std::sys::sync::thread_parking::futex::Parker::";

/// How the operation stands to its call: `Ok(None)` when there is none. `method` is the atomic type's method, empty for a
/// system call; `paths` are the functions around it, innermost first.
///
/// # Errors
/// When it takes more frames to tell.
pub(super) fn find(method: &str, paths: &[String], access: Access, whole: bool) -> Result<Option<Step>, ()> {
    let end = paths.iter().position(|path| !is_standard(path));
    let (within, whole) = (&paths[..end.unwrap_or(paths.len())], whole || end.is_some());
    let own = within.iter().position(|path| root(path) == "std" && !path.starts_with(FUTEX));
    let Some(inner) = own else {
        // A count is what it is, whoever counts.
        let decided = whole || within.first().is_some_and(|path| root(path) == "alloc");
        return if decided { Ok(None) } else { Err(()) };
    };
    let calls = within[..inner].iter().any(|path| path.starts_with(FUTEX));
    let later = |step: Option<Step>| step.filter(|step| !calls || *step == Step::GivesBack).unwrap_or(Step::Belongs);
    let compound = within.iter().rev().find_map(|path| COMPOUND.iter().find(|(function, _)| function == path));
    if let Some((function, first)) = compound {
        return Ok(Some(later(begins(*first, function, method, within, access))));
    }
    // Further out there may be a call that this belongs to.
    match primitive(&within[inner], method, access) {
        Some(_) if !whole => Err(()),
        None if !whole && within[inner].starts_with(CHANNELS) => Err(()),
        // The end of a scope waits by parking.
        Some(_) if within[inner].starts_with(PARKER) && within.iter().any(|path| path == SCOPE) => {
            Ok(Some(Step::Belongs))
        }
        step => Ok(step.map(|step| later(Some(step)))),
    }
}

/// What a compound call begins with, if this is it.
fn begins(first: First, function: &str, method: &str, within: &[String], access: Access) -> Option<Step> {
    let loads_in = |inner: &str| access == Access::Load && within.iter().any(|path| path == inner);
    match first {
        First::Locks => {
            let relocks = within.iter().any(|path| path.starts_with(CONDVAR));
            let locks = within.iter().any(|path| path.strip_prefix(MUTEX) == Some("lock"));
            (locks && !relocks && method == "compare_exchange").then_some(Step::Begins(TAKES))
        }
        First::Relaxed(inner, begin) => loads_in(inner).then_some(Step::BeginsIfRelaxed(begin)),
        First::Number(inner, begin) => (loads_in(inner) && method == "load").then_some(Step::Begins(begin)),
        First::Write(begin) | First::CountDown(begin) => {
            let own = within.iter().find(|path| root(path) == "std").is_some_and(|path| path == function);
            let step = if matches!(first, First::Write(_)) { Step::Begins(begin) } else { Step::CountsDown(begin) };
            (own && access != Access::Load).then_some(step)
        }
    }
}

/// The calls that stand for themselves.
fn primitive(path: &str, method: &str, access: Access) -> Option<Step> {
    if let Some(function) = path.strip_prefix(MUTEX) {
        return match function {
            "lock" => Some(if method == "compare_exchange" { Step::Begins(TAKES) } else { Step::Belongs }),
            "try_lock" => None,
            "unlock" | "wake" => Some(Step::GivesBack),
            _ => Some(Step::Belongs),
        };
    }
    if let Some(function) = path.strip_prefix(RW_LOCK) {
        return match function {
            "read" if access == Access::Load => Some(Step::Begins(Begin::default())),
            // A writer that waits keeps readers out, so it must not be kept from saying that it waits.
            "write" if access != Access::Call => Some(Step::Begins(Begin::default())),
            "try_read" | "try_write" => (access != Access::Load).then_some(Step::Belongs),
            "read_unlock"
            | "write_unlock"
            | "downgrade"
            | "downgrade_slow"
            | "wake_writer_or_readers"
            | "wake_writer" => Some(Step::GivesBack),
            _ => Some(Step::Belongs),
        };
    }
    if let Some(function) = path.strip_prefix(CONDVAR) {
        let begins = if function.starts_with("notify") { method == "fetch_add" } else { access == Access::Load };
        return Some(if begins { Step::Begins(CHANGES) } else { Step::Belongs });
    }
    // How many threads still run: looked at again and again until none does. Whoever ends later could have been waited for
    // as well, so that a look in vain is no step at all; going to sleep after it belongs to it.
    if path == SCOPE && access == Access::Load {
        return Some(Step::WaitsForNone);
    }
    if let Some(function) = path.strip_prefix(PARKER) {
        let begins = if function == "unpark" { method == "swap" } else { method == "fetch_sub" };
        return Some(if begins { Step::Begins(CHANGES) } else { Step::Belongs });
    }
    None
}
