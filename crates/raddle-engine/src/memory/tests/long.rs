//! Long executions, in which histories fall off and orders are settled: algorithms that rest on sequential consistency
//! keep their promise, whatever is answered, and those with too weak orders break it.

use super::super::{Bounds, Memory, Model};
use super::word;
use crate::random::Random;
use raddle_protocol::ChoiceKind;
use raddle_protocol::trace::{Order, ThreadId};

const INTEREST: [u64; 2] = [0, 1];
const TURN: u64 = 2;
const NOISE: u64 = 3;

/// How two threads keep each other out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Algorithm {
    /// Peterson's (IPL 1981): show interest, leave the other the turn, wait until it has none or gives the turn.
    Peterson,
    /// Show interest, a sequentially consistent fence, and withdraw if the other has shown it, too.
    Polite,
    /// The same without the fence.
    Rude,
}

/// What a thread does next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    Between,
    Look,
    LookAtTurn,
    Withdraw,
    Inside,
}

struct Race {
    memory: Memory,
    values: [u128; 4],
    random: Random,
    algorithm: Algorithm,
    order: Order,
    at: [At; 2],
}

impl Race {
    fn load(&mut self, thread: usize, number: u64) -> u128 {
        let order = if self.order == Order::Release { Order::Acquire } else { self.order };
        let (memory, random, now) = (&mut self.memory, &mut self.random, self.values[number as usize]);
        memory.load(thread as ThreadId + 1, word(number), order, now, Some(&mut |_, options| random.below(options)))
    }

    fn store(&mut self, thread: usize, number: u64, value: u128) {
        let (memory, random, now) = (&mut self.memory, &mut self.random, self.values[number as usize]);
        let answer = &mut |_: ChoiceKind, options| random.below(options);
        let held = memory.store(thread as ThreadId + 1, word(number), self.order, now, value, Some(answer));
        self.values[number as usize] = held.unwrap_or(now);
    }

    fn step(&mut self, thread: usize) {
        let other = 1 - thread;
        let peterson = self.algorithm == Algorithm::Peterson;
        let now = self.at[thread];
        self.at[thread] = match now {
            At::Begin => {
                self.store(thread, INTEREST[thread], 1);
                At::Between
            }
            At::Between => {
                match self.algorithm {
                    Algorithm::Peterson => self.store(thread, TURN, other as u128),
                    Algorithm::Polite => self.memory.fence(thread as ThreadId + 1, Order::SeqCst),
                    Algorithm::Rude => {}
                }
                At::Look
            }
            At::Look if self.load(thread, INTEREST[other]) == 0 => At::Inside,
            At::Look => {
                if peterson {
                    At::LookAtTurn
                } else {
                    At::Withdraw
                }
            }
            At::LookAtTurn if self.load(thread, TURN) == thread as u128 => At::Inside,
            At::LookAtTurn => At::Look,
            At::Withdraw => {
                self.store(thread, INTEREST[thread], 0);
                At::Begin
            }
            At::Inside => {
                // Something else in the same order, so that there is more to it.
                if self.random.below(2) == 0 {
                    self.store(thread, NOISE, thread as u128);
                } else {
                    self.load(thread, NOISE);
                }
                At::Withdraw
            }
        };
    }

    /// How often each thread has been inside, and how often both at once.
    fn run(algorithm: Algorithm, order: Order, seed: u64, bounds: Bounds) -> (usize, usize) {
        let memory = Memory::to_the_letter(Model::Rc11).bounded(bounds);
        let memory = super::with_threads(memory, 3);
        let (values, random) = ([0; 4], Random::new(seed, 0));
        let mut race = Race { memory, values, random, algorithm, order, at: [At::Begin; 2] };
        let (mut inside, mut both) = (0, 0);
        for _ in 0..6_000 {
            let thread = race.random.below(2);
            race.step(thread);
            inside += usize::from(race.at[thread] == At::Inside);
            both += usize::from(race.at == [At::Inside; 2]);
        }
        (inside, both)
    }
}

fn some_bounds() -> [Bounds; 4] {
    let normal = Bounds::default();
    [
        normal,
        Bounds { window: 2, patience: 3, ..normal },
        Bounds { open: 5, patience: 4, ..normal },
        Bounds { window: 3, open: 12, search: 60, patience: 2 },
    ]
}

#[test]
fn algorithms_that_suffice_exclude_for_long() {
    let sound = [
        (Algorithm::Peterson, Order::SeqCst),
        (Algorithm::Rude, Order::SeqCst),
        (Algorithm::Polite, Order::Relaxed),
        (Algorithm::Polite, Order::Release),
    ];
    for (algorithm, order) in sound {
        for (seed, bounds) in some_bounds().into_iter().cycle().take(8).enumerate() {
            let (inside, both) = Race::run(algorithm, order, seed as u64, bounds);
            let counts = format!("{algorithm:?}, {order:?}: inside {inside} times, both {both} times, with {bounds:?}");
            assert!(inside > 300 && both == 0, "{counts}");
        }
    }
}

#[test]
fn algorithms_that_do_not_suffice_let_both_in() {
    for algorithm in [Algorithm::Peterson, Algorithm::Rude] {
        for order in [Order::Release, Order::Relaxed] {
            let (_, both) = Race::run(algorithm, order, 1, Bounds::default());
            assert!(both > 0, "{algorithm:?}, {order:?}");
        }
    }
}
