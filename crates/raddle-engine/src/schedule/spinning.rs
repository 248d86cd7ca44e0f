//! Threads that spin, set aside.
//!
//! A thread that has read one place several times in a row, found the same value each time and done nothing else, and is
//! about to read it again, does nothing by that but count. Reading now and reading at any later moment before somebody
//! writes to that place is the same: the read commutes with all that others do meanwhile. So when such a thread is not
//! chosen to go on, it need not be offered again until the place is written to. Every execution keeps an equivalent one:
//! move each such read forward to where its thread was asked the last time. (These are sleep sets for one kind of
//! operation; Godefroid, *Partial-Order Methods for the Verification of Concurrent Systems*, LNCS 1032, 1996, chapter 5.)
//!
//! A spin that is bounded can end without a write, and others may wait for what comes after it. So threads that are set
//! aside come back when nobody else can run, and when the caller thinks they have been away for long
//! ([`Schedule::resume_spinners`]).

use super::Schedule;
use crate::Next;
use crate::strategy::Hint;
use crate::tape::Tape;
use raddle_protocol::trace::ThreadId;

/// The widest atomic operation, in bytes: two places that are further apart than this have nothing in common.
const WIDEST: u64 = 16;

/// A thread that spins and has been set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spinner {
    thread: ThreadId,
    address: u64,
}

impl Schedule {
    /// As [`Schedule::next`], asked by a thread that is about to read `address` again, of which it has seen the same
    /// value several times. When it is not chosen it is set aside.
    pub fn next_of_spinner(&mut self, tape: &mut Tape, address: u64) -> Next {
        let thread = self.current;
        let next = self.next(tape, Hint::Spins);
        if next != Next::Run(thread) && self.ready.contains(&thread) {
            self.leave_ready(thread);
            self.spinners.push(Spinner { thread, address });
        }
        next
    }

    /// Sets the running thread aside until `address` is written to: it can do nothing useful before.
    pub fn set_aside(&mut self, address: u64) {
        self.leave_ready(self.current);
        self.spinners.push(Spinner { thread: self.current, address });
    }

    /// The running thread is the only one that can run and has spun for long: what it waits for can come only from a thread
    /// that waits for time to pass, so time moves to the next deadline. Tells whether there was one.
    pub fn spins_alone(&mut self) -> bool {
        if self.release_held() {
            return true;
        }
        let Some(deadline) = self.earliest_deadline() else { return false };
        self.clock.now_ns = self.clock.now_ns.max(deadline);
        self.fire_deadlines();
        true
    }

    /// Whether any thread is set aside.
    #[inline]
    #[must_use]
    pub fn has_spinners(&self) -> bool {
        !self.spinners.is_empty()
    }

    /// This place has been written to: threads that were waiting for that can run again.
    pub fn written(&mut self, address: u64) {
        let mut at = 0;
        while let Some(spinner) = self.spinners.get(at) {
            if spinner.address.abs_diff(address) < WIDEST {
                let thread = self.spinners.remove(at).thread;
                self.threads[thread as usize].roused = true;
                self.join_ready(thread);
            } else {
                at += 1;
            }
        }
    }

    /// Whether the running thread was set aside and has come back because what it looks at was written to: then its next
    /// look is a step, whatever it sees. Told once.
    pub fn was_roused(&mut self) -> bool {
        std::mem::take(&mut self.threads[self.current as usize].roused)
    }

    /// All threads that are set aside can run again.
    pub fn resume_spinners(&mut self) {
        while let Some(spinner) = self.spinners.pop() {
            self.join_ready(spinner.thread);
        }
    }
}
