//! Names short enough for a table: threads told apart, files by as little of their path as tells them apart.

use crate::{Style, text};
use raddle_protocol::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// A thread that the report speaks of.
pub(crate) struct Thread {
    pub(crate) id: u32,
    pub(crate) name: String,
    /// What it was doing at the end; empty when not known.
    pub(crate) state: String,
    /// Where it was spawned, shortened; empty when not known.
    pub(crate) spawned_at: String,
    /// Its place among all threads of the finding, which decides its colour.
    pub(crate) index: usize,
    /// Whether it has steps of its own.
    pub(crate) acts: bool,
}

impl Thread {
    /// Where it was started, in words; empty when not known.
    pub(crate) fn started(&self) -> String {
        if self.spawned_at.is_empty() { String::new() } else { format!("started at {}", self.spawned_at) }
    }

    /// The name in a sentence: quoted unless it is a number that Raddle has given.
    pub(crate) fn quoted(&self) -> String {
        let task =
            self.name.strip_prefix("task ").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
        if task || self.name == format!("thread {}", self.id) { self.name.clone() } else { format!("`{}`", self.name) }
    }
}

/// The finding's threads in order of creation, and any that only its steps name.
pub(crate) fn threads(finding: &Finding, files: &Files, style: &Style) -> Vec<Thread> {
    let acting: BTreeSet<u32> = finding.steps.iter().map(|step| step.thread).collect();
    let mut threads: Vec<Thread> = finding
        .threads
        .iter()
        .enumerate()
        .map(|(index, view)| Thread {
            id: view.id,
            name: text::clean(&view.name, style),
            state: text::clean(&files.shorten(&view.state), style),
            spawned_at: view.spawned_at.as_deref().map_or_else(String::new, |place| files.place(place, style)),
            index,
            acts: acting.contains(&view.id),
        })
        .collect();
    for id in acting {
        if threads.iter().all(|thread| thread.id != id) {
            let index = threads.len();
            threads.push(Thread {
                id,
                name: String::new(),
                state: String::new(),
                spawned_at: String::new(),
                index,
                acts: true,
            });
        }
    }
    let mut count = BTreeMap::<String, usize>::new();
    for thread in &threads {
        *count.entry(thread.name.clone()).or_default() += 1;
    }
    for thread in &mut threads {
        if thread.name.trim().is_empty() {
            thread.name = format!("thread {}", thread.id);
        } else if count[&thread.name] > 1 {
            thread.name = format!("{} #{}", thread.name, thread.id);
        }
    }
    threads
}

/// All files that a finding names.
pub(crate) struct Files(BTreeSet<String>);

impl Files {
    pub(crate) fn of(finding: &Finding) -> Self {
        let steps = finding.steps.iter().map(|step| step.file.clone());
        let spans = finding.spans.iter().map(|span| span.file.clone());
        let spawns =
            finding.threads.iter().filter_map(|thread| Some(split(thread.spawned_at.as_deref()?).0.to_owned()));
        Files(steps.chain(spans).chain(spawns).filter(|file| !file.is_empty()).collect())
    }

    /// The last components of a path, as many as no other file shares.
    fn short<'a>(&self, file: &'a str) -> &'a str {
        let starts = file.rmatch_indices('/').map(|(index, _)| index + 1);
        for start in starts {
            let tail = &file[start..];
            let shared = |other: &String| {
                other != file && (other == tail || other.strip_suffix(tail).is_some_and(|front| front.ends_with('/')))
            };
            if !tail.is_empty() && !self.0.iter().any(shared) {
                return tail;
            }
        }
        file
    }

    /// `file:line` with the file shortened; the line only where it is known.
    pub(crate) fn at(&self, file: &str, line: u32, style: &Style) -> String {
        let file = text::clean(self.short(file), style);
        if file.is_empty() || line == 0 { file } else { format!("{file}:{line}") }
    }

    /// A sentence with the files in it shortened.
    fn shorten(&self, sentence: &str) -> String {
        let mut files: Vec<&String> = self.0.iter().filter(|file| self.short(file) != file.as_str()).collect();
        // A longer path may end in a shorter one.
        files.sort_by_key(|file| core::cmp::Reverse(file.len()));
        match files.into_iter().find(|file| sentence.contains(&format!(" {file}:"))) {
            Some(file) => sentence.replace(&format!(" {file}:"), &format!(" {}:", self.short(file))),
            None => sentence.to_owned(),
        }
    }

    fn place(&self, place: &str, style: &Style) -> String {
        let (file, line) = split(place);
        text::clean(&format!("{}{line}", self.short(file)), style)
    }
}

/// `src/lib.rs:4:9` as `src/lib.rs` and `:4:9`.
fn split(place: &str) -> (&str, &str) {
    let end = place.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':').len();
    // A path may itself end in digits; only what begins with a colon is a line number.
    let end = place[end..].find(':').map_or(place.len(), |colon| end + colon);
    place.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_as_little_as_tells_them_apart() {
        let files = Files(["src/lib.rs", "src/a/mod.rs", "src/b/mod.rs", "mod.rs"].map(String::from).into());
        assert_eq!(files.short("src/lib.rs"), "lib.rs");
        assert_eq!(files.short("src/a/mod.rs"), "a/mod.rs");
        assert_eq!(files.short("mod.rs"), "mod.rs");
        assert_eq!(files.short(""), "");
    }

    #[test]
    fn files_in_a_sentence_are_shortened_too() {
        let files = Files(["bank/src/lib.rs", "bank/tests/lib.rs", "src/a.rs"].map(String::from).into());
        assert_eq!(files.shorten("is at bank/src/lib.rs:9"), "is at src/lib.rs:9");
        assert_eq!(files.shorten("is at src/a.rs:9"), "is at a.rs:9");
        assert_eq!(files.shorten("waits for `src/a.rs`"), "waits for `src/a.rs`");
    }

    #[test]
    fn places_are_split_before_the_line() {
        assert_eq!(split("src/lib.rs:4:9"), ("src/lib.rs", ":4:9"));
        assert_eq!(split("src/lib.rs"), ("src/lib.rs", ""));
        assert_eq!(split("data2:7"), ("data2", ":7"));
        assert_eq!(split("data2"), ("data2", ""));
    }
}
