//! RD0304: a future was dropped where it waited, and what was to come after that is missed.
//!
//! The execution was made to let a time limit run out (`--cancel`); without that the test passes. So whatever goes wrong in
//! it comes of the time limit, and when a future was dropped in the middle because of it, of that.
//!
//! A drop shows by an operation within `drop_in_place` of an async block or function that has been polled before; where it
//! waited, by the last operation of its last poll. What is dropped because its runtime shuts down was not cancelled.
//!
//! Left alone: a test that fails because it takes its time limit for a failure, and says so: a panic about `Elapsed` or an
//! error of that kind. Not seen: a future without any operation in its drop, and damage that no assertion of the test, no
//! deadlock and no crash shows.

use super::Diagnosis;
use crate::case::Case;
use crate::panic;
use crate::place::Place;
use raddle_protocol::Op;

/// How the messages of tests read that do not expect a time limit to run out.
const EXPECTED_IN_TIME: [&str; 8] =
    ["Elapsed", "elapsed", "Timeout", "timeout", "TimedOut", "timed out", "is_ok()", "took too long"];

/// A future that was dropped before its end.
struct Dropped {
    /// Step at which it is being dropped.
    at: usize,
    /// The last step of its last poll.
    waited: usize,
    /// The async function, as a reader knows it.
    function: String,
}

/// Explains a failure as what a cancellation has left behind; `None` where it is not.
pub fn explain(case: &Case<'_>, failure: Diagnosis) -> Option<Diagnosis> {
    let output = String::from_utf8_lossy(&case.trace().output);
    let in_time = |panic: &panic::Panic| EXPECTED_IN_TIME.iter().any(|word| panic.message.contains(word));
    if panic::panics(&output).iter().any(in_time) {
        return None;
    }
    let steps = &case.trace().steps;
    let stall = steps.iter().position(|step| matches!(step.op, Op::Stalled { .. }))?;
    let dropped = (stall..steps.len()).find_map(|at| dropped(case, stall, at))?;
    let frame = |at: usize| case.site_at(at).and_then(|site| body(site, &dropped.function));
    let place = frame(dropped.waited).and_then(|frame| Place::of(frame, case.context));
    let by = case.place_at(Some(dropped.at));
    let name = crate::function::short(&dropped.function);
    let mut diagnosis = Diagnosis { code: "RD0304", ..failure };
    let consequence = match diagnosis.message.strip_prefix("fails under some schedules: ") {
        Some(panic) => format!("the test fails ({panic})"),
        None => diagnosis.message,
    };
    diagnosis.message = format!("cancellation leaves damage: `{name}` was dropped at an `.await`, and then {consequence}");
    diagnosis.keys.extend([stall, dropped.waited, dropped.at]);
    diagnosis.about.insert(steps[dropped.at].thread);
    for span in &mut diagnosis.spans {
        span.primary = false;
    }
    let consequences = std::mem::take(&mut diagnosis.spans);
    case.mark(&mut diagnosis.spans, place.clone(), format!("`{name}` waited here when it was dropped"), true);
    if by.as_ref().map(Place::short) != place.as_ref().map(Place::short) {
        case.mark(&mut diagnosis.spans, by, "it was dropped from here".to_owned(), false);
    }
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

/// The future that is being dropped at step `at`, if it had been polled.
fn dropped(case: &Case<'_>, stall: usize, at: usize) -> Option<Dropped> {
    let site = case.site_at(at)?;
    let shuts_down = |function: &str| {
        ["close_and_shutdown", "runtime::runtime::Runtime", "BlockingPool", "scheduler::current_thread::shutdown"]
            .iter()
            .any(|name| function.contains(name))
    };
    if site.frames.iter().any(|frame| shuts_down(&frame.function)) {
        return None;
    }
    // From outside: what contains the others was dropped as a whole.
    site.frames.iter().rev().find_map(|frame| {
        let function = dropped_body(&frame.function)?;
        let polled = |index: &usize| case.site_at(*index).is_some_and(|site| body(site, &function).is_some());
        let waited = (0..stall).rev().find(polled)?;
        Some(Dropped { at, waited, function })
    })
}

/// The body of the async function or block that this function drops.
fn dropped_body(function: &str) -> Option<String> {
    let dropped = function.split_once("drop_in_place<")?.1.strip_suffix('>')?;
    let plain = crate::function::plain(dropped);
    let last = plain.rsplit("::").next()?;
    (last.contains("{async_") || last == "{{closure}}").then(|| plain.replace("_env#", "#"))
}

/// The frame in which this async function or block runs.
fn body<'a>(site: &'a crate::site::Site, function: &str) -> Option<&'a raddle_instrument::symbols::SourceFrame> {
    site.frames.iter().find(|frame| crate::function::plain(&frame.function) == function)
}
