//! Data races and accesses to freed memory, judged access by access.
//!
//! FastTrack (Flanagan and Freund, "FastTrack: Efficient and Precise Dynamic Race Detection", PLDI'09): for each byte the
//! last writes and reads are kept as epochs, and an access races with an earlier one of another thread when one of the
//! two writes, not both are atomic, and the earlier one's epoch is not covered by the present thread's clock.
//!
//! Departures: eight bytes share one [`Granule`] of two words while that says all there is to say, and get a record with
//! lists when it does not; so bytes are told apart, as `u8` fields side by side need it. Atomic accesses are kept beside
//! plain ones, since two of them never race. Volatile writes are to be announced as atomic ones, and volatile reads not at
//! all: code that reads what may change, and throws it away when it did (a sequence lock, a work-stealing deque), spells it
//! so. Freed memory is a state of its own.
//!
//! Times grow over all executions and each execution has a base below its own: what is older than the base is as good as
//! never done, so nothing need be cleared between executions.
//!
//! Exact up to the first race of an execution: it is found at the access that makes it one. What is not seen is what
//! is not announced: code without instrumentation.

mod entry;
mod granule;
mod record;
#[cfg(test)]
mod tests;

pub use entry::{Entry, floor, whole};
pub use granule::{Conflict, Detector, Granule, Kind};
