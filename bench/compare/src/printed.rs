//! What a program of the benchmark has printed: one JSON value.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use std::process::Output;

/// Reads it. What a program that failed had to say is passed on.
///
/// # Errors
/// When it has failed, or printed something else.
pub fn printed<T: DeserializeOwned>(program: String, output: &Output) -> Result<T> {
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(Error::Failed { program, status: output.status });
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Error::Unreadable { program, why: error.to_string() })
}
