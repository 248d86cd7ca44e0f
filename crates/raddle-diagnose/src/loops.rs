//! Whether what stands in a line of a function is done once, after a question, or again and again, as far as the text shows it.
//!
//! Read from the line upwards, each line that stands further to the left opens a block around it. `if` or `match` is a
//! question, `while`, `loop` or `for` repeats, and a function or closure ends the search.
//!
//! Not a parser: it goes by how the lines are set, as `rustfmt` and most people set them.

use crate::carried::{asks, indent, without_comment};

/// Lines that are read at the most.
const FURTHEST: u32 = 200;

/// Whether line `at` stands under a question and in no loop. `line` gives the text of a line.
pub fn is_asked_once(at: u32, line: impl Fn(u32) -> Option<String>) -> bool {
    let mut depth = usize::MAX;
    let mut asked = false;
    for number in (at.saturating_sub(FURTHEST).max(1)..=at).rev() {
        let Some(text) = line(number) else { return false };
        let text = without_comment(&text).trim_end();
        if text.trim().is_empty() || indent(text) >= depth {
            continue;
        }
        depth = indent(text);
        if repeats(text) {
            return false;
        }
        if number < at && (is_function(text) || depth == 0) {
            return asked;
        }
        asked |= asks(text);
    }
    false
}

/// Whether a line begins a loop, or calls what is one.
fn repeats(line: &str) -> bool {
    let line = line.trim_start();
    let head = match line.split_once(": ") {
        Some((label, rest)) if label.starts_with('\'') => rest,
        _ => line,
    };
    let words = ["while", "loop", "for"];
    let begins = |word: &str| head.strip_prefix(word).is_some_and(|rest| rest.starts_with([' ', '(', '{']));
    words.into_iter().any(begins) || line.contains("_while(")
}

fn is_function(line: &str) -> bool {
    let line = line.trim_start();
    line.contains("fn ") || line.ends_with("| {") || line.ends_with("async {") || line.ends_with("async move {")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the last line of this text is done once, after a question.
    fn once(text: &str) -> bool {
        let lines: Vec<&str> = text.lines().collect();
        is_asked_once(lines.len() as u32, |line| lines.get(line as usize - 1).map(|line| (*line).to_owned()))
    }

    #[test]
    fn a_wait_under_a_question() {
        assert!(once("fn take(&self) {\n    if items.is_empty() {\n        items = changed.wait(items).unwrap();"));
        assert!(once(
            "fn f() {\n    for _ in 0..2 {\n        g.spawn(|| {\n            if !*x {\n                x = c.wait(x)"
        ));
        assert!(once(
            "fn f() {\n    let n = 1;\n    match n {\n        0 => {\n            changed\n                .wait(items)"
        ));
        assert!(once("fn f() {\n    if a { // while b\n        c.wait(x);"));
    }

    #[test]
    fn a_wait_in_a_loop() {
        assert!(!once("fn f() {\n    while items.is_empty() {\n        items = changed.wait(items).unwrap();"));
        assert!(!once(
            "fn f() {\n    'again: loop {\n        if x {\n            break;\n        } else {\n            c.wait(y);"
        ));
        assert!(!once("fn f() {\n    if x {\n        y = c.wait_while(y, |y| !*y).unwrap();"));
        assert!(!once("static int take(void)\n{\n    while (empty)\n        pthread_cond_wait(&changed, &lock);"));
    }

    #[test]
    fn what_does_not_show_is_not_claimed() {
        assert!(!once("fn wait(&self) {\n    self.changed.wait(guard).unwrap()"));
        assert!(!is_asked_once(3, |_| None));
    }
}
