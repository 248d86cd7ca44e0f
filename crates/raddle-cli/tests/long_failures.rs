//! Tests that are so long that each schedule of theirs interrupts threads: which of them fail because of that, and which in any
//! case.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use serde_json::Value;
use small_package::{SmallPackage, findings, word};

const TESTS: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::thread;

/// Counts what several threads have done in many rounds each.
fn counted(round: fn(&AtomicU32)) -> u32 {
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5_000).for_each(|_| round(&count)));
        }
    });
    count.into_inner()
}

#[test]
fn loses_updates() {
    assert_eq!(counted(|count| count.store(count.load(SeqCst) + 1, SeqCst)), 20_000);
}

#[test]
fn expects_too_much() {
    assert_eq!(counted(|count| drop(count.fetch_add(1, SeqCst))), 20_001);
}
"#;

#[test]
fn what_passes_where_nobody_is_interrupted_is_a_matter_of_order() {
    let events = SmallPackage::new("rounds", TESTS).explore("--schedules 300");
    let found = findings(&events);
    let [lost] = found[..] else { panic!("{events:#?}") };
    assert_eq!(
        (lost["code"].as_str().unwrap(), word(lost, "test").as_str()),
        ("RD0501", "rounds::rounds loses_updates")
    );
    let said = lost["reason"].to_string();
    assert!(said.contains("a lost update"), "{said}");
    let fails = |event: &&Value| event["type"] == "test-finished" && event["test"] == "rounds::rounds expects_too_much";
    let always = events.iter().find(fails).expect("the other test has ended");
    assert!(word(always, "detail").starts_with("It fails in each of "), "{always}");
}
