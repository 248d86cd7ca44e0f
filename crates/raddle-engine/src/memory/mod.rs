//! The memory model: which values a load may see, and what happens before what.
//!
//! RC11 (Lahav, Vafeiadis, Kang, Hur and Dreyer, "Repairing sequential consistency in C/C++11", PLDI'17) with what C++20
//! made of it: release sequences are a head and the read-modify-writes that follow it, and sequential consistency is by
//! the axioms of C++20 [atomics.order]. An execution is built event by event, as C11Tester does (Luo and Demsky,
//! ASPLOS'21); unlike there, stores may also enter modification order before others, and the order of sequentially
//! consistent operations need not be that of execution.
//!
//! Exact but for what is bounded: every consistent execution can be reached in which program order and reads-from
//! together have no cycle, and no other. Every choice that is offered can be taken, and the execution goes on after it.
//!
//! Departures, all towards fewer behaviours:
//! - No load buffering: a load reads a store that has been performed.
//! - Consume is acquire (C++26 has given it up, too).
//! - Histories, the order of sequentially consistent operations, and patience are bounded; see `history` and `seq_cst`.
//! - Memory that is accessed in several shapes, or changed by what does not come here, loses its history.
//! - What was stored before time passed is seen by all afterwards: C++20
//!   [atomics.order]/12 asks for it "within a reasonable amount of time". It orders nothing. See [`Memory::time_passes`].
//! - Some idioms are taken for what their authors mean; see `idioms`.
//!
//! Cannot see: plain accesses. They are for a race detector to judge, by [`Memory::clock`] and [`Memory::epoch`].

mod accesses;
mod choices;
mod clock;
mod fencing;
mod history;
mod idioms;
mod light;
mod locations;
mod seq_cst;
mod state;
mod synchronization;
mod table;
#[cfg(test)]
mod tests;
mod versions;

pub use clock::{Clock, Epoch};
pub use locations::Location;
pub use state::{Ask, Attempt, Bounds, Effect, Exchange, Memory, Model};
