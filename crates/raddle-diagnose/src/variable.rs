//! Which variable of the program an address belongs to: a static, or a local of some thread's stack.
//!
//! A local is found through any stack of its thread that still contains the frame: the accessing thread is often another
//! one, which borrows it.

use crate::function;
use raddle_instrument::symbols::{Origin, Symbols, Variable};
use raddle_protocol::trace::{StackId, Trace};

/// A variable with what a reader should call it.
pub struct Found {
    /// What the debug information says.
    pub variable: Variable,
    /// Last segment of its name, followed by the fields down to the object.
    pub path: String,
    /// The function it is local to, or the module it is declared in.
    pub scope: Option<String>,
}

/// Paths of fields inside the standard library's and parking_lot's types, from the type that the user named down to the
/// word that is operated on. Longest first.
const INNER_FIELDS: [&str; 18] = [
    "inner.writer_notify.v.value",
    "inner.state_and_queued.v.value",
    "once.inner.state_and_queued.v.value",
    "once.state_and_queued.v.value",
    "inner.futex.v.value",
    "inner.state.v.value",
    "inner.writer_notify",
    "inner.futex",
    "inner.state",
    "raw.state.v.value",
    "raw.state",
    "state.v.value",
    "lock.inner.futex.v.value",
    "mutex.futex.v.value",
    "v.value",
    "inner",
    "raw",
    "v",
];

/// `field` without the part that lies inside a library's type.
fn users_part(field: &str) -> &str {
    let inside = |suffix: &&&str| field == **suffix || field.ends_with(&format!(".{suffix}"));
    match INNER_FIELDS.iter().filter(inside).max_by_key(|suffix| suffix.len()) {
        Some(suffix) => field[..field.len() - suffix.len()].trim_end_matches('.'),
        None => field,
    }
}

fn found(variable: Variable, scope: Option<String>) -> Found {
    let plain = function::plain(&variable.name);
    let (module, name) = match plain.rsplit_once("::") {
        Some((module, name)) => (Some(module.to_owned()), name.to_owned()),
        None => (None, plain),
    };
    let path = match variable.field.as_deref().map(users_part) {
        Some(field) if field.starts_with('[') => format!("{name}{field}"),
        Some(field) if !field.is_empty() => format!("{name}.{field}"),
        _ => name,
    };
    Found { variable, path, scope: scope.or(module) }
}

/// The static variable that holds `address`.
pub fn static_at(symbols: &dyn Symbols, address: u64) -> Option<Found> {
    symbols.static_at(address).map(|variable| found(variable, None))
}

/// Where the stacks of all threads lie. Those of threads that have ended may have been given to others, and are then
/// known only by the frames that the trace shows.
pub fn stack_bounds(trace: &Trace) -> Vec<(u64, u64)> {
    let mut seen: Vec<(u64, u64)> = vec![(u64::MAX, 0); trace.threads.len()];
    for step in &trace.steps {
        let frames = trace.stacks.get(step.stack as usize).map_or(&[][..], |stack| &stack.frames);
        if let (Some(bounds), Some(inner), Some(outer)) =
            (seen.get_mut(step.thread as usize), frames.first(), frames.last())
        {
            *bounds = (bounds.0.min(inner.cfa), bounds.1.max(outer.cfa));
        }
    }
    let known = trace.threads.iter().zip(seen);
    known
        .map(|(thread, seen)| if thread.stack_high == 0 { seen } else { (thread.stack_low, thread.stack_high) })
        .collect()
}

/// The local variable that holds `address` when step `at` happened. `bounds` are those of [`stack_bounds`].
pub fn local_at(trace: &Trace, bounds: &[(u64, u64)], symbols: &dyn Symbols, address: u64, at: usize) -> Option<Found> {
    let owner = bounds.iter().position(|(low, high)| (*low..*high).contains(&address))?;
    let owned = |index: &usize| trace.steps[*index].thread as usize == owner;
    let at = at.min(trace.steps.len());
    let before = (0..trace.steps.len().min(at + 1)).rev().find(owned).map(|index| trace.steps[index].stack);
    let after = (at..trace.steps.len()).find(owned).map(|index| trace.steps[index].stack);
    let stacks = before.into_iter().chain(after).chain(trace.threads[owner].last);
    stacks.into_iter().find_map(|stack| local_in(trace, symbols, address, stack))
}

/// The local variable that holds `address` in one of the frames of `stack`, if that frame is the user's.
fn local_in(trace: &Trace, symbols: &dyn Symbols, address: u64, stack: StackId) -> Option<Found> {
    let frames = &trace.stacks.get(stack as usize)?.frames;
    let mut inner = 0;
    for frame in frames {
        if (inner..frame.cfa).contains(&address) {
            let activations = symbols.frames(frame.pc);
            let user = activations.iter().find(|activation| activation.origin == Origin::User)?;
            let scope = function::short(&user.function);
            return symbols.local_at(frame.pc, frame.cfa, address).map(|variable| found(variable, Some(scope)));
        }
        inner = frame.cfa;
    }
    None
}

/// Whether a static belongs to the standard library.
pub fn is_standard(found: &Found) -> bool {
    matches!(function::krate(&found.variable.name).as_str(), "std" | "core" | "alloc" | "test")
        && found.variable.name.contains("::")
}

/// The standard streams have locks of their own, which a reader knows by the stream.
pub fn standard_stream(found: &Found) -> Option<&'static str> {
    let name = function::plain(&found.variable.name);
    let streams = [("stdin", "standard input"), ("stdout", "standard output"), ("stderr", "standard error")];
    let inside = name.strip_prefix("std::io::stdio::")?.to_ascii_lowercase();
    streams.into_iter().find(|(stream, _)| inside.starts_with(stream)).map(|(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::users_part;

    #[test]
    fn the_insides_of_library_types_are_not_named() {
        for (field, expected) in [
            ("records.inner.futex.v.value", "records"),
            ("state.inner.futex.v.value", "state"),
            ("inner.futex.v.value", ""),
            ("v.value", ""),
            ("stats.hits.v.value", "stats.hits"),
            ("left.raw.state", "left"),
            ("left", "left"),
        ] {
            assert_eq!(users_part(field), expected);
        }
    }
}
