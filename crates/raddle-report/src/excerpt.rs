//! What of a source line a place covers.
//!
//! Debug information gives where a place begins but not where it ends. Where it ends is therefore read off the source
//! line: behind the name at the place, with the call's arguments if they close on the same line; else behind the rest of
//! the statement.

use std::ops::Range;

/// The bytes of `line` that a place covers which begins at `column` (a byte, from 1; 0 when unknown).
pub(crate) fn covered(line: &str, column: u32) -> Range<usize> {
    let code_start = line.len() - line.trim_start().len();
    let code_end = statement_end(line, code_start);
    let start = (column as usize).saturating_sub(1);
    if column == 0 || start >= line.trim_end().len() || !line.is_char_boundary(start) {
        return code_start..code_end.max(code_start);
    }
    let name = line[start..].find(|c: char| !(c.is_alphanumeric() || c == '_')).map_or(line.len(), |n| start + n);
    if name == start {
        return start..statement_end(line, start);
    }
    let after = if line[name..].starts_with('!') { name + 1 } else { name };
    match line[after..].chars().next() {
        Some('(') => start..closing(line, after).unwrap_or(after),
        _ => start..after,
    }
}

/// End of the statement that reaches over `start`: before a semicolon or a comment, without blanks.
fn statement_end(line: &str, start: usize) -> usize {
    let rest = &line[start..];
    let end = rest.find(';').into_iter().chain(rest.find("//")).min().unwrap_or(rest.len());
    let end = start + rest[..end].trim_end().len();
    if end > start { end } else { line.trim_end().len().max(start) }
}

/// One past the parenthesis that closes the one at `open`, if it is on this line. Strings are not looked into: a
/// parenthesis inside one only makes the underline end elsewhere.
fn closing(line: &str, open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (index, c) in line[open..].char_indices() {
        match c {
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(open + index + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_covers_what_a_reader_would_point_at() {
        for (line, column, expected) in [
            ("    let from = a.lock().unwrap();", 18, "lock()"),
            ("    *counter += 1; // here", 5, "*counter += 1"),
            ("    assert_eq!(total, 2);", 5, "assert_eq!(total, 2)"),
            ("    assert_eq!(", 5, "assert_eq!"),
            ("    value.store(f(1) + 2, SeqCst);", 11, "store(f(1) + 2, SeqCst)"),
            ("    no column here;", 0, "no column here"),
            ("    beyond", 99, "beyond"),
            ("", 3, ""),
            ("  // only a comment", 0, "// only a comment"),
            ("é", 2, "é"),
        ] {
            assert_eq!(&line[covered(line, column)], expected, "{line:?} at {column}");
        }
    }
}
