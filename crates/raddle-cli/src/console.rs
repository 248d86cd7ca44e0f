//! The only place that prints.
//!
//! What a person reads goes to standard error, as the results of other test runners do; standard output is for what was
//! asked for as data: JSON lines, and the pages of `explain`. A reader who has gone away is no error, but nobody should
//! work for him: see [`Console::json`].

use crate::args::{ColorChoice, MessageFormat};
use crate::error::Error;
use crate::exit::Exit;
use anstyle::{AnsiColor, Effects};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use raddle_report::Style;
use raddle_report::events::Progress;
use rustix::termios::tcgetwinsize;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Mutex;

/// Columns of a terminal that does not say, and of what is no terminal.
const DEFAULT_WIDTHS: (usize, usize) = (80, 100);

/// Where everything is printed.
#[derive(Debug)]
pub struct Console {
    /// What standard error can show.
    pub style: Style,
    /// What standard output can show.
    pub page_style: Style,
    /// How results are shown.
    pub format: MessageFormat,
    /// What the user has said about colour.
    pub color: ColorChoice,
    bar: ProgressBar,
    running: Mutex<BTreeMap<u64, Progress>>,
}

impl Console {
    /// Looks at the terminal and the environment.
    pub fn new(color: ColorChoice, format: MessageFormat) -> Self {
        let variables = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let (error, output) = (std::io::stderr(), std::io::stdout());
        let style = style(&error, error.is_terminal(), color, &variables);
        let watched = error.is_terminal()
            && format == MessageFormat::Human
            && variables("TERM").is_some_and(|term| term != "dumb");
        let target = if watched { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is well-formed"));
        Self {
            style,
            page_style: self::style(&output, output.is_terminal(), color, &variables),
            format,
            color,
            bar,
            running: Mutex::default(),
        }
    }

    /// Text for a person, whole lines.
    pub fn human(&self, text: &str) {
        self.bar.suspend(|| write(std::io::stderr(), text));
    }

    /// One JSON object. Returns whether anybody still reads.
    pub fn json(&self, line: &str) -> bool {
        write(std::io::stdout(), &format!("{line}\n"))
    }

    /// A page that was asked for.
    pub fn page(&self, text: &str) {
        write(std::io::stdout(), text);
    }

    /// A remark that changes nothing.
    pub fn note(&self, sentence: &str) {
        self.human(&format!("{} {sentence}\n", self.label("note", AnsiColor::BrightCyan)));
    }

    /// Why a command could not do its work. When cargo has said it already, nothing more is said.
    pub fn error(&self, error: &Error) {
        if error.exit() == Exit::BuildFailed {
            return;
        }
        let mut text = format!("{} {error}\n", self.label("error", AnsiColor::BrightRed));
        if let Some(remedy) = error.remedy() {
            text.push_str(&format!(" {} {remedy}\n", self.label("help", AnsiColor::BrightCyan)));
        }
        if error.exit() == Exit::Fault {
            text.push_str(REPORT_IT);
            text.push('\n');
        }
        self.human(&text);
    }

    /// Asks for a report of a fault in Raddle that has been told already.
    pub fn ask_for_report(&self) {
        self.human(&format!("{REPORT_IT}\n"));
    }

    /// A command line that cannot be understood; or the help or version that it asks for.
    pub fn usage(error: &clap::Error) -> Exit {
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Clean }
    }

    /// How far a test is; of those that run at the same time the first is shown.
    pub fn progress(&self, progress: Progress) {
        let mut running = self.running();
        running.insert(progress.index, progress);
        self.show(&running);
    }

    /// A test has ended.
    pub fn progress_ended(&self, index: u64) {
        let mut running = self.running();
        running.remove(&index);
        self.show(&running);
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Progress>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn show(&self, running: &BTreeMap<u64, Progress>) {
        match running.values().next() {
            Some(first) => self.bar.set_message(raddle_report::suite::progress(first, &self.style)),
            None => self.bar.set_message(""),
        }
    }

    /// What is being done, on the line of progress.
    pub fn status(&self, text: &str) {
        self.bar.set_message(text.to_owned());
    }

    /// Takes the line of progress away.
    pub fn progress_over(&self) {
        self.running().clear();
        self.bar.finish_and_clear();
    }

    fn label(&self, word: &str, color: AnsiColor) -> String {
        if !self.style.color {
            return format!("{word}:");
        }
        let style = color.on_default().effects(Effects::BOLD);
        format!("{style}{word}{style:#}:")
    }
}

const REPORT_IT: &str = "This is a fault in Raddle, not in your program. Please report it with the text above, the command, and what \
     `raddle --version` and `rustc -vV` print.";

/// Lets a panic end in a sentence that says what to do.
pub fn on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        write(std::io::stderr(), &format!("{REPORT_IT}\n"));
    }));
}

/// Returns whether it could be written.
fn write(mut to: impl Write, text: &str) -> bool {
    to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_ok()
}

fn style(stream: &impl AsFd, terminal: bool, color: ColorChoice, variable: &dyn Fn(&str) -> Option<String>) -> Style {
    let columns = tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0);
    let told = variable("COLUMNS").and_then(|columns| columns.parse().ok()).filter(|columns| *columns > 0);
    let width =
        columns.filter(|_| terminal).or(told).unwrap_or(if terminal { DEFAULT_WIDTHS.0 } else { DEFAULT_WIDTHS.1 });
    Style { width, color: shows_color(terminal, color, variable), unicode: shows_unicode(variable) }
}

/// After <https://no-color.org> and <https://bixense.com/clicolors>; cargo's own variable counts as well.
fn shows_color(terminal: bool, color: ColorChoice, variable: &dyn Fn(&str) -> Option<String>) -> bool {
    match color {
        ColorChoice::Always => return true,
        ColorChoice::Never => return false,
        ColorChoice::Auto => {}
    }
    if variable("NO_COLOR").is_some() {
        return false;
    }
    match variable("CARGO_TERM_COLOR").as_deref() {
        Some("always") => return true,
        Some("never") => return false,
        _ => {}
    }
    if variable("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    let dumb = variable("TERM").is_none_or(|term| term == "dumb");
    terminal && !dumb && variable("CLICOLOR").is_none_or(|value| value != "0")
}

/// The first of the locale's variables that is set decides (POSIX.1-2017, 8.2).
fn shows_unicode(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name)).unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(terminal: bool, choice: ColorChoice, environment: &[(&str, &str)]) -> bool {
        let variable = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        shows_color(terminal, choice, &variable)
    }

    #[test]
    fn colour_follows_the_terminal_and_the_user() {
        let term = ("TERM", "xterm");
        assert!(color(true, ColorChoice::Auto, &[term]));
        assert!(!color(false, ColorChoice::Auto, &[term]));
        assert!(!color(true, ColorChoice::Auto, &[("TERM", "dumb")]));
        assert!(!color(true, ColorChoice::Auto, &[term, ("NO_COLOR", "1")]));
        assert!(!color(true, ColorChoice::Auto, &[term, ("CLICOLOR", "0")]));
        assert!(color(false, ColorChoice::Auto, &[("CLICOLOR_FORCE", "1")]));
        assert!(!color(false, ColorChoice::Auto, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(color(false, ColorChoice::Auto, &[("CARGO_TERM_COLOR", "always")]));
        assert!(color(false, ColorChoice::Always, &[("NO_COLOR", "1")]));
        assert!(!color(true, ColorChoice::Never, &[term, ("CLICOLOR_FORCE", "1")]));
    }

    #[test]
    fn the_first_locale_variable_decides() {
        let unicode = |environment: &[(&str, &str)]| {
            shows_unicode(&|name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert!(unicode(&[("LANG", "de_DE.UTF-8")]));
        assert!(unicode(&[("LANG", "C.utf8")]));
        assert!(!unicode(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!unicode(&[]));
    }
}
