//! Lost update: a thread stores what it has worked out from a value that another thread has changed since.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What has been poured into a tank.
#[derive(Default)]
struct Tank {
    litres: AtomicU64,
}

impl Tank {
    /// Reads and stores; what another thread pours in between is gone.
    fn pour_in_two_steps(&self, litres: u64) {
        let before = self.litres.load(Ordering::SeqCst);
        self.litres.store(before + litres, Ordering::SeqCst);
    }

    /// Adds in one step.
    fn pour(&self, litres: u64) {
        self.litres.fetch_add(litres, Ordering::SeqCst);
    }
}

#[test]
fn wrong() {
    let tank = Tank::default();
    thread::scope(|scope| {
        scope.spawn(|| tank.pour_in_two_steps(10));
        tank.pour_in_two_steps(20);
    });
    assert_eq!(tank.litres.load(Ordering::SeqCst), 30, "litres in the tank");
}

#[test]
fn fixed() {
    let tank = Tank::default();
    thread::scope(|scope| {
        scope.spawn(|| tank.pour(10));
        tank.pour(20);
    });
    assert_eq!(tank.litres.load(Ordering::SeqCst), 30, "litres in the tank");
}
