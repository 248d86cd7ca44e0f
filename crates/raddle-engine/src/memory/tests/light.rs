//! Light locations, of which only the newest store is kept, beside ordinary ones.

use super::super::{Attempt, Location, Memory, Model};
use super::{first, with_threads, word};
use crate::random::Random;
use raddle_protocol::trace::{Order, ThreadId};

const THREADS: ThreadId = 4;
const ORDERS: [Order; 4] = [Order::Relaxed, Order::Acquire, Order::Release, Order::AcqRel];

/// One step, the same in both memories; `asks` says whether a question is asked, which makes a location an ordinary one.
fn step(memory: &mut Memory, held: &mut u128, at: Location, asks: bool, random: &mut Random) -> u128 {
    let thread = random.below(THREADS as usize) as ThreadId;
    let order = ORDERS[random.below(ORDERS.len())];
    let kind = random.below(5);
    let value = random.below(3) as u128;
    let mut first = first;
    let mut ask: Option<&mut dyn FnMut(raddle_protocol::ChoiceKind, usize) -> usize> = None;
    if asks {
        ask = Some(&mut first);
    }
    let (seen, now) = match kind {
        0 => (memory.load(thread, at, order, *held, ask), None),
        1 => (0, memory.store(thread, at, order, *held, value, ask)),
        2 => {
            let effect = memory.rmw(thread, at, order, *held, |old| (old + 1) % 3, ask);
            (effect.read, effect.memory)
        }
        3 => {
            let attempt = Attempt { expected: value, new: 1, success: order, failure: Order::Acquire, weak: false };
            let exchange = memory.compare_exchange(thread, at, attempt, *held, ask);
            (exchange.read, exchange.memory)
        }
        _ => {
            memory.fence(thread, order);
            (0, None)
        }
    };
    *held = now.unwrap_or(*held);
    seen
}

#[test]
fn a_light_location_passes_on_what_an_ordinary_one_does_whose_newest_store_is_always_taken() {
    for seed in 0..300 {
        // Half of the locations become ordinary ones in the middle.
        let mut memories = [true, false]
            .map(|asks| (with_threads(Memory::new(Model::Rc11), THREADS), asks, [0u128; 2], Random::new(seed, 7)));
        for round in 0..60 {
            let seen = memories.each_mut().map(|(memory, asks, held, random)| {
                let number = random.below(2);
                let asks = *asks || (round >= 30 && number == 1);
                step(memory, &mut held[number], word(number as u64), asks, random)
            });
            assert_eq!(seen[0], seen[1], "seed {seed}, round {round}");
            let [one, other] = &memories;
            assert_eq!(one.2, other.2);
            for thread in 0..THREADS {
                for known in 0..THREADS {
                    let times = [&one.0, &other.0].map(|memory| memory.clock(thread).time_of(known));
                    assert_eq!(times[0], times[1], "seed {seed}, round {round}: what {thread} knows of {known}");
                }
            }
        }
    }
}
