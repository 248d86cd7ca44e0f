//! Whether executions that pass print the same: each is compared with the first one that did
//! ([`raddle_engine::output`]). Where one does not, it is treated like one that fails: it is made shorter, and two steps are
//! looked for that decide.
//!
//! Not seen: what executions print after the first [`MOST_COMPARED`], and so long as none has passed.

use crate::explore::Explorer;
use crate::report::raw;
use crate::state::rt;
use crate::{cause, shrink};
use raddle_engine::output::Printed;
use raddle_protocol::trace::Outcome;
use raddle_protocol::{Cause, Choice, Entry, RawFinding, message};

/// Executions compared at the most. How many does not depend on how many processes share the work.
const MOST_COMPARED: u64 = 10_000;
/// Tells this finding from others.
const SIGNATURE: u64 = 0x7072_696e_7465_6421;

/// What executions have printed.
#[derive(Default)]
pub struct Told {
    /// The first that passed.
    first: Option<First>,
    /// It is looked into why an execution prints something else.
    looks_into: bool,
    /// One has been told of.
    pub is_told: bool,
}

struct First {
    execution: u64,
    choices: Vec<Choice>,
    printed: Printed,
}

impl Explorer {
    /// Compares what the execution has printed that has just passed.
    pub fn compare_output(&mut self, execution: u64) {
        let runtime = rt();
        if runtime.outcome != Outcome::Passed {
            // Another one has been performed since, for a report.
            return;
        }
        if self.told.first.is_none() {
            let (choices, printed) = (runtime.tape.record().to_vec(), runtime.execution.printed.clone());
            self.told.first = Some(First { execution, choices, printed });
        }
        if !self.told.is_told && execution < MOST_COMPARED && self.differs() {
            self.told.is_told = true;
            self.report_output(execution, runtime.tape.record().to_vec());
        }
    }

    /// Whether the last execution has printed something else than the first, while it is looked into why.
    pub fn prints_otherwise(&self) -> bool {
        self.told.looks_into && self.differs()
    }

    fn differs(&self) -> bool {
        let runtime = rt();
        let is_program = runtime.plan.entry == Entry::Main;
        self.told.first.as_ref().is_some_and(|first| runtime.execution.printed.differs(&first.printed, is_program))
    }

    /// Tells of an execution that has printed something else.
    fn report_output(&mut self, execution: u64, choices: Vec<Choice>) {
        self.told.looks_into = true;
        let shorter = self.briefly(|explorer| shrink::easier_to_read(explorer, execution, &choices));
        let choices = shorter.into_iter().next().unwrap_or(choices);
        let reasons = self.briefly(|explorer| cause::find(explorer, execution, &choices));
        self.told.looks_into = false;
        let (outcome, recorder) = self.aside(|explorer| explorer.record(execution, choices.clone(), None));
        let runtime = rt();
        let here = runtime.execution.printed.clone();
        let is_same = outcome == Outcome::Passed && self.differs();
        let Some(first) = self.told.first.as_ref().filter(|_| is_same) else { return };
        let cause = reasons.map(|reasons| recorder.places_of_reasons(&reasons, runtime)).unwrap_or_default();
        let text = |printed: &Printed| {
            let is_program = runtime.plan.entry == Entry::Main;
            String::from_utf8_lossy(if is_program { &printed.all } else { &printed.own }).into_owned()
        };
        let printed = message::Printed {
            here: text(&here),
            there: text(&first.printed),
            execution: first.execution,
            choices: first.choices.clone(),
        };
        let cause = Some(Cause { printed: Some(printed), ..cause });
        self.show(SIGNATURE, RawFinding { cause, ..raw(outcome, execution, choices, recorder) });
    }
}
