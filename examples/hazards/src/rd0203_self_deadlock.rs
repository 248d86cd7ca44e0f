//! Self-deadlock: a thread waits for a lock that it holds itself, so nobody will ever release it.
//!
//! The locks of the standard library do not count how often their owner has taken them. The call that takes the lock a
//! second time often sits in another function, on a path that is rarely followed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;

/// A mutex is locked again by a function that is called while it is held.
mod mutex_relock {
    use super::*;

    #[derive(Default)]
    struct Session {
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        unsaved: u32,
        saved: u32,
    }

    impl Session {
        fn edit(&self) {
            self.state.lock().unwrap().unsaved += 1;
        }

        fn save(&self) {
            save_into(&mut self.state.lock().unwrap());
        }

        /// Needs to save only when an edit has just come in; then `save` waits for the lock that is held here.
        fn close_locked(&self) {
            let state = self.state.lock().unwrap();
            if state.unsaved > 0 {
                self.save();
            }
        }

        /// Works on the state it has already locked.
        fn close(&self) {
            let mut state = self.state.lock().unwrap();
            if state.unsaved > 0 {
                save_into(&mut state);
            }
        }
    }

    fn save_into(state: &mut State) {
        state.saved += state.unsaved;
        state.unsaved = 0;
    }

    #[test]
    fn wrong() {
        let session = Session::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                session.edit();
                session.save();
            });
            session.close_locked();
        });
        assert_eq!(session.state.lock().unwrap().saved, 1);
    }

    #[test]
    fn fixed() {
        let session = Session::default();
        thread::scope(|scope| {
            scope.spawn(|| {
                session.edit();
                session.save();
            });
            session.close();
        });
        assert_eq!(session.state.lock().unwrap().saved, 1);
    }
}

/// A reader-writer lock is read by the thread that holds it for writing.
mod read_under_own_write {
    use super::*;

    #[derive(Default)]
    struct Cache {
        entries: RwLock<Vec<u32>>,
        stale: AtomicBool,
    }

    impl Cache {
        fn len(&self) -> usize {
            self.entries.read().unwrap().len()
        }

        fn invalidate_and_refill(&self) {
            self.stale.store(true, Ordering::SeqCst);
            self.entries.write().unwrap().push(2);
            self.stale.store(false, Ordering::SeqCst);
        }

        /// Empties a stale cache; `len` then waits for the write lock that is held here.
        fn sweep_locked(&self) -> usize {
            let mut entries = self.entries.write().unwrap();
            if !self.stale.load(Ordering::SeqCst) {
                return 0;
            }
            let swept = self.len();
            entries.clear();
            swept
        }

        /// Counts through the guard at hand.
        fn sweep(&self) -> usize {
            let mut entries = self.entries.write().unwrap();
            if !self.stale.load(Ordering::SeqCst) {
                return 0;
            }
            let swept = entries.len();
            entries.clear();
            swept
        }
    }

    #[test]
    fn wrong() {
        let cache = Cache::default();
        let swept = thread::scope(|scope| {
            scope.spawn(|| cache.invalidate_and_refill());
            cache.sweep_locked()
        });
        assert_eq!(swept + cache.len(), 1);
    }

    #[test]
    fn fixed() {
        let cache = Cache::default();
        let swept = thread::scope(|scope| {
            scope.spawn(|| cache.invalidate_and_refill());
            cache.sweep()
        });
        assert_eq!(swept + cache.len(), 1);
    }
}

/// A reader-writer lock is read twice by one thread, and a writer comes in between.
///
/// So that writers are not kept waiting for ever, a writer in the queue holds back new readers. The second read queues
/// behind the writer, and the writer waits for the first read to end.
mod second_read {
    use super::*;

    #[derive(Default)]
    struct Settings {
        values: RwLock<Vec<u32>>,
    }

    impl Settings {
        fn sum(&self) -> u32 {
            self.values.read().unwrap().iter().sum()
        }

        /// `sum` takes the read lock that is already held here.
        fn mean_locked(&self) -> u32 {
            let values = self.values.read().unwrap();
            self.sum() / values.len() as u32
        }

        /// Takes the lock once.
        fn mean(&self) -> u32 {
            let values = self.values.read().unwrap();
            values.iter().sum::<u32>() / values.len() as u32
        }
    }

    #[test]
    fn wrong() {
        let settings = Settings { values: RwLock::new(vec![2, 4]) };
        thread::scope(|scope| {
            scope.spawn(|| settings.values.write().unwrap().extend([3]));
            assert_eq!(settings.mean_locked(), 3);
        });
    }

    #[test]
    fn fixed() {
        let settings = Settings { values: RwLock::new(vec![2, 4]) };
        thread::scope(|scope| {
            scope.spawn(|| settings.values.write().unwrap().extend([3]));
            assert_eq!(settings.mean(), 3);
        });
    }
}
