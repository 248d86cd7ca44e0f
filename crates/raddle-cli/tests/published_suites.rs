//! Published crates and the tests that their archives carry, unmodified, 200 schedules each (all of an asynchronous
//! runtime's: 50). What is reported is either a
//! mistake of the crate or one of Raddle's, so each report has been judged: `docs/verdicts.md` has the reasoning, and
//! [`SUITES`] names those that stand. Any other fails this test.
//!
//! Tests whose single executions are long (a million iterations, hundreds of threads) end with RD0503, which says no more
//! than that; they are counted and not judged.
//!
//! Needs the registry, and takes an hour or more: `cargo test --release --test published_suites -- --ignored --nocapture`.
//! With `RADDLE_SUITE=name` only the crate of that name.

#[allow(dead_code)]
mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One crate.
struct Suite {
    krate: &'static str,
    version: &'static str,
    /// Features to build it with.
    features: &'static str,
    /// Names of the test targets, if not all of them.
    targets: &'static str,
    /// Whether the crates that its tests use depend on it, and must take this copy: the registry's has types of its own.
    patched: bool,
    /// A crate that its tests use and its archive does not name, with its version, or nothing.
    helper: &'static str,
    /// Reports that stand, by test and code, as judged. `*` is all tests.
    known: &'static [(&'static str, &'static str)],
}

const fn suite(krate: &'static str, version: &'static str) -> Suite {
    Suite { krate, version, features: "", targets: "", patched: false, helper: "", known: &[] }
}

const SUITES: &[Suite] = &[
    suite("arc-swap", "1.9.5"),
    suite("async-channel", "2.5.0"),
    suite("bytes", "1.12.2"),
    suite("concurrent-queue", "2.5.0"),
    suite("crossbeam", "0.8.5"),
    suite("crossbeam-channel", "0.5.17"),
    suite("crossbeam-deque", "0.8.8"),
    suite("crossbeam-epoch", "0.9.21"),
    suite("crossbeam-queue", "0.3.14"),
    suite("crossbeam-utils", "0.8.23"),
    suite("dashmap", "6.2.1"),
    suite("event-listener", "5.4.2"),
    suite("flume", "0.12.0"),
    suite("hashbrown", "0.17.2"),
    suite("left-right", "0.11.8"),
    suite("once_cell", "1.21.4"),
    suite("parking_lot", "0.12.5"),
    suite("parking_lot_core", "0.9.12"),
    suite("rayon", "1.12.0"),
    suite("rayon-core", "1.13.0"),
    Suite {
        known: &[("sharded-slab::reserved_bits_leak reserved_bits_doesnt_leak", "RD0505")],
        ..suite("sharded-slab", "0.1.7")
    },
    suite("smallvec", "1.16.6"),
    suite("spin", "0.12.3"),
    suite("thread_local", "1.1.10"),
    // Its synchronization primitives; files, sockets, processes and the runtime itself are not what this is about.
    Suite {
        features: "full,test-util",
        targets: "sync_barrier sync_broadcast sync_broadcast_weak sync_mpsc sync_mpsc_weak sync_mutex \
                  sync_mutex_owned sync_notify sync_notify_owned sync_once_cell sync_oneshot sync_rwlock \
                  sync_semaphore sync_semaphore_owned sync_set_once sync_watch",
        ..suite("tokio", "1.54.1")
    },
    suite("triomphe", "0.1.17"),
];

/// Asynchronous runtimes with all their tests: sockets, files, processes, signals, timers and the schedulers themselves.
/// Of these, a share of [`SHARE`] must be explored without an error of Raddle's and without RD0505.
///
/// smol and futures-lite carry no tests of their own: what smol is made of does.
const RUNTIMES: &[Suite] = &[
    suite("async-executor", "1.14.1"),
    Suite {
        known: &[
            ("async-io::async udp_send_recv", "RD0401"),
            ("async-io::async uds_send_recv", "RD0401"),
            ("async-io::async uds_send_to_recv_from", "RD0401"),
            ("async-io::block_on doesnt_poll_after_ready", "RD0401"),
            ("async-io::block_on recursive_wakers_are_different", "RD0401"),
            ("async-io::block_on first_cannot_wake_second", "RD0501"),
            ("async-io::block_on inner_cannot_wake_outer", "RD0501"),
        ],
        ..suite("async-io", "2.6.0")
    },
    Suite { known: &[("async-lock::semaphore as_mutex", "RD0401")], ..suite("async-lock", "3.5.0") },
    Suite { known: &[("*", "RD0401")], ..suite("async-process", "2.5.0") },
    suite("async-signal", "0.2.14"),
    suite("async-task", "4.7.1"),
    suite("blocking", "1.7.0"),
    suite("bb8", "0.9.1"),
    Suite {
        features: "thread-pool,io-compat",
        helper: "futures-test = \"=0.3.34\"",
        known: &[("futures::lock_mutex mutex_contested", "RD0402"), ("futures::task_atomic_waker basic", "RD0207")],
        ..suite("futures", "0.3.34")
    },
    suite("piper", "0.2.5"),
    Suite {
        features: "full,test-util",
        patched: true,
        known: &[
            ("tokio::fs_file_join_error file_ops_survive_join_error", "RD0401"),
            ("tokio::rt_common current_thread_scheduler::shutdown_timeout_0", "RD0401"),
            ("tokio::rt_common threaded_scheduler_1_thread::shutdown_timeout_0", "RD0401"),
            ("tokio::rt_common threaded_scheduler_4_threads::shutdown_timeout_0", "RD0401"),
        ],
        ..suite("tokio", "1.54.1")
    },
];

/// How many of a runtime's tests must be explored, of a hundred.
const SHARE: usize = 95;

/// Where cargo keeps the sources of these crates, by name; it gets what is not there.
fn archives(place: &Path, suites: &[&Suite]) -> BTreeMap<String, PathBuf> {
    let mut manifest =
        String::from("[package]\nname = \"archives\"\nversion = \"0.0.0\"\n\n[workspace]\n\n[dependencies]\n");
    for suite in suites {
        manifest += &format!("{} = \"={}\"\n", suite.krate, suite.version);
    }
    fs::create_dir_all(place.join("src")).unwrap();
    fs::write(place.join("src/lib.rs"), "").unwrap();
    fs::write(place.join("Cargo.toml"), manifest).unwrap();
    let metadata = cargo_metadata::MetadataCommand::new().current_dir(place).exec().unwrap();
    let wanted = |package: &&cargo_metadata::Package| {
        suites.iter().any(|suite| {
            *package.name == suite.krate && package.version.to_string().split('+').next() == Some(suite.version)
        })
    };
    let found = metadata.packages.iter().filter(wanted);
    found.map(|package| (package.name.to_string(), package.manifest_path.parent().unwrap().into())).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// What came of a crate's tests.
#[derive(Default)]
struct Explored {
    /// How many tests there are.
    tests: usize,
    /// Findings that nobody has judged, in words.
    unjudged: Vec<String>,
    /// Tests that were not explored, and why.
    errors: Vec<String>,
    /// How many tests ended with RD0505.
    not_reproducible: usize,
}

/// Explores a crate's tests.
fn explore(suite: &Suite, package: &Path, target: &Path, schedules: &str) -> Explored {
    // A workspace of its own, whatever directory it lies in.
    let manifest = package.join("Cargo.toml");
    let mut text = fs::read_to_string(&manifest).unwrap();
    if !text.lines().any(|line| line.trim() == "[workspace]") {
        text += "\n[workspace]\n";
    }
    if !suite.helper.is_empty() {
        let (name, version) = suite.helper.split_once(" = ").unwrap();
        text += &format!("\n[dev-dependencies.{name}]\nversion = {version}\n");
        let _ = fs::remove_file(package.join("Cargo.lock"));
    }
    if suite.patched {
        text += &format!("\n[patch.crates-io]\n{} = {{ path = \".\" }}\n", suite.krate);
        // It may hold the helpers to another version than this one.
        let _ = fs::remove_file(package.join("Cargo.lock"));
    }
    fs::write(&manifest, text).unwrap();
    let output = support::raddle(package, target)
        .args(["test", "--message-format", "json", "--seed", "1", "--schedules", schedules, "--time", "10s"])
        .args(["--features", suite.features])
        .args(suite.targets.split_whitespace().flat_map(|target| ["--test", target]))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let finished: Vec<&Value> = events.iter().filter(|event| event["type"] == "test-finished").collect();
    assert!(
        !finished.is_empty(),
        "{}: no test was explored:\n{}",
        suite.krate,
        String::from_utf8_lossy(&output.stderr)
    );
    let mut outcomes: BTreeMap<&str, u32> = BTreeMap::new();
    for event in &finished {
        *outcomes.entry(event["outcome"].as_str().unwrap()).or_default() += 1;
    }
    let long = events.iter().filter(|event| event["code"] == "RD0503").count();
    println!("{} {}: {outcomes:?}, of these too long: {long}", suite.krate, suite.version);
    let mut explored = Explored { tests: finished.len(), ..Explored::default() };
    for event in &events {
        let (code, test) = (event["code"].as_str().unwrap_or(""), event["test"].as_str().unwrap_or(""));
        if event["type"] == "finding" {
            explored.not_reproducible += usize::from(code == "RD0505");
            let is_known = suite.known.contains(&(test, code)) || suite.known.contains(&("*", code));
            if code != "RD0503" && !is_known {
                explored.unjudged.push(format!("{test}: {code} {}", event["message"]));
            }
        }
        if event["type"] == "test-finished" && event["outcome"] == "error" {
            explored.errors.push(format!("{test}: {}", event["detail"]));
        }
    }
    explored
}

/// Explores the tests of these crates, or of the one that the environment names.
fn explore_all(suites: &[Suite], place: &str, schedules: &str, mut judge: impl FnMut(&Suite, Explored)) {
    let only = std::env::var("RADDLE_SUITE").ok();
    let suites: Vec<&Suite> =
        suites.iter().filter(|suite| only.as_ref().is_none_or(|only| only == suite.krate)).collect();
    if suites.is_empty() {
        println!("no crate of this name among these");
        return;
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(place);
    let _ = fs::remove_dir_all(place.join("packages"));
    let archives = archives(&place.join("archives"), &suites);
    for suite in suites {
        let archive = archives.get(suite.krate).unwrap_or_else(|| panic!("no archive of {}", suite.krate));
        let package = place.join("packages").join(suite.krate);
        copy(archive, &package);
        judge(suite, explore(suite, &package, &place.join("target"), schedules));
    }
}

#[test]
#[ignore = "gets crates from the registry, and takes an hour or more"]
fn what_is_reported_of_published_crates_has_been_judged() {
    let mut wrong = Vec::new();
    explore_all(SUITES, "published-suites", "200", |_, explored| {
        wrong.extend(explored.unjudged);
        wrong.extend(explored.errors);
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
#[ignore = "gets crates from the registry, and takes an hour or more"]
fn asynchronous_runtimes_run_their_own_tests() {
    let mut wrong = Vec::new();
    explore_all(RUNTIMES, "runtime-suites", "50", |suite, explored| {
        let without = explored.errors.len() + explored.not_reproducible;
        println!(
            "{}: {} of {} tests not explored:\n{}",
            suite.krate,
            without,
            explored.tests,
            explored.errors.join("\n")
        );
        if (explored.tests - without) * 100 < explored.tests * SHARE {
            wrong.push(format!("{}: {without} of {} tests were not explored", suite.krate, explored.tests));
        }
        wrong.extend(explored.unjudged);
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
