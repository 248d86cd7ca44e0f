//! Queue without backpressure: a queue without a limit, and a side that fills it faster than the other one empties it.
//!
//! Nothing tells the producer to slow down, so the queue grows with all that was ever produced and not yet consumed. With a
//! limit, the producer waits when it is too far ahead.

use std::sync::mpsc::{Receiver, channel, sync_channel};
use std::thread;

const READINGS: u64 = 200;

/// Adds up what comes in; stands for something slow, such as a disk.
fn sum(readings: Receiver<u64>) -> u64 {
    readings.into_iter().sum()
}

#[test]
fn wrong() {
    let (sender, readings) = channel();
    let consumer = thread::spawn(|| sum(readings));
    for reading in 0..READINGS {
        sender.send(reading).unwrap();
    }
    drop(sender);
    assert_eq!(consumer.join().unwrap(), READINGS * (READINGS - 1) / 2);
}

#[test]
fn fixed() {
    let (sender, readings) = sync_channel(8);
    let consumer = thread::spawn(|| sum(readings));
    for reading in 0..READINGS {
        sender.send(reading).unwrap();
    }
    drop(sender);
    assert_eq!(consumer.join().unwrap(), READINGS * (READINGS - 1) / 2);
}
