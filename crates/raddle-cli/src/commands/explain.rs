//! `explain`: the page on one hazard, or the list of all.

use crate::args::ExplainCommand;
use crate::console::Console;
use crate::error::{Error, Result};
use crate::exit::Exit;
use raddle_report::explain::{self, Unknown};

/// Shows the page.
///
/// # Errors
/// [`Error::Usage`] when there is no such code.
pub fn run(command: &ExplainCommand, console: &Console) -> Result<Exit> {
    let text = match &command.code {
        None => explain::list(&console.page_style),
        Some(code) => match explain::page(code) {
            Some(page) => page.render(&console.page_style),
            None => {
                let unknown = Unknown { asked: code.clone() };
                return Err(Error::usage(unknown.render(&console.style).trim_end()));
            }
        },
    };
    console.page(&text);
    Ok(Exit::Clean)
}
