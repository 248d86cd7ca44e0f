//! Semaphores of System V: a thread that waits for one lets the others run, and one that waits for ever is found like any
//! other.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, findings};

const TESTS: &str = r#"
use std::ffi::c_int;
use std::thread;

unsafe extern "C" {
    fn semget(key: c_int, number: c_int, flags: c_int) -> c_int;
    fn semop(set: c_int, operations: *mut [i16; 3], number: usize) -> c_int;
}

/// A set of one semaphore, at 0: private, to be created.
fn set() -> c_int {
    unsafe { semget(0, 1, 0o1600) }
}

fn change(set: c_int, by: i16) {
    let mut operation = [0, by, 0];
    let result = unsafe { semop(set, &mut operation, 1) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn who_waits_lets_others_go_on() {
    let set = set();
    let waits = thread::spawn(move || change(set, -1));
    change(set, 1);
    waits.join().unwrap();
}

#[test]
fn in_opposite_orders() {
    let (one, two) = (set(), set());
    let both = move |first, second| {
        change(first, -1);
        change(second, -1);
        change(second, 1);
        change(first, 1);
    };
    change(one, 1);
    change(two, 1);
    let other = thread::spawn(move || both(two, one));
    both(one, two);
    other.join().unwrap();
}
"#;

#[test]
fn who_waits_for_a_semaphore_lets_others_run() {
    let events = SmallPackage::new("semaphores", TESTS).explore("--schedules 100");
    let found = findings(&events);
    let [waits] = found[..] else { panic!("{events:#?}") };
    assert_eq!(waits["code"], "RD0204");
    assert!(waits["test"].as_str().unwrap().ends_with("in_opposite_orders"), "{waits}");
    assert!(waits["message"].as_str().unwrap().contains("waits for a permit of semaphore"), "{waits}");
}
