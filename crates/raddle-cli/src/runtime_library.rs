//! The runtime library that travels inside the commands, laid where a program can load it.
//!
//! It is needed twice. A compiler links programs against it, and its path is part of every compiler call: that path must
//! stay the same from version to version, or every upgrade would rebuild all dependencies. A running program loads it, and
//! must never see it change: that path holds a hash of the content. Both files come into being by a rename, so that
//! nobody sees half of one, and several commands may do this at the same moment.
//!
//! `RADDLE_RUNTIME` names another library to be used for both, for work on Raddle itself.

use crate::error::{Error, Result};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Names a library to use instead of the one inside.
pub const ENV_OVERRIDE: &str = "RADDLE_RUNTIME";

static EMBEDDED: &[u8] = include_bytes!(env!("RADDLE_EMBEDDED_RUNTIME"));

/// Where the library is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeLibrary {
    /// To be loaded into programs; its content never changes.
    pub load: PathBuf,
    /// To be linked with; its path never changes.
    pub link: PathBuf,
    /// Hash of its content: a recorded schedule holds for this runtime only.
    pub fingerprint: String,
}

impl RuntimeLibrary {
    /// Lays the library down, unless it is there already.
    ///
    /// # Errors
    /// [`Error::Unsupported`] on a platform without a runtime; [`Error::File`] when the cache directory cannot be used.
    pub fn provide() -> Result<Self> {
        if let Some(path) = std::env::var_os(ENV_OVERRIDE).filter(|path| !path.is_empty()) {
            let path = fs::canonicalize(&path).map_err(Error::file("find the runtime library", &path))?;
            let content = fs::read(&path).map_err(Error::file("read", &path))?;
            return Ok(Self { load: path.clone(), link: path, fingerprint: fingerprint(&content) });
        }
        if EMBEDDED.is_empty() {
            return Err(Error::Unsupported {
                sentence: format!(
                    "Raddle does not work on {}-{}: its runtime is written for x86-64 Linux with glibc",
                    std::env::consts::ARCH,
                    std::env::consts::OS
                ),
                remedy:
                    "run it in a container or virtual machine with such a system, for example the image `rust:slim`"
                        .into(),
            });
        }
        Self::lay(&cache_directory()?, EMBEDDED)
    }

    fn lay(cache: &Path, content: &[u8]) -> Result<Self> {
        let fingerprint = fingerprint(content);
        let library = raddle_protocol::RUNTIME_LIBRARY;
        let load = cache.join("runtime").join(&fingerprint[..16]).join(library);
        let link = cache.join("link").join(library);
        for path in [&load, &link] {
            place(path, content).map_err(|source| Error::File {
                doing: "write the runtime library to",
                path: path.clone(),
                source,
                remedy: Some("name a directory that can be written to in XDG_CACHE_HOME".into()),
            })?;
        }
        Ok(Self { load, link, fingerprint })
    }
}

/// Raddle's directory among the user's caches.
///
/// # Errors
/// [`Error::Unsupported`] when the environment names no home.
pub fn cache_directory() -> Result<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    match caches {
        Some(caches) => Ok(caches.join("raddle")),
        None => Err(Error::Unsupported {
            sentence: "there is no place to keep Raddle's runtime library: neither XDG_CACHE_HOME nor HOME is set"
                .into(),
            remedy: "set XDG_CACHE_HOME to a directory that can be written to".into(),
        }),
    }
}

fn fingerprint(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}

/// Puts `content` at `path` in one step, unless it is what lies there. The file keeps its time of change when nothing
/// changes, so that nothing is linked again.
fn place(path: &Path, content: &[u8]) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|found| found == content) {
        return Ok(());
    }
    let directory = path.parent().expect("a file in a directory");
    fs::create_dir_all(directory)?;
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(content)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_version_moves_what_is_loaded_and_keeps_what_is_linked() {
        let cache = tempfile::tempdir().unwrap();
        let first = RuntimeLibrary::lay(cache.path(), b"first").unwrap();
        let second = RuntimeLibrary::lay(cache.path(), b"second").unwrap();
        assert_eq!(first.link, second.link);
        assert_ne!(first.load, second.load);
        assert_eq!(fs::read(&first.load).unwrap(), b"first");
        assert_eq!(fs::read(&second.load).unwrap(), b"second");
        assert_eq!(fs::read(&second.link).unwrap(), b"second");
        assert_eq!(second.load.file_name().unwrap(), raddle_protocol::RUNTIME_LIBRARY);
    }

    #[test]
    fn a_damaged_file_is_replaced_and_a_whole_one_is_not_touched() {
        let cache = tempfile::tempdir().unwrap();
        let library = RuntimeLibrary::lay(cache.path(), b"content").unwrap();
        let changed = || fs::metadata(&library.link).unwrap().modified().unwrap();
        let before = changed();
        RuntimeLibrary::lay(cache.path(), b"content").unwrap();
        assert_eq!(changed(), before);
        fs::write(&library.load, b"cont").unwrap();
        RuntimeLibrary::lay(cache.path(), b"content").unwrap();
        assert_eq!(fs::read(&library.load).unwrap(), b"content");
    }

    #[test]
    fn many_at_once_leave_one_whole_file() {
        let cache = tempfile::tempdir().unwrap();
        let content = vec![7u8; 300_000];
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| RuntimeLibrary::lay(cache.path(), &content).unwrap());
            }
        });
        let directory = cache.path().join("link");
        assert_eq!(fs::read(directory.join(raddle_protocol::RUNTIME_LIBRARY)).unwrap(), content);
        assert_eq!(fs::read_dir(directory).unwrap().count(), 1, "no temporary file is left");
    }
}
