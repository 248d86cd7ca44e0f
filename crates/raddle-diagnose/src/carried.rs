//! Whether a value goes from one line of a function to a later one, as far as the text of the lines shows it.
//!
//! A record holds no values, and values alone would not show where they come from. The text does, in two plain forms: the
//! earlier line binds a name (`let n = ..`) that the later one uses, or a question between them does; and the earlier line is a
//! question itself (`if`, `while`, `match`) that the later one stands under, or that leads out of the function before it.
//!
//! Not a parser: what stands in another form is not seen, and a name in a text or comment counts as used.

/// Lines between the two at the most.
const FURTHEST: u32 = 40;

/// Whether line `to` goes by what line `from` has found. `line` gives the text of a line.
pub fn is_carried(from: u32, to: u32, line: impl Fn(u32) -> Option<String>) -> bool {
    if from >= to || to - from > FURTHEST {
        return false;
    }
    let lines: Option<Vec<String>> = (from..=to).map(line).collect();
    let Some(lines) = lines else { return false };
    let lines: Vec<&str> = lines.iter().map(|line| without_comment(line)).collect();
    let (first, last, between) = (lines[0], lines[lines.len() - 1], &lines[1..lines.len() - 1]);
    if asks(first) {
        return decides(0, &lines);
    }
    let Some(name) = bound(first) else { return false };
    let asked = |(at, line): (usize, &&str)| asks(line) && uses(line, name) && decides(at + 1, &lines);
    uses(last, name) || between.iter().enumerate().any(asked)
}

/// Whether the question in line `at` decides if the last line is come to: that stands within its block, or the block leads
/// out before.
fn decides(at: usize, lines: &[&str]) -> bool {
    let depth = indent(lines[at]);
    let last = lines.len() - 1;
    let block = lines[at + 1..last].iter().take_while(|line| line.trim().is_empty() || indent(line) > depth).count();
    if at + 1 + block == last && indent(lines[last]) > depth {
        return true;
    }
    let leads_out = |line: &&str| ["return", "break", "continue"].iter().any(|word| uses(line, word));
    lines[at..=at + block].iter().any(leads_out)
}

/// A line up to its comment.
pub fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// How far to the right a line begins.
pub fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a line is a question.
pub fn asks(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("} ").trim_start_matches("else ");
    ["if ", "while ", "match "].iter().any(|word| line.starts_with(word))
}

/// The name that a line binds.
fn bound(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("let ")?.trim_start();
    let rest = rest.strip_prefix("mut ").unwrap_or(rest).trim_start();
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let rest = rest.trim_start();
    (name.len() > name.matches('_').count() && rest.starts_with([':', '=']) && rest.contains('=')).then_some(name)
}

/// Whether a name occurs in a line.
fn uses(line: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        !line[..at].ends_with(word) && !line[..at].ends_with('.') && !line[at + name.len()..].starts_with(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether something is carried from the first line of this text to its last.
    fn carried(text: &str) -> bool {
        let lines: Vec<&str> = text.lines().collect();
        is_carried(1, lines.len() as u32, |line| lines.get(line as usize - 1).map(|line| (*line).to_owned()))
    }

    #[test]
    fn a_name_is_used() {
        assert!(carried("let seen = self.total();\n*self.visits.lock().unwrap() = seen + 1;"));
        assert!(carried("    let mut n: usize = x.lock().unwrap().len();\n    n += 1;\n    *x.lock().unwrap() = n;"));
        assert!(!carried("let n = x.lock().unwrap().len();\nx.lock().unwrap().push(1);"));
        assert!(!carried("let n = x.lock().unwrap().len();\nprintln!(\"{n}\");\n*x.lock().unwrap() += no;"));
        assert!(!carried("let _ = x.lock().unwrap().len();\n*x.lock().unwrap() = _ + 1;"));
        assert!(!carried("let n = x.lock().unwrap().len(); // as n\nx.lock().unwrap().push(1); // n"));
    }

    #[test]
    fn a_question_decides() {
        assert!(carried(
            "if self.balance() < amount {\n    return Err(Poor);\n}\n*self.balance.lock().unwrap() -= amount;"
        ));
        assert!(carried("if q.lock().unwrap().len() < 3 {\n    q.lock().unwrap().push(1);"));
        assert!(carried("let n = q.len();\nif n == 0 {\n    return None;\n}\nq.pop();"));
        assert!(carried("let n = q.len();\nif n == 0 {\n    q.push(1);"));
        assert!(!carried("if *hits.lock().unwrap() > 100 {\n    warn();\n}\n*hits.lock().unwrap() += 1;"));
        assert!(!carried("let n = q.len();\nif n == 0 {\n    warn();\n}\nq.push(1);"));
    }

    #[test]
    fn what_cannot_be_read_is_not_carried() {
        assert!(!is_carried(1, 2, |_| None));
        assert!(!carried("let n = 1;"));
        assert!(!carried(&format!("let n = 1;\n{}*q = n;", "\n".repeat(50))));
    }
}
