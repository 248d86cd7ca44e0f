//! Builds, and gathers what is known about each executable that comes of it.

use crate::args::ColorChoice;
use crate::console::Console;
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::runtime_library::RuntimeLibrary;
use crate::subject::{Origin, Source, Target};
use raddle_instrument::compile::{self, Artifact, Build, Goal, Request};
use raddle_instrument::executable::Executable;
use raddle_instrument::selection::Selection;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The directory in which the command runs.
///
/// # Errors
/// [`Error::System`] when it has been removed.
pub fn here() -> Result<PathBuf> {
    std::env::current_dir().map_err(Error::system("find the current directory"))
}

/// Lets cargo build what is asked for.
///
/// # Errors
/// See [`compile::build`]; [`Error::Interrupted`] when the user stops it.
pub fn build(
    directory: &Path,
    mut selection: Selection,
    goal: Goal,
    runtime: &RuntimeLibrary,
    console: &Console,
    interrupt: &Interrupt,
) -> Result<Build> {
    selection.color = match console.color {
        ColorChoice::Auto => None,
        ColorChoice::Always => Some("always".into()),
        ColorChoice::Never => Some("never".into()),
    };
    let request = Request { directory: directory.to_path_buf(), selection, goal, runtime: runtime.link.clone() };
    interrupt.during_build(|| {
        let preparing =
            || console.note("instrumenting the standard library; this takes a few seconds, once for each toolchain");
        compile::build(&request, preparing).map_err(|error| explain(error, directory))
    })
}

/// Adds to cargo's words what to do when there is no package.
fn explain(error: raddle_instrument::Error, directory: &Path) -> Error {
    match error {
        raddle_instrument::Error::Manifest { message } if message.contains("could not find `Cargo.toml`") => {
            Error::Usage {
                sentence: format!("there is no Cargo.toml in `{}` or any directory above it", directory.display()),
                remedy: Some("run this in the directory of a package, or name one with --manifest-path".into()),
            }
        }
        other => other.into(),
    }
}

/// Reads one of the executables.
///
/// # Errors
/// [`Error::Unsupported`] when the runtime cannot take charge of it; [`Error::File`] when it cannot be read.
pub fn source(artifact: &Artifact, build: &Build, origin: impl FnOnce(Target) -> Origin) -> Result<Arc<Source>> {
    let executable = Executable::read(&artifact.executable)?;
    executable.require_runtime().map_err(raddle_instrument::Error::from)?;
    Ok(Arc::new(Source {
        origin: origin(Target::of(artifact)),
        executable,
        root: build.workspace_root.clone(),
        target_directory: build.target_directory.clone(),
    }))
}

/// Reads an executable that Raddle has not built.
///
/// # Errors
/// As [`source`].
pub fn file_source(path: &Path, directory: &Path) -> Result<Arc<Source>> {
    let executable = Executable::read(path)?;
    executable.require_runtime().map_err(raddle_instrument::Error::from)?;
    Ok(Arc::new(Source {
        origin: Origin::File { path: path.to_path_buf() },
        executable,
        root: directory.to_path_buf(),
        target_directory: directory.join("target"),
    }))
}
