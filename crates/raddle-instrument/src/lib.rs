//! From a cargo package to an instrumented executable, and from a code address back to the source.

#![forbid(unsafe_code)]

pub mod symbols;
