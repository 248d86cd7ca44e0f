//! Virtual against real time: programs full of sleeps and time limits, of threads and of tasks on tokio, see their events
//! in the same order whether time is the machine's (plain `cargo test`) or Raddle's.
//!
//! A generator writes one package of 200 tests, each a program. Time is divided into slots, and each event has one of its
//! own, so that the order is determined as long as nothing is half a slot late. On a busy machine something may be: such a
//! program says so, and is run again with longer slots. What Raddle does with lateness is switched off (`--delay 0s`).
//!
//! Not covered: what happens when two deadlines are equal, which real time decides by accident.

#[allow(dead_code)]
mod support;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const PROGRAMS: usize = 200;
const SLOTS: u32 = 10;
/// Milliseconds of a slot: first, and at the most.
const SLOT_MS: (u32, u32) = (20, 1280);

/// splitmix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }
}

/// One program: for each thread and each task what it does, and what another thread does to them.
#[derive(Default)]
struct Program {
    actors: Vec<(Kind, String)>,
    post: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Thread,
    Task,
}

/// How a thread waits for its slot, and what is done to it then.
const OF_THREADS: [(&str, &str, &str); 7] = [
    ("sleep", "thread::sleep(clock.until(S));", ""),
    ("recv_timeout", "assert!(messages.recv_timeout(clock.until(S)).is_err());", ""),
    ("wait_timeout", "drop(sent.1.wait_timeout_while(sent.0.lock().unwrap(), clock.until(S), |_| true).unwrap());", ""),
    ("park_timeout", "while clock.until(S) > Duration::ZERO { thread::park_timeout(clock.until(S)); }", ""),
    ("recv", "assert_eq!(messages.recv_timeout(LONG), Ok(S));", "to_ACTOR.send(S).unwrap();"),
    (
        "wait",
        "drop(sent.1.wait_timeout_while(sent.0.lock().unwrap(), LONG, |slot| *slot < S).unwrap());",
        "*of_ACTOR.0.lock().unwrap() = S; of_ACTOR.1.notify_all();",
    ),
    (
        "park",
        "while *sent.0.lock().unwrap() < S { thread::park_timeout(LONG); }",
        "*of_ACTOR.0.lock().unwrap() = S; handle_ACTOR.thread().unpark();",
    ),
];

/// As [`OF_THREADS`], of tasks.
const OF_TASKS: [(&str, &str, &str); 6] = [
    ("sleep", "sleep_until(clock.at(S).into()).await;", ""),
    ("timeout", "assert!(timeout_at(clock.at(S).into(), pending::<()>()).await.is_err());", ""),
    ("in time", "timeout(LONG, sleep_until(clock.at(S).into())).await.unwrap();", ""),
    ("interval", "let mut ticks = interval_at(clock.at(S).into(), clock.slots(PERIOD)); ticks.tick().await;", ""),
    ("recv", "assert_eq!(timeout(LONG, messages.recv()).await.unwrap(), Some(S));", "to_ACTOR.send(S).unwrap();"),
    (
        "select",
        "tokio::select! { () = sleep_until(clock.at(S).into()) => {} _ = messages.recv() => unreachable!() }",
        "",
    ),
];

fn generate(random: &mut Random) -> Program {
    let mut program = Program::default();
    for _ in 0..2 + random.below(3) {
        let kind = if random.below(2) == 0 { Kind::Thread } else { Kind::Task };
        program.actors.push((kind, String::new()));
    }
    // Who has each slot: the second tick of an interval is known in advance.
    let mut taken: Vec<Option<(usize, String)>> = vec![None; SLOTS as usize + 1];
    let mut busy_until = vec![0; program.actors.len()];
    for slot in 1..=SLOTS {
        if let Some((actor, code)) = taken[slot as usize].take() {
            program.actors[actor].1 += &code;
            continue;
        }
        let free: Vec<usize> = (0..program.actors.len()).filter(|actor| busy_until[*actor] < slot).collect();
        if free.is_empty() {
            continue;
        }
        let actor = free[random.below(free.len())];
        let (name, wait, post) = match program.actors[actor].0 {
            Kind::Thread => OF_THREADS[random.below(OF_THREADS.len())],
            Kind::Task => OF_TASKS[random.below(OF_TASKS.len())],
        };
        let period = 1 + random.below(3) as u32;
        let fill = |text: &str| {
            let text = text.replace("ACTOR", &actor.to_string()).replace("PERIOD", &period.to_string());
            text.replace("(S)", &format!("({slot})"))
                .replace("< S", &format!("< {slot}"))
                .replace("= S", &format!("= {slot}"))
        };
        let event = |slot: u32, name: &str| format!("clock.event({slot}, \"{actor}: {name} {slot}\");\n");
        let _ = write!(program.actors[actor].1, "{}\n{}", fill(wait), event(slot, name));
        if !post.is_empty() {
            let _ = writeln!(program.post, "thread::sleep(clock.until({slot}));\n{}", fill(post));
        }
        let second = slot + period;
        if name == "interval" && second <= SLOTS && taken[second as usize].is_none() {
            let code = format!("ticks.tick().await;\n{}", event(second, "second tick"));
            (taken[second as usize], busy_until[actor]) = (Some((actor, code)), second);
        }
    }
    program
}

fn source(number: usize, program: &Program) -> String {
    let mut before = String::new();
    let (mut threads, mut tasks) = (String::new(), String::new());
    for (actor, (kind, code)) in program.actors.iter().enumerate() {
        let of = |channel: &str| {
            format!(
                "let (to_{actor}, mut messages_{actor}) = {channel}::<u32>();\n\
                 let of_{actor} = &(Mutex::new(0u32), Condvar::new());\n"
            )
        };
        match kind {
            Kind::Thread => {
                before += &of("std::sync::mpsc::channel");
                let _ = writeln!(
                    threads,
                    "let handle_{actor} = scope.spawn(move || {{ let (messages, sent) = (&mut messages_{actor}, of_{actor});\n{code}}});"
                );
            }
            Kind::Task => {
                before += &of("tokio::sync::mpsc::unbounded_channel");
                let _ = writeln!(tasks, "async {{ let messages = &mut messages_{actor};\n{code}}},");
            }
        }
    }
    let post = &program.post;
    format!(
        "#[test]\nfn program_{number:03}() {{\nlet clock = Clock::start();\n{{\nlet clock = &clock;\n{before}\
         thread::scope(|scope| {{\n{threads}\
         scope.spawn(move || runtime().block_on(async {{ tokio::join!({tasks}async {{}}); }}));\n\
         {post}}});\n}}\nclock.end(\"program_{number:03}\");\n}}\n\n"
    )
}

fn write_package(directory: &Path) {
    let mut random = Random(1);
    let mut text = String::from(
        "#![allow(unused)]\nmod clock;\nuse clock::{Clock, LONG};\nuse std::future::pending;\nuse std::sync::{Condvar, Mutex};\n\
         use std::thread;\nuse std::time::Duration;\nuse tokio::time::{interval_at, sleep_until, timeout, timeout_at};\n\n\
         fn runtime() -> tokio::runtime::Runtime {\n\
         tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()\n}\n\n",
    );
    for number in 0..PROGRAMS {
        text += &source(number, &generate(&mut random));
    }
    fs::create_dir_all(directory.join("tests/clock")).unwrap();
    fs::create_dir_all(directory.join("src")).unwrap();
    fs::write(directory.join("src/lib.rs"), "").unwrap();
    fs::write(directory.join("tests/programs.rs"), text).unwrap();
    fs::write(directory.join("tests/clock/mod.rs"), include_str!("timers/clock.rs")).unwrap();
    let manifest = "[package]\nname = \"timers\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
                    tokio = { version = \"1.54\", features = [\"full\"] }\n";
    fs::write(directory.join("Cargo.toml"), manifest).unwrap();
}

/// The orders of events in real time, written into `orders`. Returns how often something was late.
fn run_plainly(package: &Path, orders: &Path) -> usize {
    let mut lates = 0;
    let mut programs = Vec::new();
    let mut slot = SLOT_MS.0;
    loop {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        let output = command
            .current_dir(package)
            .env("CARGO_TARGET_DIR", package.join("plain"))
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .env_remove("LD_LIBRARY_PATH")
            .env("SLOT_MS", slot.to_string())
            .env("WRITE_ORDERS", orders)
            .args(["test", "--test", "programs", "--", "--test-threads", "4", "--exact"])
            .args(&programs)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        // A thread that is late may also be told of what was meant for its next wait; its program then fails.
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("test result"), "{said}{}", String::from_utf8_lossy(&output.stderr));
        programs = (0..PROGRAMS)
            .map(|number| format!("program_{number:03}"))
            .filter(|name| fs::read_to_string(orders.join(name)).map_or(true, |order| order == "late"))
            .collect();
        if programs.is_empty() {
            return lates;
        }
        lates += programs.len();
        slot *= 2;
        assert!(slot <= SLOT_MS.1, "late however long the slots: {programs:?}");
    }
}

#[test]
#[ignore = "takes some minutes"]
fn events_come_in_the_same_order_in_virtual_and_in_real_time() {
    let package = tempfile::tempdir().unwrap();
    let orders = tempfile::tempdir().unwrap();
    write_package(package.path());
    let lates = run_plainly(package.path(), orders.path());
    let output = support::raddle(package.path(), &package.path().join("explored"))
        .env("SLOT_MS", SLOT_MS.0.to_string())
        .env("READ_ORDERS", orders.path())
        .env("RADDLE_REGRESSIONS", "off")
        .args(["test", "--message-format", "json", "--seed", "1", "--schedules", "20", "--delay", "0s", "--time", "1h"])
        .output()
        .unwrap();
    let mut explored = 0;
    let mut schedules = 0;
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        if event["type"] == "test-finished" {
            explored += 1;
            schedules += event["schedules"].as_u64().unwrap();
            assert!(matches!(event["outcome"].as_str(), Some("passed" | "exhausted" | "single-threaded")), "{event}");
        }
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((explored, output.status.code()), (PROGRAMS, Some(0)), "{said}");
    println!("{PROGRAMS} programs, {schedules} schedules; {lates} plain runs were repeated because something was late");
}
