//! Source places as a report shows them.

use crate::context::Context;
use crate::function;
use raddle_instrument::symbols::SourceFrame;
use raddle_protocol::finding::Span;

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Path as shown.
    pub file: String,
    /// Absolute path.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
    /// Function.
    pub function: String,
}

impl Place {
    /// The place of a frame; `None` when the debug information gives no line.
    pub fn of(frame: &SourceFrame, context: &Context<'_>) -> Option<Self> {
        let path = frame.file.as_ref()?.to_string();
        let function = function::plain(&frame.function);
        (frame.line > 0).then(|| Self {
            file: context.shown(&path),
            path,
            line: frame.line,
            column: frame.column,
            function,
        })
    }

    /// `file:line`.
    pub fn short(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    /// A span with this label.
    pub fn span(&self, label: impl Into<String>, primary: bool) -> Span {
        Span {
            file: self.file.clone(),
            path: self.path.clone(),
            line: self.line,
            column: self.column,
            label: label.into(),
            primary,
        }
    }
}
