use super::*;
use crate::symbols::Origin;
use raddle_protocol::Role;

const LOAD: &str = "core::sync::atomic::AtomicU32::load";
const ADD: &str = "core::sync::atomic::AtomicUsize::fetch_add";
const SUB: &str = "core::sync::atomic::AtomicUsize::fetch_sub";
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
    match answer(&frames(functions), false, false) {
        Answer::Site(site) => Some(site.visibility),
        Answer::Deeper => None,
    }
}

#[test]
fn counts_are_hidden_unless_somebody_looks_at_them() {
    let clone = [ADD, "<alloc::sync::Arc<T> as Clone>::clone"];
    assert_eq!(seen(&clone), Some(Hidden));
    assert_eq!(seen(&[SUB, "<alloc::sync::Arc<T> as Drop>::drop"]), Some(HiddenIfSoleStrong));
    let Answer::Site(site) = answer(&frames(&clone), false, true) else { panic!("the stack is deep enough") };
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
    assert_eq!(answer(&frames(&[LOAD]), true, false), Answer::Site(Site { role: Role::Atomic, ..Site::UNKNOWN }));
}

#[test]
fn a_lock_is_visible_unless_it_serves_what_is_hidden() {
    let lock = ["std::sys::sync::mutex::futex::Mutex::lock", "std::sync::poison::mutex::Mutex<T>::lock"];
    let info = "std::sys::pal::unix::stack_overflow::thread_info::delete_current_info";
    assert_eq!(seen(&[SWAP, lock[0], lock[1]]), None);
    assert_eq!(seen(&[SWAP, lock[0], lock[1], USER]), Some(Visibility::Visible));
    assert_eq!(seen(&[SWAP, lock[0], lock[1], info]), Some(Hidden));
    assert_eq!(seen(&[SWAP, "std::sys::sync::mutex::futex::Mutex::lock_contended"]), Some(Visibility::Visible));
}

#[test]
fn weak_compare_exchanges_and_spinning_looks_are_told() {
    let weak =
        ["core::sync::atomic::atomic_compare_exchange_weak", "core::sync::atomic::AtomicBool::compare_exchange_weak"];
    let strong = ["core::sync::atomic::atomic_compare_exchange", "core::sync::atomic::AtomicBool::compare_exchange"];
    let site = |functions: &[&str]| match answer(&frames(functions), true, false) {
        Answer::Site(site) => (site.weak, site.spins),
        Answer::Deeper => panic!("nothing is deeper than the whole"),
    };
    assert_eq!(site(&[weak[0], weak[1], USER]), (true, false));
    assert_eq!(site(&[strong[0], strong[1], USER]), (false, false));
    assert_eq!(site(&[LOAD, "std::sys::sync::mutex::futex::Mutex::spin", USER]), (false, true));
}
