//! Text made safe to show, and fitted to a width.
//!
//! What a program prints, how it names its threads and what its source contains must not drive the reader's terminal:
//! escape sequences are dropped, other control characters and direction overrides are made visible. Widths are counted
//! in terminal columns after Unicode Standard Annex 11; a terminal that takes ambiguous characters as wide shows
//! columns that do not line up.

use crate::style::{Ink, Style};
use textwrap::WordSeparator;
use textwrap::core::{Fragment, Word};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that `text` takes. It must be clean and uncoloured.
pub(crate) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// One line of text with nothing in it that a terminal would obey. Line breaks become spaces.
pub(crate) fn clean(text: &str, style: &Style) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\n' | '\t' | '\r' => out.push(' '),
            _ => push_visible(&mut out, c, style),
        }
    }
    out
}

/// Text of several lines, each clean; tabs reach to the next multiple of eight. A lone carriage return ends a line too,
/// so that progress bars do not hide what was before.
pub(crate) fn clean_lines(text: &str, style: &Style) -> Vec<String> {
    text.split(['\n', '\r'])
        .zip(ends(text))
        .filter(|(line, end)| !(line.is_empty() && *end == After::ReturnNewline))
        .map(|(line, _)| {
            let mut out = String::with_capacity(line.len());
            let mut rest = line.chars();
            while let Some(c) = rest.next() {
                match c {
                    '\u{1b}' => skip_escape(&mut rest),
                    '\t' => {
                        let pad = 8 - width(&out) % 8;
                        out.extend(std::iter::repeat_n(' ', pad));
                    }
                    _ => push_visible(&mut out, c, style),
                }
            }
            out
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    ReturnNewline,
    Other,
}

/// For each piece that splitting at line feeds and carriage returns yields: whether it is the nothing between the two
/// halves of a `\r\n`.
fn ends(text: &str) -> impl Iterator<Item = After> {
    let breaks: Vec<char> = text.chars().filter(|c| matches!(c, '\n' | '\r')).collect();
    (0..=breaks.len()).map(move |index| {
        let before = index.checked_sub(1).map(|i| breaks[i]);
        match (before, breaks.get(index)) {
            (Some('\r'), Some('\n')) => After::ReturnNewline,
            _ => After::Other,
        }
    })
}

/// Skips what follows an ESC, by ECMA-48: a control sequence, a control string up to its end, or one character.
fn skip_escape(rest: &mut std::str::Chars<'_>) {
    match rest.next() {
        Some('[') => while rest.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(c) = rest.next() {
                match c {
                    '\u{7}' => break,
                    '\u{1b}' => {
                        rest.next();
                        break;
                    }
                    _ => {}
                }
            }
        }
        Some('\u{20}'..='\u{2f}') => {
            rest.next();
        }
        _ => {}
    }
}

/// Marks that change the direction of the text around them: they can make code look like other code.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_visible(out: &mut String, c: char, style: &Style) {
    if c.is_control() || is_direction(c) {
        out.extend(c.escape_unicode());
    } else if c.is_ascii() || style.unicode {
        out.push(c);
    } else {
        match ASCII.iter().find(|(sign, _)| *sign == c) {
            Some((_, ascii)) => out.push_str(ascii),
            None => out.extend(std::iter::repeat_n('?', c.width().unwrap_or(0))),
        }
    }
}

/// Signs that findings are worded with, and quotation marks, as ASCII.
const ASCII: [(char, &str); 12] = [
    ('→', "->"),
    ('←', "<-"),
    ('…', "..."),
    ('×', "x"),
    ('≤', "<="),
    ('≥', ">="),
    ('–', "-"),
    ('—', "-"),
    ('‘', "'"),
    ('’', "'"),
    ('“', "\""),
    ('”', "\""),
];

/// Fits clean text to a width. Never empty; words that are too long are broken, where they have joints at these.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let words = WordSeparator::AsciiSpace.find_words(text).flat_map(|word| at_joints(word, columns));
    let words = textwrap::core::break_words(words, columns);
    let join = |words: &[Word<'_>]| {
        let (last, before) = words.split_last()?;
        let before = before.iter().map(|word| [word.word, word.whitespace].concat());
        Some(before.chain([last.word.to_owned()]).collect())
    };
    let lines = textwrap::wrap_algorithms::wrap_first_fit(&words, &[columns as f64]);
    lines.into_iter().map(|words| join(words).unwrap_or_default()).collect()
}

/// The pieces of a path in Rust, or of a file's, that does not fit: each ends with what joins it to the next.
fn at_joints(word: Word<'_>, columns: usize) -> Vec<Word<'_>> {
    if word.width() <= columns as f64 {
        return vec![word];
    }
    let pieces = word.word.split_inclusive("::").flat_map(|piece| piece.split_inclusive('/'));
    let mut pieces: Vec<Word<'_>> = pieces.map(Word::from).collect();
    if let Some(last) = pieces.last_mut() {
        last.whitespace = word.whitespace;
    }
    pieces
}

/// A paragraph cleaned, fitted to a width, and with what stands in backquotes coloured as code. Its own line breaks are
/// kept, and so is the indentation of its lines, so that short listings survive.
pub(crate) fn paragraph(text: &str, columns: usize, style: &Style) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.trim_end().lines() {
        let line = clean(line, style);
        let body = line.trim_start_matches(' ');
        let indent = " ".repeat((line.len() - body.len()).min(columns / 2));
        lines.extend(wrap(body, columns - indent.len()).into_iter().map(|part| format!("{indent}{part}")));
    }
    ink_code(lines, style)
}

/// Colours what stands in backquotes, which may reach over a line's end. A backquote without a partner stays as it is.
pub(crate) fn ink_code(lines: Vec<String>, style: &Style) -> Vec<String> {
    if !style.color {
        return lines;
    }
    let ticks: usize = lines.iter().map(|line| line.matches('`').count()).sum();
    let mut left = ticks - ticks % 2;
    let mut inside = false;
    lines
        .into_iter()
        .map(|line| {
            let mut out = String::new();
            let mut piece = String::new();
            for c in line.chars() {
                if c != '`' || left == 0 {
                    piece.push(c);
                    continue;
                }
                left -= 1;
                if inside {
                    piece.push(c);
                    out.push_str(&style.ink(Ink::Code, &piece));
                    piece.clear();
                } else {
                    out.push_str(&piece);
                    piece.clear();
                    piece.push(c);
                }
                inside = !inside;
            }
            out.push_str(&if inside { style.ink(Ink::Code, &piece) } else { piece });
            out
        })
        .collect()
}

/// `text` and blanks up to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Clean text cut to `columns`, with dots where something is missing.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if width(&out) + c.width().unwrap_or(0) + 2 > columns {
            break;
        }
        out.push(c);
    }
    out.push_str("..");
    out
}

/// Clean text cut to `columns` in the middle: names often differ at their ends only.
pub(crate) fn cut_middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let room = columns.saturating_sub(2);
    let (mut front, mut back) = (String::new(), String::new());
    for c in text.chars() {
        if width(&front) + c.width().unwrap_or(0) > room / 2 {
            break;
        }
        front.push(c);
    }
    for c in text.chars().rev() {
        if width(&back) + c.width().unwrap_or(0) > room - room / 2 {
            break;
        }
        back.insert(0, c);
    }
    format!("{front}..{back}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style { width: 80, color: false, unicode: false };
    const UTF8: Style = Style { width: 80, color: false, unicode: true };
    const COLOR: Style = Style { width: 80, color: true, unicode: true };

    #[test]
    fn a_program_cannot_drive_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}b\u{1b}Pq\u{1b}\\c\u{1b}(Bd", &UTF8), "aredbcd");
        assert_eq!(clean("bell\u{7} c1\u{9b}31m", &UTF8), "bell\\u{7} c1\\u{9b}31m");
        assert_eq!(clean("x\u{202e}y", &UTF8), "x\\u{202e}y");
        assert_eq!(clean("two\nlines", &UTF8), "two lines");
        assert_eq!(clean("\u{1b}[", &UTF8), "");
        assert_eq!(clean("\u{1b}", &UTF8), "");
    }

    #[test]
    fn without_utf8_all_is_ascii() {
        assert_eq!(clean("é漢e\u{301}", &PLAIN), "???e");
        assert_eq!(clean("é漢", &UTF8), "é漢");
        assert_eq!(clean("reads `a` → 0 … “b”", &PLAIN), "reads `a` -> 0 ... \"b\"");
    }

    #[test]
    fn lines_end_at_any_kind_of_break() {
        assert_eq!(clean_lines("a\r\nb\rc\n\nd", &UTF8), ["a", "b", "c", "", "d"]);
        assert_eq!(clean_lines("a\tb", &UTF8), ["a       b"]);
    }

    #[test]
    fn code_is_coloured_across_lines_and_odd_marks_are_left_alone() {
        let lines = ink_code(vec!["a `b".into(), "c` d ` e".into()], &COLOR);
        assert_eq!(lines, ["a \u{1b}[36m`b\u{1b}[0m", "\u{1b}[36mc`\u{1b}[0m d ` e"]);
    }

    #[test]
    fn names_that_are_too_long_for_a_line_are_broken_between_their_parts() {
        assert_eq!(wrap("calls `Sender::send` once", 10), ["calls", "`Sender::", "send` once"]);
        assert_eq!(wrap("in `Sender::send`", 14), ["in", "`Sender::send`"], "it fits into a line");
        assert_eq!(wrap("tests/deep/arbiter.rs:40", 14), ["tests/deep/", "arbiter.rs:40"]);
    }

    #[test]
    fn nothing_is_wider_than_asked() {
        for line in wrap("short andaverylongwordthatcannotfit in this", 10) {
            assert!(width(&line) <= 10, "{line:?}");
        }
        assert_eq!(wrap("", 10), [""]);
        assert_eq!(cut("abcdefgh", 6), "abcd..");
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut_middle("worker of pool 12", 10), "work..l 12");
        assert_eq!(cut_middle("worker", 6), "worker");
    }
}
