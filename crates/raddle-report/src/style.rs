//! What the terminal can show, and which colour means what.
//!
//! Colour never carries a meaning alone: whatever is coloured is also marked by a sign, a word or its position, so that
//! reports read the same in a log file and for a reader who cannot tell red from green.

use anstyle::{AnsiColor, Color, Effects};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal. Text that Raddle lays out itself is kept within them.
    pub width: usize,
    /// Whether escape sequences for colour are written.
    pub color: bool,
    /// Whether the terminal shows UTF-8; otherwise only ASCII is written, source lines and program output included.
    pub unicode: bool,
}

impl Default for Style {
    /// 80 columns, no colour, ASCII: what every terminal and every log file can show.
    fn default() -> Self {
        Style { width: 80, color: false, unicode: false }
    }
}

/// What a piece of text is, from which its colour follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Error,
    Warning,
    Good,
    /// Labels such as `why` and `fix`, and headings.
    Heading,
    Strong,
    /// Code and names within a sentence.
    Code,
    /// What a reader may skip: locations, rules, gutters.
    Faint,
    /// The n-th thread of a report.
    Thread(usize),
}

/// Colours of threads. Neither red nor yellow, which mean errors and warnings.
const THREADS: [AnsiColor; 5] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Green, AnsiColor::BrightBlue, AnsiColor::BrightMagenta];

impl Ink {
    fn anstyle(self) -> anstyle::Style {
        let (color, effects) = match self {
            Ink::Error => (Some(AnsiColor::BrightRed), Effects::BOLD),
            Ink::Warning => (Some(AnsiColor::Yellow), Effects::BOLD),
            Ink::Good => (Some(AnsiColor::Green), Effects::BOLD),
            Ink::Heading => (Some(AnsiColor::BrightCyan), Effects::BOLD),
            Ink::Strong => (None, Effects::BOLD),
            Ink::Code => (Some(AnsiColor::Cyan), Effects::new()),
            Ink::Faint => (None, Effects::DIMMED),
            Ink::Thread(index) => (Some(THREADS[index % THREADS.len()]), Effects::BOLD),
        };
        anstyle::Style::new().fg_color(color.map(Color::Ansi)).effects(effects)
    }
}

/// The signs that layouts are drawn with.
pub(crate) struct Signs {
    pub(crate) key: &'static str,
    pub(crate) vertical: &'static str,
    pub(crate) horizontal: &'static str,
    pub(crate) double: &'static str,
    pub(crate) cross: &'static str,
    pub(crate) times: &'static str,
    pub(crate) elided: &'static str,
    pub(crate) bullet: &'static str,
    pub(crate) at_most: &'static str,
}

const UNICODE: Signs = Signs {
    key: "▸",
    vertical: "│",
    horizontal: "─",
    double: "═",
    cross: "┼",
    times: "×",
    elided: "⋮",
    bullet: "•",
    at_most: "≤ ",
};

const ASCII: Signs = Signs {
    key: ">",
    vertical: "|",
    horizontal: "-",
    double: "=",
    cross: "+",
    times: "x",
    elided: ":",
    bullet: "*",
    at_most: "<= ",
};

impl Style {
    /// `text` in its colour, if colours are shown at all.
    pub(crate) fn ink(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let style = ink.anstyle();
        format!("{style}{text}{style:#}")
    }

    pub(crate) fn signs(&self) -> &'static Signs {
        if self.unicode { &UNICODE } else { &ASCII }
    }

    /// The width to lay text out in: never so narrow that nothing can be said, never so wide that lines are hard to read.
    pub(crate) fn prose_width(&self) -> usize {
        self.width.clamp(40, 100)
    }
}
