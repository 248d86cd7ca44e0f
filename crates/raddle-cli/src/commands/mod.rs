//! One file a command.

pub mod explain;
pub mod profile;
pub mod replay;
pub mod run;
pub mod test;
