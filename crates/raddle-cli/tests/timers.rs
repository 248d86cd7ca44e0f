//! Virtual time against the machine's: the same program does what can be observed of it in the same order. Two hundred
//! programs are generated, in which threads sleep, wait for a message or a condition no longer than a timeout, and give
//! notice of it. Each is first run plainly, by the machine's clocks, and writes down its order of events; explored by
//! Raddle, it compares. Deadlines of one program lie [`GAP_MS`] apart, so that a busy machine does not change their order,
//! and `--delay 0s` keeps Raddle from letting one pass early.
//!
//! What this cannot see: how long something takes, and what happens at the same moment.

#[allow(dead_code)]
mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const PROGRAMS: usize = 200;
/// Distance of two deadlines of a program.
const GAP_MS: u64 = 150;

/// A small generator of numbers (xorshift), so that the programs are the same ones each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// A test with two to four threads, each with one to three timed waits. No two waits of the program end at the same time.
fn program(number: usize, numbers: &mut Numbers) -> String {
    let mut source = format!("#[test]\nfn program_{number}() {{\n    let log = Log::default();\n");
    source += "    let (tx, rx) = mpsc::channel::<()>();\n";
    source += "    let pair = (Mutex::new(()), Condvar::new());\n    thread::scope(|scope| {\n";
    let mut taken = BTreeSet::new();
    let threads = 2 + numbers.below(3);
    for thread in 0..threads {
        let (mut now, mut body) = (0, String::new());
        // The channel has one receiver, so one thread waits for a message that does not come.
        let receives = thread == 0;
        for wait in 0..1 + numbers.below(3) {
            let mut end = now + 1 + numbers.below(4);
            while !taken.insert(end) {
                end += 1;
            }
            let ms = (end - now) * GAP_MS;
            now = end;
            let how = match numbers.below(3) {
                0 if receives => format!("assert!(rx.recv_timeout(ms({ms})).is_err());"),
                1 => format!("drop(pair.1.wait_timeout_while(pair.0.lock().unwrap(), ms({ms}), |_| true).unwrap());"),
                _ => format!("thread::sleep(ms({ms}));"),
            };
            writeln!(body, "            {how}\n            log.add(\"thread {thread}, wait {wait}\");").unwrap();
        }
        let head = if receives {
            "let (log, pair) = (&log, &pair);\n        scope.spawn(move || {\n            let rx = rx;"
        } else {
            "scope.spawn(|| {"
        };
        writeln!(source, "        {head}\n{body}        }});").unwrap();
    }
    writeln!(source, "    }});\n    drop(tx);\n    log.compare({number});\n}}\n").unwrap();
    source
}

const COMMON: &str = r#"#![allow(unused_variables)]
use std::sync::{Condvar, Mutex, mpsc};
use std::time::Duration;
use std::{env, fs, thread};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[derive(Default)]
struct Log(Mutex<Vec<&'static str>>);

impl Log {
    fn add(&self, event: &'static str) {
        self.0.lock().unwrap().push(event);
    }

    /// Writes down the order of events, or compares it with what has been written.
    fn compare(&self, number: u32) {
        let path = format!("{}/orders/{number}", env!("CARGO_MANIFEST_DIR"));
        let order = self.0.lock().unwrap().join("\n");
        if env::var_os("WRITE_ORDER").is_some() {
            fs::write(path, order).unwrap();
        } else {
            assert_eq!(order, fs::read_to_string(path).unwrap());
        }
    }
}

"#;

#[test]
#[ignore = "waits for real time to pass, some minutes"]
fn programs_with_timers_do_the_same_in_virtual_time_as_in_real_time() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("timers");
    let _ = fs::remove_dir_all(&place);
    for directory in ["tests", "src", "orders"] {
        fs::create_dir_all(place.join(directory)).unwrap();
    }
    let manifest = "[package]\nname = \"timers\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    fs::write(place.join("Cargo.toml"), manifest).unwrap();
    fs::write(place.join("src/lib.rs"), "").unwrap();
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let programs: String = (0..PROGRAMS).map(|number| program(number, &mut numbers)).collect();
    fs::write(place.join("tests/timers.rs"), COMMON.to_owned() + &programs).unwrap();

    let plain = Command::new("cargo")
        .args(["test", "--quiet", "--", "--test-threads", "8"])
        .current_dir(&place)
        .env("CARGO_TARGET_DIR", place.join("target"))
        .env("WRITE_ORDER", "1")
        .output()
        .unwrap();
    assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stdout));
    assert_eq!(fs::read_dir(place.join("orders")).unwrap().count(), PROGRAMS);

    let explored = support::raddle(&place, &place.join("target"))
        .args(["test", "--message-format", "json", "--seed", "1", "--schedules", "20", "--time", "1h"])
        .args(["--delay", "0s"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&explored.stdout);
    let finished: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|event: &serde_json::Value| event["type"] == "test-finished")
        .collect();
    assert_eq!(finished.len(), PROGRAMS, "{}", String::from_utf8_lossy(&explored.stderr));
    for event in &finished {
        assert!(matches!(event["outcome"].as_str(), Some("passed" | "exhausted")), "{event}");
    }
}
