//! POSIX synchronisation objects, one a file. Rust's library does without them; C and C++ programs use them.
//!
//! Their memory is laid out by the runtime: zero is a valid initial state, as the static initialisers of the C library
//! need it. Since one thread runs at a time, plain reads and writes of it suffice.

// The conditions of waiting loops are changed by other threads, which run inside `sched::wait`.
#![allow(clippy::while_immutable_condition)]

mod barrier;
mod condvar;
mod lone;
mod mutex;
mod once;
mod rwlock;
mod semaphore;
mod spin;
