//! From a cargo package to an instrumented executable, and from a code address back to the source.
//!
//! The way there: [`toolchain`] finds the compiler, [`overlay`] gives it an instrumented standard library, [`compile`] has
//! cargo build with the flags of [`flags`], [`executable`] (with [`unhooked`]) and
//! [`tests_list`] say what came out. The way back: [`dwarf`]
//! reads the debug information, and [`roles`] tells what an operation means by the functions it happens in; reports see
//! both through [`symbols::Symbols`].
//!
//! Invariants: nothing here is written into the user's package or prints; the one thing kept between runs is the overlay,
//! and it is never seen half-made; the runtime library is a path that the caller gives.

#![forbid(unsafe_code)]

pub mod compile;
pub mod dwarf;
pub mod error;
pub mod executable;
pub mod flags;
mod names;
mod noticed;
mod origin;
pub mod overlay;
pub mod roles;
mod run_environment;
pub mod selection;
pub mod symbols;
pub mod tests_list;
pub mod toolchain;
mod unhooked;

pub use error::{Error, Result, Unsupported};
