//! Files that are written beside what is shown: what a run comes to, in the forms that other programs read.
//!
//! That a file can be written is tried before anything is built, and all of it is written at the end, interrupted runs
//! included. It takes the place of an earlier one at once, so nobody reads half of it; and nothing lies beside it meanwhile.

use crate::args::FileOptions;
use crate::error::{Error, Result};
use crate::suite::read_source;
use raddle_report::events::Event;
use raddle_report::sarif::{self, Roots};
use raddle_report::{Run, html, junit};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// The files that the user wants, and what belongs into them so far.
#[derive(Debug, Default)]
pub struct ReportFiles {
    files: Vec<(Form, Place)>,
    run: Run,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    Junit,
    Sarif,
    Html,
}

impl ReportFiles {
    /// Tries whether each of them can be written.
    ///
    /// # Errors
    /// [`Error::Usage`] when one cannot, or is named twice.
    pub fn open(options: &FileOptions) -> Result<Self> {
        let wanted = [
            ("--junit", Form::Junit, &options.junit),
            ("--sarif", Form::Sarif, &options.sarif),
            ("--html", Form::Html, &options.html),
        ];
        let mut files: Vec<(Form, Place)> = Vec::new();
        for (option, form, path) in wanted {
            let Some(path) = path else { continue };
            let place = Place::of(path).map_err(|error| Error::Usage {
                sentence: format!("cannot write `{}`: {error}", path.display()),
                remedy: Some(format!("{option} takes a file in a directory that is there and can be written to")),
            })?;
            if files.iter().any(|(_, other)| other.path() == place.path()) {
                return Err(Error::usage(format!(
                    "{option} names a file that is already to be written: {}",
                    path.display()
                )));
            }
            files.push((form, place));
        }
        Ok(Self { files, run: Run::default() })
    }

    /// Takes in an event of the run.
    pub fn take(&mut self, event: &Event) {
        if !self.files.is_empty() {
            self.run.add(event);
        }
    }

    /// Writes them all. Findings name files relative to `workspace`.
    ///
    /// # Errors
    /// [`Error::File`] for the first that cannot be written after all.
    pub fn write(&self, workspace: &Path) -> Result<()> {
        for (form, place) in &self.files {
            let text = match form {
                Form::Junit => junit::report(&self.run, &read_source),
                Form::Sarif => sarif::log(&self.run, &roots(workspace), &read_source),
                Form::Html => html::page(&self.run, &read_source),
            };
            place.write(&text).map_err(Error::file("write", place.path()))?;
        }
        Ok(())
    }
}

/// The workspace, and the repository that it is part of; itself where there is none.
fn roots(workspace: &Path) -> Roots {
    let repository = workspace.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(workspace);
    let text = |path: &Path| path.to_string_lossy().into_owned();
    Roots { repository: text(repository), workspace: text(workspace) }
}

/// Where a file is written, and how.
#[derive(Debug)]
enum Place {
    /// A new file is laid into the place of the old one.
    Replace(PathBuf),
    /// What is there is written to: a pipe, a terminal, a file in a directory that takes no other.
    Into(PathBuf),
}

impl Place {
    /// Looks at the place, and tries what writing to it takes.
    fn of(path: &Path) -> io::Result<Self> {
        let is_there = match path.metadata() {
            Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            // To open a pipe would wait for its reader.
            Ok(there) if !there.is_file() => return Ok(Place::Into(path.to_owned())),
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        // What a symbolic link leads to is replaced, not the link.
        let path = if is_there { path.canonicalize()? } else { std::path::absolute(path)? };
        if path.file_name().is_none() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        match beside(&path) {
            Ok(_) => Ok(Place::Replace(path)),
            Err(_) if is_there => OpenOptions::new().write(true).open(&path).map(|_| Place::Into(path)),
            Err(error) => Err(error),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Place::Replace(path) | Place::Into(path) => path,
        }
    }

    fn write(&self, text: &str) -> io::Result<()> {
        match self {
            Place::Replace(path) => {
                let mut file = beside(path)?;
                file.write_all(text.as_bytes())?;
                file.persist(path)?;
                Ok(())
            }
            Place::Into(path) => File::create(path)?.write_all(text.as_bytes()),
        }
    }
}

/// A file in the same directory that is gone again when it is dropped, with the permissions that any new file has.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    // What is wrong with the directory is better said of it than of a file that the user has not named.
    directory.metadata()?;
    let new = Builder::new().prefix(".raddle-").permissions(Permissions::from_mode(0o666)).tempfile_in(directory);
    new.map_err(|error| error.kind().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_lies_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.xml");
        let place = Place::of(&path).unwrap();
        assert_eq!(names(directory.path()), [""; 0], "to try leaves nothing");
        place.write("one").unwrap();
        place.write("two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(names(directory.path()), ["a.xml"]);
        // As any other program's: readable as the user's mask says.
        let other = directory.path().join("other");
        std::fs::write(&other, "").unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&other));
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("a.xml"), directory.path().join("link"));
        std::fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Place::of(&link).unwrap().write("new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert!(link.symlink_metadata().unwrap().is_symlink());
    }

    #[test]
    fn what_cannot_be_written_is_known_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let kind = |path: &Path| Place::of(path).unwrap_err().kind();
        assert_eq!(kind(directory.path()), io::ErrorKind::IsADirectory);
        assert_eq!(kind(&directory.path().join("none/a.xml")), io::ErrorKind::NotFound);
        assert!(matches!(Place::of(Path::new("/dev/null")), Ok(Place::Into(_))));
    }

    #[test]
    fn two_forms_do_not_share_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| Some(directory.path().join(name));
        let options = |junit, sarif| FileOptions { junit, sarif, html: None };
        assert!(ReportFiles::open(&options(file("a"), file("b"))).is_ok());
        let error = ReportFiles::open(&options(file("a"), file("a"))).unwrap_err();
        assert!(error.to_string().contains("already"), "{error}");
    }
}
