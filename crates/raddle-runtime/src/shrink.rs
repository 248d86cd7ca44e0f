//! Shrinks a failing execution: performs what [`raddle_engine::shrink`] proposes. Bounded in executions and in schedule
//! points, so that the same seed gives the same result on any machine; and for executions that take long in time, since
//! whoever waits for a report would rather have a longer one. How short it is may then depend on the machine.

use crate::cause;
use crate::explore::Explorer;
use crate::state::{Runtime, rt};
use raddle_engine::Strategy;
use raddle_engine::random::mix;
use raddle_engine::shrink::{Fewer, Follow, Note, minimize};
use raddle_engine::strategy::Replay;
use raddle_protocol::choice::preemptions;
use raddle_protocol::trace::{Outcome, State, Wait};
use raddle_protocol::{Choice, ChoiceKind};

/// Executions performed at the most.
const MOST_TRIES: u64 = 1000;
/// Schedule points passed at the most in all of them.
const MOST_POINTS: u64 = 5_000_000;

/// Executions with fewer preemptions that are tried at the most, and schedule points passed in them.
const MOST_FEWER: u64 = 500;
/// See [`MOST_FEWER`].
const MOST_FEWER_POINTS: u64 = 500_000;

/// The status of no process: how an execution counts that passes, where it is looked into why it does not print what another
/// one has printed.
const PRINTS_OTHERWISE: i32 = i32::MIN;

/// Tells ends apart: how the execution ended, and what kind of thing each thread was doing then. Not where, since
/// addresses may differ.
pub fn manner(outcome: &Outcome, runtime: &Runtime) -> Option<u64> {
    let kind = match outcome {
        Outcome::Exited(status) => 1 << 32 | *status as u64,
        Outcome::Crashed { signal, thread, .. } => 2 << 32 | u64::from(*thread) << 8 | *signal as u64,
        Outcome::Stuck => 3 << 32,
        Outcome::Conflict(found) => {
            let earlier = found.earlier.map_or(0, |(thread, access)| u64::from(thread) << 4 | 8 | access as u64);
            mix(earlier ^ (4 << 32 | u64::from(found.thread) << 8 | (found.kind as u64) << 4 | found.access as u64))
        }
        // The others take too long, or do not fail.
        _ => return None,
    };
    if !matches!(outcome, Outcome::Stuck) {
        return Some(kind);
    }
    let threads = 0..runtime.execution.threads.len() as u32;
    Some(threads.fold(kind, |hash, thread| {
        let doing = match runtime.execution.schedule.state(thread) {
            State::Waiting(wait) => kind_of(wait),
            State::Runnable => 0,
            State::Ended => 1,
        };
        mix(hash ^ doing)
    }))
}

fn kind_of(wait: &Wait) -> u64 {
    match wait {
        Wait::Futex(_) => 2,
        Wait::Mutex(..) => 3,
        Wait::RwLock(_, write) => 4 + u64::from(*write),
        Wait::Condvar(_) => 6,
        Wait::Barrier(_) => 7,
        Wait::Semaphore(_) => 8,
        Wait::Once(_) => 9,
        Wait::Sleep => 10,
        Wait::Descriptor(_) => 11,
        Wait::FileLock(_, exclusive) => 12 + u64::from(*exclusive),
        Wait::Join(thread) => 14 + u64::from(*thread),
    }
}

/// The choices of a shorter execution that ends in the same manner as this one; `None` when there is none, or when it
/// cannot be told.
fn shrink(explorer: &mut Explorer, execution: u64, choices: &[Choice]) -> Option<Vec<Choice>> {
    let (note, noted) = Note::new(choices.to_vec());
    let usual = explorer.usual();
    let wanted = perform(explorer, execution, Box::new(note.against(usual.clone()))).0?;
    let deviations = noted.borrow().clone();
    let (mut shorter, mut tries, mut points) = (None, 0, 0);
    minimize(deviations, |part| {
        if tries >= MOST_TRIES || points >= MOST_POINTS || explorer.is_late() {
            return None;
        }
        let (ended, record, _) = perform(explorer, execution, Box::new(Follow::new(part).against(usual.clone())));
        tries += 1;
        points += rt().points;
        let same = ended == Some(wanted);
        if same {
            shorter = Some(record);
        }
        Some(same)
    });
    shorter
}

/// The choices of an execution that ends in the same manner with fewer preemptions, and nothing else that is unusual; `None` if
/// none of the first that have fewer does.
fn with_fewer(explorer: &mut Explorer, execution: u64, choices: &[Choice]) -> Option<Vec<Choice>> {
    let most = preemptions(choices);
    let is_of_threads = choices.iter().all(|choice| choice.kind == ChoiceKind::Thread || choice.taken == 0);
    if most < 2 || !is_of_threads {
        return None;
    }
    let wanted = perform(explorer, execution, Box::new(Replay::new(choices.to_vec()))).0?;
    let (mut search, mut points) = (Fewer::new(u32::try_from(most - 1).unwrap_or(u32::MAX)), rt().points);
    for _ in 0..MOST_FEWER {
        if search.is_over() || points >= MOST_FEWER_POINTS || explorer.is_late() {
            return None;
        }
        let (ended, record, outcome) = perform(explorer, execution, Box::new(search.clone()));
        let runtime = rt();
        points += runtime.points;
        search.end(&runtime.execution.schedule.seen(record.len() as u64, outcome == Outcome::Passed));
        if ended == Some(wanted) && preemptions(&record) < most {
            return Some(record);
        }
    }
    None
}

/// The choices of executions that end in the manner of this one, the easiest to read first, this one last.
pub fn easier_to_read(explorer: &mut Explorer, execution: u64, choices: &[Choice]) -> Vec<Vec<Choice>> {
    let mut found = vec![choices.to_vec()];
    found.extend(shrink(explorer, execution, choices));
    if let Some(plain) = cause::without_old_values(explorer, execution, &found[found.len() - 1]) {
        let shorter = shrink(explorer, execution, &plain);
        found.push(plain);
        found.extend(shorter);
    }
    let fewer = with_fewer(explorer, execution, &found[found.len() - 1]);
    found.extend(fewer);
    found.reverse();
    found
}

/// Performs one execution: the manner of its end, its choices, and its end.
pub fn perform(
    explorer: &mut Explorer,
    execution: u64,
    strategy: Box<dyn Strategy>,
) -> (Option<u64>, Vec<Choice>, Outcome) {
    let outcome = match explorer.led_by(strategy, |explorer| explorer.perform_reversibly(execution)) {
        Outcome::Passed if explorer.prints_otherwise() => Outcome::Exited(PRINTS_OTHERWISE),
        outcome => outcome,
    };
    (manner(&outcome, rt()), rt().tape.record().to_vec(), outcome)
}
