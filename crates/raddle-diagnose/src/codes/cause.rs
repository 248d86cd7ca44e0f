//! The reason of a failure: two steps whose order decides, or a load that sees an old value.
//!
//! Both have been tried out by the runtime ([`raddle_protocol::Cause`]): the execution was performed again with the two
//! steps the other way round, and passed. Of several such pairs that one is shown which fits a known pattern, else the
//! one whose steps lie closest together.
//!
//! Cannot see: what a thread does with a value between reading and storing. A pattern says which steps of a thread belong
//! together, not how one follows from the other.

use super::{Diagnosis, mistake_of_the_crate};
use crate::action::{Action, What};
use crate::case::Case;
use crate::codes::pattern::{self, Pattern};
use crate::codes::{aborted, waits_once};
use crate::function;
use crate::object::ObjectKind;
use crate::paths::PathUse;
use crate::site::Site;
use crate::words;
use raddle_engine::waits::Mode;
use raddle_instrument::symbols::Origin;
use raddle_protocol::trace::{Op, Outcome, StackId, ThreadId};

/// Whether a reason is told of tasks. Where threads wait for ever, it is about the threads.
fn speaks_of_tasks(case: &Case<'_>) -> bool {
    case.raw.outcome != Outcome::Stuck
}

/// Who takes a step.
fn who(case: &Case<'_>, point: Point) -> String {
    if speaks_of_tasks(case) { case.who(point.at) } else { case.threads.prose(point.thread) }
}

/// A step that takes part in a decision.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Where in the trace.
    pub at: usize,
    /// The step that was turned around, where the action that it belongs to was told of at another.
    pub step: usize,
    /// Who.
    pub thread: ThreadId,
    /// From where.
    pub stack: StackId,
    /// The action that it belongs to; of what a library does by itself there is none.
    pub action: Option<usize>,
}

impl Point {
    /// The step at which the action of this index took effect.
    pub fn of_action(case: &Case<'_>, index: usize) -> Self {
        let Action { at, thread, stack, .. } = case.reading.actions[index];
        Point { at, step: at, thread, stack, action: Some(index) }
    }
}

/// Threads that wait for each other or themselves. What one of them has looked at before only decides how it came there; what
/// to change is the order of the locks.
const CYCLES: [&str; 2] = ["RD0201", "RD0203"];

/// A pair that decides.
pub type Decides = (Point, Point);

/// Adds the reason to a diagnosis. Tells whether there is one.
pub fn explain(case: &Case<'_>, diagnosis: &mut Diagnosis) -> bool {
    let Some(cause) = &case.raw.cause else { return false };
    if let Some(load) = cause.stale.iter().find_map(|step| point(case, *step)) {
        let before = diagnosis.fix.clone();
        stale(case, load, diagnosis);
        let told = diagnosis.fix.len();
        if speaks_of_tasks(case) && aborted::explain(case, 0, diagnosis) {
            // Which value a library sees has only decided how far the task came.
            diagnosis.fix.splice(..told, before);
        }
        return true;
    }
    let pairs = cause.pairs.iter().filter_map(|(first, second)| Some((point(case, *first)?, point(case, *second)?)));
    let pairs: Vec<Decides> =
        pairs.filter(|(first, second)| first.at < second.at && first.thread != second.thread).collect();
    if let Some(found) = waits_once::find(case, &pairs).filter(|_| cause.printed.is_none()) {
        order(case, found.decides.0, found.decides.1, diagnosis);
        waits_once::explain(case, &found, diagnosis);
        return true;
    }
    // What a value is used for beyond the order in which it was printed is not known.
    let is_known = cause.printed.is_some() || CYCLES.contains(&diagnosis.code);
    let found = pattern::find(case, &pairs).filter(|_| !is_known);
    let closest = || pairs.iter().copied().min_by_key(|(first, second)| (second.at - first.at, usize::MAX - second.at));
    let Some((first, second)) = found.as_ref().map(|found| found.decides).or_else(closest) else { return false };
    order(case, first, second, diagnosis);
    match found {
        Some(found) => belongs_together(case, &found, diagnosis),
        None if speaks_of_tasks(case) && aborted::explain(case, first.at, diagnosis) => {}
        // Where threads wait for each other, or a crash is understood, it is known already what to do.
        None if diagnosis.fix.is_empty() => {
            diagnosis.fix.extend(both_of_crate(case, first, second).map(|krate| whose(&krate)));
            diagnosis.fix.push(
                "See to it that these two steps happen in the other order, or that their order does not matter: let one thread wait for the other (a `join`, a message, a condition), or make each thread's steps around them one, under one lock."
                    .to_owned(),
            );
        }
        None => {}
    }
    true
}

/// What to say where no reason was found.
pub fn unknown(case: &Case<'_>) -> String {
    let known = "Which pair of steps decides between passing and failing is not known";
    match &case.raw.cause {
        Some(cause) if cause.tried > 1 => format!(
            "{known}: {} performed with steps of this schedule in another order, and none that turns just two of them around is known to pass.",
            match cause.tried {
                1 => "1 execution was".to_owned(),
                tried => format!("{} executions were", words::thousands(tried)),
            }
        ),
        _ => format!("{known}; it could not be tried out."),
    }
}

/// A recorded step with the action that it belongs to: its own, or the one that the same call came to. `None` for what
/// happens outside of user code.
fn point(case: &Case<'_>, step: u64) -> Option<Point> {
    let step = usize::try_from(step).ok()?;
    let recorded = case.trace().steps.get(step)?;
    let at = step;
    let site = case.sites.get(recorded.stack);
    site.user?;
    let actions = case.reading.actions.iter().enumerate();
    let later = actions
        .filter(|(_, action)| action.thread == recorded.thread && action.at >= at)
        .min_by_key(|(_, action)| action.at);
    // What a library does to variables of its own is no part of what else the same call does.
    let is_part = !site.roles.is_empty();
    let is_same = |action: &Action| {
        let of = case.sites.get(action.stack);
        // A panic within the call is what comes of the step, and takes locks of its own.
        action.at == at || is_part && of.call == site.call && !of.panics
    };
    let action = later.filter(|(_, action)| is_same(action)).map(|(index, _)| index);
    let at = action.map_or(at, |index| case.reading.actions[index].at);
    Some(Point { at, step, thread: recorded.thread, stack: recorded.stack, action })
}

/// At which step the action is that shows a reader where this is: its own, or the call of a library in whose course it
/// comes.
fn shown_at(case: &Case<'_>, point: Point) -> usize {
    if point.action.is_some() {
        return point.at;
    }
    let call = &case.sites.get(point.stack).call;
    let is_its_call = |action: &&Action| {
        action.thread == point.thread && action.at <= point.at && case.sites.get(action.stack).call == *call
    };
    case.reading.actions.iter().filter(is_its_call).map(|action| action.at).max().unwrap_or(point.at)
}

fn action<'a>(case: &'a Case<'_>, point: Point) -> Option<&'a Action> {
    point.action.map(|index| &case.reading.actions[index])
}

/// The name of what a step is about.
fn name(case: &Case<'_>, point: Point) -> String {
    let named = action(case, point).and_then(|action| {
        let object = action.object.map(|object| case.names.short(object).to_owned());
        object.or_else(|| action.path().map(PathUse::name))
    });
    named.unwrap_or_else(|| match of_crate(case, point) {
        Some(krate) => format!("a variable of the crate `{krate}`"),
        None => "it".to_owned(),
    })
}

/// The crate whose code takes a step, where that is not the user's.
fn of_crate(case: &Case<'_>, point: Point) -> Option<String> {
    case.sites.get(point.stack).performing_crate()
}

/// The crate of which one call, or one made again and again, takes both steps: what lies between them is not the user's.
fn within_a_call(case: &Case<'_>, look: Point, act: Point) -> Option<String> {
    let [first, second] = [look, act].map(|point| case.sites.get(point.stack));
    of_crate(case, act).filter(|_| first.call == second.call && of_crate(case, look).is_some())
}

/// The crate whose code takes both steps, where the user's calls only lead there. A crate's locks and channels are what the
/// user has chosen to use.
fn both_of_crate(case: &Case<'_>, one: Point, two: Point) -> Option<String> {
    let own = |point: Point| of_crate(case, point).filter(|_| case.sites.get(point.stack).roles.is_empty());
    let inner = own(one).filter(|krate| own(two).as_ref() == Some(krate))?;
    // What the user calls may be built on another one.
    let called = |point: Point| case.sites.get(point.stack).called_crate();
    Some(called(one).filter(|krate| called(two).as_ref() == Some(krate)).unwrap_or(inner))
}

/// How to find out whose mistake it is, where calls of a crate's functions come in an order that it may or may not allow.
fn whose(krate: &str) -> String {
    format!(
        "Both steps are taken inside the crate `{krate}`. If a call does not keep to the crate's documentation, see whether a newer version has mended that, else report it there. If all do, this code counts on more, such as that nothing happens between two calls."
    )
}

/// Says whose mistake it is, where a step is taken by a crate's code.
pub(super) fn blame(krate: &str, diagnosis: &mut Diagnosis) {
    // Of crates that are built on each other the one that has been named will do.
    if !diagnosis.fix.iter().any(|fix| fix.contains("the crate `")) {
        diagnosis.fix.insert(0, mistake_of_the_crate(&format!("This happens inside the crate `{krate}`")));
    }
}

/// What a thread does, with its place.
fn deed(case: &Case<'_>, point: Point) -> String {
    let site = case.sites.get(point.stack);
    let name = name(case, point);
    let object = action(case, point).and_then(|action| action.object);
    let kind = object.map(|object| case.reading.objects.get(object).kind);
    let io = match &case.trace().steps[point.step].op {
        Op::Io { call, .. } => Some(call),
        _ => None,
    };
    let verb = match action(case, point).map(|action| &action.what) {
        _ if io.is_some() => in_a_call(site, io),
        Some(What::Read { .. } | What::Compared { done: false, .. }) => format!("reads {name}"),
        Some(What::Wrote { .. }) => format!("stores to {name}"),
        Some(What::Updated { .. } | What::Compared { done: true, .. }) => format!("changes {name}"),
        Some(What::Acquired(Mode::Shared)) => format!("locks {name} to read"),
        Some(What::Acquired(_)) if kind == Some(ObjectKind::Once) => format!("begins to initialise {name}"),
        Some(What::Acquired(_)) => format!("locks {name}"),
        Some(What::Released) => format!("is done with {name}"),
        Some(What::Requested(_)) => format!("asks for {name}"),
        Some(What::Refused(_)) => format!("tries for {name} in vain"),
        Some(What::WaitBegun) => format!("begins to wait on {name}"),
        Some(What::Notified { .. }) => format!("notifies {name}"),
        Some(What::Received { .. }) => format!("receives from {name}"),
        Some(What::Path(path)) => path.words(),
        Some(What::Closed { .. }) => format!("closes its end of {name}"),
        _ => in_a_call(site, None),
    };
    let within = case.wrapper_of(site).map(|frame| format!(" in `{}`", function::short(&frame.function)));
    format!("{verb}{}{}", within.unwrap_or_default(), case.at(case.place_of(Some(point.stack)).as_ref()))
}

/// The call that a thread makes: of input or output, or else the one that the user's code has made.
fn in_a_call(site: &Site, io: Option<&String>) -> String {
    let entry = site.entry().map(|entry| (function::short(&entry.function), entry.origin));
    let within = site.dependency().map(|frame| function::short(&frame.function));
    match (io, entry, within) {
        (Some(call), Some((entry, Origin::Dependency)), _) => format!("calls `{call}` (inside `{entry}`)"),
        (Some(call), ..) => format!("calls `{call}`"),
        (None, _, Some(within)) => format!("takes a step in `{within}`"),
        (None, Some((entry, _)), None) => format!("calls `{entry}`"),
        (None, None, None) => "goes on".to_owned(),
    }
}

/// What happens with the deciding steps the other way round.
fn otherwise(case: &Case<'_>) -> &'static str {
    match case.raw.cause.as_ref().is_some_and(|cause| cause.printed.is_some()) {
        true => "the same is printed as in the other schedule",
        false => "the execution passes",
    }
}

/// Two steps whose order decides.
fn order(case: &Case<'_>, one: Point, two: Point, diagnosis: &mut Diagnosis) {
    diagnosis.by_task = speaks_of_tasks(case);
    let (earlier, later) = (who(case, one), who(case, two));
    diagnosis.about.extend([one.thread, two.thread]);
    let shown = [one, two].map(|point| shown_at(case, point));
    // A row that tells of several steps may lie on the other side.
    let shown = if shown[0] < shown[1] { shown } else { [one.at, two.at] };
    diagnosis.keys.extend(shown);
    diagnosis.reason.push(format!(
        "The order of two steps decides: {earlier} {}, and only then {later} {}. With these two the other way round, and all else left as it was as far as the program allows, {}; this has been tried.",
        deed(case, one),
        deed(case, two),
        otherwise(case)
    ));
    let because = format!("with these two the other way round {}; this has been tried", otherwise(case));
    diagnosis.decides = Some((shown[0], shown[1], because));
}

/// Steps of one thread between which another one steps in.
fn belongs_together(case: &Case<'_>, found: &Pattern, diagnosis: &mut Diagnosis) {
    let Pattern { look, change, act, suspended, .. } = *found;
    let (thread, other) = (who(case, look), who(case, change));
    let name = name(case, if look.action.is_some() { look } else { change });
    let places = [look, change, act].map(|point| case.place_of(Some(point.stack)));
    let [looks, changes, acts] = [look, change, act].map(|point| deed(case, point));
    diagnosis.keys.extend([look, change, act].map(|point| shown_at(case, point)));
    diagnosis.keys.extend(found.besides.map(|point| point.at));
    diagnosis.pattern = Some(found.code);
    diagnosis.reason.push(match found.code {
        pattern::LOST_UPDATE => format!(
            "This is a lost update (RD0102): {thread} {looks}, {other} {changes}, and {thread} {acts} without having looked again, over the change by {other}."
        ),
        pattern::CHECK_THEN_USE => format!(
            "This is a file-system check-then-use (RD0104): {thread} {looks}, {other} {changes}, and {thread} {acts}, going by what it was told before.",
        ),
        pattern::TORN_READ => format!(
            "This is a torn read (RD0107): {thread} {looks} before {other} {changes}, but it {acts} after {other} {}. So it has the old value in part and the new one in part, a combination that nobody has written. Whether it reads all of it before or all of it after, the execution passes; only mixed it fails.",
            found.besides.map(|point| deed(case, point)).unwrap_or_default(),
        ),
        pattern::ACROSS_AWAIT => {
            let awaits = suspended.and_then(|at| case.place_at(Some(at)));
            case.mark(&mut diagnosis.spans, awaits.clone(), format!("{thread} is suspended here, in between"), false);
            format!(
                "This is a check-then-act across an await (RD0303): {thread} {looks}, and is suspended at an `.await`{}; {other} {changes}; then {thread} goes on and {acts}, going by what it saw before the `.await`.",
                case.at(awaits.as_ref()),
            )
        }
        _ => {
            let tried = match found.both_decide {
                true => format!("Whether {other} comes before all of that or after all of it, the execution passes; only in between it fails."),
                false => format!("Had {thread} looked after that change, the execution would have passed."),
            };
            format!("This is a check-then-act (RD0103): {thread} {looks}, {other} {changes}, and {thread} {acts}, going by what it saw before. {tried}")
        }
    });
    let labels = [
        match found.code {
            pattern::LOST_UPDATE => format!("{thread} reads {name} here"),
            pattern::CHECK_THEN_USE => format!("{thread} asks about {name} here"),
            pattern::TORN_READ => format!("{thread} reads the old value of {name} here"),
            _ => format!("{thread} looks at {name} here"),
        },
        match found.code {
            pattern::TORN_READ => format!("{other} stores the new value of {name} here"),
            _ => format!("{other} changes it here, in between"),
        },
        match found.code {
            pattern::LOST_UPDATE => format!("{thread} stores to {name} here, over that change"),
            pattern::TORN_READ => format!("{thread} reads the new value of {} here", self::name(case, act)),
            pattern::CHECK_THEN_USE => format!("{thread} uses it here, going by the answer that it had"),
            _ => format!("{thread} acts here on what it saw"),
        },
    ];
    let within = within_a_call(case, look, act);
    match &within {
        // There is one line in the user's code for both steps, and nothing to be seen there.
        Some(krate) => blame(krate, diagnosis),
        None => {
            for (place, label) in places.into_iter().zip(labels) {
                case.mark(&mut diagnosis.spans, place, label, false);
            }
        }
    }
    diagnosis.fix.push(match found.code {
        pattern::LOST_UPDATE => format!(
            "Make the read and the store of {name} one step: an operation such as `fetch_add`, a `compare_exchange` loop (`fetch_update`), or a lock that is held over both."
        ),
        pattern::CHECK_THEN_USE => "Do not ask first: try, and go by the error. `File::create_new` makes a file or says that there is one; `remove_file`, `rename` and `open` say `NotFound`. Where that is not enough, hold one lock from the question to the end of the use.".to_owned(),
        pattern::TORN_READ => "Keep what belongs together in one piece: one lock over all of it, or one atomic word that holds it all. A sequence lock looks at its version again after it has read, and begins anew if that has changed.".to_owned(),
        pattern::ACROSS_AWAIT => format!(
            "Keep the look at {name} and the act on the same side of the `.await`: take first what is needed, and put it back if what is awaited fails; or look again after the `.await`. Where nothing may change meanwhile, hold an async lock over all of it."
        ),
        _ => format!(
            "Make the look at {name} and the act one step: hold one lock over both, or use one operation that does both (`compare_exchange`, `fetch_update`, `get_or_init`, the map's `entry`)."
        ),
    });
}

/// A load that sees an old value.
fn stale(case: &Case<'_>, load: Point, diagnosis: &mut Diagnosis) {
    diagnosis.by_task = speaks_of_tasks(case);
    let thread = who(case, load);
    let place = case.innermost_place_of(Some(load.stack));
    let name = name(case, load);
    diagnosis.about.insert(load.thread);
    diagnosis.keys.insert(load.at);
    diagnosis.reason.push(format!(
        "What decides is an old value: {thread} {}, and sees a value that another store has replaced by then. Rust's memory model allows that, since nothing orders that store before this load. Had it seen the last value, {}; this has been tried.",
        deed(case, load),
        if otherwise(case).contains("passes") { "the execution would have passed" } else { "it would have printed the same as in the other schedule" }
    ));
    case.mark(&mut diagnosis.spans, place, format!("{thread} sees an old value of {name} here"), false);
    if let Some(krate) = of_crate(case, load) {
        blame(&krate, diagnosis);
    }
    diagnosis.fix.push(format!(
        "Order the store of {name} before this load: publish with `Release` and look with `Acquire` at the variable that says that the value is there; use `SeqCst` on all sides where threads look at each other's variables; or hold one lock around both."
    ));
}
