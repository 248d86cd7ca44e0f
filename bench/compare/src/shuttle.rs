//! Shuttle's side: the program `in-shuttle`.

use crate::error::{Error, Result, doing};
use crate::rate::{Sample, processor_time};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The built program.
#[derive(Debug)]
pub struct Shuttle {
    program: PathBuf,
}

#[derive(Deserialize)]
struct Printed {
    schedules: u64,
    elapsed_ns: u64,
    points: f64,
    choices: f64,
}

impl Shuttle {
    /// Builds it, in the release profile.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn new(root: &Path) -> Result<Self> {
        Ok(Self { program: crate::raddle::built(&root.join("bench/Cargo.toml"), "in-shuttle", "in-shuttle")? })
    }

    /// Names of the bodies.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn bodies(&self) -> Result<Vec<String>> {
        Ok(self.output(&["names"])?.lines().map(str::to_owned).collect())
    }

    /// Explores a body.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, body: &str, schedules: u64, seed: u64) -> Result<Sample> {
        let words = [body, &schedules.to_string(), &seed.to_string()];
        let (text, processor) = processor_time(|| self.output(&words))?;
        let printed: Printed = serde_json::from_str(&text)
            .map_err(|error| Error::Unreadable { program: "in-shuttle".into(), why: error.to_string() })?;
        if printed.schedules != schedules {
            let why = format!("shuttle ended after {} of {schedules} schedules", printed.schedules);
            return Err(Error::NotMeasurable { test: body.into(), why });
        }
        Ok(Sample {
            wall: Duration::from_nanos(printed.elapsed_ns),
            processor,
            points: Some(printed.points),
            choices: Some(printed.choices),
        })
    }

    fn output(&self, words: &[&str]) -> Result<String> {
        let output = Command::new(&self.program).args(words).output().map_err(doing("run in-shuttle"))?;
        if !output.status.success() {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            return Err(Error::Failed { program: format!("in-shuttle {}", words.join(" ")), status: output.status });
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}
