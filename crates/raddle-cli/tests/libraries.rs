//! The standard library's concurrency and the named libraries, unmodified: every test of the fixtures is performed under a
//! number of schedules, each schedule twice, with every step of the two compared. None of these tests is wrong, so
//! nothing may be found; and none may differ from itself, so nothing that an address, a clock or the operating system
//! decides may show.
//!
//! Few schedules: this guards the mechanism. With `--ignored`, a thousand of each fixture that is mostly input and output,
//! and services with a database and with remote procedure calls.
//! The benchmark's `determinism` and `correct` perform a thousand of all.

mod support;

use serde_json::Value;

#[test]
fn right_programs_are_left_alone_and_give_the_same_execution_twice() {
    let arguments = "--seed 1 --schedules 15 --time 1h --stall 10m --verify";
    let (output, events) = support::explore("fixtures", arguments);
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
        "std-io",
        "lib-crossbeam",
        "lib-parking-lot",
        "lib-rayon",
        "lib-spin",
        "lib-once-cell",
        "lib-flume",
        "lib-arc-swap",
        "lib-dashmap",
        "lib-event-listener",
        "lib-tokio",
        "lib-smol",
        "lib-futures",
        "lib-hyper",
    ];
    for library in libraries {
        let of = |event: &&&Value| event["test"].as_str().is_some_and(|test| test.starts_with(library));
        assert!(finished.iter().any(|event| of(&event)), "no test of {library}");
    }
    assert!(finished.len() > 290, "{} tests", finished.len());
}

/// Descriptors, sockets, signals, timers, an HTTP server and tokio: a thousand executions of each test, every one performed a second time
/// from its tape. Fewer are enough only where there are no more.
#[test]
#[ignore = "takes half an hour or more"]
fn a_thousand_executions_full_of_input_and_output_are_performed_twice_alike() {
    for package in ["std-io", "lib-hyper", "lib-tokio"] {
        let arguments = format!("-p {package} --seed 1 --schedules 1000 --time 1h --stall 10m --verify");
        let (output, events) = support::explore("fixtures", &arguments);
        let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
        assert!(!finished.is_empty(), "no test of {package}: {}", String::from_utf8_lossy(&output.stderr));
        for event in finished {
            let (outcome, schedules) = (event["outcome"].as_str().unwrap(), event["schedules"].as_u64().unwrap());
            let complete = outcome == "passed" && schedules >= 1000;
            assert!(complete || matches!(outcome, "exhausted" | "single-threaded"), "{event}");
        }
    }
}

/// Services that take long to build: a database behind HTTP, remote procedure calls. And tests in which time passes for
/// other processes, so that their executions need not be the same twice.
#[test]
#[ignore = "builds SQLite and tonic, and takes half an hour or more"]
fn services_are_left_alone_and_give_the_same_execution_twice() {
    let selections =
        ["-p lib-rusqlite -p lib-tonic --schedules 200 --verify", "-p std-io -p lib-tokio --schedules 20 --ignored"];
    for selection in selections {
        let arguments = format!("{selection} --seed 1 --time 1h --stall 10m");
        let (output, events) = support::explore("fixtures", &arguments);
        let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
        assert!(finished.len() >= 2, "{selection}: {}", String::from_utf8_lossy(&output.stderr));
        for event in finished {
            let outcome = event["outcome"].as_str();
            assert!(matches!(outcome, Some("passed" | "exhausted" | "single-threaded")), "{event}");
        }
    }
}
