//! Small programs with known outcomes, performed by the scheduler alone.
//!
//! Each program is a list of operations for every thread. Four parties must agree on the set of its outcomes: what is
//! known by hand, a naive enumeration of all states, a random walk, and, where that ends, all schedules one by one.
//!
//! What this cannot see: memory models weaker than sequential consistency, and anything of the runtime.

#![forbid(unsafe_code)]

mod check;
mod classes;
mod enumerate;
mod locks;
mod machine;
mod orders;
mod program;
mod spins;
mod waits;
