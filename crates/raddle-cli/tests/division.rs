//! One test, explored by one process and by several: what is told is the same.

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MANIFEST: &str = "[package]\nname = \"long\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[workspace]\n";

/// A thread flips a bit, and another looks whether it sees each flip: at every look the odds are about even. So the first
/// schedule that fails comes late, and there are far too many to see all.
const LIBRARY: &str = r#"
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
    use std::sync::Arc;

    fn looks_that_see_all(rounds: u32) -> bool {
        // A systematic search gives up at this: what is found is found in blocks.
        std::time::Instant::now();
        let bit = Arc::new(AtomicU32::new(0));
        let other = Arc::clone(&bit);
        let thread = std::thread::spawn(move || {
            for round in 1..=rounds {
                other.store(round, SeqCst);
            }
        });
        let all = (1..=rounds).filter(|round| bit.load(SeqCst) == *round).count() == rounds as usize;
        thread.join().unwrap();
        all
    }

    #[test]
    fn fails_late() {
        assert!(!looks_that_see_all(7));
    }

    #[test]
    fn is_long() {
        looks_that_see_all(60);
    }

    #[test]
    fn races_and_fails_far_on() {
        static mut RACED: u32 = 0;
        let thread = std::thread::spawn(|| unsafe { RACED += 1 });
        unsafe { RACED += 1 };
        assert!(!looks_that_see_all(7));
        thread.join().unwrap();
    }

    #[test]
    fn dies_late() {
        if looks_that_see_all(6) {
            unsafe { core::arch::asm!("ud2") };
        }
    }
}
"#;

struct Package(TempDir);

impl Package {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("src")).unwrap();
        std::fs::write(directory.path().join("Cargo.toml"), MANIFEST).unwrap();
        std::fs::write(directory.path().join("src/lib.rs"), LIBRARY).unwrap();
        Self(directory)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
        command.args(["test", "--quiet", "--message-format", "json", "--regressions", "off"]);
        command.args(arguments.split(' ')).current_dir(self.0.path());
        for name in ["CARGO_TARGET_DIR", "CARGO_BUILD_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(name);
        }
        command
    }

    fn events(&self, arguments: &str) -> Vec<Value> {
        let output = self.command(arguments).output().unwrap();
        let lines = String::from_utf8(output.stdout).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// All that is told of a test, but for how long it has taken, and what it has printed: a panic's message holds the
    /// kernel's number of the thread.
    fn told(&self, arguments: &str) -> Vec<Value> {
        let mut events = self.events(arguments);
        for event in &mut events {
            let event = event.as_object_mut().unwrap();
            event.retain(|key, _| !["elapsed_ms", "output"].contains(&key.as_str()));
        }
        events
    }
}

fn finished(events: &[Value]) -> &Value {
    events.iter().find(|event| event["type"] == "test-finished").expect("the test has ended")
}

/// What is found in blocks is the same whoever performs them: number, choices, token, and what is counted until then.
#[test]
fn several_processes_find_what_one_finds() {
    let package = Package::new();
    for (strategy, several) in [("random", [2].as_slice()), ("auto", [2, 3].as_slice())] {
        let arguments = |seed: u64, jobs: u32| {
            format!(
                "--lib --exact tests::fails_late --time 10m --schedules 60000 --strategy {strategy} --memory sc --seed \
                 {seed} --jobs {jobs}"
            )
        };
        // The first seed whose search goes beyond its head and finds something.
        let (seed, alone) = (1..50)
            .map(|seed| (seed, package.told(&arguments(seed, 1))))
            .find(|(_, events)| {
                let test = finished(events);
                test["outcome"] == "failed" && test["schedules"].as_u64().unwrap() > 7_000
            })
            .expect("a seed with a late finding");
        let finding = alone.iter().find(|event| event["type"] == "finding").unwrap();
        assert_eq!(finding["schedule"]["execution"].as_u64().unwrap() + 1, finished(&alone)["schedules"]);
        for jobs in several {
            assert_eq!(package.told(&arguments(seed, *jobs)), alone, "seed {seed}, {jobs} jobs");
        }
    }
}

/// The same executions are the same classes, however they are divided.
#[test]
fn several_processes_count_what_one_counts() {
    let package = Package::new();
    let told = |jobs: u32| {
        let jobs = format!("--lib --exact tests::is_long --time 10m --schedules 20000 --seed 3 --jobs {jobs}");
        package.told(&jobs)
    };
    let alone = told(1);
    assert_eq!(finished(&alone)["schedules"], 20_000);
    assert!(finished(&alone)["distinct"].as_u64().unwrap() > 10_000);
    assert_eq!(told(2), alone);
    assert_eq!(told(3), alone);
}

/// Distinct findings of a search that goes on are the same, too.
#[test]
fn several_processes_collect_what_one_collects() {
    let package = Package::new();
    let told = |jobs: u32| {
        let jobs = format!("--lib late --keep-going --time 10m --schedules 12000 --memory sc --seed 3 --jobs {jobs}");
        let mut events = package.told(&jobs);
        // Tests end in any order.
        events.sort_by_key(|event| format!("{} {}", event["test"], event["type"]));
        events.retain(|event| event["type"] != "suite-finished");
        events
    };
    let alone = told(1);
    assert!(
        alone.iter().any(|event| event["type"] == "finding" && event["test"] == "long tests::dies_late"),
        "{alone:?}"
    );
    assert_eq!(told(3), alone);
}

/// A race does not end a search, and others help with what is left of it.
#[test]
fn several_processes_go_on_after_a_race_as_one_does() {
    let package = Package::new();
    let told = |seed: u64, jobs: u32| {
        let one = "--lib --exact tests::races_and_fails_far_on --time 10m --schedules 60000 --strategy random";
        package.told(&format!("{one} --memory sc --seed {seed} --jobs {jobs}"))
    };
    let codes = |events: &[Value]| {
        let found = events.iter().filter(|event| event["type"] == "finding");
        found.map(|event| event["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let is_late = |events: &[Value]| finished(events)["schedules"].as_u64().unwrap() > 25_000;
    let (seed, alone) = (1..50)
        .map(|seed| (seed, told(seed, 1)))
        .find(|(_, alone)| is_late(alone) && codes(alone) == ["RD0101", "RD0501"])
        .expect("a seed with a race and a late failure");
    assert_eq!(told(seed, 2), alone, "seed {seed}");
}

/// A signal ends all processes of a test; so does the end of its time.
#[test]
fn nothing_is_left_of_a_search_that_is_stopped() {
    let package = Package::new();
    let processes = || {
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let place = package.0.path().canonicalize().unwrap();
        all.filter(|entry| {
            std::fs::read_link(entry.path().join("exe")).is_ok_and(|program| Path::new(&program).starts_with(&place))
        })
        .count()
    };
    let arguments = "--lib --exact tests::is_long --schedules 1000000000 --jobs 3";
    let events = package.events(&format!("{arguments} --time 2s"));
    assert_eq!((&finished(&events)["outcome"], processes()), (&Value::from("passed"), 0));

    let child =
        package.command(&format!("{arguments} --time 5m")).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while processes() < 3 {
        assert!(begun.elapsed() < Duration::from_secs(60), "others come to help");
        std::thread::sleep(Duration::from_millis(20));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), processes()), (Some(130), 0));
}
