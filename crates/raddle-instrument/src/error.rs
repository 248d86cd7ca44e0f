//! What can go wrong between a package and a running executable, and whose fault it is.
//!
//! Three kinds matter to a caller, because they lead to three exit codes: the machine cannot do it at all
//! ([`Error::Unsupported`]), the build itself failed and cargo has said why ([`Error::BuildFailed`]), or the request was
//! wrong ([`Error::Manifest`]). All else is a file or a program that did not behave.

use std::io;
use std::path::{Path, PathBuf};

/// Result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no instrumented executable, or nothing to be learnt about one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// This machine, this toolchain or this executable is not one Raddle can work with.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),

    /// There is no package here, or its manifest cannot be read: the words are cargo's.
    #[error("{message}")]
    Manifest {
        /// Cargo's explanation.
        message: String,
    },

    /// Cargo ran and did not succeed; its own output has said why.
    #[error("cargo could not build the package{}", match .status { Some(code) => format!(" (exit status {code})"), None => " (it was ended by a signal)".into() })]
    BuildFailed {
        /// Cargo's exit status; `None` when a signal ended it.
        status: Option<i32>,
    },

    /// A program that is needed could not be run, or answered something unexpected.
    #[error("`{program}` {detail}")]
    Program {
        /// The program.
        program: String,
        /// What it did, as the end of a sentence that begins with its name.
        detail: String,
    },

    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", .path.display())]
    File {
        /// What was being done, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },

    /// A file is not what it should be.
    #[error("`{}` {detail}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, as the end of a sentence that begins with its name.
        detail: String,
    },
}

impl Error {
    /// An operation on a file that failed, for `map_err`.
    pub(crate) fn file(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn malformed(path: impl AsRef<Path>, detail: impl ToString) -> Self {
        Self::Malformed { path: path.as_ref().to_path_buf(), detail: detail.to_string() }
    }

    pub(crate) fn program(program: impl AsRef<Path>, detail: impl ToString) -> Self {
        Self::Program { program: program.as_ref().display().to_string(), detail: detail.to_string() }
    }
}

/// Raddle cannot work here; and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct Unsupported {
    /// What is missing, and where.
    pub sentence: String,
    /// What the user can do.
    pub remedy: String,
}
