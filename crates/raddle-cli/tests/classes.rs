//! Distinct executions are counted alike, whoever chooses them: what the test harness goes on to do in the first one, whose
//! result it judges, is no part of it.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::SmallPackage;

const TESTS: &str = r#"
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

#[test]
fn two_additions() {
    static SUM: AtomicU32 = AtomicU32::new(0);
    let other = thread::spawn(|| SUM.fetch_add(1, Ordering::SeqCst));
    SUM.fetch_add(1, Ordering::SeqCst);
    other.join().unwrap();
}
"#;

#[test]
fn two_additions_come_in_two_orders() {
    let package = SmallPackage::new("classes", TESTS);
    for strategy in ["random", "surw", "exhaustive", "auto"] {
        let events = package.explore(&format!("--schedules 200 --strategy {strategy}"));
        let ended = events.iter().find(|event| event["type"] == "test-finished").expect("the test has ended");
        assert_eq!(ended["distinct"], 2, "{strategy}: {ended}");
    }
}
