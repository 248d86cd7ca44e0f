//! A queue of bounded length between threads that produce and threads that consume, of one mutex and two condition
//! variables.
//!
//! A condition variable remembers nothing: a notification reaches the threads that wait at that moment and is forgotten.
//! [`wrong`] overlooks that in two ways; [`fixed`] does not.

pub mod fixed;
pub mod wrong;
