//! A profile as text for a terminal, as JSON, as a page for a browser, and in the forms that other tools read.
//!
//! | module | what |
//! |---|---|
//! | [`terminal`] | about one screen |
//! | [`json`] | one object |
//! | [`html`] | a self-contained page |
//! | [`export`] | folded stacks; the Firefox profiler's format |

pub mod export;
pub mod html;
mod html_parts;
pub mod json;
pub mod terminal;
mod terminal_parts;
