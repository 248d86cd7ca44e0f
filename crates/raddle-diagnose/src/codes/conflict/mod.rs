//! RD0101 and RD0105: an access that must not have happened where it did.
//!
//! The trace ends with that access. The one it is in conflict with is found in the trace by its thread: all accesses to
//! the bytes in question are recorded.

mod library;
mod ordering;
mod race;
mod stale;

use super::Diagnosis;
use crate::action::What;
use crate::case::Case;
use crate::function;
use crate::place::Place;
use crate::words;
use raddle_engine::waits;
use raddle_instrument::symbols::{Origin, SourceFrame};
use raddle_protocol::finding::{FrameView, StackView};
use raddle_protocol::trace::{Access, Block, Conflict, ConflictKind, Op, StackId, ThreadId};

/// What bytes are called that have no name in the source.
const SAME_MEMORY: &str = "the same memory";

/// One of the two accesses, as far as it is known.
pub struct Side {
    /// Who.
    thread: ThreadId,
    /// What it did.
    access: Access,
    /// At which step.
    at: Option<usize>,
    /// From where.
    stack: Option<StackId>,
}

/// A conflict with what a reader wants to know of it.
pub struct Facts<'a> {
    found: &'a Conflict,
    earlier: Option<Side>,
    later: Side,
    /// What the bytes are called.
    name: String,
    /// The heap block that holds them, or held them.
    block: Option<&'a Block>,
}

/// Describes a conflict of accesses.
pub fn conflict(case: &Case<'_>, found: &Conflict) -> Diagnosis {
    let facts = Facts::new(case, found);
    let mut diagnosis = match found.kind {
        ConflictKind::Race => race::race(case, &facts),
        _ => stale::stale(case, &facts),
    };
    diagnosis.about.insert(found.thread);
    diagnosis.about.extend(facts.earlier.as_ref().map(|side| side.thread));
    let sides = facts.earlier.iter().chain([&facts.later]);
    diagnosis.keys.extend(sides.filter_map(|side| side.at));
    diagnosis.stacks = facts.stacks(case);
    facts.mark_allocation(case, &mut diagnosis);
    diagnosis
}

impl<'a> Facts<'a> {
    fn new(case: &Case<'a>, found: &'a Conflict) -> Self {
        let trace = case.trace();
        let end = trace.steps.len();
        let block = trace.blocks.iter().rev().find(|block| {
            (block.address..block.address + block.size.max(1)).contains(&found.address)
                && block.live.0 <= trace.steps_cut + end as u64
        });
        let last =
            trace.steps.iter().rposition(|step| step.thread == found.thread && is(&step.op, found.access, found));
        let earlier = found.earlier.map(|(thread, access)| {
            // One thread may have done the same twice, such as to free.
            let is_same = (thread, access) == (found.thread, found.access);
            let until = last.filter(|_| is_same).unwrap_or(end);
            let at = trace.steps[..until].iter().rposition(|step| step.thread == thread && is(&step.op, access, found));
            let freed = (access == Access::Free).then(|| block.and_then(|block| block.freed)).flatten();
            let stack = freed.map(|(_, stack)| stack).or_else(|| at.map(|at| trace.steps[at].stack));
            let is_left = matches!(found.kind, ConflictKind::DeadStack | ConflictKind::DeadStorage);
            let frame_left = is_left && access == Access::Free;
            Side { thread, access, at, stack: stack.filter(|_| !frame_left) }
        });
        let stack = trace.threads.get(found.thread as usize).and_then(|thread| thread.last);
        let stack = stack.or_else(|| last.map(|at| trace.steps[at].stack));
        let later = Side { thread: found.thread, access: found.access, at: last, stack };
        let name = name(case, &[last, earlier.as_ref().and_then(|side| side.at)]);
        Self { found, earlier, later, name, block }
    }

    /// Both stacks, and those of allocation and release.
    fn stacks(&self, case: &Case<'_>) -> Vec<StackView> {
        let mut stacks = Vec::new();
        let who = |side: &Side| case.threads.prose(side.thread);
        let mut add = |title: String, stack: Option<StackId>| {
            let frames = stack.map(|stack| frames(case, stack)).unwrap_or_default();
            if !frames.is_empty() {
                stacks.push(StackView { title, frames });
            }
        };
        let later = &self.later;
        add(format!("{} {} here", who(later), words::does(later.access)), later.stack);
        if let Some(side) = &self.earlier {
            add(format!("{} {} here", who(side), words::did(side.access)), side.stack);
        }
        if let Some((thread, stack)) = self.block.and_then(|block| block.allocated) {
            add(format!("{} allocated the memory here", case.threads.prose(thread)), Some(stack));
        }
        stacks
    }

    fn mark_allocation(&self, case: &Case<'_>, diagnosis: &mut Diagnosis) {
        if let Some((_, stack)) = self.block.and_then(|block| block.allocated) {
            case.mark(&mut diagnosis.spans, case.place_of(Some(stack)), "the memory was allocated here", false);
        }
    }

    /// Where a side was, in code that is not the standard library's.
    fn place(&self, case: &Case<'_>, side: &Side) -> Option<Place> {
        let frame = case.sites.get(side.stack?).best_frame()?;
        Place::of(frame, case.context).filter(|_| frame.origin != Origin::Standard)
    }

    /// By whose functions the user's code is called that makes the accesses, as a sentence with a blank before it.
    fn called_back(&self, case: &Case<'_>) -> String {
        let callers = self.earlier.iter().chain([&self.later]).filter_map(|side| {
            let function = &case.sites.get(side.stack?).called_back_by()?.function;
            Some(format!("`{}` of the crate `{}`", function::short(function), function::krate(function)))
        });
        let mut callers: Vec<String> = callers.collect();
        callers.dedup();
        match &callers[..] {
            [] => String::new(),
            callers => format!(" Here it is reached in a closure called by {}.", words::list(callers)),
        }
    }

    /// What the bytes are, as a sentence; `None` when nothing is known.
    fn memory(&self, case: &Case<'_>) -> Option<String> {
        let found = self.found;
        let on_stack = case
            .trace()
            .threads
            .iter()
            .zip(0..)
            .find(|(thread, _)| (thread.stack_low..thread.stack_high).contains(&found.address));
        if let Some(block) = self.block {
            let size = words::count(block.size, "byte");
            let of = match case.place_of(block.allocated.map(|(_, stack)| stack)) {
                Some(place) => format!(", allocated at {}", place.short()),
                None => String::new(),
            };
            return Some(format!(
                "The memory is a heap block of {size}{of}; the access is at offset {}.",
                found.address - block.address
            ));
        }
        let (_, owner) = on_stack?;
        Some(format!("The memory is on the stack of {}.", case.threads.prose(owner)))
    }
}

/// Whether an operation is an access of this kind to the bytes of a conflict.
fn is(op: &Op, access: Access, found: &Conflict) -> bool {
    let (address, size, kind) = match op {
        Op::Access { address, size, access } => (*address, *size, *access),
        Op::Load { address, size, .. } => (*address, u64::from(*size), Access::AtomicRead),
        Op::CompareExchange { address, size, done: false, .. } => (*address, u64::from(*size), Access::AtomicRead),
        Op::Store { address, size, .. } | Op::Rmw { address, size, .. } | Op::CompareExchange { address, size, .. } => {
            (*address, u64::from(*size), Access::AtomicWrite)
        }
        _ => return false,
    };
    kind == access && address < found.address + found.size && found.address < address + size
}

/// What the bytes are called by the steps that touch them.
fn name(case: &Case<'_>, at: &[Option<usize>]) -> String {
    let object = |at: &usize| {
        let of_step = |action: &&crate::action::Action| action.at == *at && action.object.is_some();
        let actions = || case.reading.actions.iter().filter(of_step);
        actions().find(|action| matches!(action.what, What::Accessed(_))).or_else(|| actions().next())?.object
    };
    let named = |object: waits::Object| {
        let short = case.names.short(object);
        if library::is_environment(short) {
            return library::ENVIRONMENT.to_owned();
        }
        if short.starts_with('`') { short.to_owned() } else { SAME_MEMORY.to_owned() }
    };
    at.iter().flatten().find_map(object).map_or_else(|| SAME_MEMORY.to_owned(), named)
}

/// The frames of a stack, innermost first: from the library function that was called on the way in down to the outermost
/// one in user code.
pub fn frames(case: &Case<'_>, stack: StackId) -> Vec<FrameView> {
    let site = case.sites.get(stack);
    let user = site.frames.iter().rposition(|frame| frame.origin == Origin::User);
    let end = user.map_or(site.frames.len(), |last| last + 1);
    let outside = site.frames[..end].iter().position(|frame| frame.origin != Origin::Standard).unwrap_or(0);
    let shown = &site.frames[outside.saturating_sub(1)..end];
    // Of what the standard library does in between, the function that was called says enough.
    let inner = |at: usize| {
        let standard = |at: usize| shown.get(at).is_some_and(|frame| frame.origin == Origin::Standard);
        standard(at) && standard(at + 1)
    };
    (0..shown.len()).filter(|at| !inner(*at)).map(|at| view(case, &shown[at])).collect()
}

fn view(case: &Case<'_>, frame: &SourceFrame) -> FrameView {
    let place = Place::of(frame, case.context);
    let file = place.as_ref().map_or("", |place| place.file.as_str());
    // The standard library's sources lie below `/rustc/HASH/`.
    let short = file.split_once("/library/").filter(|_| file.starts_with("/rustc/")).map_or(file, |(_, rest)| rest);
    FrameView {
        function: function::short(&frame.function),
        file: short.to_owned(),
        line: place.as_ref().map_or(0, |place| place.line),
    }
}
