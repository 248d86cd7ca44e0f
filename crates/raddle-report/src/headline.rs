//! A finding in one line: the hazard's name and what happened.

use crate::style::Style;
use crate::{explain, text};
use raddle_protocol::Finding;

/// One line without a line break, in signs that `style` allows. The hazard's name stands in front unless the message
/// begins with it.
pub(crate) fn headline(finding: &Finding, style: &Style) -> String {
    let message = text::clean(finding.message.trim(), style);
    let name = explain::hazard(&finding.code.0).map_or("", |hazard| hazard.name);
    let said = message.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    match (name.is_empty() || said, message.is_empty()) {
        (true, _) => message,
        (false, true) => name.to_owned(),
        (false, false) => format!("{name}: {message}"),
    }
}
