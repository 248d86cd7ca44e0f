//! Lock-order inversion: two threads take the same two locks in opposite orders, and are kept apart by nothing but time.
//!
//! The stocktaking comes long after the sales, so that the two never meet in a test. On a machine that is busy enough, one
//! evening they do: each holds the lock that the other one waits for.

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

#[derive(Default)]
struct Shop {
    shelf: Mutex<Vec<&'static str>>,
    sold: Mutex<usize>,
}

impl Shop {
    fn sell(&self) {
        let mut shelf = self.shelf.lock().unwrap();
        if shelf.pop().is_some() {
            *self.sold.lock().unwrap() += 1;
        }
    }

    /// Everything that there has been: what is left, and what was sold.
    fn count_in_the_wrong_order(&self) -> usize {
        let sold = self.sold.lock().unwrap();
        let shelf = self.shelf.lock().unwrap();
        *sold + shelf.len()
    }

    fn count(&self) -> usize {
        let shelf = self.shelf.lock().unwrap();
        let sold = self.sold.lock().unwrap();
        *sold + shelf.len()
    }
}

/// A day in the shop. Returns what is counted in the evening.
fn a_day(count: fn(&Shop) -> usize) -> usize {
    let shop = Shop::default();
    shop.shelf.lock().unwrap().extend(["apple", "pear", "plum"]);
    thread::scope(|scope| {
        scope.spawn(|| shop.sell());
        let evening = scope.spawn(|| {
            thread::sleep(Duration::from_secs(1));
            count(&shop)
        });
        evening.join().unwrap()
    })
}

#[test]
fn wrong() {
    assert_eq!(a_day(Shop::count_in_the_wrong_order), 3);
}

#[test]
fn fixed() {
    assert_eq!(a_day(Shop::count), 3);
}
