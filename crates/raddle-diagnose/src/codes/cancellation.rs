//! RD0304: a future was dropped where it waited, and what was to come after that is missed.
//!
//! The execution was made to let a time limit run out, to let a thread be late, or to drop a future that the test has given
//! free for it (`--cancel`); without that the test passes. So whatever goes wrong in it comes of that, and when a future
//! was dropped in the middle because of it, of that. That one was dropped shows in one of these ways, all within a poll,
//! or as the whole task is dropped that was aborted then:
//!
//! - what it waited on is dropped: an operation within `drop_in_place`, on memory that its last poll had operated on;
//! - tokio's `Timeout` polls it, then its own timer, and then drops the timer;
//! - polled beside a timer (`select!`), it was further than it is when it is polled next: it has begun again;
//! - whoever polled it beside others went on when one of those was done ([`super::overtaken`]);
//! - its task was aborted ([`super::aborted`]);
//! - `raddle::cancellable` was told to drop it.
//!
//! Left alone: a test that fails because it takes its time limit for a failure, and says so: a panic about `Elapsed` or an
//! error of that kind. Not seen: damage that no assertion of the test, no deadlock and no crash shows; other runtimes'
//! timers, but for the first way and the last but one.

use super::{Diagnosis, aborted, overtaken};
use crate::case::Case;
use crate::function;
use crate::panic;
use crate::place::Place;
use crate::polls;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Op;
use raddle_protocol::trace::ThreadId;

/// How the messages of tests read that do not expect a time limit to run out.
const EXPECTED_IN_TIME: [&str; 8] =
    ["Elapsed", "elapsed", "Timeout", "timeout", "TimedOut", "timed out", "is_ok()", "took too long"];

/// What has cut a future off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// A time limit that ran out.
    Limit,
    /// Something that came first, since this thread was late.
    Late(ThreadId),
    /// `raddle::cancellable`.
    Test,
}

/// A future that was dropped before its end.
pub struct Dropped<'a> {
    by: By,
    /// The step with which the cancellation begins.
    pub stall: usize,
    /// Step that shows it.
    pub at: usize,
    /// The last step of its last poll.
    pub waited: usize,
    /// Where it waited.
    pub frame: &'a SourceFrame,
    /// Who polled it beside others, one of which was done first.
    chooser: Option<&'a SourceFrame>,
}

/// The future that a cancellation has dropped; `None` where none shows.
pub fn dropped<'a>(case: &'a Case<'_>) -> Option<Dropped<'a>> {
    let (stall, by) = case.trace().steps.iter().enumerate().find_map(|(at, step)| match step.op {
        Op::Stalled { .. } => Some((at, By::Limit)),
        Op::HeldBack { thread } => Some((at, By::Late(thread))),
        Op::Cancelled => Some((at, By::Test)),
        _ => None,
    })?;
    let alone = |(waited, at, frame)| Dropped { by, stall, waited, at, frame, chooser: None };
    if by == By::Test {
        return given_free(case, stall).map(alone);
    }
    let among = |((waited, at, frame), chooser)| Dropped { by, stall, waited, at, frame, chooser: Some(chooser) };
    let beside = || overtaken::overtaken(case, stall).map(among);
    let by_itself = || {
        dropped_with_its_leaf(case, stall)
            .or_else(|| timed_out(case, stall))
            .or_else(|| begun_again(case, stall))
            .map(alone)
    };
    // Beside whom it was polled is worth telling where it is not a time limit of its own that has run out.
    let first = if let By::Late(_) = by { beside().or_else(by_itself) } else { by_itself().or_else(beside) };
    first.or_else(|| aborted_then(case, stall).map(alone))
}

/// The last step of its last poll, a step that shows that it was dropped, and where it waited.
pub(super) type Found<'a> = (usize, usize, &'a SourceFrame);

impl Dropped<'_> {
    /// How it came to be dropped.
    pub fn reason(&self, case: &Case<'_>) -> String {
        let name = function::short(&self.frame.function);
        let place = case.at(Place::of(self.frame, case.context).as_ref());
        match self.by {
            By::Limit => format!("A time limit ran out while `{name}` waited{place}."),
            By::Late(thread) if self.chooser.is_some() => format!(
                "`{name}` waited{place} while {} was late, and another of the futures that are polled together{} was done first.",
                case.threads.prose(thread),
                case.at(self.chooser_place(case).as_ref()),
            ),
            By::Late(thread) => format!(
                "`{name}` waited{place} while {} was late, and something else came first that cut it off: another branch of a `select!`, an abort, a time limit.",
                case.threads.prose(thread)
            ),
            By::Test => format!("`{name}` waited{place}, within a `raddle::cancellable`, which may drop it there."),
        }
    }

    /// Where it was polled beside others.
    fn chooser_place(&self, case: &Case<'_>) -> Option<Place> {
        Place::of(self.chooser?, case.context)
    }

    /// The thread that was late.
    pub fn late(&self) -> Option<ThreadId> {
        if let By::Late(thread) = self.by { Some(thread) } else { None }
    }

    /// When it is not.
    pub fn otherwise(&self, case: &Case<'_>) -> String {
        match self.by {
            By::Limit => "When the time limit does not run out".to_owned(),
            By::Late(thread) => format!("When {} is not late", case.threads.prose(thread)),
            By::Test => "When it is not dropped".to_owned(),
        }
    }

    /// What is to be known of `--cancel`.
    pub fn note(&self) -> String {
        match self.by {
            By::Limit => "`--cancel` lets each time limit run out at each place where something waits within it. If this one cannot, in the world that the test stands for, leave `--cancel` away for this test.",
            By::Late(_) => "`--cancel` lets each thread that others wait for be late once, by up to an hour. If this one cannot be, in the world that the test stands for, leave `--cancel` away for this test.",
            By::Test => "`--cancel` drops what `raddle::cancellable` awaits at each place where that waits.",
        }
        .to_owned()
    }
}

/// Explains a failure as what a cancellation has left behind; `None` where it is not.
pub fn explain(case: &Case<'_>, failure: Diagnosis) -> Option<Diagnosis> {
    let output = String::from_utf8_lossy(&case.trace().output);
    let in_time = |panic: &panic::Panic| EXPECTED_IN_TIME.iter().any(|word| panic.message.contains(word));
    if panic::panics(&output).iter().any(in_time) {
        return None;
    }
    let steps = &case.trace().steps;
    let dropped = dropped(case)?;
    let place = Place::of(dropped.frame, case.context);
    let name = function::short(&dropped.frame.function);
    let mut diagnosis = Diagnosis { code: "RD0304", ..failure };
    let consequence = match diagnosis.message.strip_prefix("fails under some schedules: ") {
        Some(panic) => format!("the test fails ({panic})"),
        None => diagnosis.message,
    };
    diagnosis.message =
        format!("cancellation leaves damage: `{name}` was dropped at an `.await`, and then {consequence}");
    diagnosis.keys.extend([dropped.stall, dropped.waited, dropped.at]);
    diagnosis.about.insert(steps[dropped.at].thread);
    diagnosis.about.extend(dropped.late());
    for span in &mut diagnosis.spans {
        span.primary = false;
    }
    let consequences = std::mem::take(&mut diagnosis.spans);
    case.mark(&mut diagnosis.spans, place.clone(), format!("`{name}` waited here when it was dropped"), true);
    case.mark(&mut diagnosis.spans, dropped.chooser_place(case), "another future is done first here".to_owned(), false);
    diagnosis.spans.extend(consequences);
    let mut reason = vec![format!(
        "{} Its future was dropped there, so nothing that comes after that `.await` was done, in it or in whoever awaited it and was dropped with it.",
        dropped.reason(case),
    )];
    let unordered = |sentence: &String| !sentence.contains("passes under other schedules");
    reason.extend(std::mem::take(&mut diagnosis.reason).into_iter().filter(unordered));
    reason.push(format!("{}, the test passes.", dropped.otherwise(case)));
    diagnosis.reason = reason;
    diagnosis.fix = vec![
        "Whatever must happen on every way out belongs into the `Drop` of a value that is held across the `.await`: keep the permit or guard itself, and do not `forget` it.".to_owned(),
        "What has been taken must not live in the future alone: keep what was received or read in a variable of the caller, or keep the future itself (`pin!` it before the loop and pass `&mut future` to `select!`), so that the next attempt goes on with it.".to_owned(),
        "What must not be cut off: run it in a task of its own (`tokio::spawn`) and await the handle; dropping that does not stop the task.".to_owned(),
    ];
    diagnosis.notes = vec![dropped.note()];
    diagnosis.decides = None;
    Some(diagnosis)
}

/// An operation on what a future waited on, as it is dropped within a poll.
fn dropped_with_its_leaf<'a>(case: &'a Case<'_>, stall: usize) -> Option<Found<'a>> {
    let steps = &case.trace().steps;
    (stall..steps.len()).find_map(|at| {
        let site = case.site_at(at)?;
        let address = polls::state_word(&steps[at].op)?;
        if !drops(site) || polls::of(site).is_none() && !polls::drops_task(site) {
            return None;
        }
        let polled = |index: &usize| {
            polls::state_word(&steps[*index].op) == Some(address)
                && case.site_at(*index).is_some_and(|site| !drops(site) && inside_timer(site).is_none())
        };
        let waited = (0..stall).rev().find(polled)?;
        let frame = bodies(case.site_at(waited)?).next()?;
        // A body that has come to another place since did not wait on this.
        let later =
            |index: usize| case.site_at(index).and_then(|site| bodies(site).find(|one| one.function == frame.function));
        if (waited + 1..stall).filter_map(later).any(|one| one.line != frame.line) {
            return None;
        }
        // A body that drops what it waited on has got past it.
        (!site.frames.iter().any(|outer| outer.function == frame.function)).then_some((waited, at, frame))
    })
}

/// What tokio's `Timeout` has polled before its own timer, and then the timer was dropped.
fn timed_out<'a>(case: &'a Case<'_>, stall: usize) -> Option<Found<'a>> {
    let steps = &case.trace().steps;
    let thread = steps[stall].thread;
    let own = || (stall..steps.len()).filter(|at| steps[*at].thread == thread);
    let calls = |at: usize, what: &str| case.site_at(at).is_some_and(|site| calls(site, what));
    let at = own().find(|at| calls(*at, "TimerEntry as core::ops") || calls(*at, "TimerEntry as Drop"))?;
    let within = |at: &usize| calls(*at, "tokio::time::timeout::Timeout<");
    let last = own().take_while(|index| *index < at).filter(within).last()?;
    if !calls(last, "poll_delay") {
        return None;
    }
    let waited = (0..last).rev().find(|at| within(at) && !calls(*at, "poll_delay"))?;
    let site = case.site_at(waited)?;
    let outside = site.frames.iter().position(|frame| frame.function.contains("tokio::time::timeout::Timeout<"))?;
    let frame = site.frames[..outside].iter().find(|frame| is_body(frame))?;
    Some((waited, at, frame))
}

/// What was polled beside a timer, and is at an earlier place when it is polled next.
fn begun_again<'a>(case: &'a Case<'_>, stall: usize) -> Option<Found<'a>> {
    let steps = &case.trace().steps;
    let thread = steps[stall].thread;
    let site = |at: usize| case.site_at(at).filter(|_| steps[at].thread == thread);
    // Who polls the timer that has run out, and may poll other futures in turn.
    let chooser = (stall..steps.len()).find_map(|at| inside_timer(site(at)?))?;
    // The line of the function that the chooser polls.
    let polled = |at: usize| {
        let site = site(at)?;
        let by = site.frames.iter().position(|frame| frame.function == chooser.function)?;
        let frame = site.frames[..by].iter().rev().find(|frame| is_body(frame))?;
        (!drops(site)).then_some(frame)
    };
    let (waited, frame) = (0..stall).rev().find_map(|at| Some((at, polled(at)?)))?;
    let (at, again) = (stall..steps.len()).find_map(|at| Some((at, polled(at)?)))?;
    (again.function == frame.function && again.line < frame.line).then_some((waited, at, frame))
}

/// The body of a task that is aborted after that.
fn aborted_then<'a>(case: &'a Case<'_>, stall: usize) -> Option<Found<'a>> {
    let found = (stall..case.trace().steps.len()).find_map(|at| aborted::aborted(case, at))?;
    let frame = bodies(case.site_at(found.waited)?).next()?;
    Some((found.waited, found.cut, frame))
}

/// What `raddle::cancellable` has polled last; itself, where that did nothing that can be seen.
fn given_free<'a>(case: &'a Case<'_>, stall: usize) -> Option<Found<'a>> {
    let thread = case.trace().steps[stall].thread;
    let asks = |frame: &SourceFrame| frame.function.contains("raddle::cancellable::Cancellable<");
    let outside = |at: usize| case.site_at(at).and_then(|site| site.frames.iter().position(asks));
    let inside = |at: &usize| {
        let site = case.site_at(*at)?;
        let frames = &site.frames[..outside(*at)?];
        Some((*at, stall, frames.iter().find(|frame| is_body(frame))?))
    };
    let own = (0..stall).rev().filter(|at| case.trace().steps[*at].thread == thread);
    let polled = own.take_while(|at| outside(*at).is_some()).find_map(|at| inside(&at));
    polled.or_else(|| Some((stall, stall, bodies(case.site_at(stall)?).next()?)))
}

/// The function that polls a timer, where the operation is part of that.
fn inside_timer(site: &Site) -> Option<&SourceFrame> {
    let timer = |frame: &SourceFrame| frame.function.contains("tokio::time::sleep::Sleep as ");
    let at = site.frames.iter().rposition(timer)?;
    site.frames[at..].iter().find(|frame| is_body(frame))
}

fn drops(site: &Site) -> bool {
    calls(site, "drop_in_place")
}

pub(super) fn calls(site: &Site, what: &str) -> bool {
    site.frames.iter().any(|frame| frame.function.contains(what))
}

/// The user's async functions and blocks that an operation is part of, innermost first.
fn bodies(site: &Site) -> impl Iterator<Item = &SourceFrame> {
    site.frames.iter().filter(|frame| is_body(frame))
}

/// Whether a frame is that of an async function or block; closures are named alike.
pub(super) fn is_body(frame: &SourceFrame) -> bool {
    let last = frame.function.rsplit("::").next().unwrap_or_default();
    frame.origin == Origin::User && frame.line > 0 && (last.contains("{closure") || last.contains("{async"))
}
