//! The tests in a test executable, as its harness lists them.
//!
//! libtest, and harnesses that follow it, answer `--list --format terse` with a line `name: test` for each. The executable
//! runs as it is, without Raddle: the runtime it is linked with leaves everything to the C library unless it was loaded in
//! advance.

use crate::compile::Artifact;
use crate::error::{Error, Result};
use std::collections::HashSet;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A test as its harness names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Full path within its executable.
    pub name: String,
    /// Whether it is marked `#[ignore]`.
    pub ignored: bool,
}

/// What a test executable says it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// These tests, in the harness's order.
    Tests(Vec<Test>),
    /// It does not speak the harness's language: it is a program that is one test as a whole. The reason, in words.
    OwnHarness(String),
}

/// Asks a test executable for its tests.
///
/// # Errors
/// [`Error::Program`] when it cannot be started, or has not answered within `limit`.
pub fn list(artifact: &Artifact, limit: Duration) -> Result<Listing> {
    if artifact.own_harness {
        return Ok(Listing::OwnHarness("its manifest says `harness = false`".into()));
    }
    let all = match ask(artifact, &[], limit)? {
        Ok(names) => names,
        Err(reason) => return Ok(Listing::OwnHarness(reason)),
    };
    let ignored: HashSet<String> = match ask(artifact, &["--ignored"], limit)? {
        Ok(names) => names.into_iter().collect(),
        Err(reason) => return Ok(Listing::OwnHarness(reason)),
    };
    Ok(Listing::Tests(all.into_iter().map(|name| Test { ignored: ignored.contains(&name), name }).collect()))
}

/// Names of the tests; or, in the inner `Err`, why the answer is not a list.
fn ask(artifact: &Artifact, more: &[&str], limit: Duration) -> Result<Result<Vec<String>, String>> {
    let broken = |detail: String| Error::program(&artifact.executable, detail);
    let mut child = Command::new(&artifact.executable)
        .args(["--list", "--format", "terse"])
        .args(more)
        .current_dir(&artifact.package_root)
        .envs(artifact.environment.iter().map(|(name, value)| (name, value)))
        .env_remove("LD_PRELOAD")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| broken(format!("cannot be run: {error}")))?;
    let deadline = Instant::now() + limit;
    let answer = read_within(&mut child, limit);
    let status = answer.is_some().then(|| wait_until(&mut child, deadline)).flatten();
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let (Some(answer), Some(status)) = (answer, status) else {
        return Err(broken(format!("has not listed its tests within {} s", limit.as_secs())));
    };
    Ok(match status.code() {
        Some(0) => parse(&answer),
        Some(code) => Err(format!("it answered `--list` with exit status {code}")),
        None => Err("it was ended by a signal when asked to `--list`".into()),
    })
}

/// How the child ended, if it does in time. It has closed its output already, so this is a matter of microseconds.
fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_micros(200)),
            _ => return None,
        }
    }
}

/// All that the child writes until it closes its output; `None` when that takes too long.
fn read_within(child: &mut Child, limit: Duration) -> Option<String> {
    let mut output = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    // Not joined: it ends when the child, which is about to be killed, and all who inherited its output are gone.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver.recv_timeout(limit).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn parse(answer: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for line in answer.lines().filter(|line| !line.trim().is_empty()) {
        match line.rsplit_once(": ") {
            Some((name, "test")) => names.push(name.to_owned()),
            Some((_, "benchmark")) => {}
            _ => return Err(format!("it answered `--list` with `{line}`, which is not the name of a test")),
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_benchmarks_passed_over() {
        assert_eq!(parse("a::b: test\nspeed: benchmark\nc: test\n\n"), Ok(vec!["a::b".to_owned(), "c".to_owned()]));
        assert_eq!(parse(""), Ok(vec![]));
    }

    #[test]
    fn any_other_answer_means_a_harness_of_its_own() {
        assert!(parse("usage: frob [options]").is_err());
        assert!(parse("a: test\nhello").is_err());
    }
}
