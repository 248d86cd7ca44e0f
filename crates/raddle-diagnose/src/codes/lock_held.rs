//! RD0403: a thread sleeps, or waits for input or output, while it holds a lock that another thread asks for meanwhile.
//!
//! Judged on an execution that passed, the first in which a thread has slept or waited for a descriptor while another one
//! waited on something that may be a lock. It takes a lock that the user's code has taken by itself, and a wait that it has
//! asked for by itself: what libraries do under locks of their own is theirs to decide.
//!
//! Not seen: slow calls in which nothing waits as far as can be told, such as reading a file; waiting for a message, a
//! condition or a thread; and computing.

use super::Diagnosis;
use crate::action::{Action, What};
use crate::case::Case;
use crate::site::Site;
use crate::words;
use raddle_engine::waits::{Holds, Object};
use raddle_instrument::symbols::Origin;
use raddle_protocol::Role;
use raddle_protocol::trace::ThreadId;

/// Crates whose locks are taken by the user's own code.
const LOCKS: &[&str] = &["std", "core", "parking_lot", "lock_api", "spin"];

/// A wait under a lock.
struct Found {
    /// Who waits, at which recorded step, and what it does there.
    thread: ThreadId,
    at: usize,
    does: String,
    /// What it holds, and the step at which it has taken it.
    lock: Object,
    taken: usize,
    /// Who asks for that meanwhile, and where.
    other: ThreadId,
    asks: usize,
}

/// The first one.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let Found { thread, at, does, lock, taken, other, asks } = first(case)?;
    let mut diagnosis = Diagnosis { code: "RD0403", warning: true, ..Diagnosis::default() };
    let (who, by, name) = (case.threads.prose(thread), case.threads.prose(other), case.names.short(lock));
    diagnosis.about.extend([thread, other]);
    diagnosis.keys.extend([taken, at, asks]);
    diagnosis.message =
        format!("lock held during I/O or sleep: {who} {does} while it holds {name}, which {by} waits for");
    let [slow, lock, wait] = [at, taken, asks].map(|at| case.place_at(Some(at)));
    diagnosis.reason.push(format!(
        "{} locks {name}{} and {does}{} before it gives it back. {} asks for {name}{} meanwhile, and waits for all of that: for the lock, and for what has nothing to do with it. Under load all who need {name} queue up behind the slowest such call.",
        words::capital(&who),
        case.at(lock.as_ref()),
        case.at(slow.as_ref()),
        words::capital(&by),
        case.at(wait.as_ref()),
    ));
    case.mark(&mut diagnosis.spans, slow, format!("{who} {does} here, and holds {name}"), true);
    case.mark(&mut diagnosis.spans, lock, format!("{who} locks {name} here"), false);
    case.mark(&mut diagnosis.spans, wait, format!("{by} waits for {name} here meanwhile"), false);
    diagnosis.fix = vec![
        format!("Do the slow part without {name}: take out what it needs, give the lock back (`drop` the guard, or end its block), and lock again to store the result. Somebody else may have changed it by then."),
        "Where the lock is there to keep others out for that long, let one thread do the slow part and the others send to it through a channel.".to_owned(),
    ];
    Some(diagnosis)
}

fn first(case: &Case<'_>) -> Option<Found> {
    let mut holds = Holds::default();
    let actions = &case.reading.actions;
    for (index, action) in actions.iter().enumerate() {
        if let Some(event) = action.event() {
            holds.apply(&event);
        }
        let Some(does) = slow(action) else { continue };
        if !by_user(case.sites.get(action.stack)) {
            continue;
        }
        let goes_on = |later: &&Action| later.thread == action.thread;
        let end = actions[index + 1..].iter().find(goes_on).map_or(usize::MAX, |later| later.at);
        let found = holds.by(action.thread).find_map(|hold| {
            let taken = hold.at.filter(|taken| case.site_at(*taken).is_some_and(is_users))?;
            let asks = |other: &&Action| {
                other.thread != action.thread
                    && other.object == Some(hold.object)
                    && other.within.is_none()
                    && matches!(other.what, What::Requested(_))
                    && other.at < end
                    && !has_got_it(actions, other, action.at)
            };
            let asks = actions.iter().find(asks)?;
            let is_named = !case.names.get(hold.object).internal;
            is_named.then(|| Found {
                thread: action.thread,
                at: action.at,
                does: does.clone(),
                lock: hold.object,
                taken,
                other: asks.thread,
                asks: asks.at,
            })
        });
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Whether a request had been granted by step `at`.
fn has_got_it(actions: &[Action], request: &Action, at: usize) -> bool {
    let gets = |action: &&Action| {
        action.thread == request.thread
            && action.object == request.object
            && action.at > request.at
            && matches!(action.what, What::Acquired(_))
    };
    actions.iter().find(gets).is_some_and(|action| action.at < at)
}

/// A wait for time or for the world, in words.
fn slow(action: &Action) -> Option<String> {
    match &action.what {
        What::Slept(ns) => Some(format!("sleeps {}", words::duration(*ns))),
        What::Io { call, blocked: true } => Some(format!("waits in `{call}`")),
        _ => None,
    }
}

/// Whether the user's code has called the standard library for this.
fn by_user(site: &Site) -> bool {
    site.user.is_some() && site.library().iter().all(|frame| frame.origin == Origin::Standard)
}

/// Whether the user's code has taken this lock.
pub(super) fn is_users(site: &Site) -> bool {
    let takes = matches!(site.outer(), Some(Role::MutexLock | Role::RwLockRead | Role::RwLockWrite));
    let known = |function: &str| LOCKS.contains(&crate::function::krate(function).as_str());
    takes && site.user.is_some() && site.library().iter().all(|frame| known(&frame.function))
}
