//! RD0207: a loop that looks at one place and does not let anybody change it is told of; one that ends by itself is not.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, word};

const TESTS: &str = r#"
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static PLACE: AtomicU32 = AtomicU32::new(0);

/// Lets one thread do this while another one changes the place.
fn while_another_changes_it(work: fn()) {
    let other = thread::spawn(|| PLACE.store(1, Ordering::Release));
    work();
    other.join().unwrap();
}

#[test]
fn until_it_changes() {
    while_another_changes_it(|| {
        while PLACE.load(Ordering::Acquire) == 0 {
            spin_loop();
        }
    });
}

#[test]
fn for_a_while() {
    while_another_changes_it(|| {
        let mut looks = 0;
        while PLACE.load(Ordering::Acquire) == 0 && looks < 1000 {
            looks += 1;
            spin_loop();
        }
    });
}

#[test]
fn at_each_of_many_items() {
    while_another_changes_it(|| {
        let items: Vec<u32> = (0..2000).collect();
        let below = items.iter().filter(|item| **item < PLACE.load(Ordering::Relaxed)).count();
        assert!(below <= 1);
    });
}
"#;

#[test]
fn only_a_loop_without_end_is_told_of() {
    let package = SmallPackage::new("looks", TESTS);
    let events = package.explore("--schedules 200");
    let findings = events.iter().filter(|event| event["type"] == "finding");
    let found: Vec<_> = findings.map(|it| ["test", "code", "severity"].map(|key| word(it, key))).collect();
    assert_eq!(found, [["looks::looks until_it_changes", "RD0207", "warning"]], "{events:#?}");
}
