//! RD0304: a future was dropped where it waited, and what was to come after that is missed.
//!
//! The execution was made to let a time limit run out (`--cancel`); without that the test passes. So whatever goes wrong in
//! it comes of the time limit, and when a future was dropped in the middle because of it, of that. That one was dropped
//! shows in one of three ways, all within a poll, or as the whole task is dropped that was aborted then:
//!
//! - what it waited on is dropped: an operation within `drop_in_place`, on memory that its last poll had operated on;
//! - tokio's `Timeout` polls it, then its own timer, and then drops the timer;
//! - polled beside a timer (`select!`), it was further than it is when it is polled next: it has begun again.
//!
//! Left alone: a test that fails because it takes its time limit for a failure, and says so: a panic about `Elapsed` or an
//! error of that kind. Not seen: damage that no assertion of the test, no deadlock and no crash shows; and other runtimes'
//! timers, but for the first way.

use super::Diagnosis;
use crate::case::Case;
use crate::function;
use crate::panic;
use crate::place::Place;
use crate::polls;
use crate::site::Site;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::Op;

/// How the messages of tests read that do not expect a time limit to run out.
const EXPECTED_IN_TIME: [&str; 8] =
    ["Elapsed", "elapsed", "Timeout", "timeout", "TimedOut", "timed out", "is_ok()", "took too long"];

/// A future that was dropped before its end.
pub struct Dropped<'a> {
    /// The step with which everything has stood still.
    pub stall: usize,
    /// Step that shows it.
    pub at: usize,
    /// The last step of its last poll.
    pub waited: usize,
    /// Where it waited.
    pub frame: &'a SourceFrame,
}

/// The future that a cancellation has dropped; `None` where none shows.
pub fn dropped<'a>(case: &'a Case<'_>) -> Option<Dropped<'a>> {
    let stall = case.trace().steps.iter().position(|step| matches!(step.op, Op::Stalled { .. }))?;
    dropped_with_its_leaf(case, stall).or_else(|| timed_out(case, stall)).or_else(|| begun_again(case, stall))
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
    for span in &mut diagnosis.spans {
        span.primary = false;
    }
    let consequences = std::mem::take(&mut diagnosis.spans);
    case.mark(&mut diagnosis.spans, place.clone(), format!("`{name}` waited here when it was dropped"), true);
    diagnosis.spans.extend(consequences);
    let mut reason = vec![format!(
        "A time limit ran out while `{name}` waited{}. Its future was dropped there, so nothing that comes after that `.await` was done, in it or in whoever awaited it within the time limit.",
        case.at(place.as_ref()),
    )];
    let unordered = |sentence: &String| !sentence.contains("passes under other schedules");
    reason.extend(std::mem::take(&mut diagnosis.reason).into_iter().filter(unordered));
    reason.push("When the time limit does not run out, the test passes.".to_owned());
    diagnosis.reason = reason;
    diagnosis.fix = vec![
        "Whatever must happen on every way out belongs into the `Drop` of a value that is held across the `.await`: keep the permit or guard itself, and do not `forget` it.".to_owned(),
        "What has been taken must not live in the future alone: keep what was received or read in a variable of the caller, or keep the future itself (`pin!` it before the loop and pass `&mut future` to `select!`), so that the next attempt goes on with it.".to_owned(),
        "What must not be cut off: run it in a task of its own (`tokio::spawn`) and await the handle; dropping that does not stop the task.".to_owned(),
    ];
    diagnosis.notes = vec![
        "`--cancel` lets each time limit run out at each place where something waits within it. If this one cannot, in the world that the test stands for, leave `--cancel` away for this test.".to_owned(),
    ];
    diagnosis.decides = None;
    Some(diagnosis)
}

/// An operation on what a future waited on, as it is dropped within a poll.
fn dropped_with_its_leaf<'a>(case: &'a Case<'_>, stall: usize) -> Option<Dropped<'a>> {
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
        // A body that drops what it waited on has got past it.
        (!site.frames.iter().any(|outer| outer.function == frame.function)).then_some(Dropped {
            stall,
            at,
            waited,
            frame,
        })
    })
}

/// What tokio's `Timeout` has polled before its own timer, and then the timer was dropped.
fn timed_out<'a>(case: &'a Case<'_>, stall: usize) -> Option<Dropped<'a>> {
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
    Some(Dropped { stall, at, waited, frame })
}

/// What was polled beside a timer, and is at an earlier place when it is polled next.
fn begun_again<'a>(case: &'a Case<'_>, stall: usize) -> Option<Dropped<'a>> {
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
    (again.function == frame.function && again.line < frame.line).then_some(Dropped { stall, at, waited, frame })
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

fn calls(site: &Site, what: &str) -> bool {
    site.frames.iter().any(|frame| frame.function.contains(what))
}

/// The user's async functions and blocks that an operation is part of, innermost first.
fn bodies(site: &Site) -> impl Iterator<Item = &SourceFrame> {
    site.frames.iter().filter(|frame| is_body(frame))
}

/// Whether a frame is that of an async function or block; closures are named alike.
fn is_body(frame: &SourceFrame) -> bool {
    let last = frame.function.rsplit("::").next().unwrap_or_default();
    frame.origin == Origin::User && frame.line > 0 && (last.contains("{closure") || last.contains("{async"))
}
