//! What is explored: one test of a test executable, or one program as a whole.

use crate::args::build::{BuildOptions, Program};
use crate::process::Invocation;
use crate::regressions;
use raddle_instrument::compile::{Artifact, Kind};
use raddle_instrument::executable::Executable;
use raddle_protocol::Entry;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A test or a program.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Full name, different from that of all others of a run.
    pub name: String,
    /// How it is started.
    pub invocation: Invocation,
    /// Where its executions begin.
    pub entry: Entry,
    /// What it is made from.
    pub source: Arc<Source>,
    /// The directory in which its failing schedules are kept, if they are.
    pub kept_in: Option<PathBuf>,
}

/// What a program is made from: shared by all tests in it.
#[derive(Clone, Debug)]
pub struct Source {
    /// How it comes into being.
    pub origin: Origin,
    /// The executable as it was found after the build.
    pub executable: Executable,
    /// Where the user's own code lies.
    pub root: PathBuf,
    /// Where generated code lies, and replay records.
    pub target_directory: PathBuf,
}

/// How an executable comes into being. Part of a replay record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Origin {
    /// Cargo builds it among the tests of a package.
    Tests {
        /// Where cargo runs.
        directory: PathBuf,
        /// What it is told.
        build: BuildOptions,
        /// Which of the executables.
        target: Target,
    },
    /// Cargo builds it as a program.
    Program {
        /// Where cargo runs.
        directory: PathBuf,
        /// What it is told.
        build: Program,
        /// Which of the executables.
        target: Target,
    },
    /// It was there.
    File {
        /// Its absolute path.
        path: PathBuf,
    },
}

/// Which of the executables of a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// Name of its package.
    pub package: String,
    /// Its name as people write it: see [`binary_id`].
    pub binary: String,
}

impl Target {
    /// The target of an executable.
    pub fn of(artifact: &Artifact) -> Self {
        Self { package: artifact.package.clone(), binary: binary_id(artifact) }
    }
}

/// Name of an executable within a workspace, as cargo-nextest writes it: `package` for the unit tests of its library,
/// `package::name` for the test `tests/name.rs`, `package::bin/name` and so on.
pub fn binary_id(artifact: &Artifact) -> String {
    let Artifact { package, target, .. } = artifact;
    match artifact.kind {
        Kind::Library => package.clone(),
        Kind::Test => format!("{package}::{target}"),
        Kind::Binary => format!("{package}::bin/{target}"),
        Kind::Example => format!("{package}::example/{target}"),
        Kind::Benchmark => format!("{package}::bench/{target}"),
    }
}

impl Subject {
    /// Name of its executable, as cargo-nextest writes it; a program's own name where it is no target of cargo's.
    pub fn binary(&self) -> &str {
        match &self.source.origin {
            Origin::Tests { target, .. } | Origin::Program { target, .. } => &target.binary,
            Origin::File { .. } => &self.name,
        }
    }

    /// One test of a libtest executable.
    pub fn test(artifact: &Artifact, test: &str, source: &Arc<Source>) -> Self {
        // The harness filters by the words we give it, and must then do as little else as it can.
        let options = ["--exact", "--nocapture", "--test-threads=1", "--include-ignored"];
        let arguments = std::iter::once(test).chain(options).map(OsString::from).collect();
        Self {
            name: format!("{} {test}", binary_id(artifact)),
            invocation: invocation(artifact, arguments, &artifact.package_root),
            entry: Entry::Code(source.executable.test_entries.clone()),
            source: Arc::clone(source),
            kept_in: regressions::place(artifact),
        }
    }

    /// A test executable with a harness of its own, explored as a whole.
    pub fn own_harness(artifact: &Artifact, arguments: &[OsString], source: &Arc<Source>) -> Self {
        Self {
            name: binary_id(artifact),
            invocation: invocation(artifact, arguments.to_vec(), &artifact.package_root),
            entry: Entry::Main,
            source: Arc::clone(source),
            // Arguments are not kept: they may be secret.
            kept_in: regressions::place(artifact).filter(|_| arguments.is_empty()),
        }
    }

    /// A binary or an example. Like `cargo run`, it runs where the command runs.
    pub fn program(artifact: &Artifact, arguments: &[OsString], directory: &Path, source: &Arc<Source>) -> Self {
        Self {
            name: artifact.target.clone(),
            invocation: invocation(artifact, arguments.to_vec(), directory),
            entry: Entry::Main,
            source: Arc::clone(source),
            kept_in: None,
        }
    }

    /// A program that was there.
    pub fn file(path: &Path, arguments: &[OsString], directory: &Path, source: &Arc<Source>) -> Self {
        Self {
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            invocation: Invocation {
                program: path.to_path_buf(),
                arguments: arguments.to_vec(),
                directory: directory.to_path_buf(),
                environment: Vec::new(),
            },
            entry: Entry::Main,
            source: Arc::clone(source),
            kept_in: None,
        }
    }
}

fn invocation(artifact: &Artifact, arguments: Vec<OsString>, directory: &Path) -> Invocation {
    Invocation {
        program: artifact.executable.clone(),
        arguments,
        directory: directory.to_path_buf(),
        environment: artifact.environment.clone(),
    }
}
