//! A server whose connections are idle most of the time, in two forms: all of them on one thread, and a thread for each.
//!
//! Both do the same: a client sends a line, and gets it back. What differs is what a connection costs while nothing
//! happens; the program of this package measures it.

pub mod events;
pub mod threads;
