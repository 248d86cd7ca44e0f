//! Which two steps decide: a failing execution is performed again with two of its steps the other way round, and where
//! it passes then, their order is the reason of the failure.
//!
//! After Zeller, "Isolating cause-effect chains from computer programs" (FSE 2002), which takes for a cause what makes
//! the failure go when nothing else is changed. Here what is changed is the order of two dependent steps of two threads:
//! [`pairs`] lists those that are worth trying, and [`Delay`] keeps one thread from taking its step until the other has
//! taken its own, and leaves everything else as it was as far as the program allows. [`reversed`] tells from the log of
//! that execution whether the two have really changed places.
//!
//! Two steps that decide are a reason, not always the mistake: whatever prevents their order prevents this failure.
//!
//! Invariant: performs nothing itself. The caller performs executions with [`Delay`] and says how they ended.
//!
//! Cannot see: failures that it takes more than one delay to prevent, and pairs that something else keeps in order.

mod delay;
mod pairs;
#[cfg(test)]
mod tests;

pub use delay::Delay;
pub use pairs::{Pair, pairs, reversed};
