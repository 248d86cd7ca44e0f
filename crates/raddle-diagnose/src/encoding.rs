//! How lock words are written: which change of the word means that the lock was taken or given back.
//!
//! A call to `lock` changes its word several times when it has to wait; only one change takes the lock. The layouts are
//! those of std's futex locks (`library/std/src/sys/sync`), of parking_lot's one-byte mutex and one-time initialisation,
//! and of the one-word locks of once_cell and spin. Where a layout is not known (`None` below), a caller falls back on
//! what holds for every lock: it is taken when the call returns.

use raddle_engine::waits::Mode;
use raddle_protocol::Op;

/// std's read-write lock: the low 30 bits count readers, all ones mean a writer.
const STD_RWLOCK_COUNT: u64 = (1 << 30) - 1;

/// A change of a memory word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Address.
    pub address: u64,
    /// Bytes.
    pub size: u8,
    /// Value before; `None` for a plain store.
    pub old: Option<u64>,
    /// Value after.
    pub new: u64,
}

/// The change that an operation makes; `None` when it makes none.
pub fn change(op: &Op) -> Option<Change> {
    match *op {
        Op::Store { address, size, value, .. } => Some(Change { address, size, old: None, new: value }),
        Op::Rmw { address, size, old, new, .. } => Some(Change { address, size, old: Some(old), new }),
        Op::CompareExchange { address, size, old, new, done: true, .. } => {
            Some(Change { address, size, old: Some(old), new })
        }
        _ => None,
    }
}

/// The address that a memory operation acts on.
pub fn address(op: &Op) -> Option<u64> {
    match *op {
        Op::Load { address, .. }
        | Op::Store { address, .. }
        | Op::Rmw { address, .. }
        | Op::CompareExchange { address, .. } => Some(address),
        _ => None,
    }
}

/// Whether `change` takes a mutex; `None` when the layout is unknown.
pub fn takes_mutex(change: Change) -> Option<bool> {
    let old = change.old?;
    match change.size {
        // parking_lot: bit 0 is "locked", bit 1 "threads are parked". A boolean is the same without bit 1.
        1 => Some(old & 1 == 0 && change.new & 1 == 1),
        // std: 0 unlocked, 1 locked, 2 locked with waiters.
        4 => Some(old == 0 && change.new != 0),
        _ => None,
    }
}

/// Whether `change` takes a read-write lock; `None` when the layout is unknown. `library` is the crate that makes the
/// change: one-word locks of different crates differ in their bits.
pub fn takes_rwlock(change: Change, mode: Mode, library: &str) -> Option<bool> {
    let old = change.old?;
    let new = change.new;
    // The bits of readers, of what keeps readers out, and of a writer.
    let (one_reader, closed, writer) = match (change.size, library) {
        (4, _) => {
            let (old, new) = (old & STD_RWLOCK_COUNT, new & STD_RWLOCK_COUNT);
            return Some(match mode {
                Mode::Shared => old != STD_RWLOCK_COUNT && new == old + 1,
                Mode::Exclusive => old == 0 && new == STD_RWLOCK_COUNT,
            });
        }
        (8, "parking_lot") => (16, 8, 8),
        (8, "spin") => (4, 3, 1),
        _ => return None,
    };
    Some(match mode {
        Mode::Shared => old & closed == 0 && new == old + one_reader,
        // parking_lot's writer first keeps new readers out and then waits for the others to leave: what it changes last is
        // not its own doing, and only its return tells.
        Mode::Exclusive if library == "parking_lot" && old >= one_reader && new & writer != 0 => return Some(false),
        Mode::Exclusive => old & writer == 0 && new & writer != 0,
    })
}

/// Whether `change` turns a write lock into a read lock.
pub fn downgrades_rwlock(change: Change) -> bool {
    change.size == 4
        && change.old.is_some_and(|old| old & STD_RWLOCK_COUNT == STD_RWLOCK_COUNT)
        && change.new & STD_RWLOCK_COUNT == 1
}

/// Whether a one-time initialisation with this word is being run.
fn once_runs(size: u8, word: u64) -> bool {
    match size {
        // parking_lot: bit 2 is "locked".
        1 => word & 4 != 0,
        // std: the low two bits are 3 incomplete, 2 poisoned, 1 running, 0 complete. once_cell: 0, 1 and 2 in the same bits.
        _ => word & 3 == 1,
    }
}

/// Whether `change` begins (`Some(true)`) or ends (`Some(false)`) the run of a one-time initialisation.
pub fn once_run(change: Change) -> Option<bool> {
    let now = once_runs(change.size, change.new);
    let before = change.old.map_or(!now, |old| once_runs(change.size, old));
    (before != now).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(size: u8, old: u64, new: u64) -> Change {
        Change { address: 0, size, old: Some(old), new }
    }

    #[test]
    fn mutexes() {
        for (size, old, new, taken) in [
            (4, 0, 1, true),
            (4, 0, 2, true),
            (4, 1, 2, false),
            (4, 2, 0, false),
            (1, 0, 1, true),
            (1, 2, 3, true),
            (1, 1, 3, false),
        ] {
            assert_eq!(takes_mutex(word(size, old, new)), Some(taken), "{size} {old} {new}");
        }
        assert_eq!(takes_mutex(word(8, 0, 1)), None);
    }

    #[test]
    fn read_write_locks() {
        let (readers, writers) = (1 << 30, 1 << 31);
        assert_eq!(takes_rwlock(word(4, 0, 1), Mode::Shared, "std"), Some(true));
        assert_eq!(takes_rwlock(word(4, 1, 1 | readers), Mode::Shared, "std"), Some(false));
        assert_eq!(takes_rwlock(word(4, 0, STD_RWLOCK_COUNT), Mode::Exclusive, "std"), Some(true));
        assert_eq!(takes_rwlock(word(4, writers, STD_RWLOCK_COUNT | writers), Mode::Exclusive, "std"), Some(true));
        assert_eq!(takes_rwlock(word(4, 1, 1 | writers), Mode::Exclusive, "std"), Some(false));
        assert_eq!(takes_rwlock(word(8, 16, 32), Mode::Shared, "parking_lot"), Some(true));
        assert_eq!(takes_rwlock(word(8, 8, 9), Mode::Shared, "parking_lot"), Some(false));
        assert_eq!(takes_rwlock(word(8, 0, 8), Mode::Exclusive, "parking_lot"), Some(true));
        assert_eq!(takes_rwlock(word(8, 16, 24), Mode::Exclusive, "parking_lot"), Some(false));
        assert_eq!(takes_rwlock(word(8, 1, 5), Mode::Shared, "spin"), Some(false));
        assert_eq!(takes_rwlock(word(8, 4, 8), Mode::Shared, "spin"), Some(true));
        assert_eq!(takes_rwlock(word(8, 0, 1), Mode::Exclusive, "spin"), Some(true));
        assert_eq!(takes_rwlock(word(8, 0, 1), Mode::Exclusive, "other"), None);
        assert!(downgrades_rwlock(word(4, STD_RWLOCK_COUNT | readers, 1)));
        assert!(!downgrades_rwlock(word(4, 2, 1)));
    }

    #[test]
    fn one_time_initialisations() {
        assert_eq!(once_run(word(4, 3, 1)), Some(true));
        assert_eq!(once_run(word(4, 1, 1 + 4)), None);
        assert_eq!(once_run(word(4, 1 + 4, 0)), Some(false));
        assert_eq!(once_run(word(1, 0, 4)), Some(true));
        assert_eq!(once_run(word(1, 4, 1)), Some(false));
    }
}
