//! Panic messages in the program's output, as std's default hook writes them:
//!
//! ```text
//! thread 'worker' (4242) panicked at src/lib.rs:10:5:
//! assertion `left == right` failed
//!   left: 1
//!  right: 2
//! note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace
//! ```

use crate::context::Context;
use crate::place::Place;

/// One panic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// Name of its thread; `<unnamed>` as std writes it.
    pub thread: String,
    /// File as the compiler recorded it.
    pub file: String,
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// Message, without the notes that follow it.
    pub message: String,
}

impl Panic {
    /// Its place. Cargo has paths recorded relative to the workspace.
    pub fn place(&self, context: &Context<'_>) -> Place {
        let path = context.root.join(&self.file).display().to_string();
        Place { file: context.shown(&path), path, line: self.line, column: self.column, function: String::new() }
    }

    /// The message on one line.
    pub fn headline(&self) -> String {
        let lines: Vec<&str> = self.message.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let first = lines.first().copied().unwrap_or("explicit panic");
        let values = lines.iter().skip(1).filter(|line| line.starts_with("left:") || line.starts_with("right:"));
        let values: Vec<&str> = values.copied().collect();
        if values.is_empty() { first.to_owned() } else { format!("{first} ({})", values.join(", ")) }
    }
}

/// The panics in `output`, in order.
pub fn panics(output: &str) -> Vec<Panic> {
    let mut panics: Vec<Panic> = Vec::new();
    let mut open = false;
    for line in output.lines() {
        if let Some(panic) = header(line) {
            panics.push(panic);
            open = true;
        } else if line.starts_with("note: ") || line.starts_with("stack backtrace:") || line.starts_with("test ") {
            open = false;
        } else if let (true, Some(panic)) = (open, panics.last_mut()) {
            if !panic.message.is_empty() {
                panic.message.push('\n');
            }
            panic.message.push_str(line);
        }
    }
    for panic in &mut panics {
        panic.message.truncate(panic.message.trim_end().len());
    }
    panics
}

fn header(line: &str) -> Option<Panic> {
    let (before, place) = line.split_once(" panicked at ")?;
    let (_, name) = before.split_once("thread '")?;
    let (thread, _) = name.rsplit_once('\'')?;
    let mut parts = place.strip_suffix(':').unwrap_or(place).rsplitn(3, ':');
    let (column, line, file) = (parts.next()?, parts.next()?, parts.next()?);
    Some(Panic {
        thread: thread.to_owned(),
        file: file.to_owned(),
        line: line.parse().ok()?,
        column: column.parse().ok()?,
        message: String::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_read_from_output() {
        let output = "hello\n\nthread 'worker' (4242) panicked at src/lib.rs:10:5:\nassertion `left == right` failed: sum\n  left: 1\n right: 2\nnote: run with `RUST_BACKTRACE=1`\nother output\nthread '<unnamed>' panicked at src/a.rs:1:2:\nboom\n";
        let found = panics(output);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].thread.as_str(), found[0].file.as_str(), found[0].line, found[0].column),
            ("worker", "src/lib.rs", 10, 5)
        );
        assert_eq!(found[0].headline(), "assertion `left == right` failed: sum (left: 1, right: 2)");
        assert_eq!((found[1].thread.as_str(), found[1].message.as_str()), ("<unnamed>", "boom"));
        assert!(panics("nothing panicked at all").is_empty());
    }
}
