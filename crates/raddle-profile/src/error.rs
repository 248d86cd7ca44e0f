//! Why a program cannot be watched.

use std::ffi::OsString;

/// The user's or the machine's fault; never the watched program's, whose faults are data.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such command.
    #[error("there is no program `{}`", .0.display())]
    NoSuchProgram(OsString),

    /// The program exists and cannot be run.
    #[error("cannot run `{}`: {reason}", .program.display())]
    CannotRun {
        /// The program.
        program: OsString,
        /// The system's reason.
        reason: std::io::Error,
    },

    /// There is no such process.
    #[error("there is no process {0}")]
    NoSuchProcess(i32),

    /// There is such a process, but `/proc` shows nothing of it (its option `hidepid`, or another process namespace).
    #[error("process {0} is hidden from you: /proc shows only processes of your own")]
    Hidden(i32),

    /// The process has ended already.
    #[error("process {0} (`{1}`) has ended and only waits for its parent to collect it")]
    Zombie(i32, String),

    /// The process has no program of its own.
    #[error("process {0} (`{1}`) is a thread of the kernel, which has no program to watch")]
    Kernel(i32, String),

    /// The process is somebody else's.
    #[error("process {pid} (`{name}`) belongs to {owner}, and you are {you}")]
    NotYours {
        /// The process.
        pid: i32,
        /// Its name.
        name: String,
        /// Whose it is: a number of a user.
        owner: String,
        /// Who asks.
        you: String,
    },

    /// The machine lacks what is needed.
    #[error("cannot {doing}: {reason}")]
    System {
        /// What was being done, as a verb phrase.
        doing: &'static str,
        /// The system's reason.
        reason: std::io::Error,
    },

    /// `--metric` or another expression makes no sense.
    #[error("{0}")]
    Usage(String),
}

impl Error {
    /// What the user can do about it.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Error::NoSuchProgram(_) => {
                Some("give a path such as `./program`, or a name that your PATH finds".to_owned())
            }
            Error::CannotRun { .. } | Error::Usage(_) => None,
            Error::NoSuchProcess(_) => Some(
                "`ps -e` lists all; one that ends quickly is better started by Raddle: raddle profile -- COMMAND"
                    .to_owned(),
            ),
            Error::Zombie(..) => Some("watch its parent, or start it again as: raddle profile -- COMMAND".to_owned()),
            Error::Kernel(..) => None,
            Error::Hidden(_) | Error::NotYours { .. } => Some("run Raddle as that user, or as root".to_owned()),
            Error::System { .. } => Some(
                "Raddle reads /proc, which must be mounted and readable; in a container, that of the watched program"
                    .to_owned(),
            ),
        }
    }

    /// Whether the request makes no sense, rather than the machine being unable.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Error::NoSuchProgram(_) | Error::NoSuchProcess(_) | Error::Zombie(..) | Error::Kernel(..) | Error::Usage(_)
        )
    }
}
