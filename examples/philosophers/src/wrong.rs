//! Everybody reaches to the left first.

use crate::PHILOSOPHERS;
use std::sync::{Arc, Mutex};
use std::thread;

/// Seats everybody, lets each eat once, and returns how many meals were had.
///
/// If all three take the fork on their left before anyone takes the one on the right, no fork is left, and everybody
/// waits for a neighbour who waits too.
pub fn dine() -> u32 {
    let forks: [_; PHILOSOPHERS] = std::array::from_fn(|_| Arc::new(Mutex::new(())));
    let philosophers: Vec<_> = (0..PHILOSOPHERS)
        .map(|seat| {
            let left = Arc::clone(&forks[seat]);
            let right = Arc::clone(&forks[(seat + 1) % PHILOSOPHERS]);
            thread::Builder::new().name(format!("philosopher {seat}")).spawn(move || {
                let _left = left.lock().unwrap();
                let _right = right.lock().unwrap();
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
    fn everybody_reaches_left_first() {
        assert_eq!(dine(), 3);
    }
}
