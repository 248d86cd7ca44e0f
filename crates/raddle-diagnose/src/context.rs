//! What a diagnosis needs to know beyond the recorded execution.

use raddle_protocol::Leaks;
use std::path::{Path, PathBuf};

/// The circumstances of a finding. Nothing here is read by the diagnosis itself: source text comes through a function, so
/// that it can also come from an archive or a test.
pub struct Context<'a> {
    /// Full name of the test, or of the program.
    pub test: String,
    /// Directory to which source paths are shown relative: the workspace, or the package.
    pub root: PathBuf,
    /// Seed of the search.
    pub seed: u64,
    /// Executions of this test that passed, as far as known.
    pub passed: u64,
    /// Executions of this test that failed, this one included, as far as known.
    pub failed: u64,
    /// How many executions leave memory behind, where that has been counted.
    pub leaks: Option<Leaks>,
    /// Line number `line` (from 1) of the source file at this absolute path, without its end; `None` if it cannot be read.
    pub source: &'a dyn Fn(&str, u32) -> Option<String>,
}

impl Context<'_> {
    /// The path as it is shown.
    pub(crate) fn shown(&self, path: &str) -> String {
        if let Ok(inside) = Path::new(path).strip_prefix(&self.root) {
            return inside.display().to_string();
        }
        of_dependency(path).unwrap_or(path).to_owned()
    }
}

/// The part of a path that a reader needs when it lies in cargo's own directories: `once_cell-1.21.3/src/lib.rs`.
fn of_dependency(path: &str) -> Option<&str> {
    let (_, below) = path.split_once("/registry/src/").or_else(|| path.split_once("/git/checkouts/"))?;
    let (_, inside) = below.split_once('/')?;
    inside.contains('/').then_some(inside)
}

#[cfg(test)]
mod tests {
    use super::of_dependency;

    #[test]
    fn a_dependency_is_shown_by_its_name_and_version() {
        let registry = "/home/a/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/once_cell-1.21.3/src/lib.rs";
        assert_eq!(of_dependency(registry), Some("once_cell-1.21.3/src/lib.rs"));
        assert_eq!(of_dependency("/home/a/.cargo/git/checkouts/bank-0123/89ab/src/lib.rs"), Some("89ab/src/lib.rs"));
        assert_eq!(of_dependency("/home/a/src/lib.rs"), None);
    }
}
