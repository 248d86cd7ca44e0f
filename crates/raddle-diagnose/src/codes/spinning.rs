//! RD0207: a thread looks at one place again and again, and does not let the thread run that changes it.
//!
//! Judged on the execution without preemption, in which whoever runs keeps its turn: there a loop that tests a variable goes
//! on for a hundred looks and more, until the turn is taken from it. Told of loops in the user's own code, from [`MOST`]
//! looks in a row on, if another thread changes the place afterwards. A loop that yields, sleeps or parks between two looks is
//! none; nor is one that gives up by itself, however late: that has been tried, in an execution in which nobody takes the turn
//! from it.
//!
//! Not seen: loops that look at several places in turn; locks of libraries that spin, which is theirs to decide; and whether
//! the loop has the processor told that it spins (`spin_loop`), which does not give it to anybody.

use super::Diagnosis;
use crate::case::Case;
use crate::site::Plain;
use crate::words;
use raddle_protocol::Op;
use raddle_protocol::trace::{Step, ThreadId};

/// Looks in a row at the least.
pub const MOST: usize = 100;

/// Looks in a row at one place, with nobody else running meanwhile.
#[derive(Clone, Copy)]
struct Run {
    thread: ThreadId,
    address: u64,
    value: u64,
    /// The first and the last.
    steps: (usize, usize),
    looks: usize,
}

/// The first loop of this thread at this place.
pub fn find(case: &Case<'_>, (thread, address): (ThreadId, u64)) -> Option<Diagnosis> {
    let is_it = |run: &Run| run.thread == thread && run.address == address;
    let (run, changes) = runs(case).into_iter().filter(is_it).find_map(|run| Some((run, changes_it(case, &run)?)))?;
    let other = case.trace().steps[changes].thread;
    let mut diagnosis = Diagnosis { code: "RD0207", warning: true, ..Diagnosis::default() };
    let (who, by) = (case.threads.prose(run.thread), case.threads.prose(other));
    let object = case.reading.actions.iter().find(|action| action.at == run.steps.0).and_then(|action| action.object);
    let name = object.map_or("one place", |object| case.names.short(object));
    let looks = words::count(run.looks as u64, "time");
    diagnosis.about.extend([run.thread, other]);
    diagnosis.keys.extend([run.steps.0, changes]);
    diagnosis.message = format!(
        "spinning without progress: {who} looks at {name} {looks} in a row, while {by}, which changes it, does not run"
    );
    let [loops, changed] = [run.steps.0, changes].map(|at| case.place_at(Some(at)));
    diagnosis.reason.push(format!(
        "{} reads {name} in a loop{} and finds the same each time. Only another thread can change that: {by} does{}, as soon as it is let run. Nothing in the loop lets it: no `yield_now`, no sleep, no `park`, no lock or condition to wait for. Where there are more threads than free processors, the loop burns its time slice to the end for nothing, and at a higher priority than the other thread's it may never end.",
        words::capital(&who),
        case.at(loops.as_ref()),
        case.at(changed.as_ref()),
    ));
    case.mark(&mut diagnosis.spans, loops, format!("{who} looks at {name} here, {looks} in a row"), true);
    case.mark(&mut diagnosis.spans, changed, format!("{by} changes it here"), false);
    diagnosis.fix = vec![
        "Wait in a way that the operating system knows of: `join` for a thread's end; a channel, a `Condvar`, a `Barrier`, a `OnceLock`, or `park` with `unpark` for anything else.".to_owned(),
        "Where the wait is known to be short, look a few dozen times and then block; at the very least call `thread::yield_now` in the loop. `hint::spin_loop` saves power, but does not give the processor to anybody.".to_owned(),
    ];
    Some(diagnosis)
}

/// All loops that are long enough.
fn runs(case: &Case<'_>) -> Vec<Run> {
    let mut found: Vec<Run> = Vec::new();
    let mut current: Option<Run> = None;
    for (at, step) in case.trace().steps.iter().enumerate() {
        let goes_on = |run: &Run| looks(case, step) == Some((run.address, run.value)) && run.thread == step.thread;
        if let Some(run) = current.as_mut().filter(|run| goes_on(run)) {
            run.looks += 1;
            run.steps.1 = at;
            continue;
        }
        found.extend(current.take().filter(|run| run.looks >= MOST));
        current = looks(case, step).map(|(address, value)| Run {
            thread: step.thread,
            address,
            value,
            steps: (at, at),
            looks: 1,
        });
    }
    found.extend(current.filter(|run| run.looks >= MOST));
    found
}

/// The place and value of a look by the user's own code.
fn looks(case: &Case<'_>, step: &Step) -> Option<(u64, u64)> {
    let look = match step.op {
        Op::Load { address, value, .. } => (address, value),
        Op::CompareExchange { address, old, done: false, .. } => (address, old),
        _ => return None,
    };
    let site = case.sites.get(step.stack);
    (site.plain == Plain::Atomic && site.roles.is_empty()).then_some(look)
}

/// The step by which another thread changes what a loop looks at.
fn changes_it(case: &Case<'_>, run: &Run) -> Option<usize> {
    let steps = &case.trace().steps[run.steps.1..];
    let changes = |step: &Step| {
        step.thread != run.thread
            && crate::encoding::change(&step.op).is_some_and(|change| change.address == run.address)
    };
    steps.iter().position(changes).map(|at| run.steps.1 + at)
}
