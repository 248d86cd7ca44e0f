//! From single looks at threads to what the program as a whole did: pure, without clock or files.
//!
//! A look yields amounts, not just a state: the kernel's counters say exactly how long a thread has run and queued since
//! the last look, and what remains was spent asleep. Only *where* it slept is sampled ([`intervals`]). Amounts are laid
//! into bins of time; when a bin is complete, the states of all threads in it are folded into one statement about the
//! program ([`split`]).

pub mod accounts;
pub mod bins;
pub mod intervals;
pub mod split;

#[cfg(test)]
mod tests;
