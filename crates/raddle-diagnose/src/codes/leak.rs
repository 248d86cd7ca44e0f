//! RD0404: a cancelled operation has left descriptors open.
//!
//! The execution was made to cancel something (`--cancel`), and passes. The runtime says which descriptors are open
//! at its end that are closed at the end of the execution without: those had been opened before the cancellation began,
//! where the two executions are still the same. When a future was dropped because of it, what has kept it from being
//! closed is that.
//!
//! Not seen: descriptors that are never closed, cancelled or not; memory and threads; and tests in which other threads are
//! still under way at the end.

use super::{Diagnosis, cancellation};
use crate::case::Case;
use crate::function;
use crate::place::Place;
use raddle_protocol::Op;

/// What has been left open.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let steps = &case.trace().steps;
    let dropped = cancellation::dropped(case)?;
    let opening = |left: &i32| {
        let opens = |at: &usize| matches!(steps[*at].op, Op::Opened { descriptor } if descriptor == *left);
        (0..dropped.stall).rev().find(opens)
    };
    let left = steps.iter().filter_map(|step| match step.op {
        Op::LeftOpen { descriptor } => Some(descriptor),
        _ => None,
    });
    let opened: Vec<usize> = left.filter_map(|descriptor| opening(&descriptor)).collect();
    let first = *opened.first()?;
    let place = Place::of(dropped.frame, case.context);
    let name = function::short(&dropped.frame.function);
    let mut diagnosis = Diagnosis { code: "RD0404", ..Diagnosis::default() };
    let ends = steps.iter().rposition(|step| matches!(step.op, Op::LeftOpen { .. }));
    diagnosis.keys.extend(opened.iter().copied().chain([dropped.stall, dropped.waited, dropped.at]).chain(ends));
    diagnosis.about.insert(steps[dropped.at].thread);
    diagnosis.about.extend(dropped.late());
    let one = opened.len() == 1;
    let what = match opened.len() {
        1 => "a descriptor".to_owned(),
        several => format!("{several} descriptors"),
    };
    diagnosis.message = format!("handle leak: `{name}` was dropped at an `.await`, and {what} stayed open");
    case.mark(&mut diagnosis.spans, place.clone(), format!("`{name}` waited here when it was dropped"), true);
    for at in &opened {
        case.mark(&mut diagnosis.spans, case.place_at(Some(*at)), "what stayed open was opened here".to_owned(), false);
    }
    diagnosis.reason = vec![
        format!(
            "{} Its future was dropped there. {} opened{} before that, and {} still open when the test had ended and no thread was left that could close {}.",
            dropped.reason(case),
            crate::words::capital(&format!("{what} had been")),
            case.at(case.place_at(Some(first)).as_ref()),
            if one { "was" } else { "were" },
            if one { "it" } else { "them" },
        ),
        format!(
            "{}, all of this is closed. So each cancellation leaves something behind, and a program that runs for long has no descriptors left in the end.",
            dropped.otherwise(case)
        ),
    ];
    diagnosis.fix = vec![
        "What closes it must not come after an `.await` alone: let the future own it, or a guard whose `Drop` closes it, or takes it out of the table that it is entered in.".to_owned(),
        "Look for what keeps it alive: an entry in a map that only a finished operation removes, a circle of `Arc`s, a `forget` or an `into_raw_fd` whose counterpart comes after the `.await`.".to_owned(),
    ];
    diagnosis.notes = vec![dropped.note()];
    Some(diagnosis)
}
