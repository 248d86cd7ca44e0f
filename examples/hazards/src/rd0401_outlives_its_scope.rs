//! Outlives its scope: a thread that the test has started is still at work when the test has ended.

use std::sync::Mutex;
use std::thread;

static JOURNAL: Mutex<Vec<&str>> = Mutex::new(Vec::new());

fn note(entry: &'static str) {
    JOURNAL.lock().unwrap().push(entry);
}

#[test]
fn wrong() {
    thread::spawn(|| note("opened"));
    note("closed");
    assert_eq!(JOURNAL.lock().unwrap().iter().filter(|entry| **entry == "closed").count(), 1);
}

#[test]
fn fixed() {
    thread::scope(|scope| {
        scope.spawn(|| note("read"));
        note("written");
    });
    assert_eq!(JOURNAL.lock().unwrap().iter().filter(|entry| **entry == "read").count(), 1);
}
