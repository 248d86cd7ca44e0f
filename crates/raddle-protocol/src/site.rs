//! What the runtime asks about a call site, and what it is told.
//!
//! The runtime sees only return addresses. It asks about each stack once, frame by frame until the answer is clear, and
//! keeps the answers. An answer depends on the stack and on the executable alone, so that it is the same in every run.

use crate::role::Role;
use serde::{Deserialize, Serialize};

/// What is known about one stack. An answer comes with all others that the asking process has not been told yet, the one
/// that was asked for among them; an answer about a stack comes after those about its inner frames alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Return addresses, innermost first.
    pub stack: Vec<u64>,
    /// There were no more.
    pub whole: bool,
    /// What it means.
    pub answer: Answer,
}

/// What a stack means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It takes one more frame to tell.
    Deeper,
    /// This.
    Site(Site),
}

/// A call site of a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// What the operation means.
    pub role: Role,
    /// A weak compare-exchange, which may fail although the values are equal.
    pub weak: Option<Noticed>,
    /// A look of a lock that spins before it sleeps.
    pub spins: bool,
    /// Part of a call that counts as one step: it sees what was stored last.
    pub step: bool,
    /// Takes a lock by a compare-exchange, and comes back only with the lock: nothing is lost by waiting until it is free.
    pub locks: bool,
    /// What others see of the step that begins here.
    pub begins: Begins,
    /// Who can tell when it happens.
    pub visibility: Visibility,
}

/// How a program notices whether a compare-exchange has failed, of which the hook returns nothing but the value that was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Noticed {
    /// It does not look.
    Never,
    /// By an instruction that compares the value with the one expected. So many bytes from where the hook returns to, that
    /// instruction has been performed.
    Behind(u8),
}

/// What others see of a call that counts as one step, where that is not what its first operation does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begins {
    /// It changes its object.
    pub changes: bool,
    /// Its object lies so many bytes before the place of the operation.
    pub back: u8,
}

impl Site {
    /// What is assumed where nobody answers.
    pub const UNKNOWN: Site = Site {
        role: Role::Atomic,
        weak: None,
        spins: false,
        step: false,
        locks: false,
        begins: Begins { changes: false, back: 0 },
        visibility: Visibility::Visible,
    };
}

/// Whether any thread can tell at which moment between two other operations of its own thread an operation happens.
/// Where none can, it need not be a schedule point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Visibility {
    /// One might.
    Visible,
    /// None can.
    Hidden,
    /// None can, unless the operation is relaxed.
    HiddenUnlessRelaxed,
    /// None can when the place holds 0.
    HiddenIfZero,
    /// None can when the place holds 1.
    HiddenIfOne,
    /// The strong count of an `Arc`, with the weak one behind it: none can when the caller has the only reference.
    HiddenIfSoleStrong,
    /// The weak count of an `Arc`, with the strong one before it: none can when the caller has the only reference.
    HiddenIfSoleWeak,
    /// None can unless the place holds 0: who finds anything else there waits.
    HiddenUnlessZero,
    /// None can when the place holds 1: a count of what others wait for until it holds 0.
    HiddenIfLast,
}
