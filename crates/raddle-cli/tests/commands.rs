//! What a user sees of the commands before anything is explored: help, wrong usage, no package, explanations.

use std::path::Path;
use std::process::{Command, Output};

/// Runs one of the two programs in a directory of its own, with nothing in the environment that changes the output.
fn run(program: &str, arguments: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(directory);
    for (name, _) in std::env::vars_os() {
        let known = name.to_str().is_some_and(|name| {
            ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CARGO_TERM_COLOR", "COLUMNS", "LC_ALL", "LC_CTYPE", "LANG"]
                .contains(&name)
        });
        if known {
            command.env_remove(name);
        }
    }
    command.env("COLUMNS", "100").output().unwrap()
}

fn raddle(arguments: &[&str], directory: &Path) -> Output {
    run(env!("CARGO_BIN_EXE_raddle"), arguments, directory)
}

fn shown(output: &Output, directory: &Path) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let path = directory.canonicalize().unwrap();
    format!(
        "exit code: {}\n--- standard output\n{}--- standard error\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    )
    .replace(path.to_str().unwrap(), "[directory]")
    .replace(env!("CARGO_PKG_VERSION"), "[version]")
    .replace(crate_cache().as_str(), "[cache]")
}

fn crate_cache() -> String {
    let home = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{}/.cache", std::env::var("HOME").unwrap()));
    format!("{home}/raddle")
}

fn snapshot(name: &str, arguments: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let output = raddle(arguments, directory.path());
    insta::assert_snapshot!(name, shown(&output, directory.path()));
}

#[test]
fn help() {
    snapshot("help", &["--help"]);
    snapshot("help_of_test", &["test", "--help"]);
    snapshot("help_of_run", &["run", "--help"]);
    snapshot("help_of_replay", &["replay", "--help"]);
    snapshot("help_of_profile", &["profile", "--help"]);
    snapshot("version", &["--version"]);
}

#[test]
fn wrong_usage() {
    snapshot("no_command", &[]);
    snapshot("unknown_command", &["tset"]);
    snapshot("unknown_option", &["test", "--shedules", "5"]);
    snapshot("unknown_memory_model", &["test", "--memory", "tso"]);
    snapshot("unknown_code", &["test", "--allow", "RD9999"]);
}

#[test]
fn no_package_here() {
    snapshot("test_without_package", &["test"]);
    snapshot("run_without_package", &["run"]);
    snapshot("replay_without_package", &["replay", "0123456789"]);
}

#[test]
fn what_is_not_there() {
    snapshot("token_of_wrong_form", &["replay", "../../x"]);
    snapshot("no_such_program", &["run", "--", "./nothing"]);
    snapshot("explain_unknown", &["explain", "RD0291"]);
}

#[test]
fn both_names_are_the_same_commands() {
    let directory = tempfile::tempdir().unwrap();
    let alone = raddle(&["explain", "RD0201"], directory.path());
    let by_cargo = run(env!("CARGO_BIN_EXE_cargo-raddle"), &["raddle", "explain", "RD0201"], directory.path());
    assert_eq!(alone.status.code(), Some(0));
    assert!(alone.stderr.is_empty());
    assert!(String::from_utf8_lossy(&alone.stdout).contains("deadlock"));
    assert_eq!(alone.stdout, by_cargo.stdout);
}

#[test]
fn explain_alone_lists_all_codes() {
    let directory = tempfile::tempdir().unwrap();
    let output = raddle(&["explain"], directory.path());
    let text = String::from_utf8(output.stdout).unwrap();
    for hazard in raddle_report::explain::hazards() {
        assert!(text.contains(hazard.code), "{} is missing", hazard.code);
    }
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn colour_is_written_when_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let plain = raddle(&["explain", "RD0201"], directory.path());
    let coloured = raddle(&["explain", "RD0201", "--color", "always"], directory.path());
    assert!(!plain.stdout.contains(&0x1b));
    assert!(coloured.stdout.contains(&0x1b));
}

#[test]
fn a_program_that_was_not_built_for_raddle_is_refused_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let output = raddle(&["run", "--", "/bin/sh", "-c", "true"], directory.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("was not built for Raddle") && text.contains("help:"), "{text}");

    std::fs::write(directory.path().join("script"), "#!/bin/sh\n").unwrap();
    let output = raddle(&["run", "--", "./script"], directory.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("is not an ELF executable"), "{text}");
}

#[test]
fn a_static_program_is_refused_with_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.c"), "int main(void) { return 0; }\n").unwrap();
    let built = Command::new("cc").args(["-static", "a.c", "-o", "a"]).current_dir(directory.path()).status().unwrap();
    assert!(built.success(), "cc makes static programs");
    let output = raddle(&["run", "--", "./a"], directory.path());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("is statically linked") && text.contains("help: link it dynamically"), "{text}");
}

#[test]
fn a_reader_who_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_raddle"))
        .args(["explain"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"));
}
