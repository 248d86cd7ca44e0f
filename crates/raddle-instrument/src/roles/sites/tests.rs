use super::*;
use crate::symbols::Origin;
use raddle_protocol::Role;

const LOAD: &str = "core::sync::atomic::AtomicU32::load";
const ADD: &str = "core::sync::atomic::AtomicUsize::fetch_add";
const SUB: &str = "core::sync::atomic::AtomicUsize::fetch_sub";
const EXCHANGE: &str = "core::sync::atomic::AtomicU32::compare_exchange";
const SWAP: &str = "core::sync::atomic::AtomicU32::swap";
const USER: &str = "app::work";

fn frames(functions: &[&str]) -> Vec<SourceFrame> {
    let origin = |function: &str| if function == USER { Origin::User } else { Origin::Standard };
    let frame = |function: &&str| SourceFrame {
        function: (*function).into(),
        file: None,
        line: 0,
        column: 0,
        origin: origin(function),
    };
    functions.iter().map(frame).collect()
}

fn seen(functions: &[&str]) -> Option<Visibility> {
    match answer(&frames(functions), false, Tells::default()) {
        Answer::Site(site) => Some(site.visibility),
        Answer::Deeper => None,
    }
}

#[test]
fn counts_are_hidden_unless_somebody_looks_at_them() {
    let clone = [ADD, "<alloc::sync::Arc<T> as Clone>::clone"];
    assert_eq!(seen(&clone), Some(Hidden));
    assert_eq!(seen(&[SUB, "<alloc::sync::Arc<T> as Drop>::drop"]), Some(HiddenIfSoleStrong));
    let Answer::Site(site) = answer(&frames(&clone), false, Tells { counts: true, tries: false }) else {
        panic!("the stack is deep enough")
    };
    assert_eq!((site.visibility, site.role), (Visibility::Visible, Role::ReferenceCount));
    assert_eq!(seen(&[LOAD, "alloc::sync::Arc<T>::strong_count", USER]), Some(Visibility::Visible));
}

#[test]
fn as_many_frames_are_asked_for_as_it_takes() {
    assert_eq!(seen(&[LOAD]), None);
    assert_eq!(seen(&[LOAD, USER]), Some(Visibility::Visible));
    let flag = [LOAD, "std::sync::poison::Flag::get", "std::sync::poison::Flag::guard"];
    assert_eq!(seen(&flag[..2]), None);
    assert_eq!(seen(&flag), Some(HiddenIfZero));
    assert_eq!(seen(&[LOAD, flag[1], "std::sync::poison::mutex::Mutex<T>::is_poisoned"]), Some(Visibility::Visible));
    assert_eq!(
        answer(&frames(&[LOAD]), true, Tells::default()),
        Answer::Site(Site { role: Role::Atomic, ..Site::UNKNOWN })
    );
}

#[test]
fn a_lock_is_visible_unless_it_serves_what_is_hidden() {
    let lock = ["std::sys::sync::mutex::futex::Mutex::lock", "std::sync::poison::mutex::Mutex<T>::lock"];
    let info = "std::sys::pal::unix::stack_overflow::thread_info::delete_current_info";
    assert_eq!(seen(&[EXCHANGE, lock[0], lock[1]]), None);
    assert_eq!(seen(&[EXCHANGE, lock[0], lock[1], USER]), Some(Visibility::Visible));
    assert_eq!(seen(&[EXCHANGE, lock[0], lock[1], info]), Some(Hidden));
    assert_eq!(seen(&[SWAP, "std::sys::sync::mutex::futex::Mutex::lock_contended", lock[0], USER]), Some(Hidden));
}

/// A site of which all frames are known, in a program that tries locks or not.
fn site(functions: &[&str], tries: bool) -> Site {
    match answer(&frames(functions), true, Tells { counts: false, tries }) {
        Answer::Site(site) => site,
        Answer::Deeper => panic!("nothing is deeper than the whole"),
    }
}

#[test]
fn giving_a_lock_back_is_a_step_of_its_own_only_where_locks_are_tried() {
    let unlock = [SWAP, "std::sys::sync::mutex::futex::Mutex::unlock", "std::sync::poison::mutex::MutexGuard<T>::drop"];
    assert_eq!((site(&unlock, false).visibility, site(&unlock, true).visibility), (Hidden, Visibility::Visible));
    let wakes = ["std::sys::pal::unix::futex::futex_wake", "std::sys::sync::mutex::futex::Mutex::wake", unlock[1]];
    assert_eq!((site(&wakes, false).visibility, site(&wakes, true).visibility), (Hidden, Visibility::Visible));
    let taken = site(&[EXCHANGE, "std::sys::sync::mutex::futex::Mutex::lock", USER], false);
    assert!(taken.locks && taken.step && taken.visibility == Visibility::Visible);
}

#[test]
fn of_a_channel_call_the_first_operation_is_the_step_and_the_others_belong_to_it() {
    let channel = "std::sync::mpmc::array::Channel<T>";
    let [start, send] = ["start_send", "send"].map(|name| format!("{channel}::{name}"));
    let first = site(&[LOAD, &start, &send, USER], false);
    assert_eq!(first.visibility, Visibility::HiddenUnlessRelaxed);
    assert_eq!(first.begins, Begins { changes: true, back: 128 });
    assert_eq!(site(&[EXCHANGE, &start, &send, USER], false).visibility, Hidden);
    let inner = ["std::sys::sync::mutex::futex::Mutex::lock", "std::sync::mpmc::waker::SyncWaker::notify"];
    let woken = site(&[EXCHANGE, inner[0], inner[1], &send, USER], false);
    assert!(woken.visibility == Hidden && woken.step && !woken.locks);
    // Not even known to be in a channel yet.
    assert_eq!(seen(&[EXCHANGE, inner[0], inner[1]]), None);
    assert_eq!(seen(&[LOAD, &start]), None);
}

#[test]
fn what_a_program_calls_back_into_is_no_part_of_the_call() {
    let inside = [LOAD, "other::look", "std::sync::mpmc::array::Channel<T>::send", USER];
    let own = site(&inside, false);
    assert!(!own.step && own.visibility == Visibility::Visible);
}

#[test]
fn a_barrier_begins_with_its_lock_and_not_with_the_lock_it_takes_again() {
    let barrier = "std::sync::barrier::Barrier::wait";
    let lock = "std::sys::sync::mutex::futex::Mutex::lock";
    let again = "std::sys::sync::condvar::futex::Condvar::wait_optional_timeout";
    assert_eq!(site(&[EXCHANGE, lock, barrier, USER], false).visibility, Visibility::Visible);
    assert_eq!(site(&[EXCHANGE, lock, again, barrier, USER], false).visibility, Hidden);
    assert_eq!(site(&[LOAD, again, barrier, USER], false).visibility, Hidden);
    assert_eq!(site(&[LOAD, again, USER], false).visibility, Visibility::Visible);
}

#[test]
fn weak_compare_exchanges_are_told_from_others() {
    let weak =
        ["core::sync::atomic::atomic_compare_exchange_weak", "core::sync::atomic::AtomicBool::compare_exchange_weak"];
    let strong = ["core::sync::atomic::atomic_compare_exchange", "core::sync::atomic::AtomicBool::compare_exchange"];
    assert!(may_fail(&frames(&[weak[0], weak[1], USER])));
    assert!(!may_fail(&frames(&[weak[0], weak[1], "core::sync::atomic::AtomicBool::fetch_update", USER])));
    assert!(!may_fail(&frames(&[strong[0], strong[1], USER])));
}

#[test]
fn spinning_looks_are_told() {
    let spins = |functions: &[&str]| match answer(&frames(functions), true, Tells::default()) {
        Answer::Site(site) => site.spins,
        Answer::Deeper => panic!("nothing is deeper than the whole"),
    };
    assert!(spins(&[LOAD, "std::sys::sync::mutex::futex::Mutex::spin", USER]));
    assert!(!spins(&[LOAD, USER]));
}

#[test]
fn a_scope_counts_its_threads_and_waits_for_the_last() {
    let counts =
        ["increment", "decrement"].map(|way| format!("std::thread::scoped::ScopeData::{way}_num_running_threads"));
    let [up, down] = counts.each_ref().map(String::as_str);
    assert_eq!(seen(&[ADD, up]), Some(Hidden));
    assert_eq!(seen(&[SUB, down]), Some(HiddenIfLast));
    let parker = "std::sys::sync::thread_parking::futex::Parker";
    let (parks, unparks) = (format!("{parker}::park"), format!("{parker}::unpark"));
    assert_eq!(seen(&[SWAP, &unparks, "std::thread::thread::Thread::unpark", down]), Some(Hidden));
    let scope = "std::thread::scoped::scope";
    assert_eq!(seen(&[LOAD, scope, USER]), Some(HiddenUnlessZero));
    // Going to sleep belongs to looking, but only if it is the scope that does.
    let park = "std::thread::functions::park";
    assert_eq!(seen(&[SUB, &parks, park, scope, USER]), Some(Hidden));
    assert_eq!(seen(&[SUB, &parks, park, USER, scope, USER]), Some(Visibility::Visible));
}
