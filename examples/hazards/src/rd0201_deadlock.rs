//! Deadlock: threads wait for each other in a circle.
//!
//! A store keeps its records and an index of them behind two locks. One thread inserts, which takes the records first;
//! another rebuilds the index. If that takes the index first, each thread can hold the lock that the other needs next.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

#[derive(Default)]
struct Store {
    records: Mutex<Vec<&'static str>>,
    index: Mutex<BTreeMap<&'static str, usize>>,
}

impl Store {
    fn insert(&self, record: &'static str) {
        let mut records = self.records.lock().unwrap();
        let mut index = self.index.lock().unwrap();
        index.insert(record, records.len());
        records.push(record);
    }

    /// Takes the locks in the opposite order to `insert`.
    fn rebuild_index_first(&self) {
        let mut index = self.index.lock().unwrap();
        let records = self.records.lock().unwrap();
        *index = records.iter().copied().zip(0..).collect();
    }

    /// Takes the locks in the same order as `insert`: whoever waits for the index holds the records, and nobody who
    /// holds the index waits for anything.
    fn rebuild_records_first(&self) {
        let records = self.records.lock().unwrap();
        let mut index = self.index.lock().unwrap();
        *index = records.iter().copied().zip(0..).collect();
    }
}

#[test]
fn wrong() {
    let store = Store::default();
    thread::scope(|scope| {
        scope.spawn(|| store.rebuild_index_first());
        store.insert("weft");
    });
    assert_eq!(store.index.lock().unwrap()["weft"], 0);
}

#[test]
fn fixed() {
    let store = Store::default();
    thread::scope(|scope| {
        scope.spawn(|| store.rebuild_records_first());
        store.insert("weft");
    });
    assert_eq!(store.index.lock().unwrap()["weft"], 0);
}
