//! On the program that it was recorded from a kept schedule is the same execution; on another one it goes along as far as
//! it can, and then to the end.

use super::super::toy::{Toy, perform, writes};
use super::*;
use crate::strategy::RandomWalk;
use crate::tape::Tape;
use raddle_protocol::trace::ThreadId;

fn recorded(toy: &Toy, execution: u64) -> (Vec<ThreadId>, Vec<Choice>) {
    let mut tape = Tape::new(Box::new(RandomWalk::new(5)));
    let order = perform(toy, &mut tape, execution);
    (order, tape.record().to_vec())
}

fn kept(toy: &Toy, choices: &[Choice]) -> (Vec<ThreadId>, Vec<Choice>) {
    let mut tape = Tape::new(Box::new(Kept::new(choices.to_vec())));
    let order = perform(toy, &mut tape, 1);
    assert_eq!(perform(toy, &mut tape, 1), order, "an execution may have to be begun again");
    (order, tape.record().to_vec())
}

#[test]
fn of_the_same_program_it_is_the_same_execution() {
    let toy = vec![writes(9, 6), writes(9, 5), writes(8, 4)];
    for execution in 1..200 {
        let (order, choices) = recorded(&toy, execution);
        assert_eq!(kept(&toy, &choices), (order, choices));
    }
}

/// A thread has two steps more, or there is one thread more or less: all of it runs. That it is another execution shows on
/// the record, but for the few in which all that is new happens while there is nothing to choose.
#[test]
fn another_program_is_followed_while_it_asks_the_same_and_then_without_preemption() {
    let toy = vec![writes(9, 6), writes(9, 5), writes(8, 4)];
    let others: [Toy; 3] = [
        vec![writes(9, 8), writes(9, 5), writes(8, 4)],
        vec![writes(9, 6), writes(9, 5), writes(8, 4), writes(8, 1)],
        vec![writes(9, 6), writes(9, 5)],
    ];
    let mut alike = 0;
    for execution in 1..200 {
        let (_, choices) = recorded(&toy, execution);
        for other in &others {
            let (order, made) = kept(other, &choices);
            assert_eq!(order.len(), other.iter().map(Vec::len).sum::<usize>());
            alike += u32::from(made == choices);
            let same = made.iter().zip(&choices).take_while(|(made, kept)| made == kept).count();
            assert!(made[same..].iter().all(|choice| choice.taken == 0), "{made:?}");
        }
    }
    assert!(alike < 150, "{alike}");
}
