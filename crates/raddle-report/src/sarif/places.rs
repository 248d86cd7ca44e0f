//! Places in the source as SARIF names them: files relative to the repository, and what of a line is meant.

use super::log::{ArtifactLocation, Location, LogicalLocation, PhysicalLocation, Region};
use crate::excerpt::covered;
use crate::{Sources, Style, text};
use raddle_protocol::Finding;
use raddle_protocol::finding::{Span, StepView};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The name that GitHub and others know for the directory at the top of a repository.
pub(super) const BASE: &str = "%SRCROOT%";

/// Where the source lies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots {
    /// Absolute path of the directory at the top of the repository.
    pub repository: String,
    /// Absolute path of the directory to which findings name files: that of the workspace.
    pub workspace: String,
}

/// Source files, each read once.
pub(super) struct Places<'a> {
    roots: &'a Roots,
    sources: &'a dyn Sources,
    read: RefCell<BTreeMap<String, Option<Vec<String>>>>,
}

impl<'a> Places<'a> {
    pub(super) fn new(roots: &'a Roots, sources: &'a dyn Sources) -> Self {
        Places { roots, sources, read: RefCell::default() }
    }

    /// The directory at the top of the repository, as a base for others.
    pub(super) fn base(&self) -> ArtifactLocation {
        let uri = format!("{}/", uri_of(self.roots.repository.trim_end_matches('/')));
        ArtifactLocation { uri, uri_base_id: None }
    }

    /// Whether a file at this absolute path is part of the repository. What cargo has fetched is not, wherever it is kept.
    pub(super) fn is_inside(&self, path: &str) -> bool {
        self.inside(path).is_some() && !path.contains("/registry/src/") && !path.contains("/git/checkouts/")
    }

    fn inside<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.roots.repository.trim_end_matches('/'))?.strip_prefix('/')
    }

    /// The place that a span is about, with what it says.
    pub(super) fn of_span(&self, span: &Span, style: &Style) -> Location {
        let path = if span.path.is_empty() { &span.file } else { &span.path };
        let physical = (!path.is_empty()).then(|| self.physical(path, span.line, span.column));
        let label = text::clean(&span.label, style);
        Location {
            physical_location: physical,
            message: (!label.trim().is_empty()).then(|| label.into()),
            ..Location::default()
        }
    }

    /// The place of a step, with what it does.
    pub(super) fn of_step(&self, step: &StepView, finding: &Finding, action: String, style: &Style) -> Location {
        let path = self.path_of(&step.file, finding);
        let function = text::clean(&step.function, style);
        let logical =
            (!function.is_empty()).then_some(LogicalLocation { fully_qualified_name: function, kind: "function" });
        Location {
            physical_location: (!path.is_empty()).then(|| self.physical(&path, step.line, 0)),
            logical_locations: logical.into_iter().collect(),
            message: Some(action.into()),
            ..Location::default()
        }
    }

    /// The absolute path of a file that a finding names, as far as it can be told.
    pub(super) fn path_of(&self, file: &str, finding: &Finding) -> String {
        if let Some(span) = finding.spans.iter().find(|span| span.file == file && !span.path.is_empty()) {
            return span.path.clone();
        }
        let inside = format!("{}/{file}", self.roots.workspace.trim_end_matches('/'));
        if file.is_empty() || file.starts_with('/') || self.line(&inside, 1).is_none() {
            file.to_owned()
        } else {
            inside
        }
    }

    fn physical(&self, path: &str, line: u32, column: u32) -> PhysicalLocation {
        let artifact_location = match self.inside(path) {
            Some(inside) => ArtifactLocation { uri: escaped(inside), uri_base_id: Some(BASE) },
            None => ArtifactLocation { uri: uri_of(path), uri_base_id: None },
        };
        let region = (line > 0).then(|| {
            let columns = self.line(path, line).map(|text| columns(&text, column)).filter(|_| column > 0);
            let (start_column, end_column) = columns.unzip();
            Region { start_line: line, start_column, end_column }
        });
        PhysicalLocation { artifact_location, region }
    }

    /// Line `number` of the file at this absolute path.
    fn line(&self, path: &str, number: u32) -> Option<String> {
        let mut read = self.read.borrow_mut();
        let lines = read.entry(path.to_owned()).or_insert_with(|| {
            let text = self.sources.source(path)?;
            Some(text.lines().map(str::to_owned).collect())
        });
        lines.as_ref()?.get((number as usize).checked_sub(1)?).cloned()
    }
}

/// First column, and one past the last, in UTF-16 code units from 1.
fn columns(line: &str, column: u32) -> (usize, usize) {
    let range = covered(line, column);
    let units = |end: usize| line[..end].encode_utf16().count() + 1;
    (units(range.start), units(range.end))
}

/// A path as a URI: absolute ones with their scheme.
fn uri_of(path: &str) -> String {
    if path.starts_with('/') { format!("file://{}", escaped(path)) } else { escaped(path) }
}

/// A path with all that has a meaning in a URI, or must not stand in one, as percent and two digits (RFC 3986, 2.1).
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' | b'@' | b'+' | b'=' | b',' => {
                out.push(byte as char);
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri_of("/home/a b/é#1?.rs"), "file:///home/a%20b/%C3%A9%231%3F.rs");
        assert_eq!(uri_of("serde-1.0.0/src/lib.rs"), "serde-1.0.0/src/lib.rs");
        assert_eq!(escaped("c:x"), "c%3Ax", "no scheme");
    }

    #[test]
    fn columns_are_counted_in_utf_16() {
        assert_eq!(columns("let é = a.lock();", 12), (11, 17));
        assert_eq!(columns("\u{1f600} a();", 6), (4, 7));
    }
}
