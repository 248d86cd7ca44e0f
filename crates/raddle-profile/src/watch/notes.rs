//! What a reader of a measurement should know beside its numbers: what could not be seen, and how to see more.

use super::report::Context;
use super::session::Samples;
use super::watcher::Watcher;
use crate::model::{Ending, Sampling};

/// The notes of a measurement, the gravest first.
pub(super) fn notes(watcher: &Watcher, context: &Context, sampling: &Sampling, samples: &Samples) -> Vec<String> {
    let mut notes = Vec::new();
    if watcher.unreadable > 0 {
        notes.push(format!(
            "{} of {} looks could not see the system call, so waits are judged by the kernel function alone; the \
             system forbids it for processes that have changed their user, or by kernel.yama.ptrace_scope",
            watcher.unreadable, watcher.visits
        ));
    }
    if watcher.coarse {
        notes.push(
            "this kernel keeps no scheduler statistics: processor time is known to a hundredth of a second, and time in \
             the run queue not at all"
                .to_owned(),
        );
    }
    if sampling.thinned {
        let each = sampling.visits as f64 / context.wall.max(1e-9) / watcher.peaks.threads.max(1) as f64;
        notes.push(format!(
            "with {} threads, each was looked at about {each:.0} times a second instead of {:.0}, so that looking stays \
             cheap; how long threads ran and waited is exact all the same",
            watcher.peaks.threads, sampling.rate
        ));
    }
    if context.longest_gap > 1.0 {
        notes.push(format!(
            "for {:.1} s nothing was looked at: the machine was suspended, or too busy to let Raddle run",
            context.longest_gap
        ));
    }
    if watcher.tables.too_long() {
        notes.push("there are so many connections that not all could be told apart: some peers are missing".to_owned());
    }
    if let Some((pid, name)) = context.left_running.first() {
        notes.push(format!(
            "the measurement ended with the program's first process; {} that it has started still {}, as a daemon does \
             (`{name}`, process {pid}); to watch that: raddle profile --pid {pid}",
            match context.left_running.len() {
                1 => "a process".to_owned(),
                more => format!("{more} processes"),
            },
            if context.left_running.len() == 1 { "runs" } else { "run" }
        ));
    }
    if context.ending == Ending::StillRuns && !context.attached {
        notes.push("the program still runs; this is what it did until the measurement ended".to_owned());
    }
    if samples.stacks.iter().flatten().any(|function| of_python(&function.file)) {
        notes.push(
            "of Python code, stacks show the functions of the interpreter; Python from 3.12 on lets its own be named when \
             it is started with PYTHONPERFSUPPORT=1"
                .to_owned(),
        );
    }
    notes
}

/// Whether a file is a Python interpreter, by its name: `python3.12`, `libpython3.12.so.1.0`.
fn of_python(file: &str) -> bool {
    let version = file.strip_prefix("lib").unwrap_or(file).strip_prefix("python");
    version.is_some_and(|version| version.is_empty() || version.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::of_python;

    #[test]
    fn an_interpreter_is_known_by_its_name() {
        for file in ["python", "python3", "python3.11", "libpython3.12.so.1.0"] {
            assert!(of_python(file), "{file}");
        }
        for file in ["pythonize", "libc.so.6", "x.py", "[generated]"] {
            assert!(!of_python(file), "{file}");
        }
    }
}
