//! What one program took: processor time and the most memory of any of its processes.
//!
//! The system tells both for all that a process has ever started and waited for, taken together. So this program starts
//! itself, to start nothing but the one to be measured.

use crate::error::{Error, Result, doing};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};

/// The command by which this program starts itself.
pub const COMMAND: &str = "child";

/// What was taken.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Took {
    /// Seconds of processor time, of all processes.
    pub seconds: f64,
    /// MiB of resident memory that the greatest of the processes had at the most.
    pub mebibytes: f64,
}

/// Runs a program that must end well, or with one of `codes`, and tells what it took.
///
/// # Errors
/// When it cannot be run, or ends otherwise.
pub fn run(command: &Command, codes: &[i32]) -> Result<Took> {
    let me = std::env::current_exe().map_err(doing("find this program"))?;
    let program = format!("{command:?}");
    let mut again = Command::new(me);
    again.arg(COMMAND).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    if let Some(directory) = command.get_current_dir() {
        again.current_dir(directory);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => again.env(name, value),
            None => again.env_remove(name),
        };
    }
    let output = again.stderr(Stdio::inherit()).output().map_err(doing("run this program again"))?;
    if !output.status.success() && !output.status.code().is_some_and(|code| codes.contains(&code)) {
        return Err(Error::Failed { program, status: output.status });
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Error::Unreadable { program, why: error.to_string() })
}

/// What this program does when it has started itself. Returns the program's exit code.
///
/// # Errors
/// When the program cannot be run.
pub fn measure(words: &[String]) -> Result<u8> {
    let (program, arguments) = words.split_first().expect("a program is named");
    let status = Command::new(program)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(doing("run a program"))?;
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(|error| Error::System { doing: "read processor times".into(), source: error.into() })?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let took = Took {
        seconds: seconds(usage.user_time()) + seconds(usage.system_time()),
        mebibytes: usage.max_rss() as f64 / 1024.0,
    };
    println!("{}", serde_json::to_string(&took).expect("numbers can be written"));
    Ok(u8::try_from(status.code().unwrap_or(255)).unwrap_or(255))
}
