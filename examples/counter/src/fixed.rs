//! Counters that never forget a visit.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Adds in one indivisible operation, so there is no moment in between.
#[derive(Debug, Default)]
pub struct AtomicCounter {
    visits: AtomicU64,
}

impl AtomicCounter {
    /// Counts one visit.
    pub fn visit(&self) {
        self.visits.fetch_add(1, Ordering::Relaxed);
    }

    /// Visits so far.
    pub fn total(&self) -> u64 {
        self.visits.load(Ordering::Relaxed)
    }
}

/// Reads and writes while it holds the lock, so no other thread gets in between.
#[derive(Debug, Default)]
pub struct LockedCounter {
    visits: Mutex<u64>,
}

impl LockedCounter {
    /// Counts one visit.
    pub fn visit(&self) {
        let mut visits = self.visits.lock().unwrap();
        *visits += 1;
    }

    /// Visits so far.
    pub fn total(&self) -> u64 {
        *self.visits.lock().unwrap()
    }
}

/// One owner does all the counting; the others send it messages.
#[derive(Debug)]
pub struct ChannelCounter {
    visits: Receiver<()>,
}

impl ChannelCounter {
    /// A counter and the sender that visitors use. The count is complete when all clones of the sender are gone.
    pub fn new() -> (Sender<()>, Self) {
        let (sender, visits) = channel();
        (sender, Self { visits })
    }

    /// Waits until nobody can visit any more, and counts.
    pub fn total(self) -> usize {
        self.visits.iter().count()
    }
}

/// Shares nothing: each door counts on its own, and the counts are added up when all have closed.
pub fn count_at_doors(visitors_at_door: &[u64]) -> u64 {
    thread::scope(|scope| {
        let doors: Vec<_> = visitors_at_door
            .iter()
            .map(|&visitors| scope.spawn(move || (0..visitors).map(|_| 1).sum::<u64>()))
            .collect();
        doors.into_iter().map(|door| door.join().unwrap()).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn atomic_fetch_add() {
        let counter = AtomicCounter::default();
        thread::scope(|scope| {
            scope.spawn(|| counter.visit());
            counter.visit();
        });
        assert_eq!(counter.total(), 2);
    }

    #[test]
    fn one_lock_around_both() {
        let counter = LockedCounter::default();
        thread::scope(|scope| {
            scope.spawn(|| counter.visit());
            counter.visit();
        });
        assert_eq!(counter.total(), 2);
    }

    #[test]
    fn channel_to_one_owner() {
        let (door, counter) = ChannelCounter::new();
        let visitors: Vec<_> = (0..2)
            .map(|_| {
                let door = door.clone();
                thread::spawn(move || door.send(()).unwrap())
            })
            .collect();
        drop(door);
        assert_eq!(counter.total(), 2);
        for visitor in visitors {
            visitor.join().unwrap();
        }
    }

    #[test]
    fn nothing_shared() {
        assert_eq!(count_at_doors(&[3, 4]), 7);
    }
}
