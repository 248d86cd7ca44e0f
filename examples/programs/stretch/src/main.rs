//! Stretches one password, with as many threads as the first argument says (`cargo run --release -p stretch -- 4`), and
//! prints how long it took.

use std::env;
use std::time::Instant;

/// Enough for about a second.
const ROUNDS: u64 = 400_000_000;

fn main() {
    let threads = env::args().nth(1).map_or(1, |count| count.parse().expect("a number of threads"));
    let begun = Instant::now();
    let key = match threads {
        1 => stretch::alone(2024, ROUNDS),
        _ => stretch::in_turns(2024, ROUNDS, threads),
    };
    println!("threads {threads}: key {key:016x} after {:.2} s", begun.elapsed().as_secs_f64());
}
