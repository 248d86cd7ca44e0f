//! How many executions differ in earnest, and how much has not been seen.

mod canonical;
mod counts;
mod estimate;

pub use canonical::Canonical;
pub use counts::Counts;
pub use estimate::{Unseen, unseen};
