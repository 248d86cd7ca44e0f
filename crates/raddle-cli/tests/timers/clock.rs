//! What all programs of this package have in common: a clock that counts in slots, and a log of what happened in which
//! order.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

/// Longer than any program takes.
pub const LONG: Duration = Duration::from_secs(3600);

/// A program's clock and log.
pub struct Clock {
    begun: Instant,
    slot: Duration,
    events: Mutex<Vec<String>>,
    late: AtomicBool,
}

impl Clock {
    pub fn start() -> Self {
        let slot = Duration::from_millis(env::var("SLOT_MS").unwrap().parse().unwrap());
        // Threads are to be there before the first slot.
        Clock { begun: Instant::now() + slot, slot, events: Mutex::new(Vec::new()), late: AtomicBool::new(false) }
    }

    pub fn slots(&self, count: u32) -> Duration {
        self.slot * count
    }

    pub fn at(&self, slot: u32) -> Instant {
        self.begun + self.slots(slot)
    }

    /// How long until this slot begins.
    pub fn until(&self, slot: u32) -> Duration {
        self.at(slot).saturating_duration_since(Instant::now())
    }

    /// Something has happened that was to happen in this slot.
    pub fn event(&self, slot: u32, what: &str) {
        let mut events = self.events.lock().unwrap();
        let now = Instant::now();
        assert!(now >= self.at(slot), "{what} is early");
        if now - self.at(slot) > self.slot / 2 {
            self.late.store(true, Ordering::Relaxed);
        }
        events.push(what.to_owned());
    }

    /// The program has ended: what happened is written down for others, or compared with what they wrote down.
    pub fn end(self, program: &str) {
        let events = self.events.into_inner().unwrap().join("\n");
        let late = self.late.into_inner();
        if let Ok(directory) = env::var("WRITE_ORDERS") {
            fs::write(format!("{directory}/{program}"), if late { "late" } else { &events }).unwrap();
        } else {
            let directory = env::var("READ_ORDERS").unwrap();
            assert!(!late, "{program}: something was late\n{events}");
            assert_eq!(events, fs::read_to_string(format!("{directory}/{program}")).unwrap(), "{program}");
        }
    }
}
