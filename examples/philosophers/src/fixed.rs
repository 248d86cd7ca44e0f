//! Everybody reaches for the fork with the smaller number first.

use crate::PHILOSOPHERS;
use std::sync::{Arc, Mutex};
use std::thread;

/// Seats everybody, lets each eat once, and returns how many meals were had.
///
/// For the last philosopher the fork with the smaller number is the one on the right. So whoever holds the fork with
/// the greatest number already has the other one, eats, and gives both back.
pub fn dine() -> u32 {
    let forks: [_; PHILOSOPHERS] = std::array::from_fn(|_| Arc::new(Mutex::new(())));
    let philosophers: Vec<_> = (0..PHILOSOPHERS)
        .map(|seat| {
            let (left, right) = (seat, (seat + 1) % PHILOSOPHERS);
            let first = Arc::clone(&forks[left.min(right)]);
            let second = Arc::clone(&forks[left.max(right)]);
            thread::Builder::new().name(format!("philosopher {seat}")).spawn(move || {
                let _first = first.lock().unwrap();
                let _second = second.lock().unwrap();
                1
            })
        })
        .map(|started| started.expect("the system has room for three more threads"))
        .collect();
    philosophers.into_iter().map(|philosopher| philosopher.join().unwrap()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_reaches_for_the_lower_fork_first() {
        assert_eq!(dine(), 3);
    }
}
