//! A failing schedule as it is kept beside a package, so that it is tried first from then on.
//!
//! The form is text that people read, commit and merge: one file a finding, `name: value` lines, and the choices as
//! [`crate::choice::to_text`] writes them, in lines of a width that shows in a review. The same finding gives the same
//! bytes on every machine: no date, no path, nothing of the executable. Whether the choices still fit the program is
//! seen when they are made.
//!
//! What is not of this form is refused whole: half a schedule, or both sides of a merge, is another schedule.

#[cfg(test)]
mod tests;

use crate::choice::{self, Choice};

/// Version of the format. Another one is refused, not guessed at.
const FORMAT: u32 = 1;

/// Columns of a line of choices.
const WIDTH: usize = 100;

/// What stands before each line of choices.
const INDENT: &str = "    ";

/// Choices at the most: what a reader makes room for.
const MOST_CHOICES: usize = 1 << 24;

/// What a person is told who meets the file.
const HEADER: &str = "\
# A schedule under which the test named below has failed. `cargo raddle test` tries it first.
# Commit this file with the code. Delete it when Raddle says that it no longer fits the test.
";

/// The lines before the choices, in the order in which they are written.
const NAMES: [&str; 6] = ["test", "code", "options", "seed", "strategy", "number"];

/// A kept schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Full name of the test: one line.
    pub test: String,
    /// Catalogue code of the finding.
    pub code: String,
    /// The options on which the choices depend, as they are written on a command line.
    pub options: String,
    /// Seed of the search that found it.
    pub seed: u64,
    /// Strategy of that search.
    pub strategy: String,
    /// Which schedule of that search it was, from 1.
    pub number: u64,
    /// The choices.
    pub choices: Vec<Choice>,
}

/// Why a text is not a kept schedule, as the end of a sentence that begins with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is of another version of the format.
    Version(String),
    /// It is not of the form. The line, from 1, where that shows.
    Damaged(usize),
}

impl core::fmt::Display for Refused {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Refused::Version(found) => {
                write!(f, "was written by another version of Raddle (format {found}, not {FORMAT})")
            }
            Refused::Damaged(line) => write!(f, "is not a kept schedule: line {line} is not of the form"),
        }
    }
}

/// Writes it. `None` where that would not come back as it was: a name of more than one line, or too many choices.
#[must_use]
pub fn to_text(kept: &Kept) -> Option<String> {
    let values = [
        kept.test.clone(),
        kept.code.clone(),
        kept.options.clone(),
        kept.seed.to_string(),
        kept.strategy.clone(),
        kept.number.to_string(),
    ];
    let is_plain = |value: &String| value.trim() == value && !value.chars().any(char::is_control);
    if !values.iter().all(is_plain) || kept.choices.len() > MOST_CHOICES {
        return None;
    }
    let mut text = format!("{HEADER}\nformat: {FORMAT}\n");
    for (name, value) in NAMES.iter().zip(&values) {
        text.push_str(format!("{name}: {value}").trim_end());
        text.push('\n');
    }
    text.push_str("choices:\n");
    let mut column = 0;
    for word in choice::to_text(&kept.choices).split_ascii_whitespace() {
        let begins = column == 0 || column + 1 + word.len() > WIDTH;
        let before = match (begins, column) {
            (true, 0) => INDENT.to_owned(),
            (true, _) => format!("\n{INDENT}"),
            (false, _) => " ".to_owned(),
        };
        column = if begins { INDENT.len() } else { column + 1 } + word.len();
        text.push_str(&before);
        text.push_str(word);
    }
    if column > 0 {
        text.push('\n');
    }
    Some(text)
}

/// Reads what [`to_text`] wrote.
///
/// # Errors
/// Why it is refused.
pub fn from_text(text: &str) -> Result<Kept, Refused> {
    let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let end = text.lines().count().max(1);
    let mut value = |name: &str| {
        let (number, line) = lines.next().ok_or(Refused::Damaged(end))?;
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
        Ok((number, value.ok_or(Refused::Damaged(number))?.trim().to_owned()))
    };
    let (_, format) = value("format")?;
    if format != FORMAT.to_string() {
        return Err(Refused::Version(format));
    }
    let mut values = Vec::new();
    for name in NAMES {
        values.push(value(name)?);
    }
    let (number, nothing) = value("choices")?;
    if !nothing.is_empty() {
        return Err(Refused::Damaged(number));
    }
    let mut choices = Vec::new();
    for (number, line) in lines {
        let damaged = Refused::Damaged(number);
        if choices.len() + made_room_for(line).ok_or(damaged.clone())? > MOST_CHOICES {
            return Err(damaged);
        }
        choices.extend(choice::from_text(line).ok_or(damaged)?);
    }
    let plain = |at: usize| values[at].1.clone();
    let count = |at: usize| {
        let (number, value) = &values[at];
        value.parse().map_err(|_| Refused::Damaged(*number))
    };
    let (seed, number) = (count(3)?, count(5)?);
    Ok(Kept { test: plain(0), code: plain(1), options: plain(2), seed, strategy: plain(4), number, choices })
}

/// How many choices a line stands for.
fn made_room_for(line: &str) -> Option<usize> {
    let run = |word: &str| word.split_once('*').map_or(Some(1), |(_, run)| run.parse().ok());
    line.split_ascii_whitespace().try_fold(0, |sum: usize, word| sum.checked_add(run(word)?))
}
