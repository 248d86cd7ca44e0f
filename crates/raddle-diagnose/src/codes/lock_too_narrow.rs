//! RD0106: one operation takes a lock twice, and acts the second time by what it has found the first time.
//!
//! Judged on the execution without preemption, performed once more with all accesses to what lies behind a lock recorded. Told
//! where within one activation of a function a thread only reads behind the lock in one section, changes what it has read in
//! the next one without looking again, and the text of the function shows that what was read goes into that
//! ([`crate::carried`]); and where another thread changes the same bytes under the same lock, with nothing that keeps it from
//! doing so in between ([`crate::before`]).
//!
//! Not seen: values that a lock's memory only leads to (all but the length of a vector, say); values that take a detour; locks
//! of which the runtime has not recorded what is behind them. Whether a test fails by it is for the search to find (RD0102,
//! RD0103), and for the command to prefer.

use super::{Diagnosis, lock_held};
use crate::action::What;
use crate::before::Before;
use crate::carried;
use crate::case::Case;
use crate::place::Place;
use crate::site::Site;
use crate::words;
use raddle_engine::waits::{Hold, Holds, Mode, Object};
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Op;
use raddle_protocol::trace::{Access, ThreadId};

/// From a lock's being taken to its being given back, with the accesses in between.
struct Section {
    thread: ThreadId,
    lock: Object,
    /// Where it is taken.
    from: usize,
    /// Accesses of the thread to the bytes in question: at which step, which bytes, and whether they are changed.
    accesses: Vec<(usize, (u64, u64), bool)>,
    /// What else is held.
    besides: Vec<Hold>,
}

/// Two sections of one operation.
struct Found<'a> {
    asks: &'a Section,
    acts: &'a Section,
    /// Where the function is at each, in which the two come together.
    lines: [Place; 2],
    /// Who comes in between, and where.
    other: &'a Section,
}

/// The first such pair.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    if case.trace().steps_cut > 0 {
        return None;
    }
    let sections = sections(case);
    Some(told(case, &pairs(case, &sections)?))
}

/// The sections of user's locks, in the order of their beginnings.
fn sections(case: &Case<'_>) -> Vec<Section> {
    let mut holds = Holds::default();
    let mut open: Vec<Section> = Vec::new();
    let mut closed: Vec<Section> = Vec::new();
    for action in &case.reading.actions {
        if let (What::Accessed(access), Some(step)) = (&action.what, case.trace().steps.get(action.at))
            && let Op::Access { address, size, .. } = step.op
        {
            let changes = matches!(access, Access::Write | Access::Free);
            for section in open.iter_mut().filter(|section| section.thread == action.thread) {
                section.accesses.push((action.at, (address, address + size), changes));
            }
        }
        let Some(event) = action.event() else { continue };
        match action.what {
            What::Acquired(_) if case.site_at(action.at).is_some_and(lock_held::is_users) => {
                let besides = holds.by(action.thread).collect();
                let (thread, lock, from) = (action.thread, event.object, action.at);
                open.push(Section { thread, lock, from, accesses: Vec::new(), besides });
            }
            What::Released => {
                let own = |section: &Section| (section.thread, section.lock) == (action.thread, event.object);
                if let Some(at) = open.iter().rposition(own) {
                    closed.push(open.remove(at));
                }
            }
            _ => {}
        }
        holds.apply(&event);
    }
    closed.sort_by_key(|section| section.from);
    closed
}

fn pairs<'a>(case: &Case<'_>, sections: &'a [Section]) -> Option<Found<'a>> {
    let mut orders: Vec<(Object, Before)> = Vec::new();
    for (at, asks) in sections.iter().enumerate() {
        let only_reads = !asks.accesses.is_empty() && asks.accesses.iter().all(|(_, _, changes)| !changes);
        let same = |later: &&Section| (later.thread, later.lock) == (asks.thread, asks.lock);
        let Some(acts) = sections[at + 1..].iter().find(same).filter(|_| only_reads) else { continue };
        let Some(change) = changes_what_was_read(asks, acts) else { continue };
        let Some(lines) = together(case, asks.from, acts.from).filter(|lines| is_carried(case, lines)) else {
            continue;
        };
        if looks_again(case, acts, change, &lines[1]) {
            continue;
        }
        if orders.iter().all(|(lock, _)| *lock != asks.lock) {
            let asked = |at| sections.iter().any(|section| section.lock == asks.lock && section.from == at);
            orders.push((asks.lock, Before::new(case, &[asks.lock], asked)));
        }
        let Some((_, order)) = orders.iter().find(|(lock, _)| *lock == asks.lock) else { continue };
        let comes_between = |other: &&Section| {
            other.lock == asks.lock
                && other.thread != asks.thread
                && changes_what_was_read(asks, other).is_some()
                && !order.is_ordered(asks.from, other.from)
                && !order.is_ordered(acts.from, other.from)
                && !is_kept_out(asks, acts, other)
        };
        if let Some(other) = sections.iter().find(comes_between) {
            return Some(Found { asks, acts, lines, other });
        }
    }
    None
}

/// The step at which a section changes bytes that the other one has read.
fn changes_what_was_read(asks: &Section, acts: &Section) -> Option<usize> {
    let overlap = |one: &(u64, u64), other: &(u64, u64)| one.0 < other.1 && other.0 < one.1;
    let changes = acts.accesses.iter().filter(|(_, _, changes)| *changes);
    let mut of_read = changes.filter(|(_, bytes, _)| asks.accesses.iter().any(|(_, read, _)| overlap(read, bytes)));
    of_read.next().map(|(at, _, _)| *at)
}

/// Whether a lock that is held over both sections keeps the other one out.
fn is_kept_out(asks: &Section, acts: &Section, other: &Section) -> bool {
    let through = asks.besides.iter().filter(|hold| acts.besides.contains(hold));
    let apart =
        |one: &Hold, two: &Hold| one.object == two.object && !(one.mode == Mode::Shared && two.mode == Mode::Shared);
    through.into_iter().any(|one| other.besides.iter().any(|two| apart(one, two)))
}

/// Where the function is at two steps in whose activation both happen.
fn together(case: &Case<'_>, one: usize, other: usize) -> Option<[Place; 2]> {
    let (first, second) = (case.site_at(one)?, case.site_at(other)?);
    let of_user = |site: &Site| -> Vec<(u64, SourceFrame)> {
        let frames = site.activations.iter().copied().zip(site.frames.iter().cloned());
        frames.filter(|(_, frame)| frame.origin == Origin::User).collect()
    };
    let (first, second) = (of_user(first), of_user(second));
    first.iter().find_map(|(cfa, frame)| {
        let same = |(other, there): &&(u64, SourceFrame)| other == cfa && there.function == frame.function;
        let (_, there) = second.iter().find(same)?;
        Some([Place::of(frame, case.context)?, Place::of(there, case.context)?])
    })
}

fn is_carried(case: &Case<'_>, [from, to]: &[Place; 2]) -> bool {
    from.path == to.path && carried::is_carried(from.line, to.line, |line| (case.context.source)(&from.path, line))
}

/// Whether the second section looks behind the lock before it changes anything, at another line than that of the change.
fn looks_again(case: &Case<'_>, acts: &Section, change: usize, line: &Place) -> bool {
    let place = |at: usize| together(case, at, acts.from).map(|[place, _]| place.line);
    let changed = place(change);
    let before = acts.accesses.iter().take_while(|(at, _, _)| *at < change);
    let text = (case.context.source)(&line.path, line.line).unwrap_or_default();
    let mut looks = before.filter(|(_, _, changes)| !changes).map(|(at, _, _)| place(*at)).peekable();
    let asks_there = looks.peek().is_some() && carried::asks(&text);
    asks_there || looks.any(|look| look != changed)
}

fn told(case: &Case<'_>, found: &Found<'_>) -> Diagnosis {
    let Found { asks, acts, lines, other } = found;
    let mut diagnosis = Diagnosis { code: "RD0106", warning: true, ..Diagnosis::default() };
    let (who, by, name) =
        (case.threads.prose(asks.thread), case.threads.prose(other.thread), case.names.short(asks.lock));
    diagnosis.about.extend([asks.thread, other.thread]);
    diagnosis.keys.extend([asks.from, acts.from, other.from]);
    diagnosis.message =
        format!("lock too narrow: {who} looks behind {name}, gives it back, and locks it again to act on what it saw");
    let [first, second] = lines;
    diagnosis.reason.push(format!(
        "{} locks {name} at {} only to look at what is behind it. At {} it locks {name} again and changes that, going by what it saw the first time, without having looked again. In between the lock is free: {by} changes the same{} under the same lock, and nothing keeps it from doing so just then.",
        words::capital(&who),
        first.short(),
        second.short(),
        case.at(case.place_at(Some(other.from)).as_ref()),
    ));
    diagnosis.reason.push(
        "No schedule that was tried fails by it. It is the pattern from which a lost update (RD0102) or a check-then-act (RD0103) grows: what was true when the thread looked need not be true when it acts."
            .to_owned(),
    );
    case.mark(&mut diagnosis.spans, Some(first.clone()), format!("{who} looks behind {name} here"), true);
    case.mark(
        &mut diagnosis.spans,
        Some(second.clone()),
        format!("{who} acts on that here, under {name} once more"),
        true,
    );
    let place = case.place_at(Some(other.from));
    case.mark(&mut diagnosis.spans, place, format!("{by} may come in between from here"), false);
    diagnosis.fix = vec![
        format!(
            "Take {name} once, and keep the guard in a variable from the look to the act. (A guard that is never named is dropped at the end of its statement.)"
        ),
        "Where the work in between is too slow to be done under the lock, look again after locking it again."
            .to_owned(),
    ];
    diagnosis
}
