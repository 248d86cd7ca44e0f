//! Well-known algorithms for mutual exclusion, with a step left out or exchanged.
//!
//! Each gives up where the right algorithm would wait, so that no loop is needed.

use crate::{Cell, together};

/// Counts who is inside; two at once is the failure.
struct Room(Cell);

impl Room {
    const fn new() -> Self {
        Room(Cell::new(0))
    }

    fn visit(&self) {
        assert_eq!(self.0.add(1), 0, "two inside");
        self.0.subtract(1);
    }
}

/// Peterson, "Myths about the mutual exclusion problem" (1981), with its first two steps exchanged.
#[cfg_attr(test, test)]
pub fn peterson_turn_first() {
    let (flags, turn, room) = ([Cell::new(0), Cell::new(0)], Cell::new(0), Room::new());
    let enter = |me: usize| {
        let (flags, turn, room) = (&flags, &turn, &room);
        move || {
            turn.set(1 - me);
            flags[me].set(1);
            if flags[1 - me].get() == 0 || turn.get() == me {
                room.visit();
            }
            flags[me].set(0);
        }
    };
    together([&enter(0), &enter(1)]);
}

/// Looks at the other's flag before it raises its own.
#[cfg_attr(test, test)]
pub fn flags_raised_too_late() {
    let (flags, room) = ([Cell::new(0), Cell::new(0)], Room::new());
    let enter = |me: usize| {
        let (flags, room) = (&flags, &room);
        move || {
            if flags[1 - me].get() == 0 {
                flags[me].set(1);
                room.visit();
                flags[me].set(0);
            }
        }
    };
    together([&enter(0), &enter(1)]);
}

/// Lamport's bakery (CACM 1974) without the sign that a number is being drawn.
#[cfg_attr(test, test)]
pub fn bakery_without_choosing() {
    let (numbers, room) = ([const { Cell::new(0) }; 3], Room::new());
    let enter = |me: usize| {
        let (numbers, room) = (&numbers, &room);
        move || {
            let highest = numbers.iter().map(Cell::get).max().unwrap_or(0);
            numbers[me].set(highest + 1);
            let first = (0..3).filter(|other| *other != me).all(|other| {
                let number = numbers[other].get();
                number == 0 || (highest + 1, me) < (number, other)
            });
            if first {
                room.visit();
            }
            numbers[me].set(0);
        }
    };
    together([&enter(0), &enter(1), &enter(2)]);
}

/// A ticket lock that draws its ticket in two steps.
#[cfg_attr(test, test)]
pub fn ticket_drawn_twice() {
    let (next, serving, room) = (Cell::new(0), Cell::new(0), Room::new());
    let enter = || {
        let ticket = next.get();
        next.set(ticket + 1);
        if serving.get() == ticket {
            room.visit();
            serving.add(1);
        }
    };
    together([&enter, &enter, &enter]);
}

/// A lock whose owner gives it back although it has just been taken over.
#[cfg_attr(test, test)]
pub fn unlock_of_somebody_elses_lock() {
    let (owner, room) = (Cell::new(0), Room::new());
    let enter = |me: usize| {
        let (owner, room) = (&owner, &room);
        move || {
            if owner.exchange(0, me) {
                room.visit();
            }
            // Also when it was not had.
            if owner.get() != 0 {
                owner.set(0);
            }
        }
    };
    together([&enter(1), &enter(2), &enter(3)]);
}

/// Readers and a writer, with a look and an entry in two steps.
#[cfg_attr(test, test)]
pub fn readers_and_writer_by_flags() {
    let (readers, writing, data) = (Cell::new(0), Cell::new(0), [Cell::new(0), Cell::new(0)]);
    let read = || {
        if writing.get() == 0 {
            readers.add(1);
            assert_eq!(data[0].get(), data[1].get(), "read half written");
            readers.subtract(1);
        }
    };
    together([&read, &read, &|| {
        writing.set(1);
        if readers.get() == 0 {
            data[0].add(1);
            data[1].add(1);
        }
        writing.set(0);
    }]);
}

/// A sequence lock whose reader does not look whether the number has changed.
#[cfg_attr(test, test)]
pub fn sequence_lock_without_second_look() {
    let (sequence, data) = (Cell::new(0), [Cell::new(0), Cell::new(0)]);
    together([
        &|| {
            for round in 1..3 {
                sequence.add(1);
                data[0].set(round);
                data[1].set(round);
                sequence.add(1);
            }
        },
        &|| {
            if sequence.get().is_multiple_of(2) {
                assert_eq!(data[0].get(), data[1].get(), "read half written");
            }
        },
    ]);
}
