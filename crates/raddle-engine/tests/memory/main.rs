//! The memory model, shown on small programs.
//!
//! For each program the set of its outcomes is found in two ways that share no code: by performing it on the engine in
//! every way, and by enumerating candidate executions and checking the axioms of C++20 as they are written. `litmus.rs`
//! adds what is known by hand.
//!
//! What this cannot see: plain accesses, and anything of the runtime.

#![forbid(unsafe_code)]

mod axioms;
mod explore;
mod generated;
mod interleave;
mod litmus;
mod notation;
mod random_programs;
mod search;
