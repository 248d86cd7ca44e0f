//! What fails by the letter of the memory model only, because a read-modify-write is not taken for the fence that it is on
//! x86-64: a warning, behind which the search goes on.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, word};

const TESTS: &str = r#"
use std::sync::atomic::{fence, AtomicU32, Ordering};
use std::thread;

/// Two threads announce themselves, and look for the other. Tells whether both have found nobody.
fn both_miss(announce: fn(&AtomicU32)) -> bool {
    static FLAGS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];
    let look = move |me: usize| {
        announce(&FLAGS[me]);
        FLAGS[1 - me].load(Ordering::Relaxed)
    };
    let other = thread::spawn(move || look(1));
    look(0) + other.join().unwrap() == 0
}

fn swap(flag: &AtomicU32) {
    flag.swap(1, Ordering::AcqRel);
}

#[test]
fn swaps() {
    assert!(!both_miss(swap));
}

#[test]
fn stores() {
    assert!(!both_miss(|flag| flag.store(1, Ordering::Release)));
}

#[test]
fn fences() {
    assert!(!both_miss(|flag| {
        swap(flag);
        fence(Ordering::SeqCst);
    }));
}

/// More stores than are remembered of a variable.
#[test]
fn swaps_beside_many_stores() {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let counter = thread::spawn(|| (1..=100).for_each(|count| COUNT.store(count, Ordering::Relaxed)));
    let miss = both_miss(swap);
    assert!(COUNT.load(Ordering::Relaxed) <= 100);
    counter.join().unwrap();
    assert!(!miss);
}

#[test]
fn swaps_before_worse() {
    static STEPS: AtomicU32 = AtomicU32::new(0);
    assert!(!both_miss(swap));
    let step = |from: u32| {
        move || {
            let _ = STEPS.compare_exchange(from, from + 1, Ordering::SeqCst, Ordering::SeqCst);
        }
    };
    let threads = [3, 2, 1, 0].map(|from| thread::spawn(step(from)));
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_ne!(STEPS.load(Ordering::SeqCst), 4);
}
"#;

/// Code, severity and token of each finding of a test, and the test's outcome.
fn explore(package: &SmallPackage, test: &str) -> (Vec<(String, String, String)>, String) {
    let events = package.explore(&format!("--schedules 5000 -- --exact {test}"));
    let of_type = |name: &'static str| events.iter().filter(move |event| event["type"] == name);
    let found = of_type("finding").map(|it| (word(it, "code"), word(it, "severity"), word(it, "replay"))).collect();
    (found, of_type("test-finished").map(|event| word(event, "outcome")).collect())
}

#[test]
fn what_only_the_letter_allows_is_a_warning() {
    let package = SmallPackage::new("letter", TESTS);
    let shown = |test: &str| {
        let (found, outcome) = explore(&package, test);
        for (.., token) in &found {
            let replay = package.raddle().args(["replay", token]).output().unwrap();
            assert_eq!(replay.status.code(), Some(100), "{test}: {}", String::from_utf8_lossy(&replay.stderr));
        }
        let found: Vec<String> = found.into_iter().map(|(code, severity, _)| format!("{code} {severity}")).collect();
        (found.join(", "), outcome)
    };
    let expected = |found: &str, outcome: &str| (found.to_owned(), outcome.to_owned());
    assert_eq!(shown("swaps"), expected("RD0501 warning", "passed"));
    assert_eq!(shown("swaps_beside_many_stores"), expected("RD0501 warning", "passed"));
    assert_eq!(shown("stores"), expected("RD0501 error", "failed"));
    assert_eq!(shown("fences"), expected("", "exhausted"));
    assert_eq!(shown("swaps_before_worse"), expected("RD0501 warning, RD0501 error", "failed"));
}
