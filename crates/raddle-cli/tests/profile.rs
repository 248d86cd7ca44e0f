//! `raddle profile` from the outside: exit codes, bad input, the forms of its output.

mod browser;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn raddle(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
    command.arg("profile").args(arguments).env("COLUMNS", "80").stdin(Stdio::null());
    for name in ["LC_ALL", "LC_CTYPE", "LANG", "CLICOLOR_FORCE", "CARGO_TERM_COLOR"] {
        command.env_remove(name);
    }
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Standard error of a call that ends with this code.
#[track_caller]
fn ends(arguments: &[&str], code: i32) -> (String, String) {
    let output = raddle(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn json(output: &Output) -> serde_json::Value {
    let out = text(&output.stdout);
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with(r#"{"type":"profile","version":1,"#), "{out}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn the_programs_exit_code_is_passed_on() {
    ends(&["--", "sh", "-c", "exit 7"], 7);
    ends(&["--", "sh", "-c", "kill -9 $$"], 128 + 9);
    ends(&["--", "true"], 0);
    ends(&["--exit-code", "own", "--", "sh", "-c", "exit 7"], 0);
}

#[test]
fn what_the_program_prints_stays_its_own() {
    let (out, error) = ends(&["--", "echo", "hello"], 0);
    assert_eq!(out, "hello\n");
    assert!(error.contains("VERDICT") && !error.contains('\u{1b}'), "{error}");
    assert!(error.lines().all(|line| line.len() <= 80), "{error}");
    let output = raddle(&["--message-format", "json", "--", "echo", "hello"]).output().unwrap();
    json(&output);
    assert!(text(&output.stderr).contains("hello"));
}

#[test]
fn what_is_not_there_is_named() {
    let (_, error) = ends(&["--", "./no-such-program"], 2);
    assert!(error.contains("there is no program `./no-such-program`") && error.contains("help:"), "{error}");
    let (_, error) = ends(&["--pid", "2147483646"], 2);
    assert!(error.contains("there is no process 2147483646"), "{error}");
    let (_, error) = ends(&["--", "/etc/passwd"], 3);
    assert!(error.contains("cannot run `/etc/passwd`"), "{error}");
    ends(&[], 2);
    ends(&["--pid", "0"], 2);
    ends(&["--pid", "1", "--", "true"], 2);
    ends(&["--rate", "0", "--", "true"], 2);
    ends(&["--export", "svg=x", "--", "true"], 2);
    ends(&["--scale", "0", "--", "true"], 2);
    ends(&["--scale", "1", "--scale-arg", "no place", "--", "true"], 2);
    let (_, error) = ends(&["--scale", "4096", "--", "true"], 2);
    assert!(error.contains("--scale-arg or --scale-env"), "{error}");
    let (_, error) = ends(&["--scale", "1", "--metric", "(", "--", "true"], 2);
    assert!(error.contains("--metric '('"), "{error}");
}

#[test]
fn a_zombie_is_told_from_a_process() {
    let mut child = Command::new("true").spawn().unwrap();
    let pid = child.id().to_string();
    let stat = format!("/proc/{pid}/stat");
    let end = Instant::now() + Duration::from_secs(10);
    while !std::fs::read_to_string(&stat).unwrap().contains(") Z ") && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (_, error) = ends(&["--pid", &pid], 2);
    assert!(error.contains("has ended and only waits for its parent"), "{error}");
    child.wait().unwrap();
}

#[test]
fn a_program_that_ends_at_once_is_said_to_have_ended_too_soon() {
    let (_, error) = ends(&["--", "true"], 0);
    let words: Vec<&str> = error.split_whitespace().collect();
    let error = words.join(" ");
    assert!(error.contains("not enough samples") && error.contains("$(seq 200); do true; done"), "{error}");
}

#[test]
fn a_running_process_is_watched_for_a_while() {
    let mut child = Command::new("sleep").arg("30").spawn().unwrap();
    let pid = child.id().to_string();
    let output = raddle(&["--pid", &pid, "--time", "1s", "--message-format", "json"]).output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report = json(&output);
    assert_eq!(report["verdict"]["bottleneck"], "idle", "{report}");
    assert_eq!(report["measurement"]["subject"]["ending"], "still-runs");
    let wall = report["measurement"]["wall"].as_f64().unwrap();
    assert!((0.9..5.0).contains(&wall), "{wall}");
}

#[test]
fn an_interrupted_profile_still_reports() {
    let mut command = raddle(&["--", "sleep", "30"]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let raddle = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(raddle, rustix::process::Signal::INT).unwrap();
    let began = Instant::now();
    let output = child.wait_with_output().unwrap();
    let error = text(&output.stderr);
    assert!(error.contains("VERDICT     idle") && error.contains("stopped by you"), "{error}");
    assert_eq!(output.status.code(), Some(128 + 2), "the signal is handed on to the program: {error}");
    assert!(began.elapsed() < Duration::from_secs(15));
}

#[test]
fn names_that_are_not_utf_8_are_shown_as_far_as_they_can_be() {
    use std::os::unix::ffi::OsStringExt;
    let directory = tempfile::tempdir().unwrap();
    let name = std::ffi::OsString::from_vec(b"sl\xffeep".to_vec());
    let path = directory.path().join(name);
    std::os::unix::fs::symlink("/bin/sleep", &path).unwrap();
    let output = raddle(&["--message-format", "json", "--"]).arg(&path).arg("0.5").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(json(&output)["measurement"]["subject"]["command"][0].as_str().unwrap().contains('\u{fffd}'));
}

#[test]
fn a_program_that_becomes_another_and_one_with_many_threads() {
    let (_, error) = ends(&["--", "sh", "-c", "exec sleep 0.7"], 0);
    assert!(error.contains("VERDICT     idle"), "{error}");
    // Orphans stay in sight: the second shell ends at once, and what it has started works on.
    let script = "sh -c 'sleep 0.8 & ' ; sleep 0.8";
    let output = raddle(&["--message-format", "json", "--", "sh", "-c", script]).output().unwrap();
    assert_eq!(json(&output)["verdict"]["bottleneck"], "idle");
}

#[test]
fn files_are_written_and_a_directory_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (page, folded, firefox) = (file("p.html"), file("f.txt"), file("x.json"));
    let exports = [format!("folded={folded}"), format!("firefox={firefox}")];
    let work = "sleep 0.9; sleep 0.3";
    ends(&["--html", &page, "--export", &exports[0], "--export", &exports[1], "--", "sh", "-c", work], 0);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("Verdict: idle"));
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("<script"), "self-contained");
    let folded = std::fs::read_to_string(folded).unwrap();
    assert!(
        folded.lines().all(|line| line.rsplit_once(' ').is_some_and(|(_, n)| n.parse::<u64>().is_ok())),
        "{folded}"
    );
    let firefox: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(firefox).unwrap()).unwrap();
    assert_eq!(firefox["meta"]["preprocessedProfileVersion"], 48);
    let output = raddle(&["--html", "/no/such/place/p.html", "--", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("/no/such/place/p.html"));
}

#[test]
fn scaling_varies_workers_and_reads_a_metric() {
    let output = raddle(&["--message-format", "json", "--scale", "1,2,4", "--repeat", "2", "--scale-env", "WORKERS"])
        .args(["--metric", "rate ([0-9]+)", "--", "sh", "-c", "echo rate $((100 * ${WORKERS:-1}))"])
        .output()
        .unwrap();
    let report = json(&output);
    let scaling = &report["scaling"];
    assert_eq!(scaling["points"][2]["median"], 400.0, "{scaling}");
    assert_eq!(scaling["points"][2]["speedup"], 4.0);
    let serial = scaling["amdahl"]["coefficients"][0]["value"].as_f64().unwrap();
    assert!(serial < 0.001, "{scaling}");
    let (_, error) = ends(&["--scale", "1", "--metric", "rate ([0-9]+)", "--", "true"], 2);
    assert!(error.contains("printed no number"), "{error}");
    let (_, error) = ends(&["--scale", "1", "--", "false"], 2);
    assert!(error.contains("scaling is measured on runs that succeed"), "{error}");
}

/// A picture of the page, light and dark; somebody has to look at it, but it must not be empty.
#[test]
#[ignore = "takes a browser: chromium"]
fn the_page_is_shown_by_a_browser() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let page = directory.path().join("p.html");
    ends(&["--html", page.to_str().unwrap(), "--", "sh", "-c", "sleep 0.9; sleep 0.3"], 0);
    let picture = |dark| browser::picture(&page, directory.path(), dark);
    let (light, dark) = (picture(false), picture(true));
    assert!(light.starts_with(b"\x89PNG") && light.len() > 20_000 && dark.len() > 20_000);
    assert_ne!(light, dark, "the page knows light and dark");
    assert!(Path::new(&page).exists());
}
