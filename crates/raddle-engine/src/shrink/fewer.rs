//! Executions with few preemptions, to find among them one that fails as another one does that has more.
//!
//! What delta debugging leaves is minimal in that nothing can be left out; it does not put one preemption in the place of
//! three. Where an execution is short, all with fewer preemptions are few, and [`Bounded`] performs them in the order of their
//! number. Whatever else is asked is answered as usual.

use crate::exhaustive::Bounded;
use crate::strategy::{Question, Seen, Strategy};
use raddle_protocol::ChoiceKind;
use std::cell::RefCell;
use std::rc::Rc;

/// A search for an execution with at most so many preemptions. Clones go on with the same search.
#[derive(Clone)]
pub struct Fewer(Rc<RefCell<Bounded>>);

impl Fewer {
    /// The search, from its first execution on.
    #[must_use]
    pub fn new(most: u32) -> Self {
        Fewer(Rc::new(RefCell::new(Bounded::new(most))))
    }

    /// Whether there is none left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.borrow().is_over()
    }
}

impl Strategy for Fewer {
    fn begin(&mut self, execution: u64) {
        self.0.borrow_mut().begin(execution);
    }

    fn choose(&mut self, question: &Question<'_>) -> usize {
        if question.kind == ChoiceKind::Thread { self.0.borrow_mut().choose(question) } else { 0 }
    }

    fn end(&mut self, seen: &Seen<'_>) {
        self.0.borrow_mut().end(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tape;
    use crate::strategy::toy::{Toy, perform, writes};

    /// The threads that took the steps of all executions with at most so many preemptions.
    fn orders(toy: &Toy, most: u32) -> Vec<Vec<u32>> {
        let search = Fewer::new(most);
        let mut tape = Tape::new(Box::new(search.clone()));
        let mut orders = Vec::new();
        while !search.is_over() {
            orders.push(perform(toy, &mut tape, orders.len() as u64));
        }
        orders
    }

    #[test]
    fn clones_go_on_until_all_with_so_few_have_been() {
        let toy: Toy = vec![writes(9, 2), writes(9, 2)];
        // One thread after the other, either first; with one interruption also each of them after its first step.
        assert_eq!(orders(&toy, 0).len(), 1);
        let one = orders(&toy, 1);
        let all = orders(&toy, 9);
        assert!(one.len() > 1 && one.len() < all.len() && all.len() == 6, "{one:?}, {all:?}");
    }
}
