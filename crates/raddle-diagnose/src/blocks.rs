//! Heap blocks by address and time.
//!
//! Blocks of one execution may overlap in address, one after the other in time; an allocator hands the same address out
//! again and again. They are kept by address and, for each address, by time. A search goes back from the last address at
//! or before the one asked for, for as long as a block could reach it; nearly always the first one holds it.

use raddle_protocol::trace::Trace;
use std::collections::BTreeMap;

/// An index over the blocks of a trace.
#[derive(Debug, Default)]
pub struct Blocks {
    /// By first address, in order of time.
    by_address: BTreeMap<u64, Vec<Life>>,
    largest: u64,
    cut: (u64, u64),
}

/// One block's life at its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Life {
    from: u64,
    to: u64,
    size: u64,
    number: usize,
}

impl Blocks {
    /// Indexes the blocks of `trace`.
    pub fn new(trace: &Trace) -> Self {
        let mut blocks = Self { cut: (trace.steps_before_cut, trace.steps_cut), ..Self::default() };
        for (number, block) in trace.blocks.iter().enumerate() {
            let (from, to) = block.live;
            let life = Life { from, to: to.max(from + 1), size: block.size.max(1), number };
            blocks.largest = blocks.largest.max(life.size);
            blocks.by_address.entry(block.address).or_default().push(life);
        }
        for lives in blocks.by_address.values_mut() {
            lives.sort_unstable();
        }
        blocks
    }

    /// The number of the block that holds `address` when step `at` of the trace happens.
    pub fn at(&self, address: u64, at: usize) -> Option<usize> {
        let at = self.step(at);
        let lowest = (address + 1).saturating_sub(self.largest);
        self.by_address.range(lowest..=address).rev().find_map(|(begin, lives)| {
            // At one address, lives follow each other.
            let life = lives[..lives.partition_point(|life| life.from <= at)].last()?;
            (at < life.to && address - begin < life.size).then_some(life.number)
        })
    }

    /// The number of the block that holds `address` then, or held it last before: what has been freed is still known by it.
    pub fn last_at(&self, address: u64, at: usize) -> Option<usize> {
        let at = self.step(at);
        let lowest = (address + 1).saturating_sub(self.largest);
        let last = self.by_address.range(lowest..=address).filter_map(|(begin, lives)| {
            let begun = &lives[..lives.partition_point(|life| life.from <= at)];
            begun.iter().rev().find(|life| address - begin < life.size)
        });
        last.max_by_key(|life| life.from).map(|life| life.number)
    }

    /// The number of a recorded step among all.
    fn step(&self, at: usize) -> u64 {
        let (before, cut) = self.cut;
        if (at as u64) < before { at as u64 } else { at as u64 + cut }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use raddle_protocol::trace::Block;

    /// Blocks that no allocator's rules forbid: two never hold the same byte at the same time.
    fn blocks() -> impl Strategy<Value = Vec<Block>> {
        prop::collection::vec((0u64..60, 1u64..20, 0u64..10, 1u64..10), 0..12).prop_map(|all| {
            let mut kept: Vec<Block> = Vec::new();
            for (address, size, from, life) in all {
                let block = Block { address, size, allocated: None, live: (from, from + life), freed: None };
                let clash = |other: &Block| {
                    other.address < block.address + block.size
                        && block.address < other.address + other.size
                        && other.live.0 < block.live.1
                        && block.live.0 < other.live.1
                };
                if !kept.iter().any(clash) {
                    kept.push(block);
                }
            }
            kept
        })
    }

    proptest! {
        /// The index finds a block exactly where looking at all of them does.
        #[test]
        fn agrees_with_a_plain_search(blocks in blocks(), address in 0u64..80, at in 0usize..20) {
            let trace = Trace { blocks, ..Trace::default() };
            let holds = |block: &Block| {
                (block.address..block.address + block.size).contains(&address)
                    && (block.live.0..block.live.1).contains(&(at as u64))
            };
            prop_assert_eq!(Blocks::new(&trace).at(address, at), trace.blocks.iter().position(holds));
        }

        /// What held an address last is what a plain search finds to have begun last.
        #[test]
        fn the_last_one_agrees_with_a_plain_search(blocks in blocks(), address in 0u64..80, at in 0usize..20) {
            let trace = Trace { blocks, ..Trace::default() };
            let held = |(_, block): &(usize, &Block)| {
                (block.address..block.address + block.size).contains(&address) && block.live.0 <= at as u64
            };
            let last = trace.blocks.iter().enumerate().filter(held).max_by_key(|(_, block)| block.live.0);
            let indexed = Blocks::new(&trace);
            prop_assert_eq!(indexed.last_at(address, at), last.map(|(number, _)| number));
            let live = indexed.at(address, at);
            prop_assert!(live.is_none() || live == indexed.last_at(address, at));
        }
    }
}
