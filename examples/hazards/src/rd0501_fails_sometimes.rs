//! Fails under some schedules: whether an assertion holds depends on which thread comes first.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

/// A shared value is made twice, because looking for it and adding it are two steps.
mod made_twice {
    use super::*;

    #[derive(Default)]
    struct Server {
        connection: OnceLock<u32>,
        opened: AtomicU32,
    }

    impl Server {
        fn open(&self) -> u32 {
            self.opened.fetch_add(1, Ordering::Relaxed) + 1
        }

        /// Looks, and adds if there was nothing; two threads can both find nothing and both open.
        fn connect_in_two_steps(&self) -> u32 {
            match self.connection.get() {
                Some(connection) => *connection,
                None => {
                    let connection = self.open();
                    *self.connection.get_or_init(|| connection)
                }
            }
        }

        /// Leaves both to the cell, which lets one thread open and the others wait for it.
        fn connect(&self) -> u32 {
            *self.connection.get_or_init(|| self.open())
        }
    }

    #[test]
    fn wrong() {
        let server = Server::default();
        thread::scope(|scope| {
            scope.spawn(|| server.connect_in_two_steps());
            server.connect_in_two_steps();
        });
        assert_eq!(server.opened.load(Ordering::Relaxed), 1, "connections opened");
    }

    #[test]
    fn fixed() {
        let server = Server::default();
        thread::scope(|scope| {
            scope.spawn(|| server.connect());
            server.connect();
        });
        assert_eq!(server.opened.load(Ordering::Relaxed), 1, "connections opened");
    }
}

/// A result, and a flag that announces it.
#[derive(Default)]
struct Job {
    done: AtomicBool,
    result: AtomicU32,
}

impl Job {
    /// Whoever sees the flag sees the result.
    fn finish(&self, result: u32) {
        self.result.store(result, Ordering::Relaxed);
        self.done.store(true, Ordering::Release);
    }

    fn result(&self) -> Option<u32> {
        self.done.load(Ordering::Acquire).then(|| self.result.load(Ordering::Relaxed))
    }
}

/// A result is announced before it is there.
mod announced_too_early {
    use super::*;

    impl Job {
        /// A reader can come between the two lines.
        fn finish_flag_first(&self, result: u32) {
            self.done.store(true, Ordering::Release);
            self.result.store(result, Ordering::Relaxed);
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

/// A result is there before it is announced, but nothing orders the two for who looks.
mod announced_without_order {
    use super::*;

    impl Job {
        /// Who sees the flag may still see what the result was before.
        fn finish_relaxed(&self, result: u32) {
            self.result.store(result, Ordering::Relaxed);
            self.done.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn wrong() {
        let job = Job::default();
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(job.result(), None | Some(42))));
            job.finish_relaxed(42);
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
