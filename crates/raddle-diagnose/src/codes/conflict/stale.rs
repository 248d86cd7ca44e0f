//! RD0105: memory that is not there any more: freed heap blocks, stack frames that have been left, thread-local variables of
//! ended threads.

use super::{Facts, Side};
use crate::case::Case;
use crate::codes::{Diagnosis, cause};
use crate::site::Site;
use crate::words;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::{Access, ConflictKind};

/// Describes it.
pub fn stale(case: &Case<'_>, facts: &Facts<'_>) -> Diagnosis {
    let mut diagnosis = Diagnosis { code: "RD0105", ..Diagnosis::default() };
    let later = &facts.later;
    let who = case.threads.prose(later.thread);
    let place = facts.place(case, later);
    let (at, does) = (case.at(place.as_ref()), verb(later.access));
    let other = facts.earlier.as_ref();
    let owner = other.map_or_else(String::new, |side| case.threads.prose(side.thread));
    let (message, label, reason) = match facts.found.kind {
        ConflictKind::DoubleFree => (
            format!("use after free: {who} frees memory a second time, after {} has freed it", same(&who, &owner)),
            format!("{who} frees it a second time here"),
            format!("{} frees a heap block{at} that {owner} freed before.", words::capital(&who)),
        ),
        ConflictKind::ForeignFree => (
            format!("use after free: {who} frees an address that no allocation has given out"),
            format!("{who} frees it here"),
            format!(
                "{} frees an address{at} that is not the beginning of a heap block: a pointer into the middle of one, to a static or a stack variable, or from another allocator.",
                words::capital(&who)
            ),
        ),
        ConflictKind::DeadStack if later.access == Access::Free => {
            let used = other.map_or("uses", |side| verb(side.access));
            (
                format!(
                    "use after free: {owner} {used} a variable on the stack of {who}, which does not wait for that"
                ),
                format!("{who} is here when it has left the function"),
                format!(
                    "{} {used} memory on the stack of {who}, and {who} leaves the function whose variable lies there: nothing makes it wait until {owner} is done. In this schedule the access came first; it may as well come later, when something else lies there.",
                    words::capital(&owner)
                ),
            )
        }
        ConflictKind::DeadStack => (
            format!("use after free: {who} {does} a stack frame that {owner} has left"),
            format!("{who} {does} it here"),
            format!(
                "{} {does} memory on the stack of {owner}{at}, but the function whose variable lay there has returned{}.",
                words::capital(&who),
                if ended(case, other) { ", and the thread has ended" } else { "" },
            ),
        ),
        ConflictKind::DeadStorage => (
            format!("use after free: {who} {does} a thread-local variable of {owner}, which has ended"),
            format!("{who} {does} it here"),
            format!(
                "{} {does} a thread-local variable of {owner}{at}, but {owner} has ended, and its variables with it.",
                words::capital(&who)
            ),
        ),
        ConflictKind::UseAfterFree | ConflictKind::Race => (
            format!("use after free: {who} {does} memory that {} has freed", same(&who, &owner)),
            format!("{who} {does} it here"),
            format!("{} {does} a heap block{at} that {} had freed.", words::capital(&who), same(&who, &owner)),
        ),
    };
    diagnosis.message = message;
    let began = case.threads.get(later.thread).and_then(|thread| thread.spawned.clone());
    match (place, began) {
        (None, Some(began)) if facts.found.kind == ConflictKind::DeadStack => {
            case.mark(
                &mut diagnosis.spans,
                Some(began),
                format!("{who}, which has come to its end, began here"),
                false,
            );
        }
        (place, _) => case.mark(&mut diagnosis.spans, place, label, true),
    }
    let dead_stack = facts.found.kind == ConflictKind::DeadStack;
    let dead_storage = facts.found.kind == ConflictKind::DeadStorage;
    if let Some(side) = other.filter(|side| !(dead_stack || dead_storage) || side.access != Access::Free) {
        let did = if dead_stack { format!("{} it", words::did(side.access)) } else { "freed the memory".to_owned() };
        case.mark(&mut diagnosis.spans, facts.place(case, side), format!("{owner} {did} here"), true);
    }
    diagnosis.reason.push(reason);
    if case.context.passed > 0 {
        diagnosis.reason.push(format!(
            "Under other schedules it did not happen ({} passed so far): whether the memory is still there depends on which thread comes first.",
            words::count(case.context.passed, "execution")
        ));
    }
    diagnosis.reason.push(
        "Another block may lie there by then: what is read is garbage, and what is written damages something else, often far away and much later."
            .to_owned(),
    );
    diagnosis.reason.extend(facts.memory(case));
    diagnosis.fix = match facts.found.kind {
        ConflictKind::DeadStack => vec![
            format!("Let {} wait until every other thread is done with its variable before it leaves the function: `std::thread::scope` and `join` do.", if later.access == Access::Free { &who } else { &owner }),
            "Or move what is shared to the heap, behind an `Arc` that each side holds.".to_owned(),
        ],
        ConflictKind::DeadStorage => vec![
            "Let nobody keep a pointer or reference to a thread-local variable beyond its thread: hand out a copy, or put what is shared behind an `Arc`.".to_owned(),
        ],
        ConflictKind::ForeignFree => {
            vec!["Free only what an allocation has returned, with the allocator that it came from.".to_owned()]
        }
        _ => vec![
            "Let whoever uses the memory own a share of it (`Arc`), or free it only after all others have said that they are done.".to_owned(),
            "Where a count decides who frees: test and change it in one step (`fetch_sub` and look at what it returns), and do not touch the memory after giving up your own share.".to_owned(),
        ],
    };
    let is_of_heap = matches!(facts.found.kind, ConflictKind::UseAfterFree | ConflictKind::DoubleFree);
    match both_of_crate(case, facts) {
        Some(krate) => cause::blame(&krate, &mut diagnosis),
        None if is_of_heap => diagnosis.fix.push(format!(
            "In safe Rust memory is there as long as anybody can use it, so some `unsafe` code is wrong: in this package, or in a crate that hands this memory out.{}",
            facts.called_back(case)
        )),
        None => {}
    }
    diagnosis
}

/// The crate in whose code both happen, where the user's calls only lead there.
fn both_of_crate(case: &Case<'_>, facts: &Facts<'_>) -> Option<String> {
    let site = |side: &Side| Some(case.sites.get(side.stack?));
    let of_crate = |side: &Side| site(side).filter(|site| site.performed_by().is_some())?.called_crate();
    let (later, earlier) = (&facts.later, facts.earlier.as_ref()?);
    // A thread at its end is in nobody's code any more.
    let at_its_end = |site: &Site| site.frames.iter().all(|frame| frame.origin == Origin::Standard);
    if later.access == Access::Free && site(later).is_some_and(at_its_end) {
        return of_crate(earlier);
    }
    of_crate(later).filter(|krate| of_crate(earlier).as_ref() == Some(krate))
}

/// What an access does, whether it is atomic or not: that makes no difference here.
fn verb(access: Access) -> &'static str {
    match access {
        Access::Read | Access::AtomicRead => "reads",
        Access::Write | Access::AtomicWrite => "writes",
        Access::Free => "frees",
    }
}

fn same<'a>(who: &str, owner: &'a str) -> &'a str {
    if who == owner { "it" } else { owner }
}

fn ended(case: &Case<'_>, side: Option<&Side>) -> bool {
    use raddle_protocol::trace::State;
    let thread = side.and_then(|side| case.trace().threads.get(side.thread as usize));
    thread.is_some_and(|thread| thread.state == State::Ended)
}
