//! Locks on files and on parts of them that are taken wrongly: a thread that waits for one lets the others run, and one that waits for ever
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

#[repr(C)]
struct Flock(i16, i16, i64, i64, i32);

unsafe extern "C" {
    fn fcntl(descriptor: i32, command: i32, ...) -> i32;
}

/// Locks eight bytes for the open file, as far as others let it.
fn lock_part(file: &File, start: i64) {
    const F_OFD_SETLKW: i32 = 38;
    let (exclusive, from_the_beginning) = (1, 0);
    let lock = Flock(exclusive, from_the_beginning, start, 8, 0);
    assert_eq!(unsafe { fcntl(std::os::fd::AsRawFd::as_raw_fd(file), F_OFD_SETLKW, &raw const lock) }, 0);
}

#[test]
fn parts_in_opposite_orders() {
    let with = |first, second| {
        move || {
            let file = File::options().write(true).open("Cargo.toml").unwrap();
            lock_part(&file, first);
            lock_part(&file, second);
        }
    };
    let other = thread::spawn(with(0, 8));
    with(8, 0)();
    other.join().unwrap();
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
    let codes: Vec<&str> = found.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["RD0201", "RD0201", "RD0203"], "{events:#?}");
    assert!(found.iter().all(|(_, message)| message.contains("file lock")), "{found:#?}");
}
