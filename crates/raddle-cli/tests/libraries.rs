//! The standard library's concurrency and the named libraries, unmodified: every test of the fixtures is performed under a
//! number of schedules, each schedule twice, with every step of the two compared. None of these tests is wrong, so
//! nothing may be found; and none may differ from itself, so nothing that an address, a clock or the operating system
//! decides may show.
//!
//! Few schedules: this guards the mechanism. The benchmark's `determinism` and `correct` perform a thousand of each.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn right_programs_are_left_alone_and_give_the_same_execution_twice() {
    let output = Command::new(env!("CARGO_BIN_EXE_raddle"))
        .args("test --message-format json --seed 1 --schedules 15 --time 1h --stall 10m --verify".split(' '))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures"))
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures"))
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
    let wrong: Vec<String> = finished
        .iter()
        .filter(|event| !matches!(event["outcome"].as_str(), Some("passed" | "single-threaded" | "exhausted")))
        .map(|event| format!("{}: {} {} {}", event["test"], event["outcome"], event["findings"], event["detail"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let libraries = [
        "std-sync",
        "lib-crossbeam",
        "lib-parking-lot",
        "lib-rayon",
        "lib-spin",
        "lib-once-cell",
        "lib-flume",
        "lib-arc-swap",
        "lib-dashmap",
        "lib-event-listener",
    ];
    for library in libraries {
        let of = |event: &&&Value| event["test"].as_str().is_some_and(|test| test.starts_with(library));
        assert!(finished.iter().any(|event| of(&event)), "no test of {library}");
    }
    assert!(finished.len() > 240, "{} tests", finished.len());
}
