//! What depends on the processor: raw system calls, the thread register, and switching stacks.
//!
//! A port to another processor is one more file with the functions and the two stubs that are re-exported here.

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;
