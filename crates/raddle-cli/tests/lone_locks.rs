//! Locks of the C library that one thread takes again and again before anybody else comes by: most of that is no schedule
//! point and not recorded, but who has the lock is known.

#[allow(dead_code)]
mod small_package;
#[allow(dead_code)]
mod support;

use serde_json::Value;
use small_package::SmallPackage;

const TESTS: &str = r#"
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::{Arc, mpsc};
use std::thread;

type Memory = UnsafeCell<[u64; 5]>;

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *mut [u64; 5]) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut [u64; 5]) -> c_int;
}

/// A mutex, as its static initialiser leaves it.
struct Mutex(Memory);

unsafe impl Sync for Mutex {}
unsafe impl Send for Mutex {}

impl Mutex {
    fn new() -> Arc<Self> {
        Arc::new(Mutex(UnsafeCell::new([0; 5])))
    }

    fn lock(&self) {
        assert_eq!(unsafe { pthread_mutex_lock(self.0.get()) }, 0);
    }

    fn unlock(&self) {
        assert_eq!(unsafe { pthread_mutex_unlock(self.0.get()) }, 0);
    }
}

#[test]
fn often_taken() {
    let (send, receive) = mpsc::channel();
    let other = thread::spawn(move || receive.recv().unwrap());
    let mutex = Mutex::new();
    let often = |mutex: &Mutex| {
        for _ in 0..20_000 {
            mutex.lock();
            mutex.unlock();
        }
    };
    often(&mutex);
    let mutexs = mutex.clone();
    thread::spawn(move || often(&mutexs)).join().unwrap();
    often(&mutex);
    send.send(()).unwrap();
    other.join().unwrap();
}

#[test]
fn in_opposite_orders() {
    let (one, two) = (Mutex::new(), Mutex::new());
    for _ in 0..100 {
        one.lock();
        one.unlock();
    }
    let (ones, twos) = (one.clone(), two.clone());
    let other = thread::spawn(move || {
        twos.lock();
        ones.lock();
        ones.unlock();
        twos.unlock();
    });
    one.lock();
    two.lock();
    two.unlock();
    one.unlock();
    other.join().unwrap();
}
"#;

#[test]
fn a_lock_that_one_thread_takes_often_makes_no_execution_too_long() {
    let package = SmallPackage::new("lone-locks", TESTS);
    let found = |events: &[Value]| {
        let found = events.iter().filter(|event| event["type"] == "finding");
        found.map(|event| (event["code"].clone(), event["message"].clone())).collect::<Vec<_>>()
    };
    let events = package.explore("often_taken --schedules 10 --max-steps 20000");
    assert!(found(&events).is_empty(), "{events:#?}");

    let events = package.explore("in_opposite_orders --schedules 1000");
    let [(code, message)] = &found(&events)[..] else { panic!("{events:#?}") };
    assert_eq!(code, "RD0201", "{message}");
    let message = message.as_str().unwrap();
    assert!(message.contains("thread `main`") && message.contains("thread 1"), "{message}");
}
