//! Three philosophers sit at a round table with a fork between each two of them. To eat, a philosopher needs the fork
//! on the left and the fork on the right.
//!
//! [`wrong::dine`] can end with everybody holding one fork and waiting for the other; [`fixed::dine`] cannot.

pub mod fixed;
pub mod wrong;

/// How many sit at the table; there are as many forks.
pub const PHILOSOPHERS: usize = 3;
