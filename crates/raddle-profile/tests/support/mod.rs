//! Compiles the programs with a known bottleneck, watches them, and compares.
#![allow(dead_code, missing_docs, reason = "each test uses its part")]

use raddle_profile::model::{Bottleneck, Measurement};
use raddle_profile::state::State;
use raddle_profile::verdict::verdict;
use raddle_profile::watch::{Options, Progress, Recording, Stop, Target, watch};
use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What is true of a program.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// This bottleneck.
    Verdict(&'static str),
    /// What the program has measured and printed of itself.
    Printed,
}

#[derive(Clone, Copy, Debug)]
enum Language {
    C,
    Rust,
    Python,
}

/// A program with a known bottleneck.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    language: Language,
    mode: &'static str,
    seconds: f64,
    expected: Expected,
    shares: &'static [(State, f64)],
}

type Shares = &'static [(State, f64)];

impl Case {
    pub const fn c(mode: &'static str, seconds: f64, expected: Expected, shares: Shares) -> Self {
        Self { language: Language::C, mode, seconds, expected, shares }
    }
    pub const fn rust(mode: &'static str, seconds: f64, expected: Expected, shares: Shares) -> Self {
        Self { language: Language::Rust, mode, seconds, expected, shares }
    }
    pub const fn python(mode: &'static str, seconds: f64, expected: Expected, shares: Shares) -> Self {
        Self { language: Language::Python, mode, seconds, expected, shares }
    }
    pub fn name(&self) -> String {
        let language = match self.language {
            Language::C => "c",
            Language::Rust => "rust",
            Language::Python => "python",
        };
        format!("{language}/{}", self.mode)
    }
}

/// Where the programs are.
#[derive(Debug)]
pub struct Programs {
    directory: tempfile::TempDir,
    sources: PathBuf,
    python: Option<PathBuf>,
}

impl Programs {
    pub fn c(&self) -> PathBuf {
        self.directory.path().join("truth-c")
    }
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Compiles them.
pub fn programs() -> Programs {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/profile-truth");
    // On a real disk: what lies in memory makes nobody wait.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let run = |command: &mut Command| {
        let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        assert!(status.success(), "{command:?}");
    };
    let c = directory.path().join("truth-c");
    run(Command::new("cc").args(["-O1", "-g", "-pthread", "-o"]).arg(c).arg(sources.join("truth.c")));
    let rust = directory.path().join("truth-rust");
    run(Command::new("rustc").args(["-O", "-g", "--edition", "2024", "-o"]).arg(rust).arg(sources.join("truth.rs")));
    // What is called `python3` may be a script that looks for one; that is not what is to be watched.
    let python = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok();
    let python = python.filter(|output| output.status.success());
    let python = python.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    Programs { directory, sources, python }
}

/// Nobody stops it.
#[derive(Debug)]
pub struct Nobody;

impl Stop for Nobody {
    fn is_raised(&self) -> bool {
        false
    }
    fn wake(&self) -> Option<BorrowedFd<'_>> {
        None
    }
    fn progress(&self, _: Progress) {}
}

/// Watches a program to its end. Returns what it has printed, too.
pub fn watched(mut command: Command, feed: bool, options: &Options) -> (Measurement, String) {
    let mut printed = tempfile::tempfile().unwrap();
    command.stdout(printed.try_clone().unwrap()).stderr(Stdio::inherit());
    let mut feeder = None;
    if feed {
        let (reader, mut writer) = std::io::pipe().unwrap();
        command.stdin(reader);
        feeder = Some(std::thread::spawn(move || {
            let end = Instant::now() + Duration::from_secs(30);
            while Instant::now() < end && writer.write_all(&[1; 4096]).is_ok() {
                std::thread::sleep(Duration::from_millis(5));
            }
        }));
    } else {
        command.stdin(Stdio::null());
    }
    let Recording { measurement, .. } = watch(Target::Command(command), options, &Nobody).unwrap();
    // Ends with the pipe's last reader, which the command itself holds until now.
    drop(feeder.map(std::thread::JoinHandle::join));
    let mut text = String::new();
    std::io::Seek::rewind(&mut printed).unwrap();
    printed.read_to_string(&mut text).unwrap();
    (measurement, text)
}

/// Watches a case and compares.
pub fn check(case: &Case, programs: &Programs) -> Result<(), String> {
    let mut command = match case.language {
        Language::C => Command::new(programs.directory.path().join("truth-c")),
        Language::Rust => Command::new(programs.directory.path().join("truth-rust")),
        Language::Python => {
            let Some(python) = &programs.python else {
                println!("{}: left out, since there is no python3 here", case.name());
                return Ok(());
            };
            let mut command = Command::new(python);
            command.arg(programs.sources.join("truth.py"));
            command
        }
    };
    command.arg(case.mode).arg(case.seconds.to_string()).current_dir(programs.directory.path());
    let (m, text) = watched(command, case.mode == "pipe-reader", &Options::default());
    let found = verdict(&m);
    let own = m.wall - m.taken_by_others;
    let mut wanted: Vec<String> = Vec::new();
    let mut shares: Vec<(State, f64, f64)> =
        case.shares.iter().map(|(state, share)| (*state, *share, m.shares[*state] / own)).collect();
    match case.expected {
        Expected::Verdict(name) => wanted.push(name.to_owned()),
        Expected::Printed => {
            let truth = truth(&text).ok_or_else(|| format!("{}: it printed no truth: {text}", case.name()))?;
            let all: f64 = truth.iter().map(|(_, seconds)| seconds).sum();
            let measured: f64 = truth.iter().map(|(state, _)| m.shares[*state]).sum();
            for (state, seconds) in truth {
                let share = seconds / all;
                shares.push((state, share, m.shares[state] / measured));
                let name = match state {
                    State::Cpu => "cpu-serial",
                    State::Disk => "disk",
                    _ => "idle",
                };
                let threshold = if name == "idle" { 0.9 } else { 0.75 };
                // As near to the threshold as shares are allowed to err, both sides are right.
                if share >= threshold - 0.06 {
                    wanted.push(name.to_owned());
                }
                if share < 0.81 {
                    wanted.push("mixed".to_owned());
                }
            }
        }
    }
    let name = found.bottleneck.name();
    let details = || {
        format!(
            "shares {:?}, taken {:.2} of {:.2} s, threads {:?}, demand {:.2}, busy {:.2}, cpu {:?}, switches {}",
            m.shares.scaled(1.0 / own).ranked(),
            m.taken_by_others,
            m.wall,
            m.thread_time.ranked(),
            m.demand,
            m.cores_busy,
            m.cpu,
            m.counts.voluntary_switches
        )
    };
    if !wanted.iter().any(|wanted| wanted == name) {
        return Err(format!("{}: {name} instead of {wanted:?}: {}", case.name(), details()));
    }
    for (state, expected, found) in shares {
        if (expected - found).abs() > 0.05 {
            return Err(format!("{}: {state:?} {found:.3} instead of {expected:.3}: {}", case.name(), details()));
        }
    }
    let whole = m.shares.total() + m.taken_by_others;
    if (whole - m.wall).abs() > 0.01 * m.wall {
        return Err(format!("{}: shares add up to {whole:.3} of {:.3} s", case.name(), m.wall));
    }
    assert!(matches!(found.bottleneck, Bottleneck::NotEnough) == found.confidence.is_none());
    Ok(())
}

/// `truth disk=1.2 cpu=0.4`.
fn truth(text: &str) -> Option<Vec<(State, f64)>> {
    let line = text.lines().find_map(|line| line.strip_prefix("truth "))?;
    line.split(' ')
        .map(|word| {
            let (state, seconds) = word.split_once('=')?;
            let state = serde_json::from_value(serde_json::Value::String(state.to_owned())).ok()?;
            Some((state, seconds.parse().ok()?))
        })
        .collect()
}
