//! RD0404: memory that an execution leaves behind, and to which nothing leads any more (`--leaks`).
//!
//! The runtime says which blocks these are, and in how many executions there are any; its `leaks.rs` says how that is found
//! out. Here they are put together by where they were allocated.
//!
//! Not told apart: what was forgotten, and what forms a circle.

use super::Diagnosis;
use crate::case::Case;
use crate::words::{count, list, thousands};
use raddle_protocol::finding::StackView;
use raddle_protocol::trace::StackId;
use raddle_protocol::{Leaks, Op};
use std::collections::BTreeMap;

/// Places of allocation that are shown.
const MOST_SHOWN: usize = 3;

/// Blocks that were allocated at the same place.
struct Group {
    stack: StackId,
    blocks: u64,
    bytes: u64,
}

/// What has been left.
pub fn find(case: &Case<'_>) -> Option<Diagnosis> {
    let groups = groups(case);
    if groups.is_empty() {
        return None;
    }
    let amount = |blocks: u64, bytes: u64| format!("{} ({})", count(blocks, "block"), count(bytes, "byte"));
    let (blocks, bytes) = groups.iter().fold((0, 0), |sum, group| (sum.0 + group.blocks, sum.1 + group.bytes));
    let (is, they, them) = if blocks == 1 { ("is", "it", "it") } else { ("are", "they", "them") };
    let mut diagnosis = Diagnosis { code: "RD0404", warning: true, ..Diagnosis::default() };
    diagnosis.message = format!("handle leak: {} of memory {is} left when the test has ended", amount(blocks, bytes));
    let mut places = Vec::new();
    for group in groups.iter().take(MOST_SHOWN) {
        let place = case.place_of(Some(group.stack));
        let label = format!("{} {} allocated here", amount(group.blocks, group.bytes), was(group.blocks));
        case.mark(&mut diagnosis.spans, place.clone(), label, true);
        let title = format!("{} {} allocated here", amount(group.blocks, group.bytes), was(group.blocks));
        let frames = super::conflict::frames(case, group.stack);
        diagnosis.stacks.extend((!frames.is_empty()).then_some(StackView { title, frames }));
        places.extend(place.map(|place| place.short()));
    }
    diagnosis.reason.push(format!(
        "When the test function had returned and other threads had had their turns, {} that had been allocated{} {} still there, and nothing led to {} any more: no static, no thread's stack or thread-local storage, and no memory that can be reached from there. So nobody can free {} now.",
        amount(blocks, bytes),
        if places.is_empty() { String::new() } else { format!(" at {}", list(&places)) },
        was(blocks),
        them,
        them,
    ));
    diagnosis.reason.extend(case.context.leaks.map(|leaks| often(&leaks)));
    diagnosis.fix = vec![
        "Two values that hold an `Arc` or `Rc` of each other keep each other for ever: let one of the two hold a `Weak`."
            .to_owned(),
        format!(
            "What was given up on purpose (`mem::forget`, `Box::leak`, `into_raw`, `ManuallyDrop`) must be taken back, unless {they} {is} meant to last as long as the process: then a static should hold what leads there."
        ),
    ];
    if groups.len() > MOST_SHOWN {
        diagnosis.notes.push(format!("{} more places of allocation are not shown.", groups.len() - MOST_SHOWN));
    }
    diagnosis.notes.push(
        "An address that is kept in another form, such as two in one word, is not recognized: memory that only it leads to is named here in error."
            .to_owned(),
    );
    Some(diagnosis)
}

fn was(number: u64) -> &'static str {
    if number == 1 { "was" } else { "were" }
}

/// In how many executions, and whether it is always as much.
fn often(leaks: &Leaks) -> String {
    let Leaks { executions, of, least, most } = leaks;
    let passed = format!("{} that passed", count(*of, "execution"));
    if executions < of {
        let some = thousands(*executions);
        return format!(
            "Something is left behind in {some} of the {passed}: whether it is depends on the order of the threads' steps."
        );
    }
    if least == most {
        return format!("As much is left behind in every one of the {passed}.");
    }
    let (least, most) = (count(least.0, "byte"), count(most.0, "byte"));
    format!(
        "Something is left behind in every one of the {passed}, but not always as much: {least} at the least, {most} at the most."
    )
}

/// The blocks that were left, by where they were allocated; those with the most bytes first.
fn groups(case: &Case<'_>) -> Vec<Group> {
    let trace = case.trace();
    let mut groups: BTreeMap<StackId, Group> = BTreeMap::new();
    for step in &trace.steps {
        let Op::LeftAllocated { address, size } = step.op else { continue };
        let block = trace.blocks.iter().find(|block| block.address == address && block.freed.is_none());
        let Some((_, stack)) = block.and_then(|block| block.allocated) else { continue };
        let group = groups.entry(stack).or_insert(Group { stack, blocks: 0, bytes: 0 });
        group.blocks += 1;
        group.bytes += size;
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse((group.bytes, group.blocks)));
    groups
}
