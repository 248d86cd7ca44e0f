//! The text of `/proc`, read into data; `proc(5)` describes it.
//!
//! Parsers are pure functions from text; what opens files is in [`file`], [`scan`] and the callers. The kernel changes
//! these files under a reader's eyes: a process can end between two reads, so "not there" is an ordinary answer.

pub mod cgroup;
pub mod fd;
pub mod file;
pub mod maps;
pub mod net;
pub mod scan;
pub mod stat;
pub mod syscall;

#[cfg(test)]
mod tests;
