//! A hash table from words to small numbers that is emptied in no time.
//!
//! Open addressing with linear probing and multiplicative hashing (Knuth, TAOCP vol. 3, 6.4). Each entry carries the
//! generation in which it was written; another generation's entries count as free. Nothing is ever iterated over, so
//! the order of hashes shows nowhere. A removed key keeps its place until the generation ends.

/// What a key without a number reads as.
pub(super) const NOTHING: u32 = u32::MAX;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    generation: u32,
    number: u32,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    /// A power of two of them.
    entries: Vec<Entry>,
    generation: u32,
    /// Entries of this generation.
    filled: usize,
}

impl Table {
    pub(super) fn new() -> Self {
        Table { entries: vec![Entry::default(); 64], generation: 1, filled: 0 }
    }

    /// Empties the table.
    pub(super) fn begin(&mut self) {
        self.filled = 0;
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            // Once in four thousand million times: entries of old would come back to life.
            self.entries.fill(Entry::default());
            self.generation = 1;
        }
    }

    #[inline]
    fn first_place(&self, key: u64) -> usize {
        let shift = 64 - self.entries.len().trailing_zeros();
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> shift) as usize
    }

    /// Where the key is, or else where it would go.
    #[inline]
    fn place(&self, key: u64) -> (usize, bool) {
        let mask = self.entries.len() - 1;
        let mut place = self.first_place(key);
        loop {
            let entry = &self.entries[place];
            if entry.generation != self.generation {
                return (place, false);
            }
            if entry.key == key {
                return (place, true);
            }
            place = (place + 1) & mask;
        }
    }

    /// The key's number, or [`NOTHING`].
    #[inline]
    pub(super) fn get(&self, key: u64) -> u32 {
        match self.place(key) {
            (place, true) => self.entries[place].number,
            _ => NOTHING,
        }
    }

    /// Gives the key a number; [`NOTHING`] removes it.
    pub(super) fn set(&mut self, key: u64, number: u32) {
        let (place, known) = self.place(key);
        if !known && number == NOTHING {
            return;
        }
        self.entries[place] = Entry { key, generation: self.generation, number };
        if !known {
            self.filled += 1;
            if self.filled * 2 > self.entries.len() {
                self.grow();
            }
        }
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![Entry::default(); self.entries.len() * 2];
        let old = std::mem::replace(&mut self.entries, larger);
        self.filled = 0;
        for entry in old.into_iter().filter(|entry| entry.generation == self.generation && entry.number != NOTHING) {
            let (place, _) = self.place(entry.key);
            self.entries[place] = entry;
            self.filled += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use std::collections::BTreeMap;

    #[test]
    fn the_table_agrees_with_a_map_through_many_generations() {
        let mut random = Random::new(1, 0);
        let mut table = Table::new();
        for _ in 0..50 {
            table.begin();
            let mut map = BTreeMap::new();
            for _ in 0..random.below(600) {
                let key = random.below(300) as u64 * 16;
                match random.below(3) {
                    0 => {
                        table.set(key, NOTHING);
                        map.remove(&key);
                    }
                    _ => {
                        let number = random.below(1000) as u32;
                        table.set(key, number);
                        map.insert(key, number);
                    }
                }
                let key = random.below(300) as u64 * 16;
                assert_eq!(table.get(key), map.get(&key).copied().unwrap_or(NOTHING));
            }
        }
    }

    #[test]
    fn entries_of_old_do_not_come_back_when_generations_begin_anew() {
        let mut table = Table::new();
        table.begin();
        table.set(16, 7);
        table.generation = u32::MAX;
        table.begin();
        table.begin();
        assert_eq!((table.generation, table.get(16)), (2, NOTHING));
    }
}
