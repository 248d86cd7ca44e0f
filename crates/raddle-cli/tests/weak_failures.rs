//! Weak compare-exchanges that fail although the values are equal: who takes that to mean that they differ is found, who tries
//! again is left alone.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, findings, word};

const TESTS: &str = r#"
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering::*};
use std::thread;

/// What two threads do, the one after the other.
fn in_turn(first: impl FnOnce() + Send, second: impl FnOnce()) {
    thread::scope(|scope| {
        scope.spawn(first).join().unwrap();
        second();
    });
}

static IS_TAKEN: AtomicBool = AtomicBool::new(false);

#[test]
fn a_lock_that_is_free_is_refused() {
    in_turn(|| (), || assert!(IS_TAKEN.compare_exchange_weak(false, true, Acquire, Relaxed).is_ok()));
}

#[test]
fn a_step_is_left_out() {
    let state = AtomicU8::new(1);
    let step = |from, to| {
        let _ = state.compare_exchange_weak(from, to, AcqRel, Acquire);
    };
    in_turn(|| step(1, 2), || step(2, 3));
    assert_eq!(state.load(Relaxed), 3);
}

#[test]
fn the_value_that_was_there_is_the_expected_one() {
    let (mut one, mut other) = (1, 2);
    let pointer = AtomicPtr::new(&raw mut one);
    let expected = pointer.load(Relaxed);
    in_turn(|| (), || match pointer.compare_exchange_weak(expected, &raw mut other, AcqRel, Acquire) {
        Ok(was) => assert_eq!(was, expected),
        Err(was) => assert_ne!(was, expected),
    });
}

#[test]
fn tried_until_it_succeeds() {
    let count = AtomicUsize::new(0);
    let add = || {
        let mut seen = count.load(Relaxed);
        while let Err(other) = count.compare_exchange_weak(seen, seen + 1, AcqRel, Relaxed) {
            seen = other;
        }
    };
    in_turn(add, add);
    assert_eq!(count.load(Relaxed), 2);
}

#[test]
fn tried_until_it_is_another() {
    let owner = AtomicU64::new(0);
    let take = |me| loop {
        match owner.compare_exchange_weak(0, me, AcqRel, Relaxed) {
            Ok(_) => break true,
            Err(0) => {}
            Err(_) => break false,
        }
    };
    let mut is_first = false;
    in_turn(|| is_first = take(1), || assert!(!take(2)));
    assert!(is_first);
}

#[test]
fn tried_once_by_the_strong_one() {
    let state = AtomicU8::new(1);
    in_turn(|| (), || assert_eq!(state.compare_exchange(1, 2, AcqRel, Acquire), Ok(1)));
}
"#;

const WRONG: [&str; 3] =
    ["a_lock_that_is_free_is_refused", "a_step_is_left_out", "the_value_that_was_there_is_the_expected_one"];

#[test]
fn who_tries_once_takes_the_values_for_different() {
    let package = SmallPackage::new("weak", TESTS);
    for arguments in ["--schedules 500", "--schedules 500 --release"] {
        let events = package.explore(arguments);
        let found = findings(&events);
        let mut tests: Vec<String> = found.iter().map(|finding| word(finding, "test")).collect();
        tests.sort_unstable();
        assert_eq!(tests, WRONG.map(|name| format!("weak::weak {name}")), "{arguments}: {events:#?}");
        for finding in found {
            assert_eq!([word(finding, "code"), word(finding, "severity")], ["RD0501", "error"]);
            assert!(finding["reason"].to_string().contains("a spurious failure"), "{finding:#}");
            let steps = package.replay(finding);
            assert!(steps.contains("fails spuriously"), "{steps}");
        }
    }
}
