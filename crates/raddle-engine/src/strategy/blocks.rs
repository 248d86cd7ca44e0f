//! How a search is divided among processes: a head, and blocks of executions after it.
//!
//! The head is performed by every process that takes part, with the same choices in each, since they depend on the seed
//! alone. Each block begins with what the strategy has learned in the head ([`super::Strategy::opening`]), and what it
//! learns itself ends with it. So an execution depends on the seed, the head and its own block, and not on who performs
//! which block when: whatever the number of processes, the same number stands for the same execution. (To divide a search
//! by numbers that each begin a random stream of their own is what Holzmann, Joshi and Groce call a swarm, "Swarm
//! Verification Techniques", IEEE TSE 2011; there the members do not agree on anything.)
//!
//! What it costs: a strategy that builds on what it has reached does so within a block only. Therefore blocks grow with the
//! search. They are bounded in schedule points, since a finding is told only when all blocks before its own have ended.

#[cfg(test)]
mod tests;

use std::ops::Range;

/// Executions of a head at the least, if they are short.
const HEAD: u64 = 4096;
/// Executions of a head at the least, however long they are.
const LONG_HEAD: u64 = 512;
/// Schedule points in a head after which [`LONG_HEAD`] executions are enough.
const HEAD_POINTS: u64 = 1 << 21;

/// Executions in the first block, and in the longest.
const SHORTEST: u64 = 2048;
/// See [`SHORTEST`].
const LONGEST: u64 = 1 << 16;
/// Schedule points in a block at the most, unless it has fewer than [`FEWEST`] executions.
const BLOCK_POINTS: u64 = 1 << 22;
/// See [`BLOCK_POINTS`].
const FEWEST: u64 = 256;

/// Whether a head of so many executions, with so many schedule points in all of them, may end.
#[must_use]
pub fn is_head(executions: u64, points: u64) -> bool {
    executions >= HEAD || (executions >= LONG_HEAD && points >= HEAD_POINTS)
}

/// The blocks behind a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocks {
    head: u64,
    /// Executions in a block at the most.
    most: u64,
}

impl Blocks {
    /// Those behind a head of so many executions, with so many schedule points in all of them.
    #[must_use]
    pub fn behind(head: u64, points: u64) -> Self {
        let mean = (points / head.max(1)).max(1);
        Blocks { head, most: (BLOCK_POINTS / mean).clamp(FEWEST, LONGEST) }
    }

    /// The executions of a block. The first has number 1.
    #[must_use]
    pub fn executions(&self, number: u64) -> Range<u64> {
        let (mut start, mut length) = (self.head, 0);
        for _ in 0..number {
            start += length;
            length = (start / 2).clamp(SHORTEST.min(self.most), self.most);
        }
        start..start + length
    }
}
