//! Fails under some schedules: whether an assertion holds depends on which thread comes first.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// A shared value is made twice, because looking for it and adding it are two steps.
mod made_twice {
    use super::*;

    #[derive(Default)]
    struct Connections {
        open: Mutex<HashMap<&'static str, u32>>,
        opened: AtomicU32,
    }

    impl Connections {
        fn open(&self) -> u32 {
            self.opened.fetch_add(1, Ordering::Relaxed) + 1
        }

        /// Releases the lock between looking and adding; two threads can both find nothing and both open.
        fn get_in_two_steps(&self, host: &'static str) -> u32 {
            let known = self.open.lock().unwrap().get(host).copied();
            known.unwrap_or_else(|| {
                let connection = self.open();
                self.open.lock().unwrap().insert(host, connection);
                connection
            })
        }

        /// Looks and adds under one lock.
        fn get(&self, host: &'static str) -> u32 {
            *self.open.lock().unwrap().entry(host).or_insert_with(|| self.open())
        }
    }

    #[test]
    fn wrong() {
        let connections = Connections::default();
        thread::scope(|scope| {
            scope.spawn(|| connections.get_in_two_steps("loom.example"));
            connections.get_in_two_steps("loom.example");
        });
        assert_eq!(connections.opened.load(Ordering::Relaxed), 1, "connections opened");
    }

    #[test]
    fn fixed() {
        let connections = Connections::default();
        thread::scope(|scope| {
            scope.spawn(|| connections.get("loom.example"));
            connections.get("loom.example");
        });
        assert_eq!(connections.opened.load(Ordering::Relaxed), 1, "connections opened");
    }
}

/// A result is announced before it is there.
mod announced_too_early {
    use super::*;

    #[derive(Default)]
    struct Job {
        done: AtomicBool,
        result: AtomicU32,
    }

    impl Job {
        /// A reader can come between the two lines.
        fn finish_flag_first(&self, result: u32) {
            self.done.store(true, Ordering::Release);
            self.result.store(result, Ordering::Relaxed);
        }

        /// Whoever sees the flag sees the result.
        fn finish(&self, result: u32) {
            self.result.store(result, Ordering::Relaxed);
            self.done.store(true, Ordering::Release);
        }

        fn result(&self) -> Option<u32> {
            self.done.load(Ordering::Acquire).then(|| self.result.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn wrong() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish_flag_first(42);
        });
    }

    #[test]
    fn fixed() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish(42);
        });
    }
}
