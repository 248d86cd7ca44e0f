//! From a cargo package to an instrumented executable, and from a code address back to the source.

#![forbid(unsafe_code)]

pub mod compile;
pub mod dwarf;
pub mod error;
pub mod executable;
pub mod flags;
mod names;
mod origin;
pub mod overlay;
pub mod roles;
mod run_environment;
pub mod selection;
pub mod symbols;
pub mod tests_list;
pub mod toolchain;

pub use error::{Error, Result, Unsupported};
