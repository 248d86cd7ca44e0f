//! RD0201: threads wait for each other in a cycle.
//!
//! The four conditions are those of Coffman, Elphick and Shoshani, *System Deadlocks* (1971); the proposed order of locks
//! is the engine's ([`raddle_engine::waits`]).

use super::{Diagnosis, bystanders};
use crate::case::Case;
use crate::object::ObjectKind;
use crate::states;
use crate::words;
use raddle_engine::waits::{Because, Deadlock, Hold, Link, Mode, Object};

/// Describes a cycle.
pub fn deadlock(case: &Case<'_>, found: &Deadlock) -> Diagnosis {
    let mut diagnosis = Diagnosis { message: message(case, found), ..Diagnosis::default() };
    diagnosis.about = found.cycle.iter().map(|link| link.thread).collect();
    let n = found.cycle.len();
    for (place, link) in found.cycle.iter().enumerate() {
        let held = held(&found.cycle[(place + n - 1) % n]);
        mark(case, &mut diagnosis, link, held);
        diagnosis.reason.push(told(case, link, held));
    }
    diagnosis.reason.extend(conditions(case, found));
    diagnosis.reason.extend(bystanders(case, &diagnosis.about));
    diagnosis.fix = fix(case, found);
    diagnosis
}

/// What `link`'s successor holds.
fn held(link: &Link) -> Option<Hold> {
    match link.because {
        Because::Holds(hold) => Some(hold),
        _ => None,
    }
}

fn message(case: &Case<'_>, found: &Deadlock) -> String {
    if let [one, two] = &found.cycle[..]
        && let (Some(second), Some(first)) = (held(one), held(two))
    {
        let (first_name, second_name) = (case.names.short(first.object), case.names.short(second.object));
        return format!(
            "deadlock: {} holds {first_name} and waits for {second_name}, {} holds {second_name} and waits for {first_name}",
            case.threads.prose(one.thread),
            case.threads.prose(two.thread),
        );
    }
    if let [one, two] = &found.cycle[..]
        && let Some((joiner, ended, hold)) = joined_with_lock(one, two)
    {
        let joiner = case.threads.prose(joiner.thread);
        return format!(
            "deadlock: {joiner} waits for {} to end and meanwhile holds {}, which that thread waits for",
            case.threads.prose(ended.thread),
            case.names.short(hold.object),
        );
    }
    let chain: Vec<String> = found.cycle.iter().map(|link| case.threads.prose(link.thread)).collect();
    format!("deadlock: {} wait for each other in a cycle", words::list(&chain))
}

/// In a cycle of two: who joins, who is joined, and the lock that the second waits for.
fn joined_with_lock<'a>(one: &'a Link, two: &'a Link) -> Option<(&'a Link, &'a Link, Hold)> {
    match (one.because, two.because) {
        (Because::Join, Because::Holds(hold)) => Some((one, two, hold)),
        (Because::Holds(hold), Because::Join) => Some((two, one, hold)),
        _ => None,
    }
}

fn mark(case: &Case<'_>, diagnosis: &mut Diagnosis, link: &Link, held: Option<Hold>) {
    let thread = case.threads.prose(link.thread);
    let label = format!("{thread} {} here", states::plain_wait(case, link.thread, &link.waits));
    case.mark(&mut diagnosis.spans, case.wait_place(link.thread, link.since), label, true);
    if let Some(hold) = held {
        let label = format!("{thread} took {} here", case.names.short(hold.object));
        case.mark(&mut diagnosis.spans, case.place_at(hold.at), label, false);
        diagnosis.keys.extend(hold.at);
    }
    if let Because::Notifies { object, at } = link.because {
        let label = format!("{} was notified here before", case.names.short(object));
        case.mark(&mut diagnosis.spans, case.place_at(at), label, false);
    }
    diagnosis.keys.extend(link.since);
}

/// One thread's part in a sentence.
fn told(case: &Case<'_>, link: &Link, held: Option<Hold>) -> String {
    let thread = case.threads.capital(link.thread);
    let now = format!(
        "{}{}",
        states::plain_wait(case, link.thread, &link.waits),
        case.at(case.wait_place(link.thread, link.since).as_ref())
    );
    let has = match held {
        Some(hold) => {
            let name = &case.names.get(hold.object).long;
            match case.place_at(hold.at) {
                Some(place) => format!(" took {name} at {} and", place.short()),
                None => format!(" holds {name} and"),
            }
        }
        None => String::new(),
    };
    let because = match link.because {
        Because::Holds(_) | Because::Join => String::new(),
        Because::Queued { .. } => " That lock lets no new reader pass a writer that already waits.".to_owned(),
        Because::Notifies { object, .. } => {
            let name = case.names.short(object);
            format!(" So far {name} was notified by the next thread of the cycle, which cannot do it again.")
        }
    };
    format!("{thread}{has}{}{now}.{because}", if held.is_some() { " now " } else { " " })
}

/// The four conditions as they hold here.
fn conditions(case: &Case<'_>, found: &Deadlock) -> Vec<String> {
    let mut locks: Vec<Object> = Vec::new();
    for link in &found.cycle {
        match link.because {
            Because::Holds(hold) if !locks.contains(&hold.object) => locks.push(hold.object),
            Because::Queued { object, .. } if !locks.contains(&object) => locks.push(object),
            _ => {}
        }
    }
    locks.sort_by_key(|lock| found.order.iter().position(|ordered| ordered == lock));
    let names: Vec<String> = locks.iter().map(|object| case.names.short(*object).to_owned()).collect();
    let shared = found.cycle.iter().any(|link| {
        matches!(link.because, Because::Queued { .. })
            || matches!(link.because, Because::Holds(hold) if hold.mode == Mode::Shared)
    });
    let mut conditions = vec!["Four conditions together make a deadlock, and all four hold here:".to_owned()];
    conditions.push(match (&names[..], shared) {
        ([], _) => "Mutual exclusion: each thread waits for what only the next one can do.".to_owned(),
        (_, true) => format!(
            "Mutual exclusion: a writer must have {} to itself; readers keep it out, and it keeps out further readers.",
            words::list(&names)
        ),
        ([one], false) => format!("Mutual exclusion: {one} can be held by only one thread at a time."),
        (_, false) => {
            format!("Mutual exclusion: {} can each be held by only one thread at a time.", words::list(&names))
        }
    });
    conditions.push("Hold and wait: each thread keeps what it has while it waits for more.".to_owned());
    conditions.push(
        "No preemption: nobody can take a lock away; it comes free only when its holder goes on and drops the guard."
            .to_owned(),
    );
    let mut round: Vec<String> = found.cycle.iter().map(|link| case.threads.prose(link.thread)).collect();
    let first = round.remove(0);
    round.push(first.clone());
    conditions.push(format!("Circular wait: {first} waits for {}.", round.join(", which waits for ")));
    conditions
}

fn fix(case: &Case<'_>, found: &Deadlock) -> Vec<String> {
    let mut fix = Vec::new();
    if let Some(against) = found.against_order {
        fix.extend(order(case, found, against));
        return fix;
    }
    let n = found.cycle.len();
    for (place, link) in found.cycle.iter().enumerate() {
        let thread = case.threads.prose(link.thread);
        let held = held(&found.cycle[(place + n - 1) % n]);
        let drop = held.map(|hold| format!("drop the guard of {}", case.names.short(hold.object)));
        match (link.because, drop) {
            (Because::Join, Some(drop)) => fix.push(format!("In {thread}, {drop} before it waits for another thread to end.")),
            (Because::Notifies { object, .. }, Some(drop)) => fix.push(format!(
                "In {thread}, {drop} before it waits on {}: a wait gives back only the mutex that it is handed.",
                case.names.short(object)
            )),
            (Because::Queued { object, .. }, _) => fix.push(format!(
                "Do not take a read lock on {} while another lock is held for which a holder of that read lock may wait.",
                case.names.short(object)
            )),
            _ => {}
        }
    }
    fix.push(
        "Breaking any one of the four conditions is enough; the wait that is easiest to move is the one to move."
            .to_owned(),
    );
    fix
}

/// The order that breaks the cycle, and who has to change.
fn order(case: &Case<'_>, found: &Deadlock, against: u32) -> Vec<String> {
    let names: Vec<String> = found.order.iter().map(|object| case.names.short(*object).to_owned()).collect();
    let others: Vec<u32> = found.cycle.iter().map(|link| link.thread).filter(|thread| *thread != against).collect();
    let does = if others.len() == 1 { "does" } else { "do" };
    let mut fix = vec![format!(
        "Take the locks in one order everywhere: {}, as {} {does} already.",
        names.join(" before "),
        case.threads.list(&others)
    )];
    let same_code = code_is_shared(case, found);
    if let ([first, .., last], Some(link), false) =
        (&found.order[..], found.cycle.iter().find(|link| link.thread == against), same_code)
    {
        let took = found.cycle.iter().filter_map(held).find(|hold| hold.thread == against).and_then(|hold| hold.at);
        let (first, last) = (case.names.short(*first), case.names.short(*last));
        fix.push(format!(
            "{} does it the other way round: it takes {last}{} and then {first}{}. Turn these two round there, or drop the guard of {last} before locking {first}.",
            case.threads.capital(against),
            case.at(case.place_at(took).as_ref()),
            case.at(case.wait_place(against, link.since).as_ref()),
        ));
    }
    if same_code {
        fix.push(
            "All of them pass through the same lines, so which lock comes first depends on the values here, not on the code. Order the locks by something that does not change, such as an index or an identifier, and take the smaller one first."
                .to_owned(),
        );
    }
    fix
}

/// Whether all threads of the cycle wait at the same line, so that no order can be read off the source.
fn code_is_shared(case: &Case<'_>, found: &Deadlock) -> bool {
    let kind = |object: &Object| case.reading.objects.get(*object).kind;
    let one_kind = found.order.iter().all(|object| kind(object) == ObjectKind::Mutex);
    let mut places = found.cycle.iter().map(|link| case.wait_place(link.thread, link.since));
    let first = places.next().flatten();
    one_kind && first.is_some() && places.all(|place| place == first)
}
