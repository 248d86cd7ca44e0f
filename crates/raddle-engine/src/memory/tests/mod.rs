//! What small programs do not show: clocks, objects, shapes of locations, bounds, idioms, and long executions.

mod bounds;
mod clocks;
mod fencing;
mod idioms;
mod light;
mod locations;
mod long;
mod shapes;

use super::{Attempt, Location, Memory};
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{Order, ThreadId};

/// Takes the first answer.
fn first(_: ChoiceKind, _: usize) -> usize {
    0
}

/// Takes the last answer: the oldest store there is.
fn last(_: ChoiceKind, options: usize) -> usize {
    options - 1
}

/// For where there must be no choice.
fn never(kind: ChoiceKind, options: usize) -> usize {
    panic!("{kind:?} with {options} options was asked")
}

fn word(number: u64) -> Location {
    Location { address: 0x1_0000 + 8 * number, size: 8 }
}

fn attempt(expected: u128, new: u128, order: Order) -> Attempt {
    let failure = if order == Order::SeqCst { Order::SeqCst } else { Order::Acquire };
    Attempt { expected, new, success: order, failure, weak: false }
}

/// A memory with threads 0 to `threads - 1`, all started by thread 0.
fn with_threads(mut memory: Memory, threads: ThreadId) -> Memory {
    (1..threads).for_each(|thread| memory.spawn(0, thread));
    memory
}
