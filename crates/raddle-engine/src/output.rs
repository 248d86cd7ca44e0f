//! What an execution has printed, and whether two executions have printed the same.
//!
//! Threads that print by themselves do so in whatever order they come, and nobody minds. So of a test only what its own thread
//! prints counts, and of a program, whose output is what it is for, also which lines there are in all. Left out of account are
//! what differs from run to run anyway: addresses, numbers of threads, and spans of time; and lines that tell of what happens as
//! it happens: those of a log, and those in which a harness says that a test has passed.
//!
//! Who prints a line in several pieces shares it with whoever prints meanwhile: the standard library keeps pieces until a line
//! ends, whoever ends it. So where other threads print in a test too, what its own thread has printed is not known to the
//! letter, and only an order of whole lines and numbers in them count.
//!
//! Not seen: the order of lines of different threads; output that goes on beyond [`MOST`] bytes; what is written to files and
//! connections.

use std::borrow::Cow;

/// Bytes kept of an execution.
const MOST: usize = 16 << 10;

/// What an execution has printed on its standard output.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// All of it.
    pub all: Vec<u8>,
    /// What the thread has printed that runs the test, or `main`.
    pub own: Vec<u8>,
    /// There was more.
    is_cut: bool,
}

impl Clone for Printed {
    fn clone(&self) -> Self {
        Self { all: self.all.clone(), own: self.own.clone(), is_cut: self.is_cut }
    }

    fn clone_from(&mut self, other: &Self) {
        self.all.clone_from(&other.all);
        self.own.clone_from(&other.own);
        self.is_cut = other.is_cut;
    }
}

impl Printed {
    /// Adds what a thread prints, the execution's first one if it is its `own`.
    pub fn add(&mut self, bytes: &[u8], own: bool) {
        if self.all.len() + bytes.len() > MOST {
            self.is_cut = true;
            return;
        }
        self.all.extend_from_slice(bytes);
        if own {
            self.own.extend_from_slice(bytes);
        }
    }

    /// Whether the two are not the same in a way that counts.
    #[must_use]
    pub fn differs(&self, other: &Printed, is_program: bool) -> bool {
        if self.is_cut || other.is_cut || self == other {
            return false;
        }
        let (here, there) = (lines(&self.own), lines(&other.own));
        let same_in_all = sorted(lines(&self.all)) == sorted(lines(&other.all));
        if is_program && !same_in_all {
            return true;
        }
        if here == there || sorted(here.clone()) == sorted(there.clone()) {
            return here != there;
        }
        // Lines that another thread has printed there are told by neither.
        let alone = [self, other].iter().all(|printed| printed.own.len() == printed.all.len());
        !same_in_all && (alone || without_numbers(&self.all) == without_numbers(&other.all))
    }
}

fn lines(text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    text.lines()
        .filter(|line| !is_of_a_log(line) && !is_of_a_harness(line))
        .map(|line| steady(line).into_owned())
        .collect()
}

/// The lines in any order, without the numbers in them.
fn without_numbers(text: &[u8]) -> Vec<String> {
    sorted(lines(text).iter().map(|line| line.replace(|c: char| c.is_ascii_digit(), "")).collect())
}

/// Whether a line is one of a log that tells of no trouble: near its beginning stands how important it is.
fn is_of_a_log(line: &str) -> bool {
    /// Words looked at.
    const NEAR: usize = 4;
    let words = line.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 1);
    words.take(NEAR).any(|word| ["TRACE", "DEBUG", "INFO"].contains(&word))
}

/// Whether a line is one in which a test harness says that all is well with a test: it comes when the test has ended.
fn is_of_a_harness(line: &str) -> bool {
    let outcome = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "));
    outcome.is_some_and(|(_, outcome)| outcome == "ok" || outcome.starts_with("ignored"))
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_unstable();
    lines
}

/// Of time.
const UNITS: [&str; 5] = ["ns", "us", "\u{b5}s", "ms", "s"];

/// The line without what differs from run to run.
#[must_use]
pub fn steady(line: &str) -> Cow<'_, str> {
    if !line.bytes().any(|byte| byte.is_ascii_digit()) {
        return Cow::Borrowed(line);
    }
    let mut steady = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, number) = rest.split_at(at);
        steady.push_str(before);
        let after_word = before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let end = number.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(number.len());
        let unit = UNITS.into_iter().find(|unit| {
            let rest = number[end..].strip_prefix(unit);
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
        });
        if let Some(hex) = number.strip_prefix("0x").filter(|_| !after_word) {
            steady.push_str("0x_");
            rest = hex.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        } else if let Some(unit) = unit.filter(|_| !after_word) {
            steady.push('_');
            rest = &number[end + unit.len()..];
            steady.push_str(unit);
        } else if before.ends_with("ThreadId(") {
            steady.push('_');
            rest = &number[end..];
        } else {
            steady.push_str(&number[..end]);
            rest = &number[end..];
        }
    }
    steady.push_str(rest);
    Cow::Owned(steady)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each line by the thread with this number; 0 is the test's own.
    fn printed(lines: &[(u32, &str)]) -> Printed {
        let mut printed = Printed::default();
        lines.iter().for_each(|(thread, line)| printed.add(format!("{line}\n").as_bytes(), *thread == 0));
        printed
    }

    fn differ(one: &[(u32, &str)], other: &[(u32, &str)]) -> [bool; 2] {
        [false, true].map(|is_program| {
            let [one, other] = [one, other].map(printed);
            assert_eq!(one.differs(&other, is_program), other.differs(&one, is_program));
            one.differs(&other, is_program)
        })
    }

    #[test]
    fn the_tests_own_lines_count_in_their_order() {
        assert_eq!(differ(&[(0, "a b")], &[(0, "b a")]), [true; 2]);
        assert_eq!(differ(&[(0, "a"), (0, "b")], &[(0, "b"), (0, "a")]), [true; 2]);
        assert_eq!(differ(&[(0, "a")], &[(0, "a")]), [false; 2]);
        assert_eq!(differ(&[(0, "a"), (0, "b")], &[(0, "a")]), [true; 2]);
    }

    #[test]
    fn lines_of_a_log_do_not_count() {
        for level in [
            "2026-01-01T00:00:00.000Z TRACE pool::worker: takes a job",
            "[2026-01-01T00:00:00Z DEBUG pool]",
            "\u{1b}[32m INFO\u{1b}[0m ready",
        ] {
            assert_eq!(differ(&[(0, level), (0, "a")], &[(0, "a")]), [false; 2], "{level}");
        }
        let trouble = "2026-01-01T00:00:00.000Z ERROR pool: INFORMATION is missing";
        assert_eq!(differ(&[(0, trouble), (0, "a")], &[(0, "a")]), [true; 2]);
    }

    #[test]
    fn what_a_harness_says_of_tests_that_pass_does_not_count() {
        let ended = [(0, "test one ... ok"), (0, "test two ... ignored, takes long"), (0, "a")];
        assert_eq!(differ(&ended, &[ended[1], ended[0], ended[2]]), [false; 2]);
        assert_eq!(differ(&ended, &[(0, "test one ... FAILED"), ended[1], ended[2]]), [true; 2]);
    }

    #[test]
    fn threads_may_print_in_any_order_and_in_each_others_place() {
        assert_eq!(differ(&[(1, "a"), (2, "b")], &[(2, "b"), (1, "a")]), [false; 2]);
        assert_eq!(differ(&[(0, "a"), (2, "b")], &[(2, "b"), (0, "a")]), [false; 2]);
        assert_eq!(differ(&[(0, "a"), (1, "b")], &[(1, "a"), (0, "b")]), [false; 2]);
    }

    #[test]
    fn lines_that_threads_print_piece_by_piece_are_torn() {
        let whole = [(1, "starts, n=1"), (0, "built, of=2")];
        assert_eq!(differ(&whole, &[(1, "startsbuilt"), (0, ", n=1, of=2")]), [false, true]);
        assert_eq!(differ(&whole, &[(1, "starts, n=1"), (0, "built, of=3")]), [true; 2]);
        assert_eq!(differ(&whole[1..], &[(0, "built"), (0, ", of=2")]), [true; 2]);
    }

    #[test]
    fn what_other_threads_print_counts_in_a_program() {
        assert_eq!(differ(&[(0, "sum"), (1, "1 of 2")], &[(0, "sum"), (1, "2 of 2")]), [false, true]);
    }

    #[test]
    fn addresses_thread_numbers_and_times_do_not_count() {
        for (one, other) in [
            ("at 0x7f00a1, left", "at 0x55ffb2, left"),
            ("ThreadId(3) is done", "ThreadId(11) is done"),
            ("took 1.25ms.", "took 900ms."),
            ("took 3s", "took 12s"),
        ] {
            assert_eq!(differ(&[(0, one)], &[(0, other)]), [false; 2], "{one}");
        }
        for (one, other) in [("3 apples", "4 apples"), ("v0x1", "v0x2"), ("3sm", "4sm"), ("a1s", "a2s")] {
            assert_eq!(differ(&[(0, one)], &[(0, other)]), [true; 2], "{one}");
        }
    }

    #[test]
    fn what_is_too_long_is_not_compared() {
        let long = "x".repeat(MOST);
        assert_eq!(differ(&[(0, &long), (0, "a")], &[(0, "b")]), [false; 2]);
    }
}
