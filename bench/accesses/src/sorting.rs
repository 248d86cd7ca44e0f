//! Sorting: small accesses all over one array.

use crate::{Numbers, in_threads};

const LENGTH: usize = 800_000;

/// Quicksort with the middle element as the pivot, and insertion sort for what is short.
fn quicksort(mut items: &mut [u64]) {
    while items.len() > 16 {
        let pivot = items[items.len() / 2];
        let (mut low, mut high) = (0, items.len() - 1);
        loop {
            while items[low] < pivot {
                low += 1;
            }
            while items[high] > pivot {
                high -= 1;
            }
            if low >= high {
                break;
            }
            items.swap(low, high);
            low += 1;
            high -= 1;
        }
        let (left, right) = items.split_at_mut(low);
        quicksort(left);
        items = right;
    }
    for end in 1..items.len() {
        let mut at = end;
        while at > 0 && items[at - 1] > items[at] {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Twice: by hand, and by the standard library's sort, which moves items in runs.
fn sort(seed: u64) {
    let mut items: Vec<u64> = Numbers(seed).take(LENGTH).collect();
    let mut again = items.clone();
    quicksort(&mut items);
    again.sort();
    assert_eq!(items, again);
}

#[test]
fn sorting_1() {
    in_threads(1, sort);
}

#[test]
fn sorting_4() {
    in_threads(4, sort);
}
