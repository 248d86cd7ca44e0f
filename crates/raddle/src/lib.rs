//! What a test can tell Raddle beyond what it does.
//!
//! Raddle explores tests that know nothing of it. This crate is for the little that only the author of a test can say. It
//! has no dependencies, and without Raddle it does nothing: under plain `cargo test` and in every other program,
//! [`cancellable`] awaits its future and that is all.
//!
//! ```toml
//! [dev-dependencies]
//! raddle = { git = "...", package = "raddle" }
//! ```
//!
//! Invariant: what this crate does without Raddle does not depend on the machine, the environment or the time.

mod cancellable;
mod runtime;

pub use cancellable::{Cancellable, cancellable};
