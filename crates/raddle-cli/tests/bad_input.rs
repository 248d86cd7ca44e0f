//! Tests that misbehave towards whoever runs them: each comes to an outcome that says what happened, and the innocent
//! neighbour in the same executable is explored all the same.
//!
//! The packages are those of `fixtures/`. What is compared is what a user reads: outcome, code, message and the sentences
//! below the test's line. The heap is kept small, so that this does not depend on the machine's memory, and bounds in
//! wall-clock time are long, so that it does not depend on its load; only the one test that is about such a bound waits.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What is said about a test: outcome, code and message of its finding, and the words below its line.
type Expected = (&'static str, &'static str, &'static str, &'static str, &'static str);

const CRASHES: &str = "It crashes in the one schedule there is: the order of threads has no part in it.";
const LEAVES: &str = "In every schedule the process ended with exit status 0 before the test function had returned. \
                      What would have come after that was not tested.";

const TABLE: [Expected; 30] = [
    ("aborts", "failed", "RD0504", "crash: thread `main` aborts the process at bad-input/tests/aborts.rs:6", CRASHES),
    (
        "allocates_until_aborted",
        "failed",
        "RD0504",
        "crash: thread `main` aborts the process at bad-input/tests/allocates_until_aborted.rs:10",
        CRASHES,
    ),
    ("allocates_until_refused", "exhausted", "", "", ""),
    ("binds_socket", "passed", "", "", ""),
    ("closes_descriptors", "passed", "", "", "it closes a standard stream"),
    ("detached_thread_runs_on", "passed", "", "", ""),
    (
        "divides_by_zero_in_hardware",
        "failed",
        "RD0504",
        "crash: thread `main` dies of SIGFPE at bad-input/tests/divides_by_zero_in_hardware.rs:9",
        CRASHES,
    ),
    ("execs", "passed", "", "", LEAVES),
    ("exits_in_a_thread", "passed", "", "", LEAVES),
    (
        "exits_with_three",
        "failed",
        "",
        "",
        "It ends with exit status 3 in the one schedule there is: an ordinary failing test.",
    ),
    ("exits_with_zero", "passed", "", "", LEAVES),
    ("forks", "passed", "", "", "it forks"),
    ("forks_while_threads_run", "passed", "", "", "it forks"),
    (
        "kills_itself_kill",
        "failed",
        "RD0504",
        "crash: thread `main` sends SIGKILL to its own process at bad-input/tests/kills_itself_kill.rs:7",
        CRASHES,
    ),
    (
        "kills_itself_term",
        "failed",
        "RD0504",
        "crash: thread `main` sends SIGTERM to its own process at bad-input/tests/kills_itself_term.rs:7",
        CRASHES,
    ),
    ("leaves_process_running", "passed", "", "", "it starts another program"),
    (
        "loops_with_atomics",
        "failed",
        "RD0503",
        "no progress: no end after 50,000 schedule points; thread 1 keeps running",
        "",
    ),
    (
        "overflows_stack_of_test",
        "failed",
        "RD0504",
        "crash: thread `main` overflows its stack, in recursive calls of `overflows_stack_of_test::recurse`",
        CRASHES,
    ),
    (
        "overflows_stack_of_thread",
        "failed",
        "RD0504",
        "crash: thread 1 overflows its stack, in recursive calls of `overflows_stack_of_thread::recurse`",
        CRASHES,
    ),
    (
        "panics_in_extern_function",
        "failed",
        "RD0504",
        "crash: thread `main` aborts the process: must not get out",
        CRASHES,
    ),
    ("panics_while_panicking", "failed", "RD0504", "crash: thread `main` aborts the process: first panic", CRASHES),
    ("prints_a_gigabyte", "exhausted", "", "", ""),
    ("reads_terminal", "exhausted", "", "", ""),
    (
        "segfaults",
        "failed",
        "RD0504",
        "crash: thread `main` dies of SIGSEGV at bad-input/tests/segfaults.rs:10",
        CRASHES,
    ),
    (
        "segfaults_elsewhere_each_time",
        "failed",
        "RD0504",
        "crash: thread `main` dies of SIGSEGV at bad-input/tests/segfaults_elsewhere_each_time.rs:27",
        CRASHES,
    ),
    ("spawns_process", "passed", "", "", "it starts another program"),
    ("talks_to_a_process", "passed", "", "", "it starts another program"),
    ("thousand_threads", "passed", "", "", ""),
    (
        "waits_for_ever",
        "failed",
        "RD0204",
        "thread `main` waits for a message on `_sender`/`receiver`, and nobody is left to send one",
        "",
    ),
    ("writes_file", "passed", "", "", "it makes a directory"),
];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn raddle(arguments: &str, temporary: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
    command.args(arguments.split(' ')).current_dir(fixtures()).stdin(Stdio::null());
    for name in ["CARGO_BUILD_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
        command.env_remove(name);
    }
    command.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("fixtures"));
    command.env("TMPDIR", temporary).output().unwrap()
}

/// Exit code, and the events.
fn explore(arguments: &str) -> (i32, Vec<Value>) {
    let temporary = tempfile::tempdir().unwrap();
    let output = raddle(&format!("test --message-format json --seed 1 --time 1h {arguments}"), temporary.path());
    let lines = String::from_utf8(output.stdout).unwrap();
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "files are left behind: {left:?}");
    let events = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output.status.code().unwrap(), events)
}

/// Of each test, by name: its outcome, the code and message of its finding, and what is said below its line.
fn said(events: &[Value]) -> BTreeMap<String, [String; 4]> {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let finished = events.iter().filter(|event| event["type"] == "test-finished");
    let about = |event: &Value| {
        let found = events.iter().find(|other| other["type"] == "finding" && other["test"] == event["test"]);
        let of_finding = |key: &str| found.map_or_else(String::new, |finding| word(&finding[key]));
        let detail = if event["detail"].is_null() { &event["mode_why"] } else { &event["detail"] };
        [word(&event["outcome"]), of_finding("code"), of_finding("message"), word(detail)]
    };
    finished.map(|event| (word(&event["test"]), about(event))).collect()
}

#[test]
fn each_comes_to_a_clear_outcome_and_its_neighbour_is_explored() {
    let tests: Vec<String> = TABLE.iter().map(|row| format!("--test {}", row.0)).collect();
    let bounds = "--schedules 5 --heap 512M --max-steps 50000 --stall 10m";
    // Writes to the user's directory for temporary files are its own matter.
    let (exit, events) = explore(&format!("-p bad-input {bounds} {}", tests.join(" ")));
    assert_eq!(exit, 100);
    let said = said(&events);
    let (mut wrong, mut all) = (String::new(), 0);
    for (test, outcome, code, message, below) in TABLE {
        let neighbour = &said[&format!("bad-input::{test} neighbour")];
        assert_eq!(neighbour[0], "passed", "the neighbour of {test}: {neighbour:?}");
        let actual = &said[&format!("bad-input::{test} {test}")];
        if *actual != [outcome, code, message, below] {
            wrong.push_str(&format!(
                "{test}\n  expected {:?}\n  but said {actual:?}\n",
                [outcome, code, message, below]
            ));
        }
        all += 2;
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert_eq!(said.len(), all);
    // To look up the frames of a process that is about to be aborted takes longer than all else.
    let traced = events.iter().find(|event| event["output"].as_str().is_some_and(|output| output.contains("\n   0: ")));
    assert!(traced.is_none(), "{traced:?}");
}

#[test]
fn a_thread_that_gives_nobody_a_turn_is_ended_by_the_watchdog() {
    let (exit, events) = explore("-p bad-input --test loops_without_atomics --schedules 5 --stall 4s");
    assert_eq!(exit, 100);
    let said = said(&events);
    let [outcome, code, message, _] = &said["bad-input::loops_without_atomics loops_without_atomics"];
    let expected = ("failed", "RD0503", "no progress: no schedule point for 4 s; thread 1 keeps running");
    assert_eq!((outcome.as_str(), code.as_str(), message.as_str()), expected);
    assert_eq!(said["bad-input::loops_without_atomics neighbour"][0], "passed");
}

#[test]
fn a_package_without_concurrency_and_tests_that_always_fail() {
    let (exit, events) = explore("-p plain --schedules 5");
    assert_eq!(exit, 0);
    for (test, about) in said(&events) {
        assert_eq!(about[0], "single-threaded", "{test}: {about:?}");
    }
    let temporary = tempfile::tempdir().unwrap();
    let human = raddle("test -p plain", temporary.path());
    let human = String::from_utf8(human.stderr).unwrap();
    assert!(human.contains("SINGLE") && human.contains("no concurrency: one schedule"), "{human}");

    for arguments in ["-p failing --schedules 5", "-p failing --schedules 5 --verify"] {
        let (exit, events) = explore(arguments);
        assert_eq!(exit, 100);
        for (test, [outcome, code, _, detail]) in said(&events) {
            if test.ends_with("passes") {
                continue;
            }
            assert_eq!((outcome.as_str(), code.as_str()), ("failed", ""), "{test}: {detail}");
            assert!(detail.contains("an ordinary failing test."), "{test}: {detail}");
        }
    }
}
