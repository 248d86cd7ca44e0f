//! Watches a process and all that it starts, from outside.
//!
//! | module | what |
//! |---|---|
//! | [`session`] | from a command or a process number to a measurement |
//! | [`watcher`] | one look after the other: who is there, what each thread does |
//! | `search` | who has been born |
//! | `books` | what processes have counted, and what no look has met |
//! | `process`, `thread` | what is kept of each |
//! | `eyes` | looks up for the classification what a thread waits for |
//! | `sockets` | whose connection is whose |
//! | `budget` | keeps Raddle's own share of the machine small |
//! | `report` | from the books to the measurement |
//! | `notes` | what a reader should know beside the numbers |
//!
//! Nothing is changed in the watched program. It is stopped for some ten microseconds at a time only where stacks of
//! running threads are asked for ([`crate::stacks`]).

mod books;
mod budget;
mod eyes;
mod notes;
mod process;
mod report;
mod search;
pub mod session;
mod sockets;
mod thread;
mod watcher;

pub use session::{Options, Progress, Recording, Stop, Target, watch};
