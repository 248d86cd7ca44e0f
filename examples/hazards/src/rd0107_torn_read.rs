//! RD0107: a value of two words is read while another thread writes it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Where something is: two numbers that belong together.
#[derive(Default)]
struct Position {
    /// Odd while it is being written.
    version: AtomicU64,
    x: AtomicU64,
    y: AtomicU64,
}

impl Position {
    fn set(&self, x: u64, y: u64) {
        self.version.fetch_add(1, Ordering::SeqCst);
        self.x.store(x, Ordering::SeqCst);
        self.y.store(y, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    fn get(&self) -> (u64, u64) {
        (self.x.load(Ordering::SeqCst), self.y.load(Ordering::SeqCst))
    }

    /// Reads it again if it has been written meanwhile.
    fn get_whole(&self) -> (u64, u64) {
        loop {
            let before = self.version.load(Ordering::SeqCst);
            let read = self.get();
            if before.is_multiple_of(2) && self.version.load(Ordering::SeqCst) == before {
                return read;
            }
        }
    }
}

fn moves_on_the_diagonal(get: fn(&Position) -> (u64, u64)) {
    let position = Position::default();
    thread::scope(|scope| {
        scope.spawn(|| position.set(7, 7));
        let (x, y) = get(&position);
        assert_eq!(x, y);
    });
}

#[test]
fn wrong() {
    moves_on_the_diagonal(Position::get);
}

#[test]
fn fixed() {
    moves_on_the_diagonal(Position::get_whole);
}
