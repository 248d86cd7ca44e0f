//! Hashing: a hash map that grows, is searched and emptied, and a checksum over a block of bytes.

use crate::{Numbers, in_threads};
use std::collections::HashMap;

const ENTRIES: usize = 400_000;
const BYTES: usize = 1 << 22;

/// Counts into a map and out of it again.
fn count(seed: u64) {
    let mut map = HashMap::new();
    for number in Numbers(seed).take(ENTRIES) {
        *map.entry(number % 50_000).or_insert(0u64) += 1;
    }
    assert_eq!(map.values().sum::<u64>(), ENTRIES as u64);
    for number in Numbers(seed).take(ENTRIES) {
        let count = map.get_mut(&(number % 50_000)).expect("it was counted");
        *count -= 1;
    }
    assert!(map.values().all(|count| *count == 0));
}

/// The checksum of Adler (RFC 1950) of bytes, one by one.
fn checksum(seed: u64) {
    let bytes: Vec<u8> = Numbers(seed).map(|number| number as u8).take(BYTES).collect();
    let sum = |bytes: &[u8]| {
        let (mut a, mut b) = (1u32, 0u32);
        for byte in bytes {
            a = (a + u32::from(*byte)) % 65521;
            b = (b + a) % 65521;
        }
        b << 16 | a
    };
    let (left, right) = bytes.split_at(BYTES / 2);
    assert_ne!(sum(left), sum(right));
}

#[test]
fn hashing_1() {
    in_threads(1, |seed| {
        count(seed);
        checksum(seed);
    });
}

#[test]
fn hashing_4() {
    in_threads(4, |seed| {
        count(seed);
        checksum(seed);
    });
}
