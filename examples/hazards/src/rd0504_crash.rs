//! Crash: the whole process dies, and every other test in it with it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::{process, ptr, thread};

/// A pointer is followed while it is null.
mod null_pointer {
    use super::*;

    struct Table {
        gateway: u8,
    }

    static OLD: Table = Table { gateway: 1 };
    static NEW: Table = Table { gateway: 2 };

    struct Router {
        table: AtomicPtr<Table>,
    }

    impl Router {
        fn new(table: &'static Table) -> Self {
            Self { table: AtomicPtr::new(ptr::from_ref(table).cast_mut()) }
        }

        /// Takes the old table away before it puts the new one there. In between there is none.
        fn replace_in_two_steps(&self, table: &'static Table) {
            self.table.store(ptr::null_mut(), Ordering::SeqCst);
            self.table.store(ptr::from_ref(table).cast_mut(), Ordering::SeqCst);
        }

        /// Puts the new table in the place of the old one.
        fn replace(&self, table: &'static Table) {
            self.table.store(ptr::from_ref(table).cast_mut(), Ordering::SeqCst);
        }

        fn gateway(&self) -> u8 {
            // SAFETY: tables are statics that nobody changes. That the pointer is never null is an assumption that
            // `replace_in_two_steps` breaks.
            unsafe { (*self.table.load(Ordering::SeqCst)).gateway }
        }
    }

    #[test]
    fn wrong() {
        let router = Router::new(&OLD);
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(router.gateway(), 1 | 2)));
            router.replace_in_two_steps(&NEW);
        });
    }

    #[test]
    fn fixed() {
        let router = Router::new(&OLD);
        thread::scope(|scope| {
            scope.spawn(|| assert!(matches!(router.gateway(), 1 | 2)));
            router.replace(&NEW);
        });
    }
}

/// A recursive function never comes back, because two threads have made a circle that neither would have made alone.
mod stack_overflow {
    use super::*;

    /// The parent of a folder that lies in no other.
    const NONE: usize = usize::MAX;

    /// The parents of folders 0 and 1.
    struct Folders {
        parents: [AtomicUsize; 2],
        moving: Mutex<()>,
    }

    impl Folders {
        fn new() -> Self {
            Self { parents: [AtomicUsize::new(NONE), AtomicUsize::new(NONE)], moving: Mutex::new(()) }
        }

        fn snapshot(&self) -> [usize; 2] {
            [0, 1].map(|folder| self.parents[folder].load(Ordering::SeqCst))
        }

        /// Moves a folder into another, unless that one lies in it already. Two moves can both pass the test before
        /// either is made.
        fn move_in_two_steps(&self, folder: usize, into: usize) {
            if !lies_in(self.snapshot(), into, folder) {
                self.parents[folder].store(into, Ordering::SeqCst);
            }
        }

        /// Lets only one move go on at a time.
        fn move_into(&self, folder: usize, into: usize) {
            let _guard = self.moving.lock().unwrap();
            self.move_in_two_steps(folder, into);
        }
    }

    fn lies_in(parents: [usize; 2], folder: usize, other: usize) -> bool {
        let parent = parents[folder];
        parent != NONE && (parent == other || lies_in(parents, parent, other))
    }

    fn path(parents: [usize; 2], folder: usize) -> String {
        match parents[folder] {
            NONE => format!("/{folder}"),
            parent => path(parents, parent) + &format!("/{folder}"),
        }
    }

    #[test]
    fn wrong() {
        let folders = Folders::new();
        thread::scope(|scope| {
            scope.spawn(|| folders.move_in_two_steps(1, 0));
            folders.move_in_two_steps(0, 1);
        });
        assert!(matches!(path(folders.snapshot(), 0).as_str(), "/0" | "/1/0"));
    }

    #[test]
    fn fixed() {
        let folders = Folders::new();
        thread::scope(|scope| {
            scope.spawn(|| folders.move_into(1, 0));
            folders.move_into(0, 1);
        });
        assert!(matches!(path(folders.snapshot(), 0).as_str(), "/0" | "/1/0"));
    }
}

/// A program that finds its own state damaged stops at once, before it does more harm.
mod abort_on_damage {
    use super::*;

    const PLACES: usize = 1;

    #[derive(Default)]
    struct CarPark {
        taken: AtomicUsize,
    }

    impl CarPark {
        /// Two threads can both see the last place free before either takes it.
        fn enter_in_two_steps(&self) -> bool {
            if self.taken.load(Ordering::SeqCst) == PLACES {
                return false;
            }
            self.taken.fetch_add(1, Ordering::SeqCst);
            true
        }

        /// Sees and takes in one step.
        fn enter(&self) -> bool {
            self.taken.compare_exchange(0, PLACES, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        }

        fn leave(&self) {
            if self.taken.load(Ordering::SeqCst) > PLACES {
                eprintln!("more cars than places");
                process::abort();
            }
            self.taken.fetch_sub(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn wrong() {
        let car_park = CarPark::default();
        let visit = || {
            if car_park.enter_in_two_steps() {
                car_park.leave();
            }
        };
        thread::scope(|scope| {
            scope.spawn(visit);
            visit();
        });
    }

    #[test]
    fn fixed() {
        let car_park = CarPark::default();
        let visit = || {
            if car_park.enter() {
                car_park.leave();
            }
        };
        thread::scope(|scope| {
            scope.spawn(visit);
            visit();
        });
    }
}
