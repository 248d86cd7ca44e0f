//! Accounts that several threads use at the same time.
//!
//! [`wrong`] can stop for ever while it moves money, and can pay out money that is not there; [`fixed`] can do neither.

pub mod fixed;
pub mod wrong;

use std::fmt;

/// The account does not hold what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsufficientFunds;

impl fmt::Display for InsufficientFunds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the account does not hold that much")
    }
}

impl std::error::Error for InsufficientFunds {}
