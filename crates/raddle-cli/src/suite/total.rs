//! What the parts of a search add up to, taken in the order of their numbers: so the sum does not depend on who has performed
//! which of them, or when.

#[cfg(test)]
mod tests;

use raddle_engine::classes::Counts;
use raddle_engine::random::mix;
use raddle_protocol::{Counted, Part, RawFinding, Summary};
use std::collections::BTreeSet;

/// Findings of blocks that are kept at the most: each block tells what it has found even where another one has told it.
const MOST_FINDINGS: usize = 32;

/// A block as its process has told of it.
#[derive(Debug, Default)]
pub struct Block {
    /// Its executions.
    pub summary: Summary,
    /// The same, one by one.
    pub counted: Vec<Counted>,
    /// What it has found, each with what it shows ([`Part::shown`]), where that has been told.
    pub found: Vec<(Option<u64>, RawFinding)>,
}

/// The sum.
#[derive(Debug, Default)]
pub struct Total {
    summary: Summary,
    counts: Counts,
    shown: BTreeSet<u64>,
    /// Distinct findings of blocks.
    pub found: Vec<RawFinding>,
}

impl Total {
    /// Counts executions of the head.
    pub fn count(&mut self, counted: &[Counted]) {
        for Counted { class, drawn } in counted {
            self.counts.count(*class, *drawn);
        }
    }

    /// The head has come to its end.
    pub fn take_head(&mut self, head: Part) {
        self.summary = head.summary;
        self.shown.extend(head.shown);
    }

    /// Adds the next block. Returns whether there are as many findings as are kept.
    pub fn add(&mut self, block: Block) -> bool {
        let Block { summary: new, counted, found } = block;
        self.count(&counted);
        let sum = &mut self.summary;
        sum.schedules += new.schedules;
        sum.passed += new.passed;
        sum.failed += new.failed;
        sum.points += new.points;
        sum.choices += new.choices;
        sum.execution_ns += new.execution_ns;
        sum.isolation_ns += new.isolation_ns;
        sum.left_early += new.left_early;
        sum.most_threads = sum.most_threads.max(new.most_threads);
        sum.digest = mix(sum.digest ^ new.digest);
        sum.end = new.end;
        // Each vouches for its own executions, which are drawn independently.
        sum.pct = match (sum.pct, new.pct) {
            (Some(one), Some(other)) => Some([0, 1, 2].map(|at| 1.0 - (1.0 - one[at]) * (1.0 - other[at]))),
            (one, other) => one.or(other),
        };
        for (shown, raw) in found {
            let is_new = shown.is_none_or(|shown| self.shown.insert(shown));
            if is_new && self.found.len() < MOST_FINDINGS {
                self.found.push(raw);
            }
        }
        self.found.len() >= MOST_FINDINGS
    }

    /// Executions so far.
    pub fn schedules(&self) -> u64 {
        self.summary.schedules
    }

    /// All of it in the form of one process.
    pub fn summary(&self) -> Summary {
        let unseen = self.counts.unseen().map(|unseen| [unseen.estimate, unseen.upper_bound]);
        let (distinct, new_lately) = (self.counts.distinct(), self.counts.new_lately());
        Summary { distinct, new_lately, unseen, ..self.summary.clone() }
    }
}
