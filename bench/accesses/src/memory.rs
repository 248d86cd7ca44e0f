//! Much memory: each byte of it is touched.

use std::collections::HashMap;
use std::thread;

const MIB: usize = 1 << 20;

/// So many MiB, written by one thread and read by two others.
fn shared(mib: usize) {
    let bytes = vec![1u8; mib * MIB];
    let (left, right) = bytes.split_at(bytes.len() / 2);
    let sum = |part: &[u8]| part.chunks(8).map(|chunk| chunk.iter().map(|byte| u64::from(*byte)).sum::<u64>()).sum();
    let total: u64 = thread::scope(|scope| {
        let reader = scope.spawn(|| -> u64 { sum(left) });
        let other: u64 = sum(right);
        reader.join().expect("a sum does not fail") + other
    });
    assert_eq!(total, (mib * MIB) as u64);
}

#[test]
fn shared_64_mib() {
    shared(64);
}

#[test]
fn shared_1_gib() {
    shared(1024);
}

/// Ten million entries: some 300 MiB, all over which single entries are touched.
#[test]
fn map_of_ten_million() {
    const ENTRIES: u64 = 10_000_000;
    let mut map = HashMap::new();
    for key in 0..ENTRIES {
        map.insert(key, key * 2);
    }
    let map = &map;
    thread::scope(|scope| {
        for first in 0..2 {
            scope.spawn(move || {
                for key in (first..ENTRIES).step_by(16) {
                    assert_eq!(map[&key], key * 2);
                }
            });
        }
    });
}
