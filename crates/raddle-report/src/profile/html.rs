//! The page.

use raddle_profile::model::Report;

/// The page.
pub fn page(_: &Report) -> String {
    String::new()
}
