//! RD0503: the execution passed a bound without coming to an end. Shows where every thread is, and which steps it
//! repeats.
//!
//! A warning where the first schedule is that long, the one without preemption: most such tests only have much to do. Not
//! where all that its threads do in the end is to look: nobody is left who changes what they look at. That takes a turn of
//! each thread that can run; of one that is left alone, that it has looked at one place for a good part of the execution.

use super::{Diagnosis, mistake_of_the_crate};
use crate::action::What;
use crate::case::Case;
use crate::function;
use crate::place::Place;
use crate::states;
use crate::words;
use raddle_engine::waits::{Final, WaitFor};
use raddle_protocol::trace::{Bound, Op, ThreadId};
use std::collections::{BTreeMap, BTreeSet};

/// How far back repeated steps are looked for.
const WINDOW: usize = 1000;

/// Places at the most that a thread looks at which waits for another one; without another thread it is one.
const PLACES_WAITED_AT: usize = 32;

/// How often a step must occur in that window to be called repeated.
const REPEATED: usize = 10;

/// Describes it.
pub fn no_progress(case: &Case<'_>, bound: Bound) -> Diagnosis {
    let mut diagnosis = Diagnosis { code: "RD0503", ..Diagnosis::default() };
    let passed = match bound {
        Bound::Steps(steps) | Bound::Round(steps) => format!("no end after {}", words::count(steps, "schedule point")),
        Bound::Stall(ms) => format!("no schedule point for {}", words::duration(ms * 1_000_000)),
        Bound::Time(ms) => format!("no end after {}", words::duration(ms * 1_000_000)),
    };
    let runnable: Vec<ThreadId> = threads(case, |end| *end == Final::Runnable);
    let repeated = repeated(case);
    for thread in &runnable {
        diagnosis.about.insert(*thread);
        let who = case.threads.prose(*thread);
        let label = match repeated.get(thread) {
            Some(_) => format!("{who} is here, in a loop"),
            None => format!("{who} is here"),
        };
        case.mark(&mut diagnosis.spans, case.last_place(*thread), label, true);
    }
    for (place, state, threads) in waiting(case) {
        diagnosis.about.extend(&threads);
        let others = match threads.len() - 1 {
            0 => String::new(),
            1 => ", and so does another thread".to_owned(),
            more => format!(", and so do {}", words::count(more as u64, "other thread")),
        };
        let label = format!("{} {state} here{others}", case.threads.prose(threads[0]));
        case.mark(&mut diagnosis.spans, place, label, false);
    }
    let last = case.trace().steps.last().map(|step| step.thread);
    diagnosis.message = match (&runnable[..], last) {
        ([], _) => format!("no progress: {passed}"),
        ([one], _) => format!("no progress: {passed}; {} keeps running", case.threads.prose(*one)),
        (_, Some(last)) => format!("no progress: {passed}; {} ran last", case.threads.prose(last)),
        _ => format!("no progress: {passed}"),
    };
    diagnosis.reason.push(match bound {
        Bound::Steps(_) | Bound::Time(_) => {
            "The execution went on for longer than the bound allows. It may be endless, or need more steps than that.".to_owned()
        }
        Bound::Round(_) => {
            "The execution is endless: it goes round, and after each round all is as it was before. Every thread that can run has its turn in it.".to_owned()
        }
        Bound::Stall(_) => {
            "One thread ran without any operation at which another could be given its turn. It computes, or loops over memory that is not atomic.".to_owned()
        }
    });
    for (thread, (index, times)) in &repeated {
        let action = &case.reading.actions[*index];
        let what = action
            .object
            .map_or_else(|| "a step".to_owned(), |object| format!("an operation on {}", case.names.short(object)));
        diagnosis.reason.push(format!(
            "{} repeats {what}{}: {times} of the last {} steps are this one.",
            case.threads.capital(*thread),
            case.at(case.place_of(Some(action.stack)).as_ref()),
            WINDOW.min(case.reading.actions.len())
        ));
        let place = case.place_of(Some(action.stack));
        if place.as_ref().map(Place::short) == case.last_place(*thread).as_ref().map(Place::short) {
            continue;
        }
        case.mark(&mut diagnosis.spans, place, format!("{} repeats this", case.threads.prose(*thread)), false);
    }
    // Of one thread alone what is seen last says little: a list may be as long.
    let has_spun = runnable.len() > 1 || case.raw.cause.as_ref().is_some_and(|cause| cause.spins.is_some());
    // The first schedule is the one without preemption: everybody had a fair turn.
    let is_only_long = matches!(bound, Bound::Steps(_) | Bound::Time(_))
        && case.raw.execution == 0
        && !(nobody_changes_anything(case) && has_spun);
    diagnosis.fix.push(match bound {
        Bound::Stall(_) => {
            "Look for what should end the loop: the steps before may have left a value with which it cannot end.".to_owned()
        }
        _ if is_only_long => {
            "If the work is only long, give the test less to do: with threads, ten items show what ten thousand would. Or raise the bound with `--max-steps`."
                .to_owned()
        }
        Bound::Steps(_) | Bound::Round(_) | Bound::Time(_) => {
            "Give every loop that waits for another thread something to wait on (a condition variable, a channel, `park`) instead of testing again and again, and see to it that the value it tests can still change."
                .to_owned()
        }
    });
    if matches!(bound, Bound::Round(_)) {
        return diagnosis;
    }
    if is_only_long {
        diagnosis.warning = true;
        diagnosis.reason.push(
            "This was the first schedule, in which every thread has fair turns. So no other has been tried, and what comes after the bound has not been looked at."
                .to_owned(),
        );
        return diagnosis;
    }
    diagnosis.reason.extend(waits_long(case));
    if let [one] = runnable[..] {
        left_alone(case, one, &mut diagnosis);
    }
    diagnosis
        .notes
        .push("A bound tells nothing about what lies beyond it; if the work is only long, raise the bound.".to_owned());
    diagnosis
}

/// Tells of a thread that only looks and yields when all others have ended, and of the crate inside which it does.
fn left_alone(case: &Case<'_>, thread: ThreadId, diagnosis: &mut Diagnosis) {
    let others = threads(case, |end| *end == Final::Ended).len();
    if others == 0 || others + 1 != case.trace().threads.len() || !nobody_changes_anything(case) {
        return;
    }
    diagnosis.reason.push(format!(
        "{} has only looked and yielded for its last {} steps and more. {}: nobody is left who would change what it looks at.",
        case.threads.capital(thread),
        words::thousands(WINDOW.min(case.trace().steps.len()) as u64),
        if others == 1 { "The other thread has ended" } else { "All other threads have ended" }
    ));
    let last = case.trace().threads.get(thread as usize).and_then(|thread| thread.last);
    let inside =
        last.map(|last| case.sites.get(last)).and_then(|site| Some((site.performing_crate()?, site.dependency()?)));
    if let Some((krate, called)) = inside {
        let loops = format!("The loop is inside the crate `{krate}` (`{}`)", function::short(&called.function));
        diagnosis.fix.insert(0, mistake_of_the_crate(&loops));
    }
}

/// The thread in the user's code that has waited for a notification for the longest, if that is most of the execution.
fn waits_long(case: &Case<'_>) -> Option<String> {
    let trace = case.trace();
    let end = trace.position(trace.steps.len());
    let since = |thread: &ThreadId| match case.reading.finals.get(*thread as usize)? {
        Final::Waiting(WaitFor::Notification(_), Some(since)) => Some(trace.position(*since)),
        _ => None,
    };
    let servants = super::servants(case);
    let waiting = (0..trace.threads.len() as ThreadId).filter(|thread| !servants.contains(thread));
    let (begun, thread) = waiting.filter_map(|thread| Some((since(&thread)?, thread))).min()?;
    (begun < end / 2).then(|| {
        format!(
            "{} {}{}, for the last {} of {}. Nothing that was done meanwhile has ended that wait: if it was to be ended long ago, the wake-up is lost (RD0204), and threads that go on for ever hide it.",
            case.threads.capital(thread),
            states::state(case, thread),
            case.at(case.last_place(thread).as_ref()),
            words::thousands(end - begun),
            words::count(end, "operation"),
        )
    })
}

/// Whether all that is done at the end is to look, yield and sleep, by every thread that can run: who waits like that for
/// another thread waits for ever. Who waits looks at few places: where they are many, a list is searched, or a table.
fn nobody_changes_anything(case: &Case<'_>) -> bool {
    let looks = |op: &Op| {
        matches!(
            op,
            Op::Load { .. }
                | Op::CompareExchange { done: false, .. }
                | Op::Fence { .. }
                | Op::Yield
                | Op::Sleep { .. }
                | Op::Woke
        )
    };
    let mut to_come: BTreeSet<ThreadId> = threads(case, |end| *end == Final::Runnable).into_iter().collect();
    let mut places: BTreeMap<ThreadId, BTreeSet<u64>> = BTreeMap::new();
    for (number, step) in case.trace().steps.iter().rev().enumerate() {
        if number >= WINDOW && to_come.is_empty() {
            break;
        }
        if !looks(&step.op) {
            return false;
        }
        if let Op::Load { address, .. } | Op::CompareExchange { address, .. } = step.op {
            places.entry(step.thread).or_default().insert(address);
        }
        to_come.remove(&step.thread);
    }
    let others = case.trace().threads.len() - 1;
    let most = if others > 0 { PLACES_WAITED_AT } else { 1 };
    to_come.is_empty() && places.values().all(|looked_at| looked_at.len() <= most)
}

/// The threads that wait, together where they wait at one place for the same: a pool has many.
fn waiting(case: &Case<'_>) -> Vec<(Option<Place>, String, Vec<ThreadId>)> {
    let mut groups: Vec<(Option<Place>, String, Vec<ThreadId>)> = Vec::new();
    for thread in threads(case, |end| matches!(end, Final::Waiting(..))) {
        let (place, state) = (case.last_place(thread), states::state(case, thread));
        let short = place.as_ref().map(Place::short);
        match groups.iter_mut().find(|(at, same, _)| at.as_ref().map(Place::short) == short && *same == state) {
            Some((.., threads)) => threads.push(thread),
            None => groups.push((place, state, vec![thread])),
        }
    }
    groups
}

fn threads(case: &Case<'_>, fit: impl Fn(&Final) -> bool) -> Vec<ThreadId> {
    case.reading.finals.iter().zip(0..).filter(|(end, _)| fit(end)).map(|(_, thread)| thread).collect()
}

/// For each thread that repeats one, the action that it repeats most: index of its last occurrence, and how often.
fn repeated(case: &Case<'_>) -> BTreeMap<ThreadId, (usize, usize)> {
    let actions = &case.reading.actions;
    let mut counts: BTreeMap<(ThreadId, u32), (usize, usize)> = BTreeMap::new();
    for (index, action) in actions.iter().enumerate().skip(actions.len().saturating_sub(WINDOW)) {
        let seen = !matches!(action.what, What::Began | What::Ended | What::Yielded);
        if seen && case.sites.get(action.stack).user.is_some() {
            let count = counts.entry((action.thread, action.stack)).or_default();
            *count = (index, count.1 + 1);
        }
    }
    let mut most: BTreeMap<ThreadId, (usize, usize)> = BTreeMap::new();
    for ((thread, _), (index, times)) in counts {
        if times >= REPEATED && most.get(&thread).is_none_or(|(_, best)| times > *best) {
            most.insert(thread, (index, times));
        }
    }
    most
}
