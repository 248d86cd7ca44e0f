//! RD0505: the same choices led to different executions.

use super::Diagnosis;
use crate::case::Case;
use crate::words;
use raddle_protocol::trace::{Op, Outcome};

/// The second performance ended in another way.
pub fn differs(case: &Case<'_>, other: &Outcome) -> Diagnosis {
    if let Outcome::Diverged { at, detail } = other {
        return diverged(case, *at, detail);
    }
    let same_end = *other == case.raw.outcome;
    let message = if same_end {
        "not reproducible: other steps the second time, with the same choices".to_owned()
    } else {
        let (first, second) = (ended(&case.raw.outcome), ended(other));
        format!("not reproducible: {first} the first time, {second} the second time, with the same choices")
    };
    let mut diagnosis = Diagnosis { code: "RD0505", message, ..Diagnosis::default() };
    let difference = if same_end { "the steps they took were not the same" } else { "they ended differently" };
    diagnosis.reason.push(format!(
        "Both performances were asked the same questions, in the same order, and given the same answers; yet {difference}."
    ));
    last_step(case, "the second performance took its last recorded step here", &mut diagnosis);
    sources(case, &mut diagnosis);
    diagnosis
}

/// The second performance asked another question.
pub fn diverged(case: &Case<'_>, at: u64, detail: &str) -> Diagnosis {
    let mut diagnosis = Diagnosis {
        code: "RD0505",
        message: format!("not reproducible: choice {at} was another one the second time"),
        ..Diagnosis::default()
    };
    diagnosis.reason.push(format!(
        "With the same answers to the first {}, the program went another way: {}.",
        words::count(at, "choice"),
        detail.trim_end_matches('.')
    ));
    last_step(case, "the two performances part after this step", &mut diagnosis);
    sources(case, &mut diagnosis);
    diagnosis
}

fn last_step(case: &Case<'_>, label: &str, diagnosis: &mut Diagnosis) {
    let Some(last) = case.trace().steps.len().checked_sub(1) else { return };
    let thread = case.trace().steps[last].thread;
    diagnosis.about.insert(thread);
    diagnosis.keys.insert(last);
    // The last action that a reader can see is a better place than the last operation.
    let seen = case.reading.actions.iter().rev().find(|action| case.sites.get(action.stack).user.is_some());
    let place = seen.map_or_else(|| case.place_at(Some(last)), |action| case.place_of(Some(action.stack)));
    diagnosis.keys.extend(seen.map(|action| action.at));
    case.mark(&mut diagnosis.spans, place, label, true);
}

/// Where a difference can come from; input and output that the trace shows come first.
fn sources(case: &Case<'_>, diagnosis: &mut Diagnosis) {
    let mut calls: Vec<&str> = Vec::new();
    for step in &case.trace().steps {
        if let Op::Io { call, .. } = &step.op
            && !calls.contains(&call.as_str())
        {
            calls.push(call);
        }
    }
    if calls.is_empty() {
        diagnosis.reason.push(
            "Something that Raddle does not control had an influence: an address used as a value (a hash of a pointer, a sort by address), the real time, a random number from outside, or memory that was never set."
                .to_owned(),
        );
    } else {
        let calls: Vec<String> = calls.iter().map(|call| format!("`{call}`")).collect();
        diagnosis.reason.push(format!(
            "The likely source is real input or output: the execution calls {}, and what that returns is decided outside the program.",
            words::list(&calls)
        ));
        for (step, at) in case.trace().steps.iter().zip(0..) {
            if matches!(step.op, Op::Io { .. }) {
                case.mark(&mut diagnosis.spans, case.place_at(Some(at)), "input or output here", false);
                diagnosis.keys.insert(at);
                break;
            }
        }
    }
    diagnosis.fix.push(
        "Let the test take its input, time and random numbers from values that it sets itself; then every failure can be performed again."
            .to_owned(),
    );
}

fn ended(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "it passed".to_owned(),
        Outcome::Exited(status) => format!("it ended with status {status}"),
        Outcome::Stuck => "no thread could run any more".to_owned(),
        Outcome::Crashed { signal, .. } => format!("it died of {}", words::signal(*signal).0),
        Outcome::NoProgress(_) => "it made no progress".to_owned(),
        Outcome::Diverged { .. } => "it went another way".to_owned(),
        Outcome::NeedsFork(_) => "it needed a process of its own".to_owned(),
        Outcome::Conflict(_) => "it had a conflict of accesses".to_owned(),
    }
}
