//! What a diagnosis needs to know beyond the recorded execution.

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
    /// Line number `line` (from 1) of the source file at this absolute path, without its end; `None` if it cannot be read.
    pub source: &'a dyn Fn(&str, u32) -> Option<String>,
}

impl Context<'_> {
    /// The path as it is shown.
    pub(crate) fn shown(&self, path: &str) -> String {
        Path::new(path).strip_prefix(&self.root).map_or_else(|_| path.to_owned(), |inside| inside.display().to_string())
    }
}
