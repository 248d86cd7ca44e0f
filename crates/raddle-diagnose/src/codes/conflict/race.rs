//! RD0101: a data race.

use super::ordering::{self, Flaw};
use super::{Facts, SAME_MEMORY, Side, library};
use crate::case::Case;
use crate::codes::Diagnosis;
use crate::words;
use raddle_engine::waits::Holds;
use raddle_protocol::trace::{Access, Op, StackId, ThreadId};

/// Describes it.
pub fn race(case: &Case<'_>, facts: &Facts<'_>) -> Diagnosis {
    let mut diagnosis = Diagnosis { code: "RD0101", ..Diagnosis::default() };
    let later = &facts.later;
    let Some(earlier) = &facts.earlier else { return diagnosis };
    let name = &facts.name;
    let (first, second) = (case.threads.prose(earlier.thread), case.threads.prose(later.thread));
    let what = |side: &Side| words::does(side.access);
    diagnosis.message = format!(
        "data race on {name}: {first} {} it, {second} {} it, and nothing orders the two",
        what(earlier),
        what(later)
    );
    let (place, other) = (facts.place(case, later), facts.place(case, earlier));
    case.mark(&mut diagnosis.spans, place.clone(), format!("{second} {} {name} here", what(later)), true);
    case.mark(&mut diagnosis.spans, other.clone(), format!("{first} {} {name} here", words::did(earlier.access)), true);
    let no_place = if other.is_none() { " (where is not known)" } else { "" };
    diagnosis.reason.push(format!(
        "{} {} {name}{}{no_place}; {second} {} it{}. No lock, `join`, channel or pair of `Release` and `Acquire` stands between the two, so they may as well happen at the same moment.",
        words::capital(&first),
        words::did(earlier.access),
        case.at(other.as_ref()),
        what(later),
        case.at(place.as_ref()),
    ));
    diagnosis.reason.extend(locks(case, facts, earlier));
    let flaw = ordering::flaw(case, earlier, later);
    if let Some(flaw) = &flaw {
        diagnosis.reason.push(flaw.sentence(case));
        diagnosis.keys.extend([flaw.store, flaw.load]);
        case.mark(&mut diagnosis.spans, case.place_at(Some(flaw.store)), flaw.store_label(case), false);
        case.mark(&mut diagnosis.spans, case.place_at(Some(flaw.load)), flaw.load_label(case), false);
    }
    diagnosis.reason.push(
        "That is undefined behaviour: the compiler and the processor assume that it does not happen, and reorder, merge and tear such accesses. It counts even where this run came out right."
            .to_owned(),
    );
    diagnosis.reason.extend(torn(case, earlier, later));
    diagnosis.reason.extend(facts.memory(case));
    diagnosis.reason.extend(library::belongs(case, facts).map(|belongs| belongs.reason().to_owned()));
    diagnosis.fix = fix(case, facts, earlier, flaw.as_ref());
    diagnosis
}

/// What a read and a write of more than the processor moves in one step may come to. It is not seen happening: the execution
/// ends at the race, and plain accesses are performed as a whole.
fn torn(case: &Case<'_>, earlier: &Side, later: &Side) -> Option<String> {
    /// Bytes that any processor of 64 bits reads or writes in one step, if they lie together.
    const STEP: u64 = 8;
    let bytes = |side: &Side| match case.trace().steps.get(side.at?)?.op {
        Op::Access { address, size, access: Access::Read | Access::Write } => Some((address, address + size)),
        _ => None,
    };
    let ((start, end), (from, to)) = (bytes(earlier)?, bytes(later)?);
    let both = end.min(to).checked_sub(start.max(from))?;
    let one_reads = (earlier.access == Access::Read) != (later.access == Access::Read);
    (both > STEP && one_reads).then(|| {
        format!(
            "Both go over {}, more than the processor moves in one step. If they happen at the same moment, what is read may be in part the old value and in part the new one, a value that nobody has ever written: a torn read (RD0107).",
            words::count(both, "byte"),
        )
    })
}

/// What the two threads held at their accesses.
fn locks(case: &Case<'_>, facts: &Facts<'_>, earlier: &Side) -> Option<String> {
    let held = |thread: ThreadId, until: Option<usize>| {
        let mut holds = Holds::default();
        for event in case.reading.events().iter().filter(|event| until.is_none_or(|until| event.at < Some(until))) {
            holds.apply(event);
        }
        let names = holds.by(thread).map(|hold| hold.object).filter(|object| !case.names.get(*object).internal);
        names.map(|object| case.names.short(object).to_owned()).collect::<Vec<_>>()
    };
    let (one, other) = (held(earlier.thread, earlier.at), held(facts.later.thread, facts.later.at));
    let (first, second) = (case.threads.prose(earlier.thread), case.threads.prose(facts.later.thread));
    let list = |locks: &[String]| if locks.is_empty() { "no lock".to_owned() } else { words::list(locks) };
    if one.is_empty() && other.is_empty() || one.iter().any(|lock| other.contains(lock)) {
        return None;
    }
    Some(format!(
        "{} held {} at its access, {second} holds {}: that is no lock in common.",
        words::capital(&first),
        list(&one),
        list(&other)
    ))
}

fn fix(case: &Case<'_>, facts: &Facts<'_>, earlier: &Side, flaw: Option<&Flaw>) -> Vec<String> {
    // The crate that makes an access, with the one that the user's code calls for it.
    let within = |stack: Option<StackId>| {
        let site = case.sites.get(stack?);
        let krate = site.performing_crate()?;
        let called = site.user.and_then(|_| site.called_crate()).filter(|called| *called != krate);
        Some((krate, called))
    };
    let inside = [facts.later.stack, earlier.stack].map(within);
    // Where crates make both accesses, the user's code cannot make them otherwise, and what it calls is not what they access.
    let both = inside.iter().all(Option::is_some);
    let it = if facts.name == SAME_MEMORY || both { "that memory" } else { &facts.name };
    let atomic = |access: Access| matches!(access, Access::AtomicRead | Access::AtomicWrite);
    let advice = if let Some(belongs) = library::belongs(case, facts) {
        Some(belongs.fix().to_owned())
    } else if facts.later.access == Access::Free || earlier.access == Access::Free {
        Some("Free the memory only after every other thread is done with it: join the threads first, or share it through an `Arc`.".to_owned())
    } else if atomic(facts.later.access) || atomic(earlier.access) {
        Some(format!("Make every access to {it} atomic while other threads can reach it, the plain one too."))
    } else {
        flaw.is_none().then(|| {
            format!(
                "Put {it} behind one lock that both threads take (`Mutex`, `RwLock`), make it atomic, or let one thread own it and send the others messages."
            )
        })
    };
    // Safe code cannot race: somebody's `unsafe` says what is not so.
    let whose = match inside.into_iter().flatten().next() {
        Some((library, called)) => format!(
            "Safe Rust cannot race, so some `unsafe` code is wrong. The access is made inside the crate `{library}`{}, and report it there if not.{}",
            called.map_or(": see whether a newer version mends it".to_owned(), |called| format!(
                ", for the crate `{called}` that this code calls: see whether a newer version of either mends it"
            )),
            if both && advice.is_some() { " What follows is for the code of the crate." } else { "" }
        ),
        None => format!(
            "Safe Rust cannot race, so some `unsafe` code is wrong: look for `unsafe impl Send` or `Sync`, a raw pointer, an `UnsafeCell` or a `static mut` on the way to this memory, in this package or in a crate that hands it out.{}",
            facts.called_back(case)
        ),
    };
    let (first, second) = if both { (Some(whose), advice) } else { (advice, Some(whose)) };
    flaw.map(|flaw| flaw.fix(case)).into_iter().chain(first).chain(second).collect()
}
