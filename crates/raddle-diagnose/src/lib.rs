//! From a recorded execution to a finding in the words of its source code.
//!
//! The runtime records operations at addresses. Here they get their meaning, in this order:
//!
//! 1. `Site`: a call stack becomes source frames, roles and the call in user code;
//! 2. `Reading`: operations become actions (takes a lock, waits, sends), addresses become objects;
//! 3. `Names`, `Threads`: objects and threads get names;
//! 4. `codes`: the way the execution ended becomes a diagnosis, with the engine's judgement of waits;
//! 5. `Steps`: the actions become the interleaving that a reader sees.
//!
//! Invariant: no input or output. Source text and symbols come through [`Context`] and
//! [`Symbols`]. The same record gives the same finding.
//!
//! What it cannot see: of plain memory accesses only those that a conflict is about are in a trace, so that values behind a
//! lock are not shown; a library whose functions have no role is shown as calls into it.

#![forbid(unsafe_code)]

mod action;
mod before;
mod blocks;
mod calls;
mod carried;
mod case;
mod codes;
mod context;
mod encoding;
mod expression;
mod function;
mod kinds;
mod loops;
mod names;
mod object;
mod panic;
mod panicked;
mod paths;
mod place;
mod polls;
mod reading;
mod round;
mod site;
mod states;
mod steps;
mod tasks;
mod threads;
mod unambiguous;
mod variable;
mod words;
mod wrappers;

pub use context::Context;

use case::Case;
use raddle_instrument::symbols::Symbols;
use raddle_protocol::choice::{self, Choice};
use raddle_protocol::finding::{RootCause, Schedule, StepView, ThreadView};
use raddle_protocol::trace::{Bound, Outcome};
use raddle_protocol::{Code, Finding, RawFinding, Severity};
use std::collections::BTreeSet;
use steps::Steps;

/// Most steps that a finding carries besides those on which it turns. Nobody reads more; a replay shows them all.
const MOST_STEPS: usize = 1000;

/// Explains a recorded execution.
pub fn diagnose(raw: &RawFinding, symbols: &dyn Symbols, context: &Context<'_>) -> Finding {
    let raw = &*round::cut(raw);
    let case = Case::new(raw, symbols, context);
    told(&case, codes::diagnose(&case))
}

/// A diagnosis as a finding.
fn told(case: &Case<'_>, mut diagnosis: codes::Diagnosis) -> Finding {
    let (raw, context) = (case.raw, case.context);
    let mut steps = Steps::new(case, &diagnosis.keys, diagnosis.by_task);
    let dropped = steps.shorten(MOST_STEPS);
    if dropped > 0 {
        diagnosis.notes.push(format!(
            "{} steps of the execution are left out of the interleaving; a replay shows all of them.",
            words::thousands(dropped as u64)
        ));
    }
    if raw.trace.output_cut > 0 {
        diagnosis.notes.push(format!("{} more bytes of output were not kept.", raw.trace.output_cut));
    }
    if case.sites.unresolved() {
        diagnosis.notes.push(
            "The program has no debug information (it is stripped, or was built without): places in its source and the names of its locks are not known."
                .to_owned(),
        );
    }
    let pattern = diagnosis.pattern.map(|code| Code(code.to_owned()));
    let root_cause = diagnosis.decides.take().and_then(|(first, second, because)| {
        Some(RootCause { first: steps.at(case, first)?, second: steps.at(case, second)?, because })
    });
    let acting: BTreeSet<u32> = steps.views.iter().map(|step| step.thread).collect();
    if diagnosis.by_task {
        // A thread that does nothing of it but carry tasks takes part as these.
        let carries = |thread: u32| {
            let mut keys = diagnosis
                .keys
                .iter()
                .filter(|at| raw.trace.steps.get(**at).is_some_and(|step| step.thread == thread))
                .peekable();
            keys.peek().is_some() && keys.all(|at| case.tasks.of(*at).is_some())
        };
        let about = core::mem::take(&mut diagnosis.about);
        diagnosis.about = about.into_iter().filter(|thread| !carries(*thread)).collect();
    }
    Finding {
        code: Code(diagnosis.code.to_owned()),
        severity: if diagnosis.warning { Severity::Warning } else { Severity::Error },
        test: context.test.clone(),
        message: diagnosis.message,
        spans: diagnosis.spans,
        threads: states::views(case, |thread| acting.contains(&thread) || diagnosis.about.contains(&thread)),
        steps: steps.views,
        stacks: diagnosis.stacks,
        reason: diagnosis.reason,
        fix: diagnosis.fix,
        notes: diagnosis.notes,
        output: String::from_utf8_lossy(&raw.trace.output).into_owned(),
        replay: String::new(),
        schedule: Schedule {
            seed: context.seed,
            execution: raw.execution,
            preemptions: choice::preemptions(&raw.choices),
            choices: choice::to_text(&raw.choices),
            kept: None,
        },
        root_cause,
        pattern,
    }
}

/// Explains what is a mistake in an execution that passed all the same, as far as anything is.
pub fn suspects(raw: &RawFinding, symbols: &dyn Symbols, context: &Context<'_>) -> Vec<Finding> {
    let raw = &*round::cut(raw);
    let case = Case::new(raw, symbols, context);
    let found = match is_in_step(raw) {
        true => codes::endless(&case).or_else(|| codes::alone(&case)).into_iter().collect(),
        false if is_cancelled(raw) => codes::cancelled(&case).into_iter().collect(),
        false => codes::suspects(&case),
    };
    found.into_iter().map(|diagnosis| told(&case, codes::completed(&case, diagnosis))).collect()
}

/// Whether something was cancelled in this execution, in order to see what that leaves behind (`--cancel`). It is
/// judged by [`suspects`], however it ended: that a test does not expect its own time limit to end is no mistake of the
/// program.
pub fn is_cancelled(raw: &RawFinding) -> bool {
    raw.choices.iter().any(Choice::cancels)
}

/// Whether this execution is the first one, or was performed beside the search with its threads in step, and goes round for
/// ever. It is judged by [`suspects`]: what is neither a livelock nor starvation in code that its reader knows may be how a
/// lock spins, unless one thread goes round alone.
pub fn is_in_step(raw: &RawFinding) -> bool {
    matches!(raw.outcome, Outcome::NoProgress(Bound::Round(_))) && raw.execution == 0
}

/// All threads and all steps of a recorded execution, however it ended: what a replay prints.
pub fn narrate(raw: &RawFinding, symbols: &dyn Symbols, context: &Context<'_>) -> (Vec<ThreadView>, Vec<StepView>) {
    let case = Case::new(raw, symbols, context);
    let steps = Steps::new(&case, &BTreeSet::new(), false);
    (states::views(&case, |thread| (thread as usize) < raw.trace.threads.len()), steps.views)
}

#[cfg(test)]
mod tests;
