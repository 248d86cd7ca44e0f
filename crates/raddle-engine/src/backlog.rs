//! Whether something piles up on an object that threads hand to each other: a queue that is filled faster than it is
//! emptied, as far as a log of accesses can tell.
//!
//! The log knows objects, not what is done to them. A lock that one thread takes a hundred times while the other is not there
//! looks the same; whether it is a queue is judged on the record of the execution.

use crate::log::{Event, Logged};
use std::collections::BTreeMap;

/// How an object was used last.
struct Use {
    thread: u32,
    /// Changes in a row by that thread.
    run: usize,
    /// There was one of the length that is looked for.
    long: bool,
}

/// Whether one thread changed an object at least `most` times in a row, and another one used it afterwards.
#[must_use]
pub fn piles_up(steps: &[Logged], most: usize) -> bool {
    let mut uses: BTreeMap<u64, Use> = BTreeMap::new();
    let shared = steps.iter().filter(|step| step.event == Event::Performed && step.access.is_shared());
    for step in shared {
        let new = Use { thread: step.thread, run: 0, long: false };
        let last = uses.entry(step.access.object).or_insert(new);
        if last.thread != step.thread {
            if last.long {
                return true;
            }
            *last = Use { thread: step.thread, run: 0, long: false };
        }
        last.run += usize::from(!step.access.only_reads());
        last.long |= last.run >= most;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, AccessKind};

    fn log(runs: &[(u32, usize)]) -> Vec<Logged> {
        let one = |thread| Logged { thread, event: Event::Performed, access: Access::new(AccessKind::Update, 7, 8) };
        runs.iter().flat_map(|(thread, times)| vec![one(*thread); *times]).collect()
    }

    #[test]
    fn it_takes_many_in_a_row_and_somebody_who_takes_them() {
        assert!(piles_up(&log(&[(2, 1), (1, 100), (2, 1)]), 100));
        assert!(!piles_up(&log(&[(1, 99), (2, 1), (1, 99), (2, 1)]), 100));
        assert!(!piles_up(&log(&[(1, 1000)]), 100));
    }
}
