//! Whether threads have taken locks in orders that contradict each other, as far as that can be told while a program runs.
//!
//! The lock graph of Havelund, "Using Runtime Analysis to Guide Model Checking of Java Programs" (SPIN 2000): an edge from
//! each lock that a thread holds to the one that it takes. Here a cycle whose edges are not all of one thread is enough.
//! Whether the threads could have met in it (gate locks, readers, what comes before what) is judged on the record of the
//! execution, which alone knows which locks are the same. So this errs on the side of saying yes.
//!
//! Also, which locks one thread takes again and again, since that may be done too often (`retaken`).
//!
//! Not seen: edges beyond the first [`MOST_EDGES`] of an execution.

use raddle_protocol::trace::ThreadId;

/// Edges kept of an execution.
const MOST_EDGES: usize = 256;
/// Locks of which it is known who takes them.
const MOST_LOCKS: usize = 32;
/// A lock that is given back by another of its words lies this near.
const NEAR: u64 = 16;

/// Who has taken which lock while it held which other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Edge {
    thread: ThreadId,
    held: u64,
    taken: u64,
}

/// How a lock has been used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Use {
    lock: u64,
    /// Who has taken it last.
    thread: ThreadId,
    /// Somebody has taken it twice without anybody else in between.
    again: bool,
    /// Several threads have taken it.
    shared: bool,
}

/// The locks of an execution, by their addresses.
#[derive(Debug, Default)]
pub struct LockOrder {
    held: Vec<(ThreadId, u64)>,
    edges: Vec<Edge>,
    uses: Vec<Use>,
}

impl Clone for LockOrder {
    fn clone(&self) -> Self {
        Self { held: self.held.clone(), edges: self.edges.clone(), uses: self.uses.clone() }
    }

    fn clone_from(&mut self, other: &Self) {
        self.held.clone_from(&other.held);
        self.edges.clone_from(&other.edges);
        self.uses.clone_from(&other.uses);
    }
}

impl LockOrder {
    /// A thread takes a lock; `waits` if it would have waited for it.
    pub fn take(&mut self, thread: ThreadId, lock: u64, waits: bool) {
        if self.held.contains(&(thread, lock)) {
            return;
        }
        self.used(thread, lock);
        for at in 0..self.held.len() {
            let (holder, held) = self.held[at];
            let edge = Edge { thread, held, taken: lock };
            if waits && holder == thread && self.edges.len() < MOST_EDGES && !self.edges.contains(&edge) {
                self.edges.push(edge);
            }
        }
        self.held.push((thread, lock));
    }

    fn used(&mut self, thread: ThreadId, lock: u64) {
        let is_full = self.uses.len() >= MOST_LOCKS;
        match self.uses.iter_mut().find(|known| known.lock == lock) {
            Some(known) => {
                known.again |= known.thread == thread;
                known.shared |= known.thread != thread;
                known.thread = thread;
            }
            None if is_full => {}
            None => self.uses.push(Use { lock, thread, again: false, shared: false }),
        }
    }

    /// Locks that several threads have taken, and one of them twice in a row, the first ones first.
    pub fn retaken(&self) -> impl Iterator<Item = u64> + '_ {
        self.uses.iter().filter(|known| known.again && known.shared).map(|known| known.lock)
    }

    /// A thread gives a lock back, by this word of it.
    pub fn give_back(&mut self, thread: ThreadId, word: u64) {
        let exact = self.held.iter().rposition(|held| *held == (thread, word));
        let near = |(holder, lock): &(ThreadId, u64)| *holder == thread && lock.abs_diff(word) <= NEAR;
        if let Some(at) = exact.or_else(|| self.held.iter().rposition(near)) {
            self.held.remove(at);
        }
    }

    /// Whether there is a cycle that one thread alone does not close.
    #[must_use]
    pub fn contradicts_itself(&self) -> bool {
        self.edges.iter().any(|edge| self.leads_back(edge))
    }

    /// Whether other threads' edges lead from the lock that `edge` takes to the one that it holds.
    fn leads_back(&self, edge: &Edge) -> bool {
        let mut reached = vec![edge.taken];
        let mut next = 0;
        while let Some(lock) = reached.get(next).copied() {
            next += 1;
            for other in self.edges.iter().filter(|other| other.thread != edge.thread && other.held == lock) {
                if other.taken == edge.held {
                    return true;
                }
                if !reached.contains(&other.taken) {
                    reached.push(other.taken);
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each thread takes its locks in this order, and gives all of them back.
    fn taken(by: &[(ThreadId, &[u64])]) -> LockOrder {
        let mut order = LockOrder::default();
        for (thread, locks) in by {
            locks.iter().for_each(|lock| order.take(*thread, *lock, true));
            locks.iter().for_each(|lock| order.give_back(*thread, *lock));
        }
        order
    }

    #[test]
    fn it_takes_two_threads_and_opposite_orders() {
        assert!(taken(&[(1, &[100, 200]), (2, &[200, 100])]).contradicts_itself());
        assert!(!taken(&[(1, &[100, 200]), (2, &[100, 200])]).contradicts_itself());
        assert!(!taken(&[(1, &[100, 200]), (1, &[200, 100])]).contradicts_itself());
        assert!(!taken(&[(1, &[100]), (1, &[200]), (2, &[200, 100])]).contradicts_itself());
    }

    #[test]
    fn a_cycle_of_three() {
        assert!(taken(&[(1, &[100, 200]), (2, &[200, 300]), (3, &[300, 100])]).contradicts_itself());
        assert!(!taken(&[(1, &[100, 200]), (2, &[200, 300]), (3, &[100, 300])]).contradicts_itself());
    }

    #[test]
    fn locks_that_are_taken_again() {
        let retaken = |by: &[(ThreadId, &[u64])]| taken(by).retaken().collect::<Vec<_>>();
        assert_eq!(retaken(&[(1, &[100]), (1, &[100]), (2, &[100]), (2, &[200])]), [100]);
        assert_eq!(retaken(&[(1, &[100]), (2, &[100]), (1, &[100])]), []);
        assert_eq!(retaken(&[(1, &[100]), (1, &[100])]), []);
    }

    #[test]
    fn a_lock_that_is_tried_is_held_but_not_waited_for() {
        let mut order = taken(&[(1, &[100, 200])]);
        order.take(2, 200, true);
        order.take(2, 100, false);
        assert!(!order.contradicts_itself());
        // Given back by the word beside it.
        order.give_back(2, 108);
        order.take(2, 100, true);
        assert!(order.contradicts_itself());
    }
}
