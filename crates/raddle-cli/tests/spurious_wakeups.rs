//! Waits at condition variables that end without a notification: who does not look at the condition again is found, who does
//! is left alone.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use small_package::{SmallPackage, findings, word};

const TESTS: &str = r#"
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

type Flag = Arc<(Mutex<bool>, Condvar)>;

/// Lets one thread raise a flag, and this one wait for it. Tells whether it is up when the wait is over.
fn handed_over(wait: fn(&Mutex<bool>, &Condvar)) -> bool {
    let flag = Flag::default();
    let (ready, changed) = &*flag;
    let other = Arc::clone(&flag);
    let raiser = thread::spawn(move || {
        *other.0.lock().unwrap() = true;
        other.1.notify_one();
    });
    wait(ready, changed);
    let is_up = *ready.lock().unwrap();
    raiser.join().unwrap();
    is_up
}

#[test]
fn once() {
    assert!(handed_over(|ready, changed| {
        let up = ready.lock().unwrap();
        if !*up {
            drop(changed.wait(up).unwrap());
        }
    }));
}

#[test]
fn once_with_a_time_limit() {
    assert!(handed_over(|ready, changed| {
        let up = ready.lock().unwrap();
        if !*up {
            let (up, end) = changed.wait_timeout(up, Duration::from_secs(60)).unwrap();
            assert!(*up || end.timed_out(), "neither up nor too late");
        }
    }));
}

#[test]
fn in_a_loop() {
    assert!(handed_over(|ready, changed| {
        let mut up = ready.lock().unwrap();
        while !*up {
            up = changed.wait(up).unwrap();
        }
    }));
}

#[test]
fn while_it_is_not() {
    assert!(handed_over(|ready, changed| {
        drop(changed.wait_while(ready.lock().unwrap(), |up| !*up).unwrap());
    }));
}
"#;

#[test]
fn who_waits_once_goes_on_too_early() {
    let package = SmallPackage::new("wakeups", TESTS);
    let events = package.explore("--schedules 500");
    let found = findings(&events);
    let mut tests: Vec<String> = found.iter().map(|finding| word(finding, "test")).collect();
    tests.sort_unstable();
    assert_eq!(tests, ["wakeups::wakeups once", "wakeups::wakeups once_with_a_time_limit"], "{events:#?}");
    for finding in found {
        assert_eq!([word(finding, "code"), word(finding, "severity")], ["RD0501", "error"]);
        assert!(finding["reason"].to_string().contains("spurious wakeup"), "{finding:#}");
        let steps = package.replay(finding);
        assert!(steps.contains("without a notification"), "{steps}");
    }
    let outcome = |name: &str| {
        let is_it = |event: &&serde_json::Value| event["type"] == "test-finished" && word(event, "test").contains(name);
        events.iter().find(is_it).map(|event| word(event, "outcome"))
    };
    assert_eq!(outcome("in_a_loop").as_deref(), Some("exhausted"));
    assert_eq!(outcome("while_it_is_not").as_deref(), Some("exhausted"));
}
