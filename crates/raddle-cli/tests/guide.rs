//! What README.md and the guide show is so: code stands in the file that is named above it, output is what the command
//! prints, and links lead somewhere.
//!
//! In a block of output, `[...]` stands for any number of lines. Times, tokens, process numbers, numbers of schedules and
//! percentages are not compared.

#[allow(dead_code)]
mod support;

use regex_lite::Regex;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, iter, thread};

/// The pages below a directory of `docs`.
fn below(directory: &str) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut directories = vec![support::at_top(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// The pages for users.
fn pages() -> Vec<PathBuf> {
    [vec![support::at_top("README.md")], below("docs/guide")].concat()
}

/// A fenced block of a page.
struct Block<'a> {
    language: &'a str,
    /// The paragraph before it.
    before: String,
    lines: Vec<&'a str>,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut open) = (Vec::new(), None::<Block<'_>>);
    let (mut paragraph, mut is_over) = (Vec::new(), false);
    for line in page.lines() {
        match (open.as_mut(), line.trim_start().strip_prefix("```")) {
            (Some(_), Some("")) => blocks.extend(open.take()),
            (Some(block), _) => block.lines.push(line),
            (None, Some(language)) => open = Some(Block { language, before: paragraph.join(" "), lines: Vec::new() }),
            (None, None) if line.is_empty() => is_over = true,
            (None, None) => {
                if std::mem::take(&mut is_over) {
                    paragraph.clear();
                }
                paragraph.push(line);
            }
        }
    }
    blocks
}

/// Whether these lines occur in this order, those between two `[...]` together.
fn occur(wanted: &[String], lines: &[String]) -> Result<(), String> {
    let mut rest = lines;
    for part in wanted.split(|line| line.trim_start_matches("//").trim() == "[...]") {
        let (first, last) = (part.first(), part.last());
        let part = &part[usize::from(first.is_some_and(String::is_empty))..];
        let part = &part[..part.len() - usize::from(!part.is_empty() && last.is_some_and(String::is_empty))];
        if part.is_empty() {
            continue;
        }
        let found = rest.windows(part.len()).position(|window| window == part);
        let Some(at) = found else { return Err(part.join("\n")) };
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

#[test]
fn code_stands_in_the_file_that_is_named() {
    let link = Regex::new(r"\]\(([^)]+\.rs)\)").unwrap();
    let mut wrong = Vec::new();
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for block in blocks(&page).iter().filter(|block| block.language == "rust") {
            let trimmed = |line: &str| line.trim().to_owned();
            let wanted: Vec<String> = block.lines.iter().map(|line| trimmed(line)).collect();
            let Some(named) = link.captures_iter(&block.before).last().map(|named| named[1].to_owned()) else {
                continue;
            };
            let file = path.parent().unwrap().join(&named);
            let Ok(source) = fs::read_to_string(&file) else { continue };
            if let Err(part) = occur(&wanted, &source.lines().map(trimmed).collect::<Vec<_>>()) {
                wrong.push(format!("{} shows of {named} what is not there:\n{part}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#: ]+)(#[^)]*)?\)").unwrap();
    let mut wrong = Vec::new();
    let for_developers = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "examples/README.md", "bench/README.md"];
    for path in for_developers.map(support::at_top).into_iter().chain(below("docs")) {
        let page = fs::read_to_string(&path).unwrap();
        for target in link.captures_iter(&page) {
            if !path.parent().unwrap().join(&target[1]).exists() {
                wrong.push(format!("{}: {}", path.display(), &target[1]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What differs from run to run, and what stands for it.
static DIFFERING: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let all = [
        (r"\[ *[0-9.]+s\]", "[TIME]"),
        (r"in [0-9.]+(ms|s)", "in TIME"),
        (r"in about [0-9a-z ]+ at the pace", "in about TIME at the pace"),
        (r"replay [0-9a-z]+", "replay TOKEN"),
        (r"\([0-9]+\) panicked", "(PID) panicked"),
        (r"number [0-9]+ of seed", "number N of seed"),
        (r"in [0-9,]+ schedules?\b *", "in N schedules "),
        (r" *[0-9,]+ schedules? ", " N schedules "),
        (r"\([0-9,]+ of [0-9,]+ executions? so far\)", "(N of N executions so far)"),
        (r"\(≤ [0-9.]+% that", "(≤ N% that"),
        (r"interrupts threads [0-9,]+ times", "interrupts threads N times"),
    ];
    all.map(|(pattern, instead)| (Regex::new(pattern).unwrap(), instead)).into()
});

/// A line of output without what differs from run to run.
fn lasting(line: &str) -> String {
    let lasting = |line: String, (pattern, instead): &(Regex, &str)| pattern.replace_all(&line, *instead).into_owned();
    DIFFERING.iter().fold(line.to_owned(), lasting).trim_end().to_owned()
}

/// Runs the command as a page shows it, in the directory that it says.
fn run(directory: &Path, target: &str, command: &str) -> String {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(target);
    let output = support::raddle(directory, &target)
        .args(command.split(' ').skip(1))
        .args(["--jobs", "1"])
        .env("COLUMNS", "100")
        .env("RADDLE_REGRESSIONS", "off")
        .output()
        .unwrap();
    String::from_utf8(output.stderr).unwrap()
}

/// What a page shows that the command does not print.
fn differences(path: &Path) -> Vec<String> {
    let page = fs::read_to_string(path).unwrap();
    let mut wrong = Vec::new();
    for block in blocks(&page).iter().filter(|block| block.language == "console") {
        let mut directory = "examples";
        let mut lines = &block.lines[..];
        if let [first, rest @ ..] = lines
            && let Some(other) = first.strip_prefix("$ cd ")
        {
            (directory, lines) = (other, rest);
        }
        let [command, shown @ ..] = lines else { continue };
        let Some(command) = command.strip_prefix("$ cargo ") else { continue };
        if !command.starts_with("raddle test") && !command.starts_with("raddle run -p") {
            continue;
        }
        let output = run(&support::at_top(directory), directory, command);
        let wanted: Vec<String> = shown.iter().map(|line| lasting(line)).collect();
        if let Err(part) = occur(&wanted, &output.lines().map(lasting).collect::<Vec<_>>()) {
            let page = path.display();
            wrong.push(format!("{page}: `cargo {command}` does not print\n{part}\n\nIt prints\n{output}"));
        }
    }
    wrong
}

#[test]
fn output_is_what_the_command_prints() {
    let pages = pages();
    // Two at a time, as each command is given one process.
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = iter::from_fn(|| pages.get(next.fetch_add(1, Ordering::Relaxed)));
        taken.flat_map(|page| differences(page)).collect::<Vec<_>>()
    };
    let wrong = thread::scope(|scope| {
        let other = scope.spawn(work);
        let own = work();
        [own, other.join().unwrap()].concat()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
