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
