//! What the schedule may make of an operation: who can tell when it happens, and whether it is a look of a lock that
//! spins.
//!
//! The reasons why nobody can tell are in docs/internals/schedule-points.md; here are the functions to which they
//! apply. As with roles, the frames of the atomic types' own methods are passed over, and the first function that is
//! known decides. Functions that are only passed through ([`is_passed`]) leave it to their callers; any other function
//! that is not known makes the operation visible. So does the end of what is known.

use super::steps::{self, Begin, Step};
use super::{Access, access, is_atomic, library, path, role, root};
use crate::symbols::SourceFrame;
use raddle_protocol::{Answer, Begins, Site, Visibility};

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

use Visibility::{
    Hidden, HiddenIfLast, HiddenIfOne, HiddenIfSoleStrong, HiddenIfSoleWeak, HiddenIfZero, HiddenUnlessZero,
};

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
    // A thread more of a scope, counted by who is within it: it is asked about only when that has been left.
    ("std::thread::scoped::ScopeData::increment_num_running_threads", On::Every, Hidden),
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
    ("std::io::stdio::print_to_buffer_if_capture_used", On::Loads, Hidden),
    ("std::sys::random::linux::getrandom", On::Every, Hidden),
    // Numbers that nobody else has, whoever comes first.
    ("std::thread::id::ThreadId::new", On::Every, Hidden),
];

/// In these functions references are dropped to what the library has made for itself: nobody can tell who was last.
const DROPS: &[&str] = &["std::thread::current::drop_current", "std::thread::lifecycle::ThreadInit::init"];

/// Of these modules every operation is hidden.
const MODULES: &[&str] = &["std::sys::pal::unix::stack_overflow::thread_info::"];

/// The locks that spin before they sleep look here. Not so for writers: a writer that sleeps keeps readers out, and one
/// that spins does the same as one that has not come yet, so that nothing is lost by letting it sleep at once.
const SPINS: &[&str] = &[
    "std::sys::sync::mutex::futex::Mutex::spin",
    "std::sys::sync::rwlock::futex::RwLock::spin_until",
    "std::sys::sync::rwlock::futex::RwLock::spin_read",
];

/// The looks of such a writer.
const SPINNING_WRITER: &str = "std::sys::sync::rwlock::futex::RwLock::spin_write";

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

/// What a program does anywhere that lets it tell more than others can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tells {
    /// It may look at an `Arc`'s counts other than by cloning and dropping.
    pub counts: bool,
    /// It may try to take a lock of the standard library without waiting for it.
    pub tries: bool,
}

/// Whether an operation with these frames is a weak compare-exchange of the program's own, which may fail although the values
/// are equal. One within a method that goes on until it succeeds is not.
pub(crate) fn may_fail(frames: &[SourceFrame]) -> bool {
    let paths = library(frames).iter().map(|frame| path(&frame.function));
    let outermost = paths.take_while(|path| is_atomic(path)).last();
    outermost.is_some_and(|path| path.ends_with("compare_exchange_weak"))
}

/// What is known of an operation with these frames, innermost first, of which there are no more if `whole` says so.
pub(crate) fn answer(frames: &[SourceFrame], whole: bool, tells: Tells) -> Answer {
    let within = library(frames);
    let whole = whole || within.len() < frames.len();
    let paths: Vec<String> = within.iter().map(|frame| path(&frame.function)).collect();
    let methods = paths.iter().take_while(|path| is_atomic(path)).count();
    let (methods, around) = paths.split_at(methods);
    let site = Site {
        role: role(frames),
        spins: around.first().is_some_and(|path| SPINS.contains(&path.as_str()))
            && around.iter().all(|path| path != SPINNING_WRITER),
        ..Site::UNKNOWN
    };
    if around.iter().any(|path| MODULES.iter().any(|module| path.starts_with(module))) {
        return Answer::Site(Site { visibility: Hidden, step: true, ..site });
    }
    let method = methods.iter().find_map(|path| path.rsplit("::").next().filter(|name| !name.starts_with("atomic_")));
    let step = match steps::find(method.unwrap_or_default(), around, access(&paths), whole) {
        Ok(Some(step)) => step,
        Ok(None) => return stepless(site, around, access(&paths), whole, tells),
        Err(()) => return Answer::Deeper,
    };
    let (visibility, begin) = match step {
        Step::Begins(begin) => (Visibility::Visible, begin),
        Step::CountsDown(begin) => (HiddenIfLast, begin),
        Step::WaitsForNone => (HiddenUnlessZero, Begin::default()),
        Step::BeginsIfRelaxed(begin) => (Visibility::HiddenUnlessRelaxed, begin),
        Step::GivesBack if tells.tries => (Visibility::Visible, Begin::default()),
        Step::Belongs | Step::GivesBack => (Hidden, Begin::default()),
    };
    let begins = Begins { changes: begin.changes, back: begin.back };
    Answer::Site(Site { step: true, locks: begin.locks, begins, visibility, ..site })
}

/// The same for an operation that is no part of a call that counts as one step.
fn stepless(site: Site, around: &[String], access: Access, whole: bool, tells: Tells) -> Answer {
    let is_count = around.iter().any(|path| path.starts_with("alloc::sync::"));
    if is_count && around.iter().any(|path| DROPS.contains(&path.as_str())) {
        return Answer::Site(Site { visibility: Hidden, step: true, ..site });
    }
    let Some(visibility) = visibility(around, access, whole) else { return Answer::Deeper };
    if is_count && tells.counts {
        return Answer::Site(site);
    }
    // What changes the place comes after all that was done to it; a look that decides nothing need not be followed at all.
    let step = access != Access::Load && (visibility == Hidden || is_count);
    Answer::Site(Site { visibility, step, ..site })
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
