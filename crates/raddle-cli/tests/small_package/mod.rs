//! A package of one file of tests, made for one test of the command.

use crate::support;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The text behind a key of an event.
pub fn word(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_else(|| panic!("no {key} in {event}")).to_owned()
}

/// The findings among events.
pub fn findings(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["type"] == "finding").collect()
}

/// The package, and where it is built.
pub struct SmallPackage {
    directory: TempDir,
    target: TempDir,
}

impl SmallPackage {
    /// A package of this name, whose tests these are.
    pub fn new(name: &str, tests: &str) -> Self {
        let (directory, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let package = SmallPackage { directory, target };
        let write = |name: &str, text: &str| fs::write(package.directory.path().join(name), text).unwrap();
        for directory in ["tests", "src"] {
            fs::create_dir(package.directory.path().join(directory)).unwrap();
        }
        write(
            "Cargo.toml",
            &format!("[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n"),
        );
        write("src/lib.rs", "");
        write(&format!("tests/{name}.rs"), tests);
        package
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The command in this package. Failing schedules are not kept.
    pub fn raddle(&self) -> Command {
        let mut command = support::raddle(self.directory.path(), self.target.path());
        command.env("RADDLE_REGRESSIONS", "off");
        command
    }

    /// What is told of a finding when its schedule is performed again, which must fail again.
    pub fn replay(&self, finding: &Value) -> String {
        let output = self.raddle().args(["replay", &word(finding, "replay")]).output().unwrap();
        assert_eq!(output.status.code(), Some(100));
        String::from_utf8(output.stderr).unwrap()
    }

    /// The events of `raddle test` with seed 1 and these arguments, separated by blanks.
    pub fn explore(&self, arguments: &str) -> Vec<Value> {
        let mut command = self.raddle();
        command.args(["test", "--message-format", "json", "--seed", "1"]).args(arguments.split(' '));
        support::events(&command.output().unwrap())
    }
}
