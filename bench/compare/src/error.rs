//! What can go wrong while measuring.

use std::path::Path;
use std::process::ExitStatus;

/// Result of this program's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused something.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done, as an infinitive.
        doing: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A program that is measured or needed has failed; it has said why on standard error.
    #[error("`{program}` ended with {status}")]
    Failed {
        /// The program and its arguments.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
    /// A program printed what this one does not understand.
    #[error("`{program}` printed what cannot be read: {why}")]
    Unreadable {
        /// The program and its arguments.
        program: String,
        /// What is wrong with it.
        why: String,
    },
    /// A run that must be clean to be measured was not.
    #[error("`{test}` cannot be measured: {why}")]
    NotMeasurable {
        /// The test.
        test: String,
        /// What happened.
        why: String,
    },
    /// A file in the repository is not as expected.
    #[error("cannot read {path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Makes an error of a system's answer.
pub fn doing(what: &str) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::System { doing: what.to_owned(), source }
}

/// Makes an error about a file.
pub fn file<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Error {
    move |why| Error::File { path: path.display().to_string(), why: why.to_string() }
}
