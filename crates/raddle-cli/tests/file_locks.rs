//! Locks on whole files that are taken wrongly: a thread that waits for one lets the others run, and one that waits for ever
//! is found like any other.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::SmallPackage;

const TESTS: &str = r#"
use std::fs::File;
use std::thread;

#[test]
fn in_opposite_orders() {
    let with = |first: &'static str, second: &'static str| {
        move || {
            let (first, second) = (File::open(first).unwrap(), File::open(second).unwrap());
            first.lock().unwrap();
            second.lock().unwrap();
        }
    };
    let other = thread::spawn(with("Cargo.toml", "Cargo.lock"));
    with("Cargo.lock", "Cargo.toml")();
    other.join().unwrap();
}

#[test]
fn twice() {
    let (one, same) = (File::open("Cargo.toml").unwrap(), File::open("Cargo.toml").unwrap());
    one.lock().unwrap();
    same.lock_shared().unwrap();
}
"#;

#[test]
fn deadlocks_of_file_locks_are_found() {
    let package = SmallPackage::new("locks", TESTS);
    let events = package.explore("--schedules 2000");
    let mut found: Vec<(&str, &str)> = events
        .iter()
        .filter(|event| event["type"] == "finding")
        .map(|event| (event["code"].as_str().unwrap(), event["message"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    let [(deadlock, cycle), (twice, alone)] = found[..] else { panic!("{events:#?}") };
    assert_eq!([deadlock, twice], ["RD0201", "RD0203"], "{events:#?}");
    assert!(cycle.contains("file lock"), "{cycle}");
    assert!(alone.contains("file lock"), "{alone}");
}
