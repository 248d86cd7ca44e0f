//! A page counts its visitors. Two visits at the same time must count as two.
//!
//! [`wrong`] holds counters that usually get this right and sometimes do not; [`fixed`] holds four ways to get it right
//! always.

pub mod fixed;
pub mod wrong;
