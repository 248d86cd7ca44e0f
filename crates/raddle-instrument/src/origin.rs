//! Whose code a source file is, by where it lies.
//!
//! The standard library's files are recorded under `/rustc/<commit>/` (or below `lib/rustlib/src` where the component
//! `rust-src` is installed) and its own dependencies under `/rust/deps/`. Dependencies of the package lie in cargo's
//! registry, a git checkout, a vendor directory or elsewhere. What remains below the workspace is the user's, but for what
//! was generated into the target directory.

use crate::symbols::Origin;
use std::path::{Path, PathBuf};

/// Knows where the user's code lies.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Places {
    pub(crate) fn new(workspace_root: &Path, target_directory: &Path) -> Self {
        Self { workspace_root: workspace_root.into(), target_directory: target_directory.into() }
    }

    /// Whose code a file is; `function` decides where no file is known.
    pub(crate) fn origin(&self, file: Option<&str>, function: &str) -> Origin {
        let Some(file) = file else { return by_name(function) };
        if is_standard(file) {
            return Origin::Standard;
        }
        if !is_rust(file) {
            return Origin::Unknown;
        }
        let path = Path::new(file);
        let is_users = path.starts_with(&self.workspace_root)
            && !path.starts_with(&self.target_directory)
            && !self.is_vendored(path)
            && !is_fetched(file);
        if is_users { Origin::User } else { Origin::Dependency }
    }

    /// `cargo vendor` leaves a file with checksums at the root of every package.
    fn is_vendored(&self, file: &Path) -> bool {
        file.ancestors()
            .skip(1)
            .take_while(|directory| *directory != self.workspace_root)
            .any(|directory| directory.join(".cargo-checksum.json").is_file())
    }
}

fn is_standard(file: &str) -> bool {
    file.starts_with("/rustc/") || file.starts_with("/rust/deps/") || file.contains("/lib/rustlib/src/")
}

/// A workspace may hold cargo's own home (`CARGO_HOME=./.cargo`).
fn is_fetched(file: &str) -> bool {
    file.contains("/registry/src/") || file.contains("/git/checkouts/")
}

fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

fn by_name(function: &str) -> Origin {
    let path = crate::names::bare_path(function);
    let root = path.split("::").next().unwrap_or_default();
    if matches!(root, "std" | "core" | "alloc" | "test") { Origin::Standard } else { Origin::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_somebody() {
        let places = Places::new(Path::new("/home/me/app"), Path::new("/home/me/app/target"));
        for (file, expected) in [
            (Some("/home/me/app/src/lib.rs"), Origin::User),
            (Some("/home/me/app/target/raddle/debug/build/x/out/gen.rs"), Origin::Dependency),
            (Some("/home/me/.cargo/registry/src/index/spin-0.9/src/lib.rs"), Origin::Dependency),
            (Some("/home/me/app/.cargo/registry/src/index/spin-0.9/src/lib.rs"), Origin::Dependency),
            (Some("/home/me/other/src/lib.rs"), Origin::Dependency),
            (Some("/rustc/59807616e/library/std/src/sync/mutex.rs"), Origin::Standard),
            (Some("/rust/deps/hashbrown-0.16.1/src/raw.rs"), Origin::Standard),
            (Some("/home/me/app/native/queue.c"), Origin::Unknown),
            (None, Origin::Unknown),
        ] {
            assert_eq!(places.origin(file, "x"), expected, "{file:?}");
        }
        assert_eq!(places.origin(None, "<alloc::sync::Arc<T> as Drop>::drop"), Origin::Standard);
    }

    #[test]
    fn a_vendored_package_is_a_dependency() {
        let root = tempfile::tempdir().unwrap();
        let package = root.path().join("vendor/spin");
        std::fs::create_dir_all(package.join("src")).unwrap();
        std::fs::write(package.join(".cargo-checksum.json"), "{}").unwrap();
        let places = Places::new(root.path(), &root.path().join("target"));
        let file = package.join("src/lib.rs");
        assert_eq!(places.origin(file.to_str(), "spin::x"), Origin::Dependency);
        let own = root.path().join("vendor/own.rs");
        assert_eq!(places.origin(own.to_str(), "own::x"), Origin::User);
    }
}
