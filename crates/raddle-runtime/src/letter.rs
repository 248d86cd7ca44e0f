//! Whether a failure is one by the letter of the memory model only: it needs a load that sees an older value although a
//! read-modify-write stands between, which on x86-64 is a fence whatever it says ([`raddle_engine::memory`]). Authors count on
//! that, some knowingly. Such a failure is told of as a warning, and the search goes on as if these were fences.

use crate::explore::Explorer;
use crate::shrink::perform;
use crate::state::rt;
use raddle_engine::shrink::{Follow, Note};
use raddle_protocol::{Choice, ChoiceKind};

/// Whether that is a question: something sees, or comes after, an older store than the last, and read-modify-writes are none.
pub fn is_open(choices: &[Choice]) -> bool {
    let is_old = |choice: &Choice| {
        choice.taken != 0 && matches!(choice.kind, ChoiceKind::ReadsFrom | ChoiceKind::ModificationOrder)
    };
    !rt().memory.exchanges_fence() && choices.iter().any(is_old)
}

/// Whether the execution of these choices, which fails, does not fail so where read-modify-writes are fences. In doubt it
/// does.
pub fn decides(explorer: &mut Explorer, execution: u64, choices: &[Choice]) -> bool {
    let (note, noted) = Note::new(choices.to_vec());
    let Some(wanted) = perform(explorer, execution, Box::new(note)).0 else { return false };
    let deviations = noted.borrow().clone();
    let mut follow = |fence| {
        rt().memory.let_exchanges_fence(fence);
        let ended = perform(explorer, execution, Box::new(Follow::new(&deviations))).0;
        (ended == Some(wanted), rt().memory.is_curtailed())
    };
    let (as_it_was, bounded_as_it_was) = follow(false);
    let (with_fences, bounded) = follow(true);
    rt().memory.let_exchanges_fence(false);
    // Where stores have been forgotten, one of them may be what is missing; not if it fails without them too.
    as_it_was && !with_fences && (bounded_as_it_was || !bounded)
}
