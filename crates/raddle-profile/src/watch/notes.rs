//! What a reader of a measurement should know beside its numbers: what could not be seen, and how to see more.

use super::report::Context;
use super::session::Samples;
use super::watcher::Watcher;
use crate::model::{Ending, Sampling};
use crate::stacks::python::is_interpreter;

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
    if samples.stacks.iter().flatten().any(|function| is_interpreter(&function.file)) {
        notes.push(
            "the interpreter's structures could not be read for all stacks of Python code: some show its C functions instead \
             of Python's"
                .to_owned(),
        );
    }
    notes
}
