//! What the schedule may make of an operation: who can tell when it happens, and whether it is a look of a lock that
//! spins.
//!
//! The reasons why nobody can tell are in ARCHITECTURE.md ("Hidden operations"); here are the functions to which they
//! apply. As with roles, the frames of the atomic types' own methods are passed over, and the first function that is
//! known decides. Functions that are only passed through ([`is_passed`]) leave it to their callers; any other function
//! that is not known makes the operation visible. So does the end of what is known.

use super::{Access, access, is_atomic, library, path, role, root};
use crate::symbols::SourceFrame;
use raddle_protocol::{Answer, Site, Visibility};

/// Which operations in a function.
#[derive(Clone, Copy, PartialEq, Eq)]
enum On {
    /// All.
    Every,
    Loads,
    /// All but loads.
    Writes,
    /// Loads made through `poison::Flag::get`.
    PoisonLooks,
}

use Visibility::{Hidden, HiddenIfOne, HiddenIfSoleStrong, HiddenIfSoleWeak, HiddenIfZero};

/// The functions whose operations nobody can place.
const FUNCTIONS: &[(&str, On, Visibility)] = &[
    // Counts that are only ever compared with zero, or with one by who has the only reference.
    ("alloc::sync::Arc::clone", On::Every, Hidden),
    ("alloc::sync::Arc::drop", On::Writes, HiddenIfSoleStrong),
    ("alloc::sync::Arc::is_unique", On::Loads, HiddenIfSoleStrong),
    ("alloc::sync::Arc::is_unique", On::Writes, HiddenIfSoleWeak),
    ("alloc::sync::Weak::clone", On::Every, Hidden),
    ("alloc::sync::Weak::drop", On::Writes, HiddenIfOne),
    ("std::sync::mpmc::counter::Sender::acquire", On::Every, Hidden),
    ("std::sync::mpmc::counter::Sender::release", On::Writes, HiddenIfOne),
    ("std::sync::mpmc::counter::Receiver::acquire", On::Every, Hidden),
    ("std::sync::mpmc::counter::Receiver::release", On::Writes, HiddenIfOne),
    ("crossbeam_channel::counter::Sender::acquire", On::Every, Hidden),
    ("crossbeam_channel::counter::Sender::release", On::Writes, HiddenIfOne),
    ("crossbeam_channel::counter::Receiver::acquire", On::Every, Hidden),
    ("crossbeam_channel::counter::Receiver::release", On::Writes, HiddenIfOne),
    // Looks whose answer only decides whether to look closer, which gives the same answer.
    ("std::panicking::panic_count::count_is_zero", On::Every, Hidden),
    ("std::panicking::panic_count::increase", On::Every, Hidden),
    ("std::panicking::panic_count::decrease", On::Every, Hidden),
    ("std::sys::pal::unix::futex::futex_wait", On::Loads, Hidden),
    ("std::io::stdio::try_set_output_capture", On::Every, Hidden),
    // The poison flag, while the lock is held.
    ("std::sync::poison::Flag::guard", On::PoisonLooks, HiddenIfZero),
    ("std::sync::poison::Flag::borrow", On::PoisonLooks, HiddenIfZero),
    ("std::sync::poison::condvar::Condvar::wait", On::PoisonLooks, HiddenIfZero),
    ("std::sync::poison::condvar::Condvar::wait_timeout", On::PoisonLooks, HiddenIfZero),
    // What is found out once for the whole process, by everyone alike.
    ("std::sys::thread_local::key::racy::LazyKey::force", On::Every, Hidden),
    ("std::sys::thread_local::key::racy::LazyKey::lazy_init", On::Every, Hidden),
    ("std::sys::pal::unix::weak::dlsym::DlsymWeak::get", On::Every, Hidden),
    ("std::sys::pal::unix::stack_overflow::imp::make_handler", On::Loads, Hidden),
    ("std::thread::main_thread::get", On::Every, Hidden),
    ("std::thread::lifecycle::spawn_unchecked", On::Loads, Hidden),
];

/// Of these modules every operation is hidden.
const MODULES: &[&str] = &["std::sys::pal::unix::stack_overflow::thread_info::"];

/// The locks that spin before they sleep look here.
const SPINS: &[&str] = &[
    "std::sys::sync::mutex::futex::Mutex::spin",
    "std::sys::sync::rwlock::futex::RwLock::spin_until",
    "std::sys::sync::rwlock::futex::RwLock::spin_read",
    "std::sys::sync::rwlock::futex::RwLock::spin_write",
];

/// Functions on the way from a known one to the operation.
fn is_passed(path: &str) -> bool {
    const PASSED: &[&str] = &[
        "std::panicking::panicking",
        "std::sync::poison::Flag::get",
        "std::sync::poison::Flag::guard",
        "std::sync::poison::Flag::done",
        "std::sync::poison::mutex::Mutex::lock",
        "std::sync::poison::mutex::MutexGuard::new",
        "std::sync::poison::mutex::MutexGuard::drop",
        "std::sys::sync::mutex::futex::Mutex::lock",
        "std::sys::sync::mutex::futex::Mutex::unlock",
        "std::thread::functions::panicking",
    ];
    PASSED.contains(&path) || matches!(root(path), "core" | "alloc")
}

/// What is known of an operation with these frames, innermost first, of which there are no more if `whole` says so.
/// `counts_are_read` tells whether the program may look at an `Arc`'s counts.
pub(crate) fn answer(frames: &[SourceFrame], whole: bool, counts_are_read: bool) -> Answer {
    let within = library(frames);
    let whole = whole || within.len() < frames.len();
    let paths: Vec<String> = within.iter().map(|frame| path(&frame.function)).collect();
    let methods = paths.iter().take_while(|path| is_atomic(path)).count();
    let Some(mut visibility) = visibility(&paths[methods..], access(&paths), whole) else { return Answer::Deeper };
    let is_count = paths.iter().any(|path| path.starts_with("alloc::sync::"));
    if is_count && counts_are_read {
        visibility = Visibility::Visible;
    }
    Answer::Site(Site {
        role: role(frames),
        weak: paths[..methods].iter().any(|path| path.ends_with("compare_exchange_weak")),
        spins: paths.get(methods).is_some_and(|path| SPINS.contains(&path.as_str())),
        visibility,
    })
}

/// `None` when it takes more frames to tell.
fn visibility(paths: &[String], access: Access, whole: bool) -> Option<Visibility> {
    let mut poison = false;
    for path in paths {
        let applies = |on: On| match on {
            On::Every => true,
            On::Loads => access == Access::Load,
            On::Writes => access != Access::Load,
            On::PoisonLooks => poison && access == Access::Load,
        };
        if MODULES.iter().any(|module| path.starts_with(module)) {
            return Some(Visibility::Hidden);
        }
        let known = FUNCTIONS.iter().find(|(function, on, _)| function == path && applies(*on));
        if let Some((_, _, visibility)) = known {
            return Some(*visibility);
        }
        if !is_passed(path) {
            return Some(Visibility::Visible);
        }
        poison |= path == "std::sync::poison::Flag::get";
    }
    whole.then_some(Visibility::Visible)
}

#[cfg(test)]
mod tests;
