//! The command on packages of this repository, whatever the cargo that runs the tests has set for itself.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory at the top of the repository.
pub fn at_top(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// The command in a directory, with a target directory of its own.
pub fn raddle(directory: &Path, target: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_raddle"));
    command
        .current_dir(directory)
        .env("CARGO_TARGET_DIR", target)
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        // It leads to whatever runtime library has last been built beside this test.
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::null());
    command
}

/// `raddle test --message-format json` with these arguments, separated by blanks, in a directory at the top of the
/// repository, with a target directory of the tests'. Its output, and its events.
pub fn explore(directory: &str, arguments: &str) -> (Output, Vec<Value>) {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory);
    let output = raddle(&at_top(directory), &target)
        .args(["test", "--message-format", "json"])
        .args(arguments.split(' '))
        .output()
        .unwrap();
    let events = events(&output);
    (output, events)
}

/// What `--message-format json` has printed.
pub fn events(output: &Output) -> Vec<Value> {
    let text = str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
