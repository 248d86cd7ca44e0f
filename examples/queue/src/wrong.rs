//! Queues that work as long as everybody comes at the right moment.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};

/// A queue that can leave a consumer asleep for ever when it is closed.
///
/// Whether it is closed lies outside the mutex. A consumer looks at `closed`, sees that it is not, and is about to
/// wait; `close` sets the flag and notifies just then. Nobody waits yet, so the notification is lost, and the consumer
/// goes to sleep for good.
#[derive(Debug)]
pub struct ClosableQueue<T> {
    capacity: usize,
    items: Mutex<VecDeque<T>>,
    closed: AtomicBool,
    not_empty: Condvar,
    not_full: Condvar,
}

impl<T> ClosableQueue<T> {
    /// An empty queue for at most `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            items: Mutex::default(),
            closed: AtomicBool::new(false),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
        }
    }

    /// Appends an item, after waiting for room.
    pub fn push(&self, item: T) {
        let mut items = self.items.lock().unwrap();
        while items.len() == self.capacity {
            items = self.not_full.wait(items).unwrap();
        }
        items.push_back(item);
        self.not_empty.notify_one();
    }

    /// Takes the oldest item, after waiting for one; `None` once the queue is closed and empty.
    pub fn pop(&self) -> Option<T> {
        let mut items = self.items.lock().unwrap();
        loop {
            if let Some(item) = items.pop_front() {
                self.not_full.notify_one();
                return Some(item);
            }
            if self.closed.load(Ordering::SeqCst) {
                return None;
            }
            items = self.not_empty.wait(items).unwrap();
        }
    }

    /// Says that no more items will come.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.not_empty.notify_all();
    }
}

/// A queue whose consumers take a notification for a promise.
///
/// A consumer that finds the queue empty waits once and then takes an item. Between the notification and the moment
/// when the woken consumer has the lock again, another consumer can come along and take that item; and a wait may end
/// without any notification at all. So there may be nothing to take.
#[derive(Debug)]
pub struct TrustingQueue<T> {
    capacity: usize,
    items: Mutex<VecDeque<T>>,
    not_empty: Condvar,
    not_full: Condvar,
}

impl<T> TrustingQueue<T> {
    /// An empty queue for at most `capacity` items.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, items: Mutex::default(), not_empty: Condvar::new(), not_full: Condvar::new() }
    }

    /// Appends an item, after waiting for room.
    pub fn push(&self, item: T) {
        let mut items = self.items.lock().unwrap();
        while items.len() == self.capacity {
            items = self.not_full.wait(items).unwrap();
        }
        items.push_back(item);
        self.not_empty.notify_one();
    }

    /// Takes the oldest item, after waiting for one.
    pub fn pop(&self) -> T {
        let mut items = self.items.lock().unwrap();
        if items.is_empty() {
            items = self.not_empty.wait(items).unwrap();
        }
        let item = items.pop_front();
        self.not_full.notify_one();
        drop(items);
        item.expect("a consumer was woken, so there must be an item")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn close_while_a_consumer_is_about_to_wait() {
        let queue = ClosableQueue::new(2);
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
    fn wait_once_instead_of_in_a_loop() {
        let queue = TrustingQueue::new(2);
        let total: u32 = thread::scope(|scope| {
            let consumers = [scope.spawn(|| queue.pop()), scope.spawn(|| queue.pop())];
            queue.push(1);
            queue.push(2);
            consumers.into_iter().map(|consumer| consumer.join().unwrap()).sum()
        });
        assert_eq!(total, 3);
    }
}
