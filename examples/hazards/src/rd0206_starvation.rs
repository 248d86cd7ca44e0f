//! Starvation: a thread waits for a lock that others pass again and again. It could go on whenever the lock is free, but it
//! never is when the thread looks.
//!
//! Greedy readers: the lock lets any number of readers in while no writer is. As long as they overlap, the writer stays
//! outside. The readers here look until the writer has been there, so none of the three ever gets done.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Set while somebody writes; the bits below count the readers.
const WRITING: usize = 1 << 32;

#[derive(Default)]
struct Board {
    lock: AtomicUsize,
    /// A writer waits.
    waiting: AtomicBool,
    news: AtomicBool,
}

impl Board {
    /// Lets the caller in unless somebody writes.
    fn read(&self) -> bool {
        while self.lock.fetch_add(1, Ordering::SeqCst) >= WRITING {
            self.lock.fetch_sub(1, Ordering::SeqCst);
            thread::yield_now();
        }
        let news = self.news.load(Ordering::SeqCst);
        self.lock.fetch_sub(1, Ordering::SeqCst);
        news
    }

    /// Waits until nobody reads.
    fn write(&self) {
        while self.lock.compare_exchange(0, WRITING, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            thread::yield_now();
        }
        self.news.store(true, Ordering::SeqCst);
        self.lock.fetch_sub(WRITING, Ordering::SeqCst);
    }
}

fn two_read_until_one_has_written(read: impl Fn(&Board) -> bool + Sync, write: impl Fn(&Board) + Sync) {
    let board = Board::default();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !read(&board) {
                    thread::yield_now();
                }
            });
        }
        scope.spawn(|| write(&board));
    });
}

#[test]
fn wrong() {
    two_read_until_one_has_written(Board::read, Board::write);
}

/// Whoever comes after the writer waits until it has been there.
#[test]
fn fixed() {
    let read = |board: &Board| {
        while board.waiting.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        board.read()
    };
    let write = |board: &Board| {
        board.waiting.store(true, Ordering::SeqCst);
        board.write();
        board.waiting.store(false, Ordering::SeqCst);
    };
    two_read_until_one_has_written(read, write);
}
