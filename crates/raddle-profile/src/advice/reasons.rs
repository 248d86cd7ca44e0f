//! What rules say: which of them applied, by which numbers, and what to do next.

use crate::model::{Fired, Sentence};

#[derive(Debug, Default)]
pub(super) struct Reasons {
    pub(super) fired: Vec<Fired>,
    pub(super) steps: Vec<Sentence>,
}

impl Reasons {
    /// A rule applies: what it says, and the numbers that made it apply.
    pub(super) fn because(&mut self, rule: &str, says: &str, because: String) {
        self.fired.push(Fired { rule: rule.to_owned(), says: says.to_owned(), because });
    }

    /// Something to do.
    pub(super) fn step(&mut self, rule: &str, text: String) {
        self.steps.push(Sentence { rule: rule.to_owned(), text });
    }
}
