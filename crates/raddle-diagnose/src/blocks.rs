//! Heap blocks by address and time.
//!
//! Blocks of one execution may overlap in address, one after the other in time. They are kept in order of address; a
//! search goes back from the last block that begins at or before an address for as long as one could reach it.

use raddle_protocol::trace::{Block, Trace};

/// An index over the blocks of a trace.
#[derive(Debug, Default)]
pub struct Blocks {
    /// Address, size, first and last step of its life, and number in the trace; in order.
    all: Vec<(u64, u64, (u64, u64), usize)>,
    largest: u64,
    steps_cut: u64,
}

impl Blocks {
    /// Indexes the blocks of `trace`.
    pub fn new(trace: &Trace) -> Self {
        let key = |(number, block): (usize, &Block)| (block.address, block.size.max(1), block.live, number);
        let mut all: Vec<_> = trace.blocks.iter().enumerate().map(key).collect();
        all.sort_unstable();
        let largest = all.iter().map(|(_, size, _, _)| *size).max().unwrap_or(0);
        Self { all, largest, steps_cut: trace.steps_cut }
    }

    /// The number of the block that holds `address` when step `at` of the trace happens.
    pub fn at(&self, address: u64, at: usize) -> Option<usize> {
        let at = self.steps_cut + at as u64;
        let end = self.all.partition_point(|(begin, ..)| *begin <= address);
        let near = self.all[..end].iter().rev().take_while(|(begin, ..)| begin.saturating_add(self.largest) > address);
        near.filter(|(begin, size, _, _)| address - begin < *size)
            .find(|(_, _, (from, to), _)| *from <= at && at < *(to.max(&(from + 1))))
            .map(|(_, _, _, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The index finds a block exactly where looking at all of them does.
        #[test]
        fn agrees_with_a_plain_search(
            blocks in prop::collection::vec((0u64..60, 1u64..20, 0u64..10, 1u64..10), 0..12),
            address in 0u64..80,
            at in 0usize..20,
        ) {
            let block = |(address, size, from, life): &(u64, u64, u64, u64)| {
                Block { address: *address, size: *size, allocated: None, live: (*from, from + life) }
            };
            let trace = Trace { blocks: blocks.iter().map(block).collect(), ..Trace::default() };
            let holds = |block: &Block| {
                (block.address..block.address + block.size).contains(&address)
                    && (block.live.0..block.live.1).contains(&(at as u64))
            };
            let found = Blocks::new(&trace).at(address, at);
            prop_assert_eq!(found.is_some(), trace.blocks.iter().any(holds));
            prop_assert!(found.is_none_or(|number| holds(&trace.blocks[number])));
        }
    }
}
