//! What is counted, against the plain way.

use super::*;
use crate::random::Random;
use std::collections::BTreeMap;

#[test]
fn counts_are_those_of_a_table() {
    let mut random = Random::new(3, 0);
    let (mut counts, mut table) = (Counts::default(), BTreeMap::<u64, u64>::new());
    let mut new = Vec::new();
    for _ in 0..5_000 {
        let (class, drawn) = (mix(random.below(900) as u64), random.below(3) != 0);
        let known = table.contains_key(&class);
        assert_eq!((counts.has(class), counts.count(class, drawn)), (known, !known));
        *table.entry(class).or_default() += u64::from(drawn);
        new.push(!known);
    }
    assert_eq!(counts.distinct(), table.len() as u64);
    let drawn: u64 = table.values().sum();
    let once = table.values().filter(|times| **times == 1).count() as u64;
    assert!(once > 0, "some class must have been drawn once only");
    assert_eq!(counts.unseen(), unseen(drawn, once));
    assert_eq!(counts.new_lately(), new[4_000..].iter().filter(|new| **new).count() as u64);
}
