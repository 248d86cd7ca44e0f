//! Lock too narrow: the seats are counted under one lock and given away under the next, and what was counted may be wrong by
//! then.
//!
//! Here there are as many seats as guests, so nobody notices. With one seat left and two guests, both may find it free.

use std::sync::Mutex;
use std::thread;

const SEATS: usize = 2;

#[derive(Default)]
struct Hall {
    guests: Mutex<Vec<&'static str>>,
}

impl Hall {
    fn count_then_book(&self, name: &'static str) -> bool {
        let taken = self.guests.lock().unwrap().len();
        if taken == SEATS {
            return false;
        }
        self.guests.lock().unwrap().push(name);
        true
    }

    fn book(&self, name: &'static str) -> bool {
        let mut guests = self.guests.lock().unwrap();
        let is_free = guests.len() < SEATS;
        if is_free {
            guests.push(name);
        }
        is_free
    }
}

fn two_book(book: fn(&Hall, &'static str) -> bool) {
    let hall = Hall::default();
    thread::scope(|scope| {
        let ada = scope.spawn(|| book(&hall, "Ada"));
        assert!(book(&hall, "Grace"));
        assert!(ada.join().unwrap());
    });
    assert_eq!(hall.guests.into_inner().unwrap().len(), 2);
}

#[test]
fn wrong() {
    two_book(Hall::count_then_book);
}

#[test]
fn fixed() {
    two_book(Hall::book);
}
