//! Executions that are longer than the bound where the first one is nearly as long: they are cut off, and that is no mistake.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, word};

/// Two threads take a lock that spins so often that being in each other's way makes hundreds of thousands of points more.
const TESTS: &str = r#"
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static TAKEN: AtomicBool = AtomicBool::new(false);

#[test]
fn in_each_others_way() {
    let rounds = || {
        for _ in 0..150_000 {
            while TAKEN.swap(true, Ordering::Acquire) {
                thread::yield_now();
            }
            TAKEN.store(false, Ordering::Release);
        }
    };
    let other = thread::spawn(rounds);
    rounds();
    other.join().unwrap();
}
"#;

#[test]
fn what_is_only_a_little_longer_than_the_first_is_no_mistake() {
    let events = SmallPackage::new("longer", TESTS).explore("--schedules 4 --time 60s --max-steps 650000");
    let ended = events.iter().find(|event| event["type"] == "test-finished").expect("the test has ended");
    assert_eq!(
        (word(ended, "outcome").as_str(), ended["findings"].as_array().map(Vec::len)),
        ("passed", Some(0)),
        "{ended}"
    );
    assert!(word(ended, "detail").contains("of 4 schedules were cut off"), "{ended}");
}

/// What is cut off while only one thread is left, which looks.
const LEFT_ALONE: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static DONE: AtomicU32 = AtomicU32::new(0);

fn work() {
    thread::spawn(|| (0..17_000).for_each(|done| DONE.store(done, Ordering::Release))).join().unwrap();
}

#[test]
fn at_a_long_list() {
    let list: Vec<AtomicU32> = (0..10_000).map(|_| AtomicU32::new(1)).collect();
    work();
    for entry in list {
        assert_eq!(entry.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn for_what_will_not_come() {
    while DONE.load(Ordering::Acquire) != 1 {
        thread::yield_now();
    }
}
"#;

#[test]
fn a_loop_over_a_long_list_is_told_from_one_that_waits() {
    let events = SmallPackage::new("alone", LEFT_ALONE).explore("--max-steps 20000");
    let mut found: Vec<(String, String)> = events
        .iter()
        .filter(|event| event["type"] == "finding" && event["code"] == "RD0503")
        .map(|event| (word(event, "test"), word(event, "severity")))
        .collect();
    found.sort_unstable();
    let expected = [("alone::alone at_a_long_list", "warning"), ("alone::alone for_what_will_not_come", "error")];
    assert_eq!(found, expected.map(|(test, severity)| (test.to_owned(), severity.to_owned())), "{events:#?}");
}
