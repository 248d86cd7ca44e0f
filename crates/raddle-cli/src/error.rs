//! What keeps a command from doing its work: the user's or the machine's fault, with an exit code and a remedy.
//!
//! What is wrong with the program under test is never an error: that is a finding, and data.

use crate::exit::Exit;
use std::io;
use std::path::{Path, PathBuf};

/// Result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request makes no sense, or asks for what there is not.
    #[error("{sentence}")]
    Usage {
        /// What is wrong.
        sentence: String,
        /// What to do instead, if that is not plain from the sentence.
        remedy: Option<String>,
    },

    /// Raddle cannot work with this machine, toolchain or executable.
    #[error("{sentence}")]
    Unsupported {
        /// What is in the way.
        sentence: String,
        /// The way round.
        remedy: String,
    },

    /// Building or reading an executable did not work.
    #[error(transparent)]
    Instrument(#[from] raddle_instrument::Error),

    /// A file could not be read or written.
    #[error("cannot {doing} `{}`: {source}", .path.display())]
    File {
        /// What was being done, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// What to do about it.
        remedy: Option<String>,
    },

    /// The system refused something that every command needs.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// The system's reason.
        source: io::Error,
    },

    /// Raddle's own fault.
    #[error("{0}")]
    Fault(String),

    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Wrong usage that explains itself.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage { sentence: sentence.into(), remedy: None }
    }

    /// An operation on a file that failed, for `map_err`.
    pub fn file(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::File { doing, path, source, remedy: None }
    }

    /// An operation of the system that failed, for `map_err`.
    pub fn system<E: Into<io::Error>>(doing: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { doing, source: source.into() }
    }

    /// The code with which the command ends.
    pub fn exit(&self) -> Exit {
        use raddle_instrument::Error as Instrument;
        match self {
            Self::Usage { .. } | Self::Instrument(Instrument::Manifest { .. }) => Exit::Usage,
            Self::Instrument(Instrument::BuildFailed { .. }) => Exit::BuildFailed,
            // What remains is a machine on which a file or a program that is needed does not do its part.
            Self::Unsupported { .. } | Self::Instrument(_) | Self::File { .. } | Self::System { .. } => {
                Exit::Unsupported
            }
            Self::Fault(_) => Exit::Fault,
            Self::Interrupted => Exit::Interrupted,
        }
    }

    /// What the user can do about it.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Usage { remedy, .. } | Self::File { remedy, .. } => remedy.as_deref(),
            Self::Unsupported { remedy, .. } => Some(remedy),
            Self::Instrument(raddle_instrument::Error::Unsupported(unsupported)) => Some(&unsupported.remedy),
            Self::Instrument(_) | Self::System { .. } | Self::Fault(_) | Self::Interrupted => None,
        }
    }
}
