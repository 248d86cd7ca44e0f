//! Where in the trace a panic was raised that the program's output tells of.

use crate::action::Action;
use crate::case::Case;
use crate::function;
use crate::panic::Panic;
use crate::place::Place;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::trace::ThreadId;

/// The thread that panicked: the one whose panic the trace shows at that place, else the one that has the name.
pub fn thread(case: &Case<'_>, panic: &Panic) -> Option<ThreadId> {
    if let Some((action, _)) = raised(case, panic) {
        return Some(action.thread);
    }
    if panic.thread == "main" || case.context.test.split(' ').next_back() == Some(&panic.thread) {
        return Some(0);
    }
    // The system keeps 15 bytes of a name; the message has all of it.
    let same = |name: &str| name == panic.thread || (name.len() == 15 && panic.thread.starts_with(name));
    let threads = || case.trace().threads.iter().zip(0..).skip(1);
    let only = |mut found: Vec<ThreadId>| if found.len() == 1 { found.pop() } else { None };
    let named = threads().filter(|(thread, _)| thread.name.as_deref().is_some_and(same)).map(|(_, id)| id).collect();
    let unnamed = threads().filter(|(thread, _)| thread.name.is_none()).map(|(_, id)| id).collect();
    if panic.thread == "<unnamed>" { only(unnamed) } else { only(named) }
}

/// Where it panicked. A place inside the standard library says little to whoever called it: then it is the call, if the trace
/// shows it.
pub fn place(case: &Case<'_>, panic: &Panic) -> Place {
    let caller = raised(case, panic)
        .filter(|(_, frame)| frame.origin == Origin::Standard)
        .and_then(|(action, _)| case.sites.get(action.stack).user.and(case.place_of(Some(action.stack))));
    caller.unwrap_or_else(|| panic.place(case.context))
}

/// The crate whose code the output names as the place of the panic.
pub fn krate(case: &Case<'_>, panic: &Panic) -> Option<String> {
    let (_, frame) = raised(case, panic)?;
    (frame.origin == Origin::Dependency).then(|| function::krate(&frame.function))
}

/// The step at which the trace shows the panic, and the frame that is named in the output.
fn raised<'a>(case: &'a Case<'_>, panic: &Panic) -> Option<(&'a Action, &'a SourceFrame)> {
    let named = |frame: &&SourceFrame| {
        (frame.line, frame.column) == (panic.line, panic.column)
            && frame.file.as_ref().is_some_and(|file| file.ends_with(&panic.file))
    };
    case.reading.actions.iter().find_map(|action| {
        let site = case.sites.get(action.stack);
        site.frames.iter().find(named).filter(|_| site.panics).map(|frame| (action, frame))
    })
}
