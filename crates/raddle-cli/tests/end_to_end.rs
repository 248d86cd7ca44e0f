//! The commands on a small package that knows nothing of Raddle, from its build to a replay.
//!
//! What is checked here is the commands' part: selection, outcomes, exit codes, the JSON contract, tokens. That each
//! hazard is found is the matter of the workspace's own end-to-end tests.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MANIFEST: &str = "[package]\nname = \"mill\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n";

const LIBRARY: &str = r#"
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::sync::{Arc, Mutex};

    #[test]
    fn alone() {}

    #[test]
    fn right() {
        let sum = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&sum);
        let thread = std::thread::spawn(move || other.fetch_add(1, SeqCst));
        sum.fetch_add(1, SeqCst);
        thread.join().unwrap();
        assert_eq!(sum.load(SeqCst), 2);
    }

    #[test]
    fn right_under_a_lock() {
        let sum = Arc::new(Mutex::new(0));
        let other = Arc::clone(&sum);
        let thread = std::thread::spawn(move || *other.lock().unwrap() += 1);
        *sum.lock().unwrap() += 1;
        thread.join().unwrap();
        assert_eq!(*sum.lock().unwrap(), 2);
    }

    #[test]
    fn loses_an_update() {
        let sum = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&sum);
        let add = |sum: &AtomicU32| sum.store(sum.load(SeqCst) + 1, SeqCst);
        let thread = std::thread::spawn(move || add(&other));
        add(&sum);
        thread.join().unwrap();
        assert_eq!(sum.load(SeqCst), 2);
    }

    #[test]
    fn deadlocks() {
        let (a, b) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
        let (c, d) = (Arc::clone(&a), Arc::clone(&b));
        let thread = std::thread::spawn(move || {
            let _d = d.lock();
            let _c = c.lock();
        });
        {
            let _a = a.lock();
            let _b = b.lock();
        }
        thread.join().unwrap();
    }

    #[test]
    fn always_fails() {
        println!("about to fail");
        assert_eq!(1, 2);
    }

    #[test]
    #[ignore]
    fn left_out() {}
}
"#;

const PROGRAM: &str = r#"
fn main() {
    let count: usize = std::env::args().nth(1).map_or(2, |n| n.parse().unwrap());
    let threads: Vec<_> = (0..count).map(|_| std::thread::spawn(|| {})).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}
"#;

struct Mill(TempDir);

impl Mill {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("src")).unwrap();
        std::fs::write(directory.path().join("Cargo.toml"), MANIFEST).unwrap();
        std::fs::write(directory.path().join("src/lib.rs"), LIBRARY).unwrap();
        std::fs::write(directory.path().join("src/main.rs"), PROGRAM).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
        command.args(arguments.split(' ')).current_dir(self.path());
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Exit code, events by their type and test.
    fn events(&self, arguments: &str) -> (i32, Vec<Value>) {
        let (command, rest) = arguments.split_once(' ').unwrap();
        let output = self.run(&format!("{command} --message-format json {rest}"));
        let lines = String::from_utf8(output.stdout).unwrap();
        let events = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (output.status.code().unwrap(), events)
    }
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `(test, outcome)` of all tests, by name.
fn outcomes(events: &[Value]) -> Vec<(String, String)> {
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let mut all: Vec<_> = of_kind(events, "test-finished")
        .into_iter()
        .map(|event| (word(&event["test"]), word(&event["outcome"])))
        .collect();
    all.sort();
    all
}

/// The search ends on tests that are right, and finds what is wrong with the others; what depends on a clock is not called
/// exhausted.
#[test]
fn small_tests_are_explored_completely() {
    let mill = Mill::new();
    let clock = LIBRARY.replace("fn alone() {}", "fn alone() { right(); std::time::Instant::now(); }");
    std::fs::write(mill.path().join("src/lib.rs"), clock).unwrap();
    for memory in ["sc", "rc11"] {
        let (exit, events) =
            mill.events(&format!("test --lib --time 30s --schedules 2000 --strategy exhaustive --memory {memory}"));
        assert_eq!(exit, 100);
        let expected = [
            ("mill tests::alone", "passed"),
            ("mill tests::always_fails", "failed"),
            ("mill tests::deadlocks", "failed"),
            ("mill tests::loses_an_update", "failed"),
            ("mill tests::right", "exhausted"),
            ("mill tests::right_under_a_lock", "exhausted"),
        ];
        assert_eq!(outcomes(&events), expected.map(|(test, outcome)| (test.to_owned(), outcome.to_owned())));
        for event in of_kind(&events, "test-finished") {
            let search = &event["search"];
            match event["test"].as_str().unwrap() {
                // Two additions, in two orders.
                "mill tests::right" | "mill tests::right_under_a_lock" => {
                    assert_eq!((&search["finished"], &search["obstacle"]), (&Value::from(true), &Value::Null));
                    assert_eq!(search["executions"], event["schedules"]);
                    assert_eq!(search["executions"], event["distinct"], "each of them once");
                    assert!(search["executions"].as_u64().unwrap() >= 2, "{memory}: {event}");
                }
                "mill tests::alone" => assert_eq!(search["obstacle"], "it looks at a clock"),
                _ => {}
            }
        }
    }
}

/// Time stands still while anybody can run. A thread that looks at a clock may have been kept waiting all the same, so that
/// what is done only after a while is seen; but for longer than is allowed it is not.
#[test]
fn what_is_done_after_a_while_is_seen() {
    const WAITS: &str = "fn alone() {
        let other = std::thread::spawn(std::thread::yield_now);
        let begun = std::time::Instant::now();
        std::thread::yield_now();
        assert!(begun.elapsed() < std::time::Duration::from_micros(500));
        other.join().unwrap();
    }";
    let mill = Mill::new();
    let test = "test --lib --time 30s --schedules 200 --seed 1 alone";
    for (allowed, options, expected) in [("500", "", 100), ("500", " --delay 0s", 0), ("6_000", "", 0)] {
        let waits = LIBRARY.replace("fn alone() {}", &WAITS.replace("500", allowed));
        std::fs::write(mill.path().join("src/lib.rs"), waits).unwrap();
        let (exit, events) = mill.events(&format!("{test}{options}"));
        assert_eq!(exit, expected, "{allowed}{options}: {events:#?}");
    }
}

#[test]
fn from_a_test_to_a_replay() {
    let mill = Mill::new();
    let (exit, events) = mill.events("test --lib --time 30s --schedules 2000 --seed 7 --keep-going");
    assert_eq!(exit, 100);
    let expected = [
        ("mill tests::alone", "single-threaded"),
        ("mill tests::always_fails", "failed"),
        ("mill tests::deadlocks", "failed"),
        ("mill tests::loses_an_update", "failed"),
        ("mill tests::right", "exhausted"),
        ("mill tests::right_under_a_lock", "exhausted"),
    ];
    assert_eq!(outcomes(&events), expected.map(|(test, outcome)| (test.to_owned(), outcome.to_owned())));
    assert_eq!(events.first().unwrap()["type"], "suite-started");
    assert_eq!(events.first().unwrap()["ignored"], 1);
    let last = events.last().unwrap();
    assert_eq!((&last["type"], &last["interrupted"]), (&Value::from("suite-finished"), &Value::from(false)));

    let ordinary =
        of_kind(&events, "test-finished").into_iter().find(|event| event["test"] == "mill tests::always_fails");
    let detail = ordinary.unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("about to fail") && !detail.contains("test result"), "{detail}");

    for (test, code) in [("mill tests::deadlocks", "RD0201"), ("mill tests::loses_an_update", "RD0501")] {
        let found = of_kind(&events, "finding").into_iter().find(|event| event["test"] == test).unwrap();
        assert_eq!(found["code"], code);
        let token = found["replay"].as_str().unwrap();
        let (exit, again) = mill.events(&format!("replay {token}"));
        assert_eq!(exit, 100);
        assert_eq!(again[0]["code"], found["code"]);
        assert_eq!(again[0]["steps"], found["steps"], "the same execution");
        assert_eq!(again[0]["schedule"], found["schedule"]);

        let human = mill.run(&format!("replay {token}"));
        assert_eq!(human.status.code(), Some(100));
        assert!(text(&human.stderr).contains(&format!("error[{code}]")), "{}", text(&human.stderr));
    }

    let token = of_kind(&events, "finding")[0]["replay"].as_str().unwrap().to_owned();
    std::fs::write(mill.path().join("src/lib.rs"), LIBRARY.replace("fn alone() {}", "fn alone() { println!() }"))
        .unwrap();
    let refused = mill.run(&format!("replay {token}"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("has changed since this schedule was recorded"),
        "{}",
        text(&refused.stderr)
    );
}

/// What came of a test, and of the schedules that were kept of it.
fn with_kept(events: &[Value]) -> (String, Vec<String>) {
    let finished = of_kind(events, "test-finished")[0];
    let kept = finished["kept"].as_array().cloned().unwrap_or_default();
    let words = kept.iter().map(|kept| kept["outcome"].as_str().unwrap().to_owned());
    (finished["outcome"].as_str().unwrap().to_owned(), words.collect())
}

/// A schedule that fails is kept, and tried first; when the code has changed so that it no longer fits, its seed is
/// searched; when the mistake is mended, nothing is found any more.
#[test]
fn a_failing_schedule_is_kept_and_tried_first() {
    let mill = Mill::new();
    let kept_in = mill.path().join(".raddle");
    let test = "test --lib --time 30s --schedules 2000 loses_an_update";
    let write = |library: &str| std::fs::write(mill.path().join("src/lib.rs"), library).unwrap();
    let files = || {
        let entries = std::fs::read_dir(&kept_in).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let (exit, _) = mill.events(&format!("{test} --seed 7 --regressions try"));
    assert_eq!((exit, files()), (100, vec![]), "nothing is written");

    let (exit, events) = mill.events(&format!("{test} --seed 7 --regressions keep"));
    assert_eq!((exit, files().len()), (100, 1));
    let first = of_kind(&events, "finding")[0].clone();
    assert_eq!(first["schedule"]["kept"]["new"], true);
    assert_eq!(first["schedule"]["kept"]["file"], format!(".raddle/{}", files()[0]));
    let kept = std::fs::read_to_string(kept_in.join(&files()[0])).unwrap();
    assert!(kept.contains("\ntest: mill tests::loses_an_update\ncode: RD0501\n"), "{kept}");
    assert!(!kept.contains(mill.path().to_str().unwrap()), "{kept}");

    // Under another seed it is found right after the execution without preemption, in the same steps.
    let (exit, events) = mill.events(&format!("{test} --seed 8 --regressions keep"));
    assert_eq!((exit, files().len()), (100, 1));
    let again = of_kind(&events, "finding")[0].clone();
    assert_eq!(again["schedule"]["kept"]["new"], false);
    assert_eq!(again["steps"], first["steps"]);
    assert_eq!(with_kept(&events), ("failed".into(), vec!["fails".into()]));
    assert_eq!(of_kind(&events, "test-finished")[0]["schedules"], 2);
    let token = again["replay"].as_str().unwrap();
    let (exit, replayed) = mill.events(&format!("replay {token}"));
    assert_eq!((exit, &replayed[0]["steps"]), (100, &again["steps"]));
    let human = text_of(&mill.run(&format!("{test} --regressions try")));
    assert!(human.contains("schedule: kept in .raddle/") && human.contains(" from an earlier run"), "{human}");
    // Under other options its choices would mean something else.
    let (exit, events) = mill.events(&format!("{test} --memory sc --regressions try"));
    assert_eq!((exit, with_kept(&events).1), (100, vec!["other-options".to_owned()]));

    // The same mistake in other steps.
    write(&LIBRARY.replace(
        "sum.store(sum.load(SeqCst) + 1, SeqCst)",
        "{ sum.load(SeqCst); sum.store(sum.load(SeqCst) + 1, SeqCst) }",
    ));
    let (exit, events) = mill.events(&format!("{test} --seed 8 --regressions try"));
    assert_eq!((exit, with_kept(&events)), (100, ("failed".into(), vec!["does-not-fit".into()])));
    let human = text_of(&mill.run(&format!("{test} --seed 8 --regressions try")));
    let human = human.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(human.contains("no longer fits: the code, or what compiles it, has changed since."), "{human}");

    // Mended: another schedule again, and nothing wrong with any.
    write(&LIBRARY.replace("sum.store(sum.load(SeqCst) + 1, SeqCst)", "sum.fetch_add(1, SeqCst)"));
    let (exit, events) = mill.events(&format!("{test} --seed 8 --regressions keep"));
    assert_eq!((exit, with_kept(&events)), (0, ("exhausted".into(), vec!["does-not-fit".into()])));
    assert_eq!(files().len(), 1, "what was kept is not taken away");

    // The same steps, and now they are right: the kept schedule passes, and the search is as it was without it.
    write(&LIBRARY.replacen(
        "assert_eq!(sum.load(SeqCst), 2);\n    }\n\n    #[test]\n    fn deadlocks",
        "assert!(sum.load(SeqCst) > 0);\n    }\n\n    #[test]\n    fn deadlocks",
        1,
    ));
    let (exit, events) = mill.events(&format!("{test} --seed 8 --regressions keep"));
    assert_eq!((exit, with_kept(&events)), (0, ("exhausted".into(), vec!["passes".into()])));
    let (_, without) = mill.events(&format!("{test} --seed 8 --regressions off"));
    let search = |events: &[Value]| of_kind(events, "test-finished")[0]["search"].clone();
    assert_eq!(search(&events), search(&without));
    assert_eq!(with_kept(&without).1, Vec::<String>::new());
    let human = text_of(&mill.run(&format!("{test} --regressions try")));
    assert!(human.contains("1 kept schedule of earlier findings passes now."), "{human}");

    std::fs::write(kept_in.join(&files()[0]), "<<<<<<< HEAD\n").unwrap();
    let human = text_of(&mill.run(&format!("{test} --regressions try")));
    assert!(human.contains("is not tried: it is not a kept schedule: line 1 is not of the form"), "{human}");
}

/// What a person reads.
fn text_of(output: &Output) -> String {
    text(&output.stderr)
}

/// Threads that enter a room after a broken look at who is inside, and panic there while others go on.
const PANICS: &str = r#"
#[test]
fn room() {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    let (next, serving, inside) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    let enter = || {
        let ticket = next.load(SeqCst);
        next.store(ticket + 1, SeqCst);
        if serving.load(SeqCst) == ticket {
            assert_eq!(inside.fetch_add(1, SeqCst), 0, "two inside");
            inside.fetch_sub(1, SeqCst);
            serving.fetch_add(1, SeqCst);
        }
    };
    std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(enter))));
}
"#;

/// A panic is performed again as it happened, in a schedule with few interruptions, and the same one each time.
#[test]
fn panics_amid_other_threads_are_performed_again_and_shrunk() {
    let mill = Mill::new();
    std::fs::write(mill.path().join("src/lib.rs"), PANICS).unwrap();
    for seed in 1..=4 {
        for strategy in ["random", "surw"] {
            let arguments = format!("test --lib --time 30s --schedules 2000 --seed {seed} --strategy {strategy}");
            let (exit, events) = mill.events(&arguments);
            assert_eq!(exit, 100, "seed {seed}, {strategy}");
            let found = of_kind(&events, "finding")[0].clone();
            assert_eq!(found["code"], "RD0501", "seed {seed}, {strategy}");
            let preemptions = found["schedule"]["preemptions"].as_u64().unwrap();
            assert!(preemptions <= 10, "{preemptions} preemptions, seed {seed}, {strategy}");
            let (_, again) = mill.events(&arguments);
            assert_eq!(of_kind(&again, "finding")[0]["schedule"], found["schedule"], "seed {seed}, {strategy}");
        }
    }
}

#[test]
fn what_is_chosen_and_what_counts() {
    let mill = Mill::new();
    let (exit, events) = mill.events("test --lib --schedules 50 right alone");
    assert_eq!((exit, outcomes(&events).len()), (0, 3));
    let (exit, events) = mill.events("test --lib --schedules 2000 --allow RD0201 --time 30s deadlocks");
    assert_eq!(exit, 0, "an allowed finding fails nothing");
    assert_eq!(of_kind(&events, "finding")[0]["severity"], "warning");
    let (exit, events) = mill.events("test --lib -- --ignored");
    assert_eq!((exit, outcomes(&events).len()), (0, 1));

    let nothing = mill.run("test --lib no_such_test");
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        text(&nothing.stderr).contains("no test matches `no_such_test`; there are 7 tests"),
        "{}",
        text(&nothing.stderr)
    );
    let ignored = mill.run("test --lib left_out");
    assert!(text(&ignored.stderr).contains("--include-ignored"), "{}", text(&ignored.stderr));
    let unknown = mill.run("test --lib -- --frobnicate");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("--frobnicate"), "{}", text(&unknown.stderr));
}

/// A package of which nothing can be explored is told why, and not to do what has just been done.
#[test]
fn why_there_is_nothing_to_explore_is_said() {
    let mill = Mill::new();
    let explore = |manifest: &str, library: &str| {
        std::fs::write(mill.path().join("Cargo.toml"), format!("{MANIFEST}{manifest}")).unwrap();
        std::fs::write(mill.path().join("src/lib.rs"), library).unwrap();
        let output = mill.run("test --lib");
        (output.status.code(), text(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let (exit, told) = explore("\n[lib]\nproc-macro = true\n", "#[test] fn expands() {}");
    assert_eq!(exit, Some(3), "{told}");
    assert!(
        told.contains("(a procedural macro is code of the compiler's)") && told.contains("into `tests/`"),
        "{told}"
    );
    let (exit, told) = explore("", "//! ```\n//! assert!(true);\n//! ```");
    assert_eq!(exit, Some(2), "{told}");
    assert!(told.contains("tests in the documentation are not explored"), "{told}");
}

/// What is only long is not called wrong, and how far it was explored is said.
#[test]
fn a_test_that_is_long_is_warned_of() {
    const LONG: &str = "fn alone() {
        let counter = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let count = |counter: &std::sync::atomic::AtomicU64| {
            for _ in 0..60_000 {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        };
        START
    }";
    const ALONE: &str = "count(&counter);";
    const TWO: &str = "let theirs = counter.clone();
        let other = std::thread::spawn(move || count(&theirs));
        count(&counter);
        other.join().unwrap();";
    let mill = Mill::new();
    let explore = |start: &str, options: &str| {
        let long = LIBRARY.replace("fn alone() {}", &LONG.replace("START", start));
        std::fs::write(mill.path().join("src/lib.rs"), long).unwrap();
        let (exit, events) = mill.events(&format!("test --lib --seed 1 --schedules 3 --time 60s alone {options}"));
        let finished = of_kind(&events, "test-finished")[0].clone();
        (exit, finished["outcome"].clone(), finished["findings"].clone(), finished["detail"].clone())
    };
    let none_ended = "No schedule came to its end: nothing that lies behind the bound has been tested.";
    let explored = [(ALONE, ""), (TWO, ""), (TWO, " --allow RD0503"), (TWO, " --deny RD0503")]
        .map(|(start, options)| explore(start, &format!("--max-steps 20000{options}")));
    assert_eq!(explored[0], (0, json!("single-threaded"), json!([]), Value::Null));
    assert_eq!(explored[1], (0, json!("passed"), json!(["RD0503"]), json!(none_ended)));
    assert_eq!(explored[2], (0, json!("passed"), json!([]), json!(none_ended)));
    assert_eq!(explored[3], (100, json!("failed"), json!(["RD0503"]), Value::Null));
    assert_eq!(explore(TWO, "--max-steps 1000000"), (0, json!("passed"), json!([]), Value::Null));
}

/// A thread that spins by changing nothing, for what nobody is left to do: that is no matter of length, in the first schedule
/// either. One that spins while another is kept from running would go on: no mistake, in whatever schedule.
#[test]
fn whoever_spins_is_told_of_only_where_nobody_can_end_it() {
    const SPINS: &str = "fn alone() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        static TOKEN: AtomicUsize = AtomicUsize::new(BEGINS);
        let hand_on = || {
            let token = loop {
                match TOKEN.swap(0, SeqCst) {
                    0 => std::thread::yield_now(),
                    token => break token,
                }
            };
            TOKEN.store(token + 1, SeqCst);
        };
        let other = std::thread::spawn(hand_on);
        WITH
        other.join().unwrap();
    }";
    let mill = Mill::new();
    let explore = |begins: &str, with: &str, options: &str| {
        let spins = SPINS.replace("BEGINS", begins).replace("WITH", with);
        std::fs::write(mill.path().join("src/lib.rs"), LIBRARY.replace("fn alone() {}", &spins)).unwrap();
        let (exit, events) = mill.events(&format!("test --lib --seed 1 --time 60s alone {options}"));
        (exit, of_kind(&events, "test-finished")[0]["findings"].clone())
    };
    assert_eq!(explore("0", "", "--max-steps 10000"), (100, json!(["RD0503"])));
    let kept = "--strategy lag --max-steps 1000 --schedules 2000";
    assert_eq!(explore("1", "hand_on();", kept), (0, json!([])));
}

/// Of an execution that is longer than what can be kept, operations on memory in the middle are not recorded at all: to look
/// where each of them is done takes far longer than to perform them.
#[test]
fn the_middle_of_a_long_execution_is_not_recorded() {
    const LONG: &str = "fn alone() {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
        static STEPS: AtomicUsize = AtomicUsize::new(0);
        let count = || (0..400_000).for_each(|_| { STEPS.fetch_add(1, Relaxed); });
        let other = std::thread::spawn(count);
        count();
        other.join().unwrap();
    }";
    let mill = Mill::new();
    std::fs::write(mill.path().join("src/lib.rs"), LIBRARY.replace("fn alone() {}", LONG)).unwrap();
    let (_, events) = mill.events("test --lib --seed 1 --schedules 1 --time 5m --max-steps 600000 alone");
    let notes = of_kind(&events, "finding")[0]["notes"].to_string();
    let (before, _) = notes.split_once(" operations in the middle of this execution were not kept").expect(&notes);
    let left_out: String = before.chars().rev().take_while(|sign| *sign != '"').filter(char::is_ascii_digit).collect();
    let left_out: u64 = left_out.chars().rev().collect::<String>().parse().unwrap();
    assert!(left_out > 440_000, "{notes}");
}

/// Where functions call themselves, each step of a long execution has a stack of its own. They are not all kept: what is not is
/// told.
#[test]
fn deep_stacks_of_a_long_execution_are_kept_within_bounds() {
    const DEEP: &str = "fn alone() {
        use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
        static STEPS: AtomicUsize = AtomicUsize::new(0);
        fn both(depth: usize) {
            STEPS.fetch_add(1, Relaxed);
            if depth > 0 {
                both(depth - 1);
                both(depth - 1);
            }
        }
        let other = std::thread::spawn(|| both(180));
        both(180);
        other.join().unwrap();
    }";
    let mill = Mill::new();
    std::fs::write(mill.path().join("src/lib.rs"), LIBRARY.replace("fn alone() {}", DEEP)).unwrap();
    let output = mill.run("test --lib --seed 1 --schedules 1 --time 5m --stall 5m --max-steps 30000 alone");
    let told = text(&output.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains("RD0503") && told.contains("operations in the middle of this execution were not kept"),
        "{told}"
    );
}

#[test]
fn a_program_is_explored_with_its_arguments() {
    let mill = Mill::new();
    let (exit, events) = mill.events("run --schedules 50");
    assert_eq!((exit, outcomes(&events)), (0, vec![("mill".to_owned(), "passed".to_owned())]));
    let output = mill.run("run --schedules 50 --message-format json --bin mill -- 0");
    assert!(text(&output.stdout).contains("\"single-threaded\""), "{}", text(&output.stdout));
    let output = mill.run("run --bin mill --message-format json -- x");
    assert_eq!(output.status.code(), Some(100));
    let missing = mill.run("run --bin no_such_binary");
    assert_eq!(missing.status.code(), Some(101), "cargo says why: {}", text(&missing.stderr));

    // The same program by its path.
    let found = std::fs::read_dir(mill.path().join("target/raddle/x86_64-unknown-linux-gnu/debug")).unwrap();
    let path = found.flatten().map(|entry| entry.path()).find(|path| path.ends_with("mill")).unwrap();
    let output = mill.command("run --schedules 50 --").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));

    // And without its symbols: explored all the same, and what is missing in the report is said.
    let stripped = mill.path().join("stripped");
    let strip = Command::new("strip").arg("-o").arg(&stripped).arg(&path).status().unwrap();
    assert!(strip.success());
    let output = mill.command("run --schedules 50 --").arg(&stripped).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let output = mill.command("run --schedules 50 --").arg(&stripped).arg("x").output().unwrap();
    assert_eq!(output.status.code(), Some(100), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("an ordinary failing test"), "{}", text(&output.stderr));
}

#[test]
fn a_failed_build_is_told_by_cargo_alone() {
    let mill = Mill::new();
    std::fs::write(mill.path().join("src/lib.rs"), "fn broken(").unwrap();
    let output = mill.run("test");
    assert_eq!(output.status.code(), Some(101));
    assert!(output.stdout.is_empty());
    let said = text(&output.stderr);
    assert!(said.contains("src/lib.rs:1") && said.contains("could not compile"), "{said}");
    assert!(!said.contains("raddle explain") && !said.contains("exit status"), "{said}");
}

#[test]
fn an_interrupted_run_says_what_it_knows_and_leaves_nothing() {
    let mill = Mill::new();
    assert_eq!(mill.run("test --lib --schedules 5 right").status.code(), Some(0), "it is built");
    let temporary = tempfile::tempdir().unwrap();
    let mut command = mill.command("test --lib --time 10m --schedules 1000000000 --message-format json right alone");
    command.env("TMPDIR", temporary.path());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    wait_for_a_target(&child);
    let begun = Instant::now();
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(output.status.code(), Some(130));
    let last = text(&output.stdout);
    let last: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["interrupted"]), (&Value::from("suite-finished"), &Value::from(true)));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0, "a temporary file is left");
    let deadline = Instant::now() + Duration::from_secs(20);
    while processes_in(mill.path()) > 0 {
        assert!(Instant::now() < deadline, "a process is left");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until the command has started a program of its own.
fn wait_for_a_target(child: &Child) {
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        let started = tasks.flatten().any(|task| {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            children.split_ascii_whitespace().any(|pid| {
                std::fs::read_link(format!("/proc/{pid}/exe"))
                    .is_ok_and(|exe| exe.to_string_lossy().contains("/deps/mill-"))
                    && std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("right"))
            })
        });
        if started {
            return;
        }
        assert!(Instant::now() < deadline, "no program was started");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Processes whose program lies below a directory.
fn processes_in(directory: &Path) -> usize {
    let directory = directory.canonicalize().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter(|process| std::fs::read_link(process.path().join("exe")).is_ok_and(|exe| exe.starts_with(&directory)))
        .count()
}
