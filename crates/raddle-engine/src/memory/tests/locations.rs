//! The index of locations against a plain list.

use super::super::locations::{Location, Locations};
use super::super::table::NOTHING;
use crate::random::Random;

fn overlap(one: Location, other: Location) -> bool {
    one.address < other.address + u64::from(other.size) && other.address < one.address + u64::from(one.size)
}

#[test]
fn locations_are_found_by_shape_by_overlap_and_by_range() {
    let mut random = Random::new(5, 0);
    let mut locations = Locations::new();
    for round in 0..300 {
        locations.begin();
        let mut known: Vec<(Location, u32)> = Vec::new();
        // Near the borders of granules and pages, and at the ends of the address space.
        let base = [0x0, 0xff0, 0x7fff_ffff_f000, u64::MAX - 0x3fff][round % 4];
        for _ in 0..80 {
            let size = [1, 2, 4, 8, 16][random.below(5)];
            let address = base + random.below(0x60) as u64 + 0x1000 * random.below(3) as u64;
            // One in three rounds has accesses that are not aligned.
            let address = if round % 3 == 0 { address } else { address & !(u64::from(size) - 1) };
            let at = Location { address, size };
            let found = known.iter().find(|(other, _)| *other == at).map_or(NOTHING, |(_, slot)| *slot);
            assert_eq!(locations.find(at), found);

            locations.overlapping(at);
            let mut slots = locations.found.clone();
            let mut expected: Vec<_> =
                known.iter().filter(|(other, _)| overlap(*other, at)).map(|(_, slot)| *slot).collect();
            slots.sort_unstable();
            expected.sort_unstable();
            assert_eq!(slots, expected, "{at:?}");

            if random.below(4) == 0 {
                let length = [1, 16, 64, 0x200, 0x1800, 1 << 30][random.below(6)];
                let (start, end) = (address, address.saturating_add(length));
                locations.within(start, end);
                let mut slots = locations.found.clone();
                let in_range = |at: Location| at.address < end && at.address + u64::from(at.size) > start;
                let mut expected: Vec<_> =
                    known.iter().filter(|(at, _)| in_range(*at)).map(|(_, slot)| *slot).collect();
                slots.sort_unstable();
                expected.sort_unstable();
                assert_eq!(slots, expected, "{start:#x}..{end:#x}");
                slots.iter().for_each(|slot| locations.remove(*slot));
                known.retain(|(at, _)| !in_range(*at));
            }
            if expected_free(&known, at) {
                let slot = locations.create(at, 0, 0);
                assert!(known.iter().all(|(_, other)| *other != slot), "a slot is used once");
                known.push((at, slot));
            }
        }
    }
}

fn expected_free(known: &[(Location, u32)], at: Location) -> bool {
    known.iter().all(|(other, _)| !overlap(*other, at))
}

#[test]
fn an_empty_range_holds_nothing() {
    let mut locations = Locations::new();
    locations.create(Location { address: 16, size: 8 }, 0, 0);
    locations.within(16, 16);
    assert!(locations.found.is_empty());
    locations.within(0, u64::MAX);
    assert_eq!(locations.found.len(), 1);
}
