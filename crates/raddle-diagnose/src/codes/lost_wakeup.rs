//! RD0204: a thread waits for what was done too early, or what nobody is left to do.
//!
//! A lock whose holder has ended belongs here too: no cycle of threads is involved, and the release is a wake-up that
//! nobody is left to give.

use super::{Diagnosis, bystanders, others_waiting, suspended, this_code_or_the_crates, used_up};
use crate::case::Case;
use crate::function;
use crate::object::ObjectKind;
use crate::place::Place;
use crate::polls;
use crate::states;
use raddle_engine::waits::{Fate, Final, LostWakeup, Object, WaitFor};
use raddle_instrument::symbols::{Origin, SourceFrame};

/// Describes it.
pub fn lost_wakeup(case: &Case<'_>, found: &LostWakeup) -> Diagnosis {
    let mut diagnosis = Diagnosis::default();
    diagnosis.about.insert(found.thread);
    let place = case.wait_place(found.thread, found.since);
    let waits = states::plain_wait(case, found.thread, &found.waits);
    let (object, kind) = match found.waits {
        WaitFor::Lock(object, _) | WaitFor::Notification(object) => {
            (Some(object), Some(case.reading.objects.get(object).kind))
        }
        WaitFor::Ends(_) => (None, None),
    };
    let name = object.map_or_else(String::new, |object| case.names.short(object).to_owned());
    diagnosis.message = message(case, found, kind, &name, &waits);
    case.mark(
        &mut diagnosis.spans,
        place.clone(),
        format!("{} {waits} here, for ever", case.threads.prose(found.thread)),
        true,
    );
    let label = format!("{} has come there from here", case.threads.prose(found.thread));
    case.mark(&mut diagnosis.spans, called_from(case, found), label, false);
    diagnosis.keys.extend(found.since);
    diagnosis.reason.push(format!("{} {waits}{}.", case.threads.capital(found.thread), case.at(place.as_ref())));
    fate(case, found, kind, &name, &mut diagnosis);
    let future = awaits(case, found, kind);
    if let Some(future) = future {
        diagnosis.reason.push(format!(
            "Before it was parked, it polled a future of the crate `{}` (`{}`), which was not ready. Whoever makes that ready has to wake it.",
            function::krate(&future.function),
            function::short(&future.function)
        ));
    }
    if !found.holds.is_empty() {
        held(case, found, &mut diagnosis);
    }
    for (thread, _) in &found.behind {
        diagnosis.about.insert(*thread);
    }
    let behind: Vec<String> = found
        .behind
        .iter()
        .map(|(thread, what)| format!("{} {}", case.threads.prose(*thread), states::wait(case, *thread, what)))
        .collect();
    if !behind.is_empty() {
        let behind = crate::words::capital(&crate::words::list(&behind));
        diagnosis.reason.push(format!("{behind}; no help comes from there."));
    }
    let there: Vec<u32> =
        found.others.iter().filter(|(_, what)| *what == found.waits).map(|(thread, _)| *thread).collect();
    if !there.is_empty() {
        let verb = if there.len() == 1 { "waits" } else { "wait" };
        diagnosis.reason.push(format!("{} {verb} there too.", crate::words::capital(&case.threads.list(&there))));
        diagnosis.about.extend(there);
    }
    diagnosis.reason.extend(match found.fate {
        // Who should have ended this wait is not known: it may be one of those.
        Fate::NeverSent => others_waiting(case, &diagnosis.about)
            .map(|others| format!("{others}. It may be that the one who should end the first wait is held up there.")),
        _ => bystanders(case, &diagnosis.about),
    });
    if let Fate::SentEarly { at, .. } = &found.fate
        && let Some((krate, ..)) = of_dependency(case, found, kind, *at)
    {
        diagnosis.fix.push(format!(
            "The condition variable is a part of the crate `{krate}`. If this code uses the crate as its documentation asks, the mistake is the crate's: see whether a newer version has mended it, else report it there. What follows is for the code of the crate."
        ));
    }
    diagnosis.fix.extend(inside(case, found, kind, future));
    diagnosis.fix.extend(fix(found, kind, &name));
    suspended::explain(case, found.thread, &mut diagnosis);
    used_up::explain(case, found.thread, found.since, &mut diagnosis);
    diagnosis
}

/// Where the user's function that waits was called by another of the user's: of a `block_on` of one's own, what it blocks on.
fn called_from(case: &Case<'_>, found: &LostWakeup) -> Option<Place> {
    let site = case.sites.get(case.trace().threads.get(found.thread as usize)?.last?);
    let waits = &site.frames[site.user?];
    let named = |function: &str| function::plain(function).split("::{").next().unwrap_or_default().to_owned();
    let own = named(&waits.function);
    let mut callers = site.frames[site.user?..].iter().filter(|frame| frame.origin == Origin::User);
    callers.find(|frame| named(&frame.function) != own).and_then(|frame| Place::of(frame, case.context))
}

/// The future that a thread has polled before it was parked, by an executor of the user's own, where that is a crate's.
fn awaits<'a>(case: &'a Case<'_>, found: &LostWakeup, kind: Option<ObjectKind>) -> Option<&'a SourceFrame> {
    let (Some(ObjectKind::ParkToken), Some(since)) = (kind, found.since) else { return None };
    let parked = &case.site_at(since)?.call;
    let own = (0..since).rev().filter(|at| case.trace().steps[*at].thread == found.thread);
    let mut sites = own.filter_map(|at| case.site_at(at)).filter(|site| site.call.is_of_same_activation(parked));
    // Being parked takes more than one step, of the standard library's.
    let outer = sites.find_map(|site| site.library().iter().rev().find(|frame| frame.origin == Origin::Dependency))?;
    polls::is_future(outer).then_some(outer)
}

/// Where a thread waits inside a crate's function, or for a crate's future: that either this code or the crate is to blame.
/// A lock or a condition variable that the user's code took from a crate is the user's own.
fn inside(
    case: &Case<'_>,
    found: &LostWakeup,
    kind: Option<ObjectKind>,
    future: Option<&SourceFrame>,
) -> Option<String> {
    let blocks = match kind {
        Some(ObjectKind::Condvar | ObjectKind::ParkToken | ObjectKind::Futex) => {
            let site = case.site_at(found.since?)?;
            // A thread of the crate's own waits for work.
            site.user?;
            site.library()
        }
        _ => &[],
    };
    // What the user's code calls, also by way of the standard library, which drops a value.
    let outermost = blocks.iter().rev().find(|frame| frame.origin == Origin::Dependency);
    let within = outermost.filter(|frame| !is_the_users(&frame.function));
    let (what, function) = match (within, future) {
        _ if found.fate != Fate::NeverSent => return None,
        (Some(entry), _) => ("inside", &entry.function),
        (None, future) => ("for a future of", &future?.function),
    };
    Some(this_code_or_the_crates(&format!(
        "{} waits {what} the crate `{}` (`{}`)",
        case.threads.capital(found.thread),
        function::krate(function),
        function::short(function)
    )))
}

/// Whether a crate's function is the wait of a condition variable or the like that the user's code has chosen to use.
fn is_the_users(function: &str) -> bool {
    function::short(function).starts_with("Condvar::")
}

fn message(case: &Case<'_>, found: &LostWakeup, kind: Option<ObjectKind>, name: &str, waits: &str) -> String {
    let thread = case.threads.prose(found.thread);
    match (&found.fate, kind) {
        (Fate::SentEarly { by, .. }, _) => {
            format!("lost wakeup: {} notified {name} before {thread} waited", case.threads.prose(*by))
        }
        (Fate::WokeAnother { woken, .. }, _) => {
            format!("lost wakeup: {thread} {waits}; the last notification went to {}", case.threads.prose(*woken))
        }
        (Fate::OwnerEnded(hold), _) => {
            format!("{thread} waits for {name}, which {} took and never gave back", case.threads.prose(hold.thread))
        }
        (Fate::OwnerUnknown, _) => format!("{thread} waits for {name}, and no thread is known to hold it"),
        (Fate::NeverSent, Some(ObjectKind::Channel)) => {
            format!("{thread} waits for a message on {name}, and nobody is left to send one")
        }
        (Fate::NeverSent, Some(ObjectKind::ChannelRoom)) => {
            format!("{thread} waits for room in {name}, and nobody is left to receive from it")
        }
        (Fate::NeverSent, Some(ObjectKind::Barrier)) => {
            format!("{thread} waits at {name}, and nobody is left to arrive")
        }
        (Fate::NeverSent, Some(ObjectKind::ParkToken)) => {
            format!("{thread} is parked, and nobody is left to unpark it")
        }
        (Fate::NeverSent, Some(ObjectKind::Descriptor)) => {
            format!("{thread} {waits}, and nobody is left to cause any")
        }
        (Fate::NeverSent, _) => format!("{thread} {waits}, and nobody is left to wake it"),
    }
}

fn fate(case: &Case<'_>, found: &LostWakeup, kind: Option<ObjectKind>, name: &str, diagnosis: &mut Diagnosis) {
    let thread = case.threads.prose(found.thread);
    match &found.fate {
        Fate::SentEarly { by, at } => {
            diagnosis.about.insert(*by);
            diagnosis.keys.extend(*at);
            let sender = case.threads.prose(*by);
            let place = case.place_at(*at);
            case.mark(
                &mut diagnosis.spans,
                place.clone(),
                format!("{sender} notified {name} here, when nobody waited"),
                true,
            );
            diagnosis.reason.push(format!(
                "{} notified {name}{}, before {thread} began to wait. Nobody waited then, and a notification is not kept: it woke nobody.",
                case.threads.capital(*by),
                case.at(place.as_ref())
            ));
            if let Some((krate, waits, notifies)) = of_dependency(case, found, kind, *at) {
                diagnosis.reason.push(format!(
                    "Both happen inside the crate `{krate}`: `{waits}` waits, `{notifies}` notifies."
                ));
            }
            test_before_wait(case, found, *by, *at, diagnosis);
            diagnosis.reason.push("After that, no thread is left that would notify again.".to_owned());
            if let (Some(at), Some(since)) = (*at, found.since) {
                let because = format!("the notification comes before the wait, so {thread} sleeps through it");
                diagnosis.decides = Some((at, since, because));
            }
        }
        Fate::WokeAnother { by, at, woken } => {
            diagnosis.about.extend([*by, *woken]);
            diagnosis.keys.extend(*at);
            let (sender, other) = (case.threads.prose(*by), case.threads.prose(*woken));
            let place = case.place_at(*at);
            case.mark(&mut diagnosis.spans, place.clone(), format!("{sender} notified here, which woke {other}"), true);
            diagnosis.reason.push(format!(
                "The last notification of {name} came from {sender}{} and woke {other}. When several threads wait, `notify_one` wakes any one of them.",
                case.at(place.as_ref())
            ));
            diagnosis.reason.push("After that, no thread is left that would notify again.".to_owned());
        }
        Fate::NeverSent => diagnosis.reason.push(match kind {
            Some(ObjectKind::Channel) => {
                "No thread that still runs will send, but the channel is not closed either: a sender is alive somewhere. A receiver waits for as long as one exists."
                    .to_owned()
            }
            Some(ObjectKind::ChannelRoom) => {
                "The channel is full, and no thread that still runs will receive; but the receiver has not been dropped, so the send does not fail."
                    .to_owned()
            }
            Some(ObjectKind::Barrier) => {
                "A barrier opens when as many threads have arrived as it was made for. All other threads have ended or wait themselves."
                    .to_owned()
            }
            _ => "All other threads have ended or wait themselves, so nobody is left to end this wait.".to_owned(),
        }),
        Fate::OwnerEnded(hold) => {
            diagnosis.about.insert(hold.thread);
            diagnosis.keys.extend(hold.at);
            let owner = case.threads.prose(hold.thread);
            case.mark(
                &mut diagnosis.spans,
                case.place_at(hold.at),
                format!("{owner} took {name} here and has ended without giving it back"),
                true,
            );
            diagnosis.reason.push(format!(
                "{} took it{} and has ended since. Its guard was never dropped: it was leaked (`mem::forget`, a reference cycle, a guard stored away), or the lock was taken without a guard.",
                case.threads.capital(hold.thread),
                case.at(case.place_at(hold.at).as_ref())
            ));
        }
        Fate::OwnerUnknown => diagnosis.notes.push(
            "Which thread holds the lock could not be read from the recorded steps: its acquisition lies before them, or in code without debug information."
                .to_owned(),
        ),
    }
}

/// The crate of a dependency that both waits on a condition variable and notifies it, at step `at`, without the user's
/// code having named one; with its functions that the user's code called.
fn of_dependency(
    case: &Case<'_>,
    found: &LostWakeup,
    kind: Option<ObjectKind>,
    at: Option<usize>,
) -> Option<(String, String, String)> {
    if kind != Some(ObjectKind::Condvar) {
        return None;
    }
    let called = |at: Option<usize>| {
        let site = case.site_at(at?)?;
        // A thread of the crate's own was called by nobody.
        let entry = site.entry().or_else(|| site.asking().filter(|_| site.user.is_none()));
        let entry = entry.filter(|entry| entry.origin == Origin::Dependency)?;
        let short = function::short(&entry.function);
        // A condition variable that comes from a crate, used by the user's own code, is the user's.
        (!is_the_users(&entry.function)).then(|| (function::krate(&entry.function), short))
    };
    let ((waits_in, waits), (notifies_in, notifies)) = (called(found.since)?, called(at)?);
    (waits_in == notifies_in).then_some((waits_in, waits, notifies))
}

/// The condition that the waiter tested before the notification: what it read last before it slept.
fn test_before_wait(case: &Case<'_>, found: &LostWakeup, by: u32, at: Option<usize>, diagnosis: &mut Diagnosis) {
    let (Some(at), Some(since)) = (at, found.since) else { return };
    let test = case.reading.actions.iter().rev().find(|action| {
        action.thread == found.thread
            && action.at < since
            && matches!(action.what, crate::action::What::Read { .. } | crate::action::What::Compared { .. })
    });
    let Some((test, object)) = test.and_then(|test| Some((test, test.object?))) else { return };
    let changed = case.reading.actions.iter().any(|action| {
        action.thread == by
            && action.object == Some(object)
            && (test.at..at).contains(&action.at)
            && matches!(action.what, crate::action::What::Wrote { .. } | crate::action::What::Updated { .. })
    });
    if changed {
        let name = case.names.short(object);
        diagnosis.keys.insert(test.at);
        case.mark(
            &mut diagnosis.spans,
            case.place_at(Some(test.at)),
            format!("{} tested {name} here, before it was changed", case.threads.prose(found.thread)),
            false,
        );
        diagnosis.reason.push(format!(
            "{} had tested {name}{} before {} changed it, and began to wait only afterwards: the change and the notification fell between the test and the wait.",
            case.threads.capital(found.thread),
            case.at(case.place_at(Some(test.at)).as_ref()),
            case.threads.prose(by),
        ));
    }
}

fn held(case: &Case<'_>, found: &LostWakeup, diagnosis: &mut Diagnosis) {
    let wanted: Vec<Object> = found
        .behind
        .iter()
        .filter_map(|(_, what)| match what {
            WaitFor::Lock(object, _) => Some(*object),
            _ => None,
        })
        .collect();
    for hold in found.holds.iter().filter(|hold| wanted.contains(&hold.object)) {
        let name = case.names.short(hold.object);
        diagnosis.keys.extend(hold.at);
        case.mark(
            &mut diagnosis.spans,
            case.place_at(hold.at),
            format!("{} took {name} here and holds it while it waits", case.threads.prose(found.thread)),
            false,
        );
        diagnosis.reason.push(format!("Meanwhile it holds {name}, taken{}.", case.at(case.place_at(hold.at).as_ref())));
    }
}

fn fix(found: &LostWakeup, kind: Option<ObjectKind>, name: &str) -> Vec<String> {
    match (&found.fate, kind) {
        (Fate::OwnerEnded(_), _) => {
            vec![format!("See to it that the guard of {name} is dropped on every path, and before its thread ends.")]
        }
        (Fate::OwnerUnknown, _) => Vec::new(),
        (Fate::WokeAnother { .. }, _) => vec![
            "Where threads wait on one condition variable for different things, use `notify_all`, or one condition variable for each thing.".to_owned(),
            "A thread that is woken and finds that the notification was not for it must pass it on.".to_owned(),
        ],
        (_, Some(ObjectKind::Condvar)) => vec![
            "Change what the waiter tests, and notify, while holding the mutex that the waiter passes to `wait`: then no change can fall between the test and the wait.".to_owned(),
            "Test in a loop, under that mutex, before every wait: `while !ready { guard = condvar.wait(guard)?; }` or `wait_while`.".to_owned(),
        ],
        (_, Some(ObjectKind::Channel)) => vec![
            format!("Drop every sender of {name} when there is nothing more to send, also the original one from which others were cloned; `recv` then returns an error instead of waiting."),
            "Do not wait for the receiving thread to end while still holding a sender.".to_owned(),
        ],
        (_, Some(ObjectKind::ChannelRoom)) => vec![
            format!("Keep receiving from {name} until the senders are done, or drop the receiver; then `send` fails instead of waiting."),
            "Give the channel room for everything that can be sent while nobody receives.".to_owned(),
        ],
        (_, Some(ObjectKind::Barrier)) => {
            vec!["Make the barrier for the number of threads that really arrive, also when one of them returns early or panics.".to_owned()]
        }
        (_, Some(ObjectKind::ParkToken)) => vec![
            "Call `unpark` after every change that the parked thread waits for. `park` may also use up a token that was meant for another wait: test the condition in a loop around it.".to_owned(),
        ],
        (_, Some(ObjectKind::Descriptor)) => {
            vec!["Close the other end when there is nothing more to write, or do not wait for input without a limit.".to_owned()]
        }
        _ => vec!["Make sure that the waiter's condition is tested and the wait begun in one step with respect to whoever wakes it.".to_owned()],
    }
}

/// Nothing could run, and no wait is understood.
pub fn unexplained(case: &Case<'_>) -> Diagnosis {
    let mut diagnosis =
        Diagnosis { message: "no thread can run, and not all have ended".to_owned(), ..Diagnosis::default() };
    for (end, thread) in case.reading.finals.iter().zip(0..) {
        if *end != Final::Ended {
            diagnosis.about.insert(thread);
            let label = format!("{} stands here", case.threads.prose(thread));
            case.mark(&mut diagnosis.spans, case.last_place(thread), label, true);
        }
    }
    diagnosis.reason.push(
        "Every thread that has not ended waits for something that could not be read from the recorded steps."
            .to_owned(),
    );
    diagnosis.notes.push("The cause was not determined.".to_owned());
    diagnosis
}
