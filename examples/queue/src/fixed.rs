//! The queue as it should be.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};

/// A queue of bounded length that can be closed.
///
/// Everything that a waiting thread waits for lies behind the one mutex, is looked at and changed only while that mutex
/// is held, and is looked at again after each wait. `wait` gives up the mutex and begins to wait in one step, so no
/// notification can fall in between.
#[derive(Debug)]
pub struct Queue<T> {
    capacity: usize,
    state: Mutex<State<T>>,
    not_empty: Condvar,
    not_full: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// An empty queue for at most `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            state: Mutex::new(State { items: VecDeque::new(), closed: false }),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
        }
    }

    /// Appends an item, after waiting for room.
    pub fn push(&self, item: T) {
        let full = |state: &mut State<T>| state.items.len() == self.capacity;
        let mut state = self.not_full.wait_while(self.state.lock().unwrap(), full).unwrap();
        state.items.push_back(item);
        self.not_empty.notify_one();
    }

    /// Takes the oldest item, after waiting for one; `None` once the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let nothing_yet = |state: &mut State<T>| state.items.is_empty() && !state.closed;
        let mut state = self.not_empty.wait_while(self.state.lock().unwrap(), nothing_yet).unwrap();
        let item = state.items.pop_front();
        self.not_full.notify_one();
        item
    }

    /// Says that no more items will come.
    pub fn close(&self) {
        self.state.lock().unwrap().closed = true;
        self.not_empty.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn close_while_a_consumer_is_about_to_wait() {
        let queue = Queue::new(2);
        thread::scope(|scope| {
            let consumer = scope.spawn(|| {
                let mut taken = Vec::new();
                while let Some(item) = queue.pop() {
                    taken.push(item);
                }
                taken
            });
            queue.push("one");
            queue.close();
            assert_eq!(consumer.join().unwrap(), ["one"]);
        });
    }

    #[test]
    fn two_consumers() {
        let queue = Queue::new(2);
        let total: u32 = thread::scope(|scope| {
            let consumers = [scope.spawn(|| queue.pop()), scope.spawn(|| queue.pop())];
            queue.push(1);
            queue.push(2);
            consumers.into_iter().map(|consumer| consumer.join().unwrap().unwrap()).sum()
        });
        assert_eq!(total, 3);
    }

    #[test]
    fn producer_waits_for_room() {
        let queue = Queue::new(1);
        thread::scope(|scope| {
            scope.spawn(|| {
                for item in 0..3 {
                    queue.push(item);
                }
                queue.close();
            });
            let taken: Vec<u32> = std::iter::from_fn(|| queue.pop()).collect();
            assert_eq!(taken, [0, 1, 2]);
        });
    }
}
