//! Counts executions by equivalence class. Bounded in memory: beyond [`MOST_CLASSES`] nothing is counted any more.

#[cfg(test)]
mod tests;

use super::estimate::{Unseen, unseen};
use crate::random::mix;
#[expect(clippy::disallowed_types, reason = "it is never iterated over")]
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Classes remembered at the most.
const MOST_CLASSES: usize = 4_000_000;
/// Executions that are "the last" ones.
const LATELY: usize = 1000;

/// Classes are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| mix(hash ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// How often each class has been seen.
#[derive(Debug, Default)]
pub struct Counts {
    /// How often it was drawn at random: 0, 1, or more often.
    #[expect(clippy::disallowed_types, reason = "it is never iterated over")]
    seen: HashMap<u64, u8, BuildHasherDefault<AsIs>>,
    singletons: u64,
    /// Executions counted, and those of them that were drawn.
    counted: u64,
    drawn: u64,
    /// Which of the last executions were new, by their number modulo [`LATELY`].
    lately: Vec<bool>,
}

impl Counts {
    /// Counts an execution; tells whether its class is new. Once there are too many classes, none is counted any more,
    /// and all are taken to be new. Of what has not been seen only executions tell that were `drawn` at random.
    pub fn count(&mut self, class: u64, drawn: bool) -> bool {
        if self.seen.len() >= MOST_CLASSES {
            return true;
        }
        let mut new = false;
        let times = self.seen.entry(class).or_insert_with(|| {
            new = true;
            0
        });
        if drawn {
            match *times {
                0 => self.singletons += 1,
                1 => self.singletons -= 1,
                _ => {}
            }
            *times = (*times + 1).min(2);
            self.drawn += 1;
        }
        if self.lately.len() < LATELY {
            self.lately.push(new);
        } else {
            self.lately[self.counted as usize % LATELY] = new;
        }
        self.counted += 1;
        new
    }

    /// Whether an execution of this class has been counted.
    #[must_use]
    pub fn has(&self, class: u64) -> bool {
        self.seen.contains_key(&class)
    }

    /// How many classes there are.
    #[must_use]
    pub fn distinct(&self) -> u64 {
        self.seen.len() as u64
    }

    /// How many of the last executions were of a class that was new.
    #[must_use]
    pub fn new_lately(&self) -> u64 {
        self.lately.iter().filter(|new| **new).count() as u64
    }

    /// What has not been seen.
    #[must_use]
    pub fn unseen(&self) -> Option<Unseen> {
        unseen(self.drawn, self.singletons)
    }
}
