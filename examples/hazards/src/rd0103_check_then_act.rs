//! Check-then-act: what a thread has seen is no longer true when it acts on it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

/// Who sits where.
#[derive(Default)]
struct Hall {
    seats: Mutex<BTreeMap<u32, &'static str>>,
}

impl Hall {
    fn is_free(&self, seat: u32) -> bool {
        !self.seats.lock().unwrap().contains_key(&seat)
    }

    fn take(&self, seat: u32, guest: &'static str) {
        let before = self.seats.lock().unwrap().insert(seat, guest);
        assert_eq!(before, None, "seat {seat} is taken twice");
    }

    /// Looks, gives the lock back, and takes what may not be free any more.
    fn book_in_two_steps(&self, seat: u32, guest: &'static str) {
        if self.is_free(seat) {
            self.take(seat, guest);
        }
    }

    /// Looks and takes under one lock.
    fn book(&self, seat: u32, guest: &'static str) {
        self.seats.lock().unwrap().entry(seat).or_insert(guest);
    }
}

#[test]
fn wrong() {
    let hall = Hall::default();
    thread::scope(|scope| {
        scope.spawn(|| hall.book_in_two_steps(7, "Ada"));
        hall.book_in_two_steps(7, "Grace");
    });
}

#[test]
fn fixed() {
    let hall = Hall::default();
    thread::scope(|scope| {
        scope.spawn(|| hall.book(7, "Ada"));
        hall.book(7, "Grace");
    });
}
