//! The command on packages of this repository, whatever the cargo that runs the tests has set for itself.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory at the top of the repository.
pub fn at_top(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// `raddle test --message-format json` with these arguments, separated by blanks, in a directory at the top of the
/// repository, with a target directory of the tests'. Its output, and its events.
pub fn explore(directory: &str, arguments: &str) -> (Output, Vec<Value>) {
    let output = Command::new(env!("CARGO_BIN_EXE_raddle"))
        .args(["test", "--message-format", "json"])
        .args(arguments.split(' '))
        .current_dir(at_top(directory))
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join(directory))
        .env_remove("CARGO_BUILD_TARGET_DIR")
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let events = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (output, events)
}
