//! Recorded schedules on disk: one JSON file each, named by a token that is short enough to be typed.
//!
//! A record holds all that is needed to build the same executable, start it in the same way and make the same choices, and
//! the fingerprints by which a program that has changed since is told. It does not hold the environment variables that the
//! command inherited, which are often secrets: a program whose course depends on them may take another one.
//!
//! The token is the beginning of a hash of the record, in Crockford's base 32: no letter that looks like a digit, upper
//! and lower case the same. Fifty bits tell a thousand records apart but for a chance of one in two thousand million.

use crate::error::{Error, Result};
use crate::settings::Settings;
use crate::subject::Origin;
use raddle_protocol::finding::KeptIn;
use raddle_protocol::{Cause, Choice, Entry, choice};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Version of the records. Old ones are refused, not guessed at.
const FORMAT: u32 = 3;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const TOKEN_LENGTH: usize = 10;

/// One recorded schedule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Version of this format.
    pub format: u32,
    /// Full name of the test or program.
    pub test: String,
    /// Catalogue code of the finding.
    pub code: String,
    /// How the executable comes into being.
    pub origin: Origin,
    /// Hash of the executable.
    pub executable: String,
    /// Hash of the runtime library.
    pub runtime: String,
    /// Arguments of the process.
    pub arguments: Vec<String>,
    /// Its working directory.
    pub directory: PathBuf,
    /// Code addresses at which executions begin; `None` for `main`.
    pub entry: Option<Vec<u64>>,
    /// The circumstances.
    pub settings: Settings,
    /// Number of the execution in its search.
    pub execution: u64,
    /// Where it is kept beside the package, if it was found by trying what is kept there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<KeptIn>,
    /// Executions that passed and that failed, as the report said.
    pub tally: (u64, u64),
    /// Bytes whose plain accesses are recorded: first address and number.
    pub accesses: Option<(u64, u64)>,
    /// Places of races that do not end the execution.
    pub ignored: Vec<u64>,
    /// What was found out about why it fails.
    pub cause: Option<Cause>,
    /// The choices, as [`choice::to_text`] writes them.
    pub choices: String,
}

impl Record {
    /// The version that this program writes.
    pub fn format() -> u32 {
        FORMAT
    }

    /// Where its executions begin.
    pub fn entry(&self) -> Entry {
        self.entry.clone().map_or(Entry::Main, Entry::Code)
    }

    /// Its choices.
    ///
    /// # Errors
    /// [`Error::Usage`] when the text has been damaged.
    pub fn choices(&self) -> Result<Vec<Choice>> {
        choice::from_text(&self.choices)
            .ok_or_else(|| Error::usage("the record of this schedule is damaged: its choices cannot be read"))
    }
}

/// Writes a record into a directory and returns its token.
///
/// # Errors
/// [`Error::File`] when the directory cannot be written to.
pub fn store(directory: &Path, record: &Record) -> Result<String> {
    let text = serde_json::to_string_pretty(record)
        .map_err(|error| Error::Fault(format!("a schedule cannot be recorded: {error}")))?;
    let token = token(text.as_bytes());
    let path = directory.join(format!("{token}.json"));
    std::fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.persist(&path).map_err(std::io::Error::from)
    };
    write().map_err(Error::file("write", &path))?;
    Ok(token)
}

/// Finds the record of a token in the first of these directories that has it.
///
/// # Errors
/// [`Error::Usage`] when the token is none, or there is no such record, or it is not of this version.
pub fn find(directories: &[PathBuf], token: &str) -> Result<Record> {
    let Some(plain) = normal(token) else {
        return Err(Error::Usage {
            sentence: format!("`{token}` is not a token: one has {TOKEN_LENGTH} letters and digits"),
            remedy: Some("copy it from the last lines of a report: `cargo raddle replay TOKEN`".into()),
        });
    };
    for directory in directories {
        let path = directory.join(format!("{plain}.json"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::file("read", &path)(error)),
        };
        return read(&text).map_err(|sentence| Error::Usage {
            sentence: format!("the record `{}` {sentence}", path.display()),
            remedy: Some("run the test again to get a new token".into()),
        });
    }
    let places: Vec<String> = directories.iter().map(|directory| format!("`{}`", directory.display())).collect();
    Err(Error::Usage {
        sentence: format!("there is no recorded schedule `{plain}` in {}", places.join(" or in ")),
        remedy: Some(
            "a token holds in the package whose report gave it (--manifest-path and --target-dir name another one) and \
             until `cargo clean`; `cargo raddle test` finds the schedule again and gives a new one"
                .into(),
        ),
    })
}

fn read(text: &str) -> Result<Record, String> {
    #[derive(Deserialize)]
    struct Head {
        format: u32,
    }
    let head: Head = serde_json::from_str(text).map_err(|error| format!("is damaged: {error}"))?;
    if head.format != FORMAT {
        return Err(format!("was written by another version of Raddle (format {}, not {FORMAT})", head.format));
    }
    serde_json::from_str(text).map_err(|error| format!("is damaged: {error}"))
}

fn token(content: &[u8]) -> String {
    let hash = blake3::hash(content);
    let bits = hash.as_bytes()[..8].iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
    (0..TOKEN_LENGTH).map(|place| ALPHABET[(bits >> (59 - 5 * place) & 31) as usize] as char).collect()
}

/// The token as it is stored: lower case, with the letters that Crockford's alphabet leaves out read as digits.
fn normal(token: &str) -> Option<String> {
    let plain: String = token
        .trim()
        .chars()
        .map(|letter| match letter.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    let known = |letter: u8| ALPHABET.contains(&letter);
    (plain.len() == TOKEN_LENGTH && plain.bytes().all(known)).then_some(plain)
}

#[cfg(test)]
mod tests;
