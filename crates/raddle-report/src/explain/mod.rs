//! The hazard catalogue: its codes, and a page on each.
//!
//! Pages are Markdown files in `pages/`; what depends on this version of Raddle, such as whether a code is reported at
//! all, comes from the table in `registry` and is never written into a page.

mod lookup;
mod markdown;
mod registry;

pub use lookup::{Unknown, hazard, nearest};
pub use registry::{Hazard, hazards};

use crate::style::{Ink, Style};
use crate::text;
use raddle_protocol::Severity;

/// The page on one code.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What the page is about.
    pub hazard: &'static Hazard,
}

/// The page for a code; see [`hazard`] for the ways to write one.
pub fn page(code: &str) -> Option<Page> {
    hazard(code).map(|hazard| Page { hazard })
}

impl Page {
    /// The page as Markdown, with what the table adds.
    pub fn markdown(&self) -> String {
        let (title, body) = self.hazard.page.split_once('\n').unwrap_or((self.hazard.page, ""));
        let mut kind = match self.hazard.severity {
            Severity::Error => {
                "Kind: finding. It went wrong in an execution, and replaying that execution shows it again.".to_owned()
            }
            Severity::Warning => "Kind: warning. It is legal but usually a mistake; it fails a run only with \
                                  `--deny`."
                .to_owned(),
        };
        if let Some(note) = self.hazard.severity_note {
            kind.push(' ');
            kind.push_str(note);
        }
        let reported = if self.hazard.reported {
            String::new()
        } else {
            format!("\n\n**This version of Raddle does not report {} yet.**", self.hazard.code)
        };
        format!("{title}\n\n{kind}{reported}\n{body}")
    }

    /// Its first paragraph.
    pub fn summary(&self) -> String {
        let body = self.hazard.page.split_once('\n').map_or("", |(_, body)| body).trim_start();
        let paragraph = body.split("\n\n").next().unwrap_or_default();
        paragraph.lines().collect::<Vec<_>>().join(" ")
    }

    /// The page laid out for a terminal.
    pub fn render(&self, style: &Style) -> String {
        markdown::render(&self.markdown(), style)
    }
}

/// All codes with their names, by hundreds, those that this version does not report marked so.
pub fn list(style: &Style) -> String {
    let mut out = String::new();
    for (first, title) in registry::GROUPS {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", style.ink(Ink::Heading, title)));
        for hazard in hazards().iter().filter(|hazard| hazard.code[2..].starts_with(first)) {
            let ink = match hazard.severity {
                Severity::Error => Ink::Error,
                Severity::Warning => Ink::Warning,
            };
            let kind = match hazard.severity {
                Severity::Error => "",
                Severity::Warning => "warning",
            };
            let reported = if hazard.reported { "" } else { "not reported by this version" };
            let line = format!(
                "  {}  {}  {}  {}",
                style.ink(ink, hazard.code),
                text::pad(hazard.name, registry::LONGEST_NAME),
                text::pad(kind, 7),
                style.ink(Ink::Faint, reported)
            );
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}
