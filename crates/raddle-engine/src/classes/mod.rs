//! How many executions differ in earnest, and how much has not been seen.

mod canonical;
mod estimate;

pub use canonical::Canonical;
pub use estimate::{Unseen, unseen};
