//! The C library's functions that the runtime puts itself in front of, one family a file.
//!
//! Rule for each: when the runtime is not in charge, the call goes to the C library unchanged.

pub mod alarms;
pub mod alloc;
pub mod children;
pub mod clock;
pub mod descriptors;
pub mod environment;
pub mod exit;
pub mod files;
pub mod futex;
pub mod io;
pub mod ipc;
pub mod keys;
pub mod looks;
pub mod machine;
pub mod membarrier;
pub mod memory;
pub mod output;
pub mod paths;
pub mod posix;
pub mod process;
pub mod random;
pub mod raw;
pub mod rest;
pub mod signals;
pub mod static_answers;
pub mod threads;
pub mod unwinding;
