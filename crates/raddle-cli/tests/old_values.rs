//! Failures that need an order of steps and no old values are told of as such, also where they were met in an execution in
//! which loads see old values.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, findings, word};

const TESTS: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread;

static COUNTS: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

/// Counts in three places, by loads and stores. One thread after the other fails only where all three loads see old values.
fn count() {
    for count in &COUNTS {
        count.store(count.load(Relaxed) + 1, Relaxed);
    }
}

#[test]
fn all_counts_are_lost() {
    let other = thread::spawn(count);
    count();
    other.join().unwrap();
    assert!(COUNTS.iter().any(|count| count.load(Relaxed) == 2), "all are lost");
}

/// Only old values let both threads find nobody.
#[test]
fn both_find_nobody() {
    static FLAGS: [AtomicU32; 2] = [const { AtomicU32::new(0) }; 2];
    let look = |me: usize| {
        FLAGS[me].store(1, Relaxed);
        FLAGS[1 - me].load(Relaxed)
    };
    let other = thread::spawn(move || look(1));
    assert!(look(0) + other.join().unwrap() > 0, "both find nobody");
}
"#;

/// Whether loads see old values in the schedule that is shown of the one finding of a test.
fn needs_old_values(package: &SmallPackage, test: &str, seed: u32) -> bool {
    let mut command = package.raddle();
    command.args(["test", "--message-format", "json", "--seed", &seed.to_string(), "--", "--exact", test]);
    let events = support::events(&command.output().unwrap());
    let found = findings(&events);
    assert_eq!(found.len(), 1, "{events:#?}");
    assert_eq!(word(found[0], "code"), "RD0501");
    word(&found[0]["schedule"], "choices").contains("r1")
}

#[test]
fn a_failure_that_needs_no_old_values_is_told_of_as_one_of_order() {
    let package = SmallPackage::new("old-values", TESTS);
    for seed in 1..=3 {
        assert!(!needs_old_values(&package, "all_counts_are_lost", seed), "seed {seed}");
        assert!(needs_old_values(&package, "both_find_nobody", seed), "seed {seed}");
    }
}
