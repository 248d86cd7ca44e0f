//! Locks on whole files that are taken wrongly: a thread that waits for one lets the others run, and one that waits for ever
//! is found like any other.

#[allow(dead_code)]
mod support;

use serde_json::Value;
use std::fs;

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
    let target = tempfile::tempdir().unwrap();
    let package = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(package.path().join(name), text).unwrap();
    for directory in ["tests", "src"] {
        fs::create_dir(package.path().join(directory)).unwrap();
    }
    write("Cargo.toml", "[package]\nname = \"locks\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n");
    write("src/lib.rs", "");
    write("tests/locks.rs", TESTS);
    let output = support::raddle(package.path(), target.path())
        .env("RADDLE_REGRESSIONS", "off")
        .args(["test", "--message-format", "json", "--seed", "1", "--schedules", "2000"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut found: Vec<(&str, &str)> = events
        .iter()
        .filter(|event| event["type"] == "finding")
        .map(|event| (event["code"].as_str().unwrap(), event["message"].as_str().unwrap()))
        .collect();
    found.sort_unstable();
    let [(deadlock, cycle), (twice, alone)] = found[..] else { panic!("{text}") };
    assert_eq!([deadlock, twice], ["RD0201", "RD0203"], "{text}");
    assert!(cycle.contains("file lock"), "{cycle}");
    assert!(alone.contains("file lock"), "{alone}");
}
