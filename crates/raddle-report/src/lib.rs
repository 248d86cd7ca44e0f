//! From resolved findings and the events of a run to text: for a terminal, or as JSON lines; and the pages that explain
//! the hazard codes.
//!
//! | module | what |
//! |---|---|
//! | [`events`] | what a run reports; the only thing between runner and reporter |
//! | [`terminal`] | one finding as rustc would show an error |
//! | [`suite`] | the lines around the findings: header, one line a test, summary, progress |
//! | [`json`] | the same events, one JSON object a line |
//! | [`run`] | what the events of a run add up to, for the forms that are written as a whole at its end |
//! | [`junit`] | a run as JUnit XML |
//! | [`sarif`] | the findings of a run as SARIF |
//! | [`html`] | a run as a page for a browser |
//! | [`explain`] | the hazard catalogue and its pages |
//! | [`profile`] | a profile of a running program |
//!
//! Invariant: pure functions from data to strings. Nothing here opens a file, prints, starts a process, asks for the
//! time or looks at the terminal; source text comes from the caller through [`Sources`], and what the terminal can do
//! comes in a [`Style`].

#![forbid(unsafe_code)]

pub mod events;
mod excerpt;
pub mod explain;
mod headline;
pub mod html;
pub mod json;
pub mod junit;
mod numbers;
mod page;
pub mod profile;
mod repeats;
pub mod run;
pub mod sarif;
mod style;
pub mod suite;
pub mod terminal;
mod text;

pub use repeats::Repeats;
pub use run::Run;
pub use style::Style;

/// Where the text of source files comes from.
///
/// Any `Fn(&str) -> Option<String>` will do.
pub trait Sources {
    /// The text of the file at this absolute path; `None` when it cannot be read, in which case a report names the
    /// place without showing it.
    fn source(&self, path: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Sources for F {
    fn source(&self, path: &str) -> Option<String> {
        self(path)
    }
}
